// tests/flow/stream_ends_test.cpp
//
// How steps with streams end that are neither done nor dead: whose readers have gone, that fell behind, that
// lost data.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/flow/flow_runner.hpp"
#include "tests/flow/flow_texts.hpp"

namespace streamlab {
namespace {

using test::failures;
using test::kStreams;
using test::step;
using test::WorkFolder;

TEST(StreamEnds, AreEarlyForProgramsThatLookAfterABrokenPipeThemselves) {
  const WorkFolder here;
  // Python ignores SIGPIPE: it ends by an exception.
  const FlowReport report = here.run(kStreams + R"(
nodes:
  - { name: direct, command: [python3, -c, 'while True: print(5)'], streams: { stdout: x } }
  - { name: head, command: [head, -n, "3"], streams: { stdin: x } }
  - { name: cast, command: [python3, -c, 'while True: print(5)'], streams: { stdout: y } }
  - { name: one, command: [head, -n, "3"], streams: { stdin: y } }
  - { name: two, command: [head, -n, "5000"], streams: { stdin: y } }
  - { name: fifo, command: [python3, -c, '[out.write("5" * 1000) for out in [open("{fifo_out}", "w")] for _ in iter(int, 1)]'], streams: { fifo_out: z } }
  - { name: last, command: [head, -c, "3"], streams: { stdin: z } }
edges:
  - { from: __start__, to: [direct, cast, fifo] }
  - { from: direct, to: head }
  - { from: cast, to: [one, two], stream_mode: broadcast }
  - { from: fifo, to: last }
)");
  EXPECT_EQ(failures(report), "");
  for (const char* name : {"direct", "cast", "fifo"}) {
    EXPECT_EQ(step(report, name).outcome, StepOutcome::ended_early) << name;
    EXPECT_EQ(step(report, name).end->signal, 0) << name;
    EXPECT_NE(step(report, name).end->exit_status, 0) << name;
  }
}

TEST(StreamEnds, AreFailuresWhenAReaderWasStillThere) {
  for (const std::string mode : {"direct", "broadcast"}) {
    const WorkFolder here;
    const FlowReport report = here.run(kStreams + R"(
nodes:
  - { name: a, shell: sh, run: 'echo some > /dev/stdout; exit 1', streams: { stdout: x } }
  - { name: b, shell: sh, run: 'cat > /dev/null', streams: { stdin: x } }
edges: [{ from: __start__, to: a }, { from: a, to: b, stream_mode: )" +
                                       mode + " }]");
    EXPECT_EQ(failures(report), "/nodes/0: \"a\" exited with status 1\n") << mode;
  }
}

TEST(StreamEnds, AreFailuresWhenOneOfTwoReadersWasStillThere) {
  const WorkFolder here;
  // "a" waits until "early" has gone.
  const FlowReport report = here.run(kStreams + R"(
nodes:
  - { name: make, command: [mkfifo, gone] }
  - { name: a, shell: sh, run: 'echo some; read line < gone; echo more; exit 1', streams: { stdout: x } }
  - { name: early, shell: sh, run: 'read line; exec <&-; echo > gone', streams: { stdin: x } }
  - { name: late, shell: sh, run: 'cat > /dev/null', streams: { stdin: x } }
edges: [{ from: __start__, to: make }, { from: make, to: a }, { from: a, to: [early, late], stream_mode: broadcast }]
)");
  EXPECT_EQ(failures(report), "/nodes/1: \"a\" exited with status 1\n");
}

// A program for graphs that ends as "streamlab run" does when data was lost.
FlowOptions losing_graphs(const WorkFolder& here, const std::string& script) {
  FlowOptions options = here.options();
  options.graph_command = {"/bin/sh", "-c", script};
  return options;
}

TEST(StreamEnds, AreWellForAGraphThatLostData) {
  const WorkFolder here;
  const FlowReport report = here.run(kStreams + R"(
nodes:
  - { name: g, graph: levels.json, streams: { stdout: x } }
  - { name: b, shell: sh, run: 'cat > got', streams: { stdin: x } }
  - { name: c, command: [touch, after] }
edges: [{ from: __start__, to: g }, { from: g, to: b }, { from: b, to: c }]
)",
                                     losing_graphs(here, "echo some; exit 3"));
  EXPECT_EQ(failures(report), "");
  EXPECT_EQ(step(report, "g").outcome, StepOutcome::succeeded);
  EXPECT_TRUE(step(report, "g").lost_data);
  EXPECT_FALSE(step(report, "b").lost_data);
  EXPECT_TRUE(here.has("after"));
}

TEST(StreamEnds, AreEarlyForAGraphWhoseReaderHasGone) {
  const WorkFolder here;
  const FlowReport report =
      here.run(kStreams + R"(
nodes:
  - { name: g, graph: levels.json, streams: { stdout: x } }
  - { name: b, command: [head, -n, "1"], streams: { stdin: x } }
edges: [{ from: __start__, to: g }, { from: g, to: b }]
)",
               losing_graphs(here, "trap '' PIPE; while echo some; do :; done; exit 3"));
  EXPECT_EQ(failures(report), "");
  EXPECT_EQ(step(report, "g").outcome, StepOutcome::ended_early);
  EXPECT_FALSE(step(report, "g").lost_data);
}

TEST(StreamEnds, AreFailuresForAGraphThatFailed) {
  const WorkFolder here;
  const FlowReport report = here.run("{nodes: [{name: g, graph: a.json}], edges: [{from: __start__, to: g}]}",
                                     losing_graphs(here, "exit 1"));
  EXPECT_EQ(failures(report), "/nodes/0: \"g\" exited with status 1\n");
}

TEST(StreamEnds, ComeAtOnceWhenAConsumerFellBehind) {
  const WorkFolder here;
  // Without its failure nothing would ever end "slow".
  const FlowReport report = here.run(kStreams + R"(
nodes:
  - { name: a, command: [yes], streams: { stdout: x } }
  - { name: fast, shell: sh, run: 'cat > /dev/null', streams: { stdin: x } }
  - { name: slow, command: [sleep, "1000"], streams: { stdin: { channel: x, policy: fail, buffer_size: 8192 } } }
edges: [{ from: __start__, to: a }, { from: a, to: [fast, slow], stream_mode: broadcast }]
)");
  EXPECT_EQ(
      failures(report),
      "/nodes/2/streams/stdin: the channel \"x\": \"slow\" fell behind by more than 8192 bytes, and its "
      "policy is \"fail\"; a larger buffer_size, or the policy \"block\" or \"drop_oldest\"\n");
  EXPECT_EQ(step(report, "slow").outcome, StepOutcome::ended_by_us);
}

TEST(StreamEnds, AreToldToAllBeforeTheRestOfStandardErrorIsWaitedFor) {
  const WorkFolder here;
  FlowOptions options = here.options();
  options.supervisor.grace = std::chrono::minutes(1);  // "b" ends by itself
  // "b" reads only once it is to end; what it has not read until then is more than pipes hold.
  const FlowReport report = here.run(R"(
settings: { parallel: { streams: { enabled: true, buffer_size: 4096 } } }
nodes:
  - { name: make, command: [mkfifo, ready] }
  - { name: a, shell: sh, run: 'read line < ready; head -c 10000 /dev/zero >&2; exit 1', streams: { stderr: x } }
  - name: b
    shell: sh
    run: |
      trap 'wc -c > count; exit 0' TERM
      echo > ready
      while :; do sleep 0.02; done
    streams: { stdin: x }
edges: [{ from: __start__, to: make }, { from: make, to: a }, { from: a, to: b }]
)",
                                     options);
  EXPECT_EQ(report.failures.size(), 1U);
  EXPECT_EQ(here.content("count"), "10000\n");
}

}  // namespace
}  // namespace streamlab
