// tests/process/child_pipes_test.cpp
#include "engine/process/child_pipes.hpp"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/process/children.hpp"

namespace streamlab {
namespace {

using test::shell;
using test::soon;
using test::value_of;

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }
std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(ChildPipes, MoveBothWaysAtOnce) {
  // Far more than pipes hold, through a program that writes as it reads: a caller that only writes would wait
  // for ever.
  std::string sent(5'000'000, 'x');
  for (std::size_t n = 0; n < sent.size(); n += 997) { sent[n] = static_cast<char>(n); }
  const auto child = value_of(ChildPipes::start(shell("exec cat")));
  std::vector<std::byte> got;
  auto rest = bytes_of(sent);
  while (!rest.empty()) { rest = rest.subspan(child->move(rest, got, soon()).written); }
  child->end_input();
  while (!child->output_is_closed()) { ASSERT_TRUE(child->move({}, got, soon()).anything); }
  EXPECT_EQ(text_of(got), sent);
  ASSERT_TRUE(child->wait(soon()));
  EXPECT_TRUE(child->wait(soon())->is_success());  // asked again, it says the same
}

TEST(ChildPipes, TellWhatAReaderThatWentHadNotRead) {
  const auto child =
      value_of(ChildPipes::start(shell("exec dd bs=1000 count=1 iflag=fullblock status=none")));
  std::vector<std::byte> got;
  const std::string sent(3000, 'x');
  std::size_t written = 0;
  while (!child->input_is_closed()) {
    const auto rest = bytes_of(sent).subspan(written);
    written += child->move(rest, got, soon()).written;
  }
  EXPECT_EQ(written - child->unread_bytes(), 1000U);
}

TEST(ChildPipes, TellWhatWasNotReadOfAnInputThatHadEnded) {
  for (const auto& [script, unread] :
       {std::pair("exec sleep 0.05", 3000U),
        std::pair("exec dd bs=1000 count=1 iflag=fullblock status=none", 2000U), std::pair("exec cat", 0U)}) {
    const auto child = value_of(ChildPipes::start(shell(script)));
    std::vector<std::byte> got;
    const std::string sent(3000, 'x');
    const std::size_t written = child->move(bytes_of(sent), got, soon()).written;
    child->end_input();
    while (!child->output_is_closed()) { ASSERT_TRUE(child->move({}, got, soon()).anything); }
    ASSERT_TRUE(child->wait(soon()));
    EXPECT_EQ(child->unread_bytes(), unread - (sent.size() - written)) << script;
  }
}

TEST(ChildPipes, TellThatTheReaderWentWhenTheOutputHadEndedBefore) {
  // The program closes its output, and goes once it is told to.
  const auto child = value_of(ChildPipes::start(shell("exec >&-; read line")));
  std::vector<std::byte> got;
  while (!child->output_is_closed()) { child->move({}, got, soon()); }
  const std::string line = "go\n";
  ASSERT_EQ(child->move(bytes_of(line), got, soon()).written, line.size());
  // Nothing can be written or read any more: only the closing reader tells it, and it does not count as
  // silence.
  EXPECT_TRUE(child->move({}, got, soon()).anything);
  EXPECT_TRUE(child->input_is_closed());
}

TEST(ChildPipes, ReturnAtTheDeadlineAndWhenWoken) {
  const auto child = value_of(ChildPipes::start(shell("exec sleep 1000")));
  std::vector<std::byte> got;
  EXPECT_FALSE(child->move({}, got, ChildSupervisor::Clock::now()).anything);
  child->wake();
  EXPECT_FALSE(
      child->move({}, got, ChildSupervisor::Clock::time_point::max()).anything);  // returns, for it was woken
  EXPECT_FALSE(child->wait(ChildSupervisor::Clock::now()));
}

TEST(ChildPipes, SayWhatCameOnStandardErrorSoFar) {
  const auto child = value_of(ChildPipes::start(shell("echo warning >&2; echo so far; exec cat >/dev/null")));
  std::vector<std::byte> got;
  while (got.empty()) { child->move({}, got, soon()); }
  // The message was written first; the supervisor may be about to read it.
  while (child->stderr_so_far().empty()) { std::this_thread::yield(); }
  EXPECT_EQ(child->stderr_so_far(), "warning\n");
}

}  // namespace
}  // namespace streamlab
