// tests/flow/run_flow_test.cpp
//
// Flows of real programs: what runs when, and the state.
#include "engine/flow/run_flow.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/flow/flow_runner.hpp"
#include "tests/flow/flow_texts.hpp"

namespace streamlab {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

using test::failures;
using test::json;
using test::step;
using test::WorkFolder;

TEST(RunFlow, RunsAProducerItsConsumersAndWhatGathers) {
  const WorkFolder here;
  FlowOptions options = here.options();
  options.state = json(R"({"job": 7, "status": "new"})");
  const FlowReport report = here.run(test::kProducerAndConsumers, options);
  EXPECT_EQ(failures(report), "");
  EXPECT_TRUE(report.is_success());
  EXPECT_EQ(
      report.state.dump(),
      R"({"job":7,"status":"processed","lines_produced":1000,"lines_consumed":1000,"logged":true,"total":1000})");
  std::string lines;
  for (int i = 0; i < 1000; ++i) { lines += "line " + std::to_string(i) + "\n"; }
  EXPECT_EQ(here.content("log.txt"), lines);
  ASSERT_EQ(report.channels.size(), 1U);
  const ChannelReport& channel = report.channels[0];
  EXPECT_EQ(channel.name, "data_stream");
  EXPECT_EQ(channel.granted_bytes, 131072U);
  EXPECT_EQ(channel.relay.bytes, lines.size());
  ASSERT_EQ(channel.relay.consumers.size(), 2U);
  for (const auto& consumer : channel.relay.consumers) { EXPECT_EQ(consumer.bytes, lines.size()); }
  ASSERT_EQ(report.steps.size(), 4U);
  for (const StepReport& each : report.steps) {
    EXPECT_EQ(each.outcome, StepOutcome::succeeded);
    EXPECT_EQ(each.attempts, 1U);
    EXPECT_TRUE(each.gave_state);
  }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator("."), {}), 1) << "more is left than the log";
}

TEST(RunFlow, RunsStepsInTheOrderOfTheirEdges) {
  const WorkFolder here;
  const FlowReport report = here.run(R"(
nodes:
  - { name: c, shell: sh, run: 'echo c >> order' }
  - { name: b, shell: sh, run: 'echo b >> order' }
  - { name: a, shell: sh, run: 'echo a >> order' }
edges: [{ from: __start__, to: a }, { from: a, to: b }, { from: b, to: c }]
)");
  EXPECT_EQ(failures(report), "");
  EXPECT_EQ(here.content("order"), "a\nb\nc\n");
}

TEST(RunFlow, RunsStepsOfAnEdgeThatIsNotParallelInSequence) {
  const WorkFolder here;
  here.run(R"(
settings: { parallel: { max_steps: 8 } }
nodes:
  - { name: c, shell: sh, run: 'echo c >> order' }
  - { name: b, shell: sh, run: 'echo b >> order' }
  - { name: a, shell: sh, run: 'echo a >> order' }
edges: [{ from: __start__, to: [b, a, c], parallel: false }]
)");
  EXPECT_EQ(here.content("order"), "b\na\nc\n");
}

TEST(RunFlow, RunsStepsAtTheSameTime) {
  const WorkFolder here;
  // Each waits for the other.
  const FlowReport report = here.run(R"(
settings: { parallel: { max_steps: 2 } }
nodes:
  - { name: make, shell: sh, run: 'mkfifo ab ba' }
  - { name: a, shell: sh, run: 'echo hello > ab; read word < ba; test "$word" = world' }
  - { name: b, shell: sh, run: 'read word < ab; echo world > ba; test "$word" = hello' }
edges: [{ from: __start__, to: make }, { from: make, to: [a, b] }]
)");
  EXPECT_EQ(failures(report), "");
}

TEST(RunFlow, RunsNoMoreStepsAtOnceThanItMay) {
  const WorkFolder here;
  const FlowReport report = here.run(R"(
settings: { parallel: { max_steps: 1 } }
nodes:
  - { name: a, shell: sh, run: 'mkdir lock && ls > /dev/null && rmdir lock' }
  - { name: b, shell: sh, run: 'mkdir lock && ls > /dev/null && rmdir lock' }
  - { name: c, shell: sh, run: 'mkdir lock && ls > /dev/null && rmdir lock' }
edges: [{ from: __start__, to: [a, b, c] }]
)");
  EXPECT_EQ(failures(report), "");
}

