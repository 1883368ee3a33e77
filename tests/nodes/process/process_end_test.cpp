// tests/nodes/process/process_end_test.cpp
//
// Programs that end too early, too late or never, and runs that end before their program.
#include <csignal>
#include <fstream>
#include <string>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/process/descriptor.hpp"
#include "tests/nodes/process/programs.hpp"
#include "tests/support/node_harness.hpp"
#include "tests/support/signals.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {

using testing::HasSubstr;

using test::failure_of;
using test::NodeHarness;
using test::notes_after;
using test::shell;
using test::Signal;

TEST(Process, CountsWhatAProgramThatEndsEarlyDidNotTake) {
  // Reads exactly 100 frames and gives them back.
  NodeHarness node("Process", shell("exec dd bs=800 count=1 iflag=fullblock status=none"),
                   {48000.0, 1, 1000});
  const Signal signal = test::noise(1, 200'000);
  EXPECT_EQ(node.run(signal, 1000), std::vector<double>(signal[0].begin(), signal[0].begin() + 100));
  EXPECT_EQ(node.last_status(), Status::done);  // a normal end
  const auto notes = node.node().notes();
  ASSERT_FALSE(notes.empty());
  EXPECT_EQ(notes[0].text, "\"sh\" did not read the whole stream: frames not read: 199900");
  EXPECT_TRUE(notes[0].data_lost);
  // It gave all that it took: nothing more is said of that.
  for (const NodeNote& note : notes) {
    EXPECT_THAT(note.text, testing::Not(HasSubstr("were to be expected")));
  }
}

// A stream that fits into the pipe is written whole, whether the program reads it or not.
TEST(Process, CountsWhatAProgramDidNotReadOfAShortStream) {
  const auto first_note = [](const std::string& script) {
    NodeHarness node("Process", shell(script), {48000.0, 1, 1000});
    const auto notes = notes_after(node, test::noise(1, 4800));
    EXPECT_EQ(node.last_status(), Status::done);
    EXPECT_FALSE(notes.empty());
    for (const NodeNote& note : notes) {
      EXPECT_THAT(note.text, testing::Not(HasSubstr("were to be expected")));
    }
    return notes.empty() ? NodeNote{} : notes[0];
  };
  const NodeNote nothing_read = first_note("exit 0");
  EXPECT_EQ(nothing_read.text, "\"sh\" did not read the whole stream: frames not read: 4800");
  EXPECT_EQ(nothing_read.count, 4800U);
  EXPECT_TRUE(nothing_read.data_lost);
  // One that goes only when its input has ended, and one that reads a part.
  EXPECT_EQ(first_note("exec 3<&0; exec <&-; sleep 0.1").count, 4800U);
  EXPECT_EQ(first_note("exec dd bs=800 count=1 iflag=fullblock status=none").count, 4700U);
}

TEST(Process, CountsNoMoreFramesThanThereWereWhenAProgramEndsAtOnce) {
  for (const char* format : {"framed", "wav"}) {  // their headers are no frames
    NodeHarness node("Process",
                     shell("exit 0", fmt::format(R"("format": "{}", "out_format": "f64le",)", format)),
                     {48000.0, 1, 1000});
    node.run(test::noise(1, 100'000), 1000);  // more than the pipe holds: it is seen
    const auto notes = node.node().notes();
    ASSERT_FALSE(notes.empty());
    EXPECT_EQ(notes[0].text, "\"sh\" did not read the whole stream: frames not read: 100000");
  }
}

TEST(Process, DoesNotWaitForeverForAProgramThatNeverReads) {
  EXPECT_THAT(failure_of(shell("exec sleep 1000", R"("timeout_s": 0.05,)"), test::noise(1, 100'000)),
              HasSubstr("\"sh\" did not take its input within 0.05 s"));
}

TEST(Process, DoesNotWaitForeverForAProgramThatNeverWrites) {
  EXPECT_EQ(failure_of(shell("cat >/dev/null; true", R"("timeout_s": 0.05, "max_held_frames": 5000,)"),
                       test::noise(1, 100'000)),
            "\"sh\" did not return output for its input within 0.05 s; a longer timeout_s, a larger "
            "max_held_frames; "
            "does it buffer its output (PYTHONUNBUFFERED, stdbuf)?");
}

TEST(Process, DoesNotWaitForeverForAProgramThatDoesNotEnd) {
  EXPECT_THAT(failure_of(shell("cat; exec sleep 1000", R"("timeout_s": 0.05,)"), test::noise(1, 1000)),
              HasSubstr("\"sh\" did not end after the end of its input within 0.05 s"));
}

TEST(Process, DoesNotDrownInAProgramThatGivesFarTooMuch) {
  EXPECT_THAT(
      failure_of(shell("exec cat /dev/zero"), test::noise(1, 100'000)),
      testing::AllOf(HasSubstr("\"sh\" outputs more than expected"),
                     HasSubstr(" be passed on; out_sample_rate and out_channels must match the program")));
}

TEST(Process, EndsAWaitWhenTheRunIsToEnd) {
  NodeHarness node("Process", shell("exec sleep 1000"), {48000.0, 1, 1000});
  std::jthread stopper([&] { node.node().stop_waiting(); });
  const Signal signal = test::noise(1, 100'000);
  node.run(signal, 1000);  // far more than the pipe holds, to a program that reads nothing: would take 10 s
  EXPECT_NE(node.last_status(), Status::fault);
}

TEST(Process, EndsAProgramThatIgnoresSigterm) {
  Pipe told;
  pid_t pid = 0;
  const test::TempDir folder;
  {
    NodeHarness node(
        "Process",
        shell("trap '' TERM; echo $$ > " + folder.file("pid") + "; cat; while :; do sleep 1; done",
              R"("timeout_s": 0.05,)"),
        {48000.0, 1, 1000});
    node.run(test::noise(1, 1000), 1000);
    EXPECT_EQ(node.last_status(), Status::fault);
    std::ifstream(folder.file("pid")) >> pid;
  }
  ASSERT_GT(pid, 0);
  EXPECT_NE(::kill(pid, 0), 0);
}

// 1000 frames, as many again, and 64 MiB: what is more has no end, and would fill the disk.
TEST(Process, FailsWhereAProgramGoesOnForEverAfterItsInput) {
  EXPECT_THAT(failure_of(shell("cat; exec cat /dev/zero"), test::noise(1, 1000)),
              testing::ContainsRegex(
                  "^\"sh\" does not end after the end of its input: it has returned 8[0-9]{6} frames "
                  "instead of 1000; out_sample_rate and out_channels must match the program"));
}

TEST(Process, PassesOnALongTail) {
  NodeHarness node("Process", shell("cat; head -c 8000000 /dev/zero"), {48000.0, 1, 1000});
  const Signal signal = test::noise(1, 1000);
  std::vector<double> with_tail = signal[0];
  with_tail.resize(1000 + 1'000'000);
  EXPECT_EQ(node.run(signal, 1000), with_tail);
  EXPECT_EQ(node.last_status(), Status::done);
}

// A run that was stopped does not wait for the end of what trickles in.
TEST(Process, LeavesAProgramThatGoesOnForEverWhenTheRunIsToEnd) {
  NodeHarness node("Process", shell("cat; while sleep 0.02; do printf 12345678; done"), {48000.0, 1, 1000});
  node.node().stop_waiting();
  node.run(test::noise(1, 1000), 1000);
  EXPECT_EQ(node.last_status(), Status::done);
}

}  // namespace
}  // namespace streamlab
