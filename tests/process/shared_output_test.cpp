// tests/process/shared_output_test.cpp
//
// A standard stream whose reader pauses: a pipe that is full.
#include "engine/process/shared_output.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace streamlab {
namespace {

using std::chrono::milliseconds;

// A stream into a pipe of one page, and who reads it.
class PausingReader {
 public:
  PausingReader() {
    auto pipe = make_pipe(4096);
    if (!pipe) { throw std::runtime_error(to_string(pipe.error())); }
    reader_ = std::move(pipe->read_end);
    file_ = ::fdopen(pipe->write_end.release(), "w");
    set_blocking(reader_.get(), false);
  }
  PausingReader(const PausingReader&) = delete;
  PausingReader& operator=(const PausingReader&) = delete;
  ~PausingReader() { std::fclose(file_); }

  std::FILE* file() const { return file_; }
  // What has come.
  std::string read() {
    std::string text;
    char buffer[65536];
    for (ssize_t got = 0; (got = ::read(reader_.get(), buffer, sizeof buffer)) > 0;) {
      text.append(buffer, static_cast<std::size_t>(got));
    }
    return text;
  }
  void leave() { reader_.reset(); }

 private:
  Fd reader_;
  std::FILE* file_ = nullptr;
};

std::string long_line(char letter) { return std::string(20'000, letter) + "\n"; }

TEST(SharedOutput, IsOneForOneStream) {
  PausingReader reader;
  const auto output = SharedOutput::of(reader.file());
  EXPECT_EQ(SharedOutput::of(reader.file()), output);
}

TEST(SharedOutput, WaitsForAReaderThatPauses) {
  PausingReader reader;
  const auto output = SharedOutput::of(reader.file());
  const SharedOutput::Patience patience;
  std::jthread writer([&] { EXPECT_EQ(output->write(long_line('a'), patience), SharedOutput::Put::all); });
  std::string text;
  while (text.size() < 20'001) { text += reader.read(); }
  EXPECT_EQ(text, long_line('a'));
}

TEST(SharedOutput, GivesUpAtOnceWhenItIsToldTwice) {
  PausingReader reader;
  const auto output = SharedOutput::of(reader.file());
  SharedOutput::Patience patience;
  patience.end();
  patience.end();
  EXPECT_EQ(output->write(long_line('a'), patience), SharedOutput::Put::gave_up);
  EXPECT_EQ(output->write("b\n", patience), SharedOutput::Put::gave_up);
  // What is cut does not run into the next text.
  const std::string part = reader.read();
  EXPECT_EQ(part, std::string(part.size(), 'a'));
  patience.renew();
  EXPECT_EQ(output->write("c\n", patience), SharedOutput::Put::all);
  EXPECT_EQ(reader.read(), "\nc\n");
}

TEST(SharedOutput, GivesUpOnAReaderThatTakesNothingOnceTheRunEnds) {
  PausingReader reader;
  const auto output = SharedOutput::of(reader.file());
  SharedOutput::Patience patience;
  patience.end();
  EXPECT_EQ(output->write(long_line('a'), patience), SharedOutput::Put::gave_up);  // after a second
}

TEST(SharedOutput, KeepsTheTextsOfSeveralThreadsWhole) {
  PausingReader reader;
  std::string text;
  {
    std::vector<std::jthread> writers;
    for (const char letter : {'a', 'b', 'c'}) {
      writers.emplace_back([&reader, letter] {
        const auto output = SharedOutput::of(reader.file());
        const SharedOutput::Patience patience;
        for (int n = 0; n < 5; ++n) { output->write(long_line(letter), patience); }
      });
    }
    while (text.size() < 15 * 20'001) { text += reader.read(); }
  }
  for (std::size_t at = 0; at < text.size(); at += 20'001) {
    EXPECT_EQ(text.substr(at, 20'001), long_line(text[at])) << at;
  }
}

TEST(SharedOutput, SaysThatItsReaderHasGone) {
  PausingReader reader;
  const auto output = SharedOutput::of(reader.file());
  reader.leave();
  const NoSigpipe guard;
  const SharedOutput::Patience patience;
  EXPECT_EQ(output->write("a\n", patience), SharedOutput::Put::failed);
  EXPECT_EQ(errno, EPIPE);
  EXPECT_NE(std::ferror(reader.file()), 0);
}

TEST(SharedOutput, WritesStreamsInMemoryAndFilesThroughStdio) {
  char* text = nullptr;
  std::size_t size = 0;
  std::FILE* const memory = ::open_memstream(&text, &size);
  const SharedOutput::Patience patience;
  EXPECT_EQ(SharedOutput::of(memory)->write(long_line('a'), patience), SharedOutput::Put::all);
  std::fclose(memory);
  EXPECT_EQ(std::string(text, size), long_line('a'));
  std::free(text);
}

TEST(SharedOutput, ComesBehindWhatTheProgramHasPrinted) {
  PausingReader reader;
  std::fputs("first\n", reader.file());
  const SharedOutput::Patience patience;
  EXPECT_EQ(SharedOutput::of(reader.file())->write("second\n", patience), SharedOutput::Put::all);
  EXPECT_EQ(reader.read(), "first\nsecond\n");
}

// ---- Backlog

TEST(Backlog, KeepsWhatHasNoRoomAndPassesItOn) {
  PausingReader reader;
  SharedOutput::Backlog backlog(reader.file());
  backlog.add(long_line('a'));
  backlog.add("b\n");
  EXPECT_FALSE(backlog.is_empty());
  std::string text;
  while (!backlog.is_empty()) {
    text += reader.read();
    backlog.pass_on();
  }
  EXPECT_EQ(text + reader.read(), long_line('a') + "b\n");
  EXPECT_EQ(backlog.lost_bytes(), 0U);
}

TEST(Backlog, DoesNotWriteIntoTheMiddleOfAnothersText) {
  PausingReader reader;
  const auto output = SharedOutput::of(reader.file());
  SharedOutput::Backlog backlog(reader.file());
  const SharedOutput::Patience patience;
  backlog.add(long_line('a'));  // a part is out
  std::jthread writer([&] { output->write("b\n", patience); });
  std::string text;
  while (text.size() < 20'003) {
    text += reader.read();
    backlog.pass_on();
  }
  EXPECT_EQ(text, long_line('a') + "b\n");
}

TEST(Backlog, CountsWhatItLeavesOut) {
  PausingReader reader;
  SharedOutput::Backlog backlog(reader.file());
  const std::string most(SharedOutput::Backlog::kMost, 'a');
  backlog.add(most);
  backlog.add(long_line('b'));  // no longer fits, whatever the pipe has taken
  const std::uint64_t left_out = backlog.lost_bytes();
  EXPECT_THAT(left_out, testing::AnyOf(0U, 20'001U));
  backlog.finish(milliseconds(0), [] { return false; });
  EXPECT_TRUE(backlog.is_empty());
  EXPECT_EQ(reader.read().size() + backlog.lost_bytes(), most.size() + 20'001);
}

TEST(Backlog, WaitsAtTheEndUntilItIsToldNotTo) {
  PausingReader reader;
  SharedOutput::Backlog backlog(reader.file());
  backlog.add(long_line('a'));
  int asked = 0;
  backlog.finish(std::nullopt, [&] { return ++asked == 3; });
  EXPECT_EQ(asked, 3);
  EXPECT_GT(backlog.lost_bytes(), 0U);
}

}  // namespace
}  // namespace streamlab