TEST(RunFlow, GivesEveryKindOfStepTheStateAndTakesOne) {
  const WorkFolder here;
  here.folder().write("program.sh", "#!/bin/sh\necho \"{\\\"words\\\": \\\"$1 $2\\\"}\" >&3\n");
  std::filesystem::permissions("program.sh", std::filesystem::perms::owner_all);
  FlowOptions options = here.options();
  options.state = json(R"({"given": "ä"})");
  const FlowReport report = here.run(R"(
nodes:
  - { name: python, run: 'return {"seen": state["given"] + "!"}' }
  - { name: sh, shell: sh, run: 'cp "$STREAMLAB_STATE" copy.json; echo "{\"fd\": $STREAMLAB_STATE_FD}" >&3' }
  - { name: bash, shell: bash, run: '[[ a == a ]] && echo "{\"bash\": true}" >&3' }
  - { name: perl, shell: /usr/bin/perl, run: 'open(my $out, ">&=3"); print $out "{\"perl\": 5}";' }
  - { name: command, command: [./program.sh, a b, 3], state: required }
edges: [{ from: __start__, to: [python, sh, bash, perl, command] }]
)",
                                     options);
  EXPECT_EQ(failures(report), "");
  EXPECT_EQ(report.state,
            json(R"({"given": "ä", "seen": "ä!", "fd": 3, "bash": true, "perl": 5, "words": "a b 3"})"));
  EXPECT_EQ(json(here.content("copy.json").c_str()), options.state);
}

TEST(RunFlow, RefusesDifferentValuesWhereBranchesMeet) {
  const WorkFolder here;
  const auto flow = [](const std::string& settings, const std::string& edge) {
    return R"(
settings: {)" +
           settings +
           R"(}
nodes:
  - { name: a, run: 'return {"n": 1, "same": [1]}' }
  - { name: b, run: 'return {"n": 2, "same": [1]}' }
  - { name: c, run: 'open("c", "w"); return {"seen": state["n"]}' }
edges: [{ from: __start__, to: [a, b], fan_in: c)" +
           edge + "}]";
  };
  const FlowReport report = here.run(flow("", ""));
  EXPECT_EQ(failures(report),
            "/nodes/2: the branches that meet here set the key \"n\" of the state to different values: \"a\" "
            "sets it to "
            "1 and \"b\" sets it to 2; expected equal values, or \"merge\": \"last\" or \"list\"\n");
  EXPECT_EQ(step(report, "c").outcome, StepOutcome::not_run);
  EXPECT_FALSE(here.has("c"));
  EXPECT_EQ(here.run(flow("merge: list", "")).state["seen"], json("[1, 2]"));
  EXPECT_EQ(here.run(flow("merge: list", ", merge: last")).state["seen"], 2);
}

TEST(RunFlow, TriesAFailingStepAgain) {
  const WorkFolder here;
  std::vector<FlowEvent::Kind> events;
  FlowOptions options = here.options();
  options.on_event = [&](const FlowEvent& event) { events.push_back(event.kind); };
  const FlowReport report = here.run(R"(
nodes:
  - name: a
    shell: sh
    run: 'echo try >> tries; test $(wc -l < tries) -ge 3 && echo "{\"done\": true}" >&3'
    retry: { attempts: 5, backoff_ms: 1 }
edges: [{ from: __start__, to: a }]
)",
                                     options);
  EXPECT_EQ(failures(report), "");
  EXPECT_EQ(report.state.dump(), R"({"done":true})");
  EXPECT_EQ(step(report, "a").attempts, 3U);
  EXPECT_EQ(here.content("tries"), "try\ntry\ntry\n");
  using Kind = FlowEvent::Kind;
  EXPECT_THAT(events, ElementsAre(Kind::started, Kind::retrying, Kind::started, Kind::retrying, Kind::started,
                                  Kind::ended));
}

TEST(RunFlow, GivesUpAfterTheLastAttempt) {
  const WorkFolder here;
  const FlowReport report = here.run(R"(
nodes:
  - { name: a, shell: sh, run: 'echo reason >&2; exit 3', retry: { attempts: 2, backoff_ms: 1 } }
  - { name: b, command: ["true"] }
edges: [{ from: __start__, to: a }, { from: a, to: b }]
)");
  EXPECT_EQ(
      failures(report),
      "/nodes/0: \"a\" exited with status 3 in attempt 2; the end of its standard error:\n  | reason\n");
  EXPECT_EQ(step(report, "a").attempts, 2U);
  EXPECT_EQ(step(report, "b").outcome, StepOutcome::not_run);
  EXPECT_FALSE(report.is_success());
}

