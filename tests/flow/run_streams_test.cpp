// tests/flow/run_streams_test.cpp
//
// Flows with streams between real programs, and what goes wrong there.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/flow/flow_runner.hpp"
#include "tests/flow/flow_texts.hpp"
#include "tests/process/children.hpp"

namespace streamlab {
namespace {

using testing::HasSubstr;

using test::failures;
using test::kStreams;
using test::step;
using test::WorkFolder;

TEST(RunStreams, JoinsTwoProgramsByOnePipe) {
  const WorkFolder here;
  const FlowReport report = here.run(kStreams + R"(
nodes:
  - { name: numbers, command: [seq, 100000], streams: { stdout: { channel: x, buffer_size: 8192 } } }
  - { name: sum, run: 'import sys; return {"sum": sum(map(int, sys.stdin))}', streams: { stdin: x } }
edges: [{ from: __start__, to: numbers }, { from: numbers, to: sum }]
)");
  EXPECT_EQ(failures(report), "");
  EXPECT_EQ(report.state.dump(), R"({"sum":5000050000})");
  EXPECT_FALSE(report.channels[0].is_counted);  // no byte of it comes near us
  EXPECT_EQ(report.channels[0].granted_bytes, 8192U);
}

TEST(RunStreams, CountsLinesWhenAskedTo) {
  const WorkFolder here;
  const FlowReport report = here.run(R"(
settings: { parallel: { streams: { enabled: true, count: lines } } }
nodes:
  - { name: numbers, command: [seq, 1000], streams: { stdout: x } }
  - { name: end, command: [wc, -l], streams: { stdin: x } }
edges: [{ from: __start__, to: numbers }, { from: numbers, to: end }]
)");
  EXPECT_EQ(failures(report), "");
  EXPECT_EQ(report.channels[0].relay.lines, 1000U);
  EXPECT_EQ(report.channels[0].relay.bytes, 9U * 2 + 90U * 3 + 900U * 4 + 5);
}

TEST(RunStreams, GiveAProgramAPathInsteadOfAPipe) {
  const WorkFolder here;
  const FlowReport report = here.run(kStreams + R"(
nodes:
  - { name: a, command: [cp, data, "{fifo_out}"], streams: { fifo_out: x } }
  - { name: b, shell: sh, run: 'tr a-z A-Z < "$STREAMLAB_FIFO_IN" > "$STREAMLAB_FIFO_OUT"', streams: { fifo_in: x, fifo_out: y } }
  - { name: c, command: [dd, "if={fifo_in}", of=copy, status=none], streams: { fifo_in: y } }
  - { name: make, shell: sh, run: 'seq 10000 > data; echo end >> data' }
edges: [{ from: __start__, to: make }, { from: make, to: a }, { from: a, to: b }, { from: b, to: c }]
)");
  EXPECT_EQ(failures(report), "");
  std::string expected;
  for (int i = 1; i <= 10000; ++i) { expected += std::to_string(i) + "\n"; }
  EXPECT_EQ(here.content("copy"), expected + "END\n");
}

TEST(RunStreams, TakeStandardErrorAsAStream) {
  const WorkFolder here;
  const FlowReport report = here.run(kStreams + R"(
nodes:
  - { name: a, shell: sh, run: 'echo out; echo err >&2; exit 4', streams: { stderr: x } }
  - { name: b, shell: sh, run: 'cat > err.txt', streams: { stdin: x } }
edges: [{ from: __start__, to: a }, { from: a, to: b }]
)");
  EXPECT_EQ(failures(report),
            "/nodes/0: \"a\" exited with status 4; the end of its standard error:\n  | err\n");
  EXPECT_EQ(step(report, "a").end->stderr_end, "err\n");
}

TEST(RunStreams, EndWellWhenAConsumerHasEnough) {
  const WorkFolder here;
  const FlowReport report = here.run(kStreams + R"(
nodes:
  - { name: endless, command: [yes], streams: { stdout: x } }
  - { name: first, run: 'import sys; return {"line": sys.stdin.readline()}', streams: { stdin: x } }
  - { name: python, run: 'while True: print("y" * 1000)', streams: { stdout: y } }
  - { name: short, command: [head, -c, "10"], streams: { stdin: y } }
  - name: fifo
    run: |
      import os
      out = open(os.environ["STREAMLAB_FIFO_OUT"], "w")
      while True: out.write("z" * 1000)
    streams: { fifo_out: z }
  - { name: last, command: [head, -c, "10"], streams: { stdin: z } }
edges:
  - { from: __start__, to: [endless, python, fifo] }
  - { from: endless, to: first }
  - { from: python, to: short }
  - { from: fifo, to: last, stream_mode: broadcast }
)");
  EXPECT_EQ(failures(report), "");
  EXPECT_EQ(report.state["line"], "y\n");
  for (const char* name : {"endless", "python", "fifo"}) {
    EXPECT_EQ(step(report, name).outcome, StepOutcome::ended_early) << name;
    EXPECT_EQ(step(report, name).end->signal, SIGPIPE) << name;
  }
}

TEST(RunStreams, FailWhenASignalThatHasNothingToDoWithThemEndsAStep) {
  const WorkFolder here;
  const FlowReport report =
      here.run("{nodes: [{name: a, shell: sh, run: 'kill -PIPE $$'}], edges: [{from: __start__, to: a}]}");
  EXPECT_EQ(failures(report), "/nodes/0: \"a\" was killed by SIGPIPE (13)\n");
}

TEST(RunStreams, FailWhenAProducerDies) {
  const WorkFolder here;
  const FlowReport report = here.run(kStreams + R"(
nodes:
  - { name: a, shell: sh, run: 'echo some; echo why >&2; kill -SEGV $$', streams: { stdout: x } }
  - { name: b, shell: sh, run: 'cat > /dev/null', streams: { stdin: x } }
  - { name: c, shell: sh, run: 'touch c' }
edges: [{ from: __start__, to: a }, { from: a, to: b }, { from: b, to: c }]
)");
  EXPECT_EQ(failures(report),
            "/nodes/0: \"a\" was killed by SIGSEGV (11); the end of its standard error:\n  | why\n");
  EXPECT_EQ(step(report, "c").outcome, StepOutcome::not_run);
  EXPECT_FALSE(here.has("c"));
}

TEST(RunStreams, EndEverythingElseWhenAStepFails) {
  const WorkFolder here;
  // The last one fails once the others run, which none of them would ever end by itself.
  const FlowReport report = here.run(R"(
settings: { parallel: { max_steps: 4, streams: { enabled: true } } }
nodes:
  - { name: make, command: [mkfifo, ready] }
  - { name: a, shell: sh, run: 'echo > ready; exec sleep 1000', streams: { stdout: x } }
  - { name: b, command: [cat], streams: { stdin: x } }
  - { name: bad, shell: sh, run: 'read line < ready; exit 5' }
edges: [{ from: __start__, to: make }, { from: make, to: [a, bad] }, { from: a, to: b }]
)");
  EXPECT_EQ(failures(report), "/nodes/3: \"bad\" exited with status 5\n");
  EXPECT_EQ(step(report, "a").outcome, StepOutcome::ended_by_us);
  EXPECT_EQ(step(report, "b").outcome, StepOutcome::ended_by_us);
}

TEST(RunStreams, EndAGroupThatTakesTooLong) {
  const WorkFolder here;
  const FlowReport report = here.run(R"(
settings: { parallel: { streams: { enabled: true, timeout: 0.1 } } }
nodes:
  - { name: a, command: [sleep, 1000], streams: { stdout: x } }
  - { name: b, command: [cat], streams: { stdin: x } }
edges: [{ from: __start__, to: a }, { from: a, to: b }]
)");
  EXPECT_EQ(failures(report),
            "/nodes/0: \"a\", \"b\" took longer than 0.1 s, the limit for steps with streams; "
            "settings.parallel.streams.timeout sets this limit\n");
}

TEST(RunStreams, DoNotWaitForAGrandchildThatHoldsThePipe) {
  const WorkFolder here;
  const FlowReport report = here.run(kStreams + R"(
nodes:
  - { name: a, shell: sh, run: 'echo some; sleep 1000 & exit 0', streams: { stdout: x } }
  - { name: b, run: 'import sys; return {"got": sys.stdin.read()}', streams: { stdin: x } }
edges: [{ from: __start__, to: a }, { from: a, to: b }]
)");
  EXPECT_EQ(failures(report), "");
  EXPECT_EQ(report.state["got"], "some\n");
  EXPECT_TRUE(step(report, "a").end->left_processes);
}

TEST(RunStreams, CountWhatASlowConsumerLost) {
  const WorkFolder here;
  // "slow" reads only when "fast" has had everything.
  const FlowReport report = here.run(kStreams + R"(
nodes:
  - { name: make, command: [mkfifo, gate] }
  - { name: a, command: [head, -c, "1000000", /dev/zero], streams: { stdout: x } }
  - { name: fast, shell: sh, run: 'n=$(wc -c); echo > gate; echo "{\"fast\": $n}" >&3', streams: { stdin: x } }
  - { name: slow, shell: sh, run: 'read line < gate; n=$(wc -c); echo "{\"slow\": $n}" >&3', streams: { stdin: { channel: x, policy: drop_oldest, buffer_size: 8192, unit_bytes: 8 } } }
edges: [{ from: __start__, to: make }, { from: make, to: a }, { from: a, to: [fast, slow], stream_mode: broadcast }]
)");
  EXPECT_EQ(failures(report), "");
  EXPECT_EQ(report.state["fast"], 1000000);
  const auto& slow = report.channels[0].relay.consumers[1];
  EXPECT_EQ(report.state["slow"], slow.bytes);
  EXPECT_GT(slow.dropped_bytes, 0U);
  EXPECT_EQ(slow.dropped_bytes % 8, 0U);
  EXPECT_EQ(slow.bytes + slow.dropped_bytes, 1000000U);
}

TEST(RunStreams, FailWhenAConsumerMayNotFallBehind) {
  const WorkFolder here;
  const FlowReport report = here.run(kStreams + R"(
nodes:
  - { name: make, command: [mkfifo, gate] }
  - { name: a, command: [head, -c, "1000000", /dev/zero], streams: { stdout: x } }
  - { name: fast, shell: sh, run: 'wc -c > /dev/null; echo > gate', streams: { stdin: x } }
  - { name: slow, shell: sh, run: 'read line < gate; wc -c > /dev/null', streams: { stdin: { channel: x, policy: fail, buffer_size: 8192 } } }
edges: [{ from: __start__, to: make }, { from: make, to: a }, { from: a, to: [fast, slow], stream_mode: broadcast }]
)");
  EXPECT_THAT(failures(report), testing::StartsWith("/nodes/3/streams/stdin: the channel \"x\": "));
  EXPECT_THAT(failures(report), HasSubstr("slow"));
}

// Reads the numbers that the test's steps write to the FIFO, once all have.
std::vector<pid_t> pids_from(const std::string& fifo, std::size_t count) {
  std::ifstream file(fifo);
  std::vector<pid_t> pids;
  for (pid_t pid = 0; pids.size() < count && file >> pid;) { pids.push_back(pid); }
  return pids;
}

TEST(RunStreams, LeaveNoProcessBehindWhenTheRunIsStopped) {
  const WorkFolder here;
  ASSERT_EQ(::mkfifo("pids", 0600), 0);
  // Held open, so that neither side waits for the other.
  const Fd held(::open("pids", O_RDWR | O_CLOEXEC));
  test::Watchdog watchdog;
  FlowOptions options = here.options();
  options.stop = watchdog.stop().get_token();
  std::vector<pid_t> pids;
  std::jthread stopper([&] {
    pids = pids_from("pids", 4);
    watchdog.stop().request_stop();
  });
  const FlowReport report = here.run(R"(
settings: { parallel: { max_steps: 3, streams: { enabled: true } } }
nodes:
  - { name: a, shell: sh, run: 'sleep 1000 & echo $$ $! > pids; wait', streams: { stdout: x } }
  - { name: b, shell: sh, run: 'echo $$ > pids; exec cat', streams: { stdin: x } }
  - { name: deaf, shell: sh, run: 'trap "" TERM; echo $$ > pids; while :; do sleep 1; done' }
  - { name: never, command: ["true"] }
edges: [{ from: __start__, to: [a, deaf] }, { from: a, to: b }, { from: b, to: never }]
)",
                                     options);
  stopper.join();
  EXPECT_TRUE(report.was_stopped);
  EXPECT_FALSE(report.is_success());
  EXPECT_EQ(failures(report), "");
  for (const char* name : {"a", "b", "deaf"}) {
    EXPECT_EQ(step(report, name).outcome, StepOutcome::ended_by_us) << name;
  }
  EXPECT_EQ(step(report, "never").outcome, StepOutcome::not_run);
  EXPECT_EQ(pids.size(), 4U);
  for (const pid_t pid : pids) { EXPECT_FALSE(test::is_alive(pid)) << pid; }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator("."), {}), 1) << "a run directory is left";
}

TEST(RunStreams, DoNotStartWhenTheRunIsStoppedBefore) {
  const WorkFolder here;
  std::stop_source stop;
  stop.request_stop();
  FlowOptions options = here.options();
  options.stop = stop.get_token();
  const FlowReport report =
      here.run("{nodes: [{name: a, command: [touch, a]}], edges: [{from: __start__, to: a}]}", options);
  EXPECT_TRUE(report.was_stopped);
  EXPECT_EQ(step(report, "a").outcome, StepOutcome::not_run);
  EXPECT_FALSE(here.has("a"));
}

}  // namespace
}  // namespace streamlab