TEST(RunFlow, EndsAStepThatTakesTooLong) {
  const WorkFolder here;
  const FlowReport report = here.run(R"(
nodes: [{ name: slow, command: [sleep, 1000], timeout: 0.05 }]
edges: [{ from: __start__, to: slow }]
)");
  EXPECT_EQ(failures(report), "/nodes/0: \"slow\" took longer than 0.05 s\n");
  EXPECT_EQ(step(report, "slow").end->by, EndedBy::terminated);
}

TEST(RunFlow, KillsAStepThatIgnoresSigterm) {
  const WorkFolder here;
  const FlowReport report = here.run(R"(
nodes: [{ name: deaf, shell: sh, run: 'trap "" TERM; while :; do sleep 1000; done', timeout: 0.05 }]
edges: [{ from: __start__, to: deaf }]
)");
  EXPECT_EQ(failures(report), "/nodes/0: \"deaf\" took longer than 0.05 s\n");
  EXPECT_EQ(step(report, "deaf").end->by, EndedBy::killed);
}

TEST(RunFlow, RefusesWhatCannotBeStartedBeforeAnythingStarts) {
  const WorkFolder here;
  here.folder().write("data.txt", "no program");
  EXPECT_EQ(
      here.refusal(R"(
nodes:
  - { name: first, shell: sh, run: 'touch started' }
  - { name: a, command: [slepp, 1] }
  - { name: b, command: [./data.txt] }
  - { name: c, command: [./missing] }
  - { name: d, command: ["true"], cwd: missing }
  - { name: e, run: x, shell: /nowhere/sh }
  - { name: f, command: [./] }
edges: [{ from: __start__, to: first }, { from: first, to: [a, b, c, d, e, f] }]
)"),
      "/nodes/1/command/0 (\"a\"): there is no program \"slepp\" on the PATH; did you mean \"sleep\"?\n"
      "/nodes/2/command/0 (\"b\"): \"./data.txt\" is not executable; expected a program; \"chmod +x ./data.txt\" makes it executable\n"
      "/nodes/3/command/0 (\"c\"): there is no file \"./missing\"; expected a program\n"
      "/nodes/4/cwd (\"d\"): there is no directory \"missing\"\n"
      "/nodes/5/shell (\"e\"): there is no file \"/nowhere/sh\"; expected a program\n"
      "/nodes/6/command/0 (\"f\"): \"./\" is a directory; expected a program\n");
  EXPECT_FALSE(here.has("started"));
}

TEST(RunFlow, RefusesGraphsWithoutAProgramForThem) {
  const WorkFolder here;
  EXPECT_EQ(here.refusal("{nodes: [{name: a, graph: b.json}], edges: [{from: __start__, to: a}]}"),
            "/nodes/0/graph: no program to run graphs was given; expected FlowOptions::graph_command\n");
}

TEST(RunFlow, RefusesAnInvalidState) {
  const WorkFolder here;
  FlowOptions options = here.options();
  options.state = 5;
  EXPECT_EQ(
      here.refusal("{nodes: [{name: a, command: [\"true\"]}], edges: [{from: __start__, to: a}]}", options),
      "state: the state is not a JSON object; expected {…}\n");
  options.state = Document{{"a", "\xff"}};
  EXPECT_EQ(
      here.refusal("{nodes: [{name: a, command: [\"true\"]}], edges: [{from: __start__, to: a}]}", options),
      "state: it contains text that is not UTF-8\n");
}

TEST(RunFlow, RefusesMoreThanThereAreDescriptors) {
  const WorkFolder here;
  std::string flow =
      "settings: { parallel: { streams: { enabled: true } } }\nnodes:\n"
      "  - { name: a, shell: sh, run: 'touch started', streams: { stdout: x } }\n";
  std::string names;
  for (int i = 0; i < 40; ++i) {
    flow += "  - { name: b" + std::to_string(i) + ", command: [cat], streams: { stdin: x } }\n";
    names += (i == 0 ? "b" : ", b") + std::to_string(i);
  }
  flow += "edges: [{ from: __start__, to: a }, { from: a, to: [" + names + "], stream_mode: broadcast }]\n";
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few{100, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  const std::string said = here.refusal(flow);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_THAT(said,
              testing::MatchesRegex("/nodes/0: 41 steps with 1 channel need [0-9]+ open files, and [0-9]+ "
                                    "are left; expected fewer steps at once, or a higher limit \\(\"ulimit "
                                    "-n\"\\)\n"));
  EXPECT_FALSE(here.has("started"));
}

TEST(RunFlow, SaysWhatIsWrongWithAState) {
  const WorkFolder here;
  const auto said = [&](const std::string& node) {
    return failures(here.run("settings: { state: { max_bytes: 100 } }\nnodes: [{ name: a, " + node +
                             " }]\nedges: [{ from: __start__, to: a }]"));
  };
  EXPECT_EQ(
      said("shell: sh, run: 'echo \"{\\\"a\\\": }\" >&3'"),
      "/nodes/0: \"a\": the state is not a JSON object: line 1, column 7: \"}\" cannot stand here; expected a "
      "value\n");
  EXPECT_EQ(said("shell: sh, run: 'echo \"[1]\" >&3'"),
            "/nodes/0: \"a\": the state is an array; expected a JSON object\n");
  EXPECT_EQ(said("run: 'import os; os._exit(0)'"),
            "/nodes/0: \"a\" ended without returning its state; expected a JSON object on descriptor 3; "
            "os._exit() and exec return none; \"return\" and sys.exit(0) do\n");
  EXPECT_EQ(said("shell: sh, run: 'exit 0', state: required"),
            "/nodes/0: \"a\" ended without returning its state; expected a JSON object on descriptor 3\n");
  EXPECT_EQ(said("shell: sh, run: 'exit 0'"), "");
  EXPECT_EQ(said("run: 'return {\"x\": \"y\" * 91}'"),  // {"x": "…"} are 9 bytes more
            "");
  EXPECT_EQ(said("run: 'return {\"x\": \"y\" * 92}'"),
            "/nodes/0: \"a\" returned a state of more than 100 bytes; expected a smaller state, or a larger "
            "settings.state.max_bytes\n");
  EXPECT_THAT(said("run: 'return 5'"), HasSubstr("\"a\" exited with status 1; the end of its standard "
                                                 "error:\n  | a: returned int; expected a dict\n"));
}

// It never ends by itself, whether it listens to SIGTERM or not.
TEST(RunFlow, EndsAStepWhoseStateNeverEnds) {
  const WorkFolder here;
  for (const char* script : {"yes >&3", "trap '' TERM; while :; do echo more; done >&3"}) {
    const FlowReport report = here.run(fmt::format(R"(
nodes:
  - name: a
    command: ["sh", "-c", "{}"]
settings: {{ state: {{ max_bytes: 1000000 }} }}
edges:
  - {{ from: __start__, to: a }}
)",
                                                   script));
    EXPECT_THAT(failures(report), HasSubstr("\"a\" returned a state of more than 1000000 bytes")) << script;
  }
}

TEST(RunFlow, KillsAtOnceWhenItIsToldTo) {
  const WorkFolder here;
  FlowOptions options = here.options();
  options.supervisor.grace = std::chrono::hours(1);  // never waited for
  std::stop_source stop_now;
  options.stop_now = stop_now.get_token();
  std::jthread stopper([&] {
    while (!here.has("ready")) { std::this_thread::yield(); }
    stop_now.request_stop();
  });
  const FlowReport report = here.run(R"(
nodes:
  - { name: a, shell: sh, run: "trap '' TERM; touch ready; while :; do sleep 1; done" }
edges:
  - { from: __start__, to: a }
)",
                                     std::move(options));
  EXPECT_TRUE(report.was_stopped);
  EXPECT_EQ(step(report, "a").outcome, StepOutcome::ended_by_us);
  EXPECT_EQ(step(report, "a").end->signal, SIGKILL);
  EXPECT_EQ(describe(*step(report, "a").end), "was killed by us at once (SIGKILL)");
}

TEST(RunFlow, QuotesTheEndOfAFloodOfErrors) {
  const WorkFolder here;
  const FlowReport report = here.run(R"(
nodes: [{ name: a, shell: sh, run: 'seq 1000000 >&2; exit 1' }]
edges: [{ from: __start__, to: a }]
)");
  std::string tail;
  for (int i = 999991; i <= 1000000; ++i) { tail += "  | " + std::to_string(i) + "\n"; }
  EXPECT_EQ(failures(report),
            "/nodes/0: \"a\" exited with status 1; the end of its standard error:\n" + tail);
  EXPECT_EQ(step(report, "a").end->stderr_lines, 1000000U);
}

TEST(RunFlow, NeverPrintsTheValuesOfTheEnvironment) {
  const WorkFolder here;
  const std::string flow = R"(
nodes:
  - { name: a, shell: sh, run: 'test "$TOKEN" = hunter2 || exit 9; exit 3', env: { TOKEN: hunter2 } }
  - { name: b, command: [slepp], env: { TOKEN: hunter2 } }
edges: [{ from: __start__, to: a }, { from: a, to: b }]
)";
  EXPECT_THAT(here.refusal(flow), Not(HasSubstr("hunter2")));
  std::string only_a = flow;
  only_a.replace(only_a.find("slepp"), 5, "true");
  const FlowReport report = here.run(only_a);
  EXPECT_EQ(failures(report), "/nodes/0: \"a\" exited with status 3\n");  // it did get the value
}

TEST(RunFlow, RunsAGraphByTheProgramForIt) {
  const WorkFolder here;
  FlowOptions options = here.options();
  options.graph_command = {"/bin/echo", "run"};
  options.folder = "configs";
  const FlowReport report = here.run(R"(
settings: { parallel: { streams: { enabled: true } } }
nodes:
  - { name: g, graph: levels.json, set: { input: a.wav, gain: 2 }, streams: { stdout: words } }
  - { name: keep, shell: sh, run: 'cat > words', streams: { stdin: words } }
edges: [{ from: __start__, to: g }, { from: g, to: keep }]
)",
                                     options);
  EXPECT_EQ(failures(report), "");
  const std::string path = (std::filesystem::current_path() / "configs/levels.json").string();
  EXPECT_EQ(here.content("words"), "run " + path + " --set input=a.wav --set gain=2\n");
}

// --- interruption

constexpr std::string_view kInterrupted = R"(
nodes:
  - { name: a, run: 'open("ran", "a").write("a"); return {"n": state["n"] + 1}', interrupt_after: true }
  - { name: b, run: 'open("ran", "a").write("b"); return {"m": state["n"] * 10}' }
edges: [{ from: __start__, to: a }, { from: a, to: b }]
)";

TEST(RunFlow, SavesTheStateAfterAStepThatInterruptsAndContinuesFromThere) {
  const WorkFolder here;
  FlowOptions options = here.options();
  options.state = json(R"({"n": 1})");
  std::optional<FlowProgress> saved;
  options.save = [&](const FlowProgress& progress) {
    saved = progress;
    return Result<void>{};
  };
  const FlowReport first = here.run(kInterrupted, options);
  EXPECT_EQ(failures(first), "");
  EXPECT_EQ(first.interrupted_after, "a");
  EXPECT_EQ(first.state.dump(), R"({"n":2})");
  EXPECT_EQ(step(first, "b").outcome, StepOutcome::not_run);
  EXPECT_EQ(here.content("ran"), "a");
  ASSERT_TRUE(saved.has_value());

  FlowOptions again = here.options();
  again.resume = saved;
  const FlowReport second = here.run(kInterrupted, again);
  EXPECT_EQ(failures(second), "");
  EXPECT_EQ(second.interrupted_after, std::nullopt);
  EXPECT_EQ(second.state.dump(), R"({"n":2,"m":20})");
  EXPECT_EQ(step(second, "a").outcome, StepOutcome::resumed);
  EXPECT_EQ(here.content("ran"), "ab");
}

TEST(RunFlow, IsNotInterruptedWhenNothingIsLeftToRun) {
  const WorkFolder here;
  FlowOptions options = here.options();
  options.save = [](const FlowProgress&) -> Result<void> { return failed("", "must not be called"); };
  const FlowReport report = here.run(
      "{nodes: [{name: a, run: pass, interrupt_after: true}], edges: [{from: __start__, to: a}]}", options);
  EXPECT_EQ(failures(report), "");
  EXPECT_EQ(report.interrupted_after, std::nullopt);
}

TEST(RunFlow, FailsWhenItsStateCannotBeSaved) {
  const WorkFolder here;
  FlowOptions options = here.options();
  options.state = json(R"({"n": 1})");
  options.save = [](const FlowProgress&) -> Result<void> { return failed("x.json", "the disk is full"); };
  EXPECT_EQ(failures(here.run(kInterrupted, options)), "x.json: the disk is full\n");
}

}  // namespace
}  // namespace streamlab
