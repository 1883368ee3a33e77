// tests/apps/process_flow_test.cpp
//
// Flows of programs from the command line, as users run them.
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/apps/streamlab_runner.hpp"
#include "tests/apps/voice.hpp"

namespace streamlab::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using nlohmann::json;

std::string config(const std::string& name) { return std::string(SL_CONFIGS) + "/" + name; }

// A flow of one step, and what else is in its object.
std::string one_step(const std::string& rest) {
  return R"({"nodes": [{"name": "step", )" + rest + R"(}], "edges": [{"from": "__start__", "to": "step"}]})";
}

bool is_alive(pid_t pid) { return ::kill(pid, 0) == 0; }

TEST(ProcessFlow, RunsTheExampleAsItStands) {
  const TempDir folder;
  const auto result =
      streamlab({"run", config("flow_lines.yaml"), "--state", R"({"take": 7})"}, folder.path().string());
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(json::parse(result.out), json::parse(R"({"take": 7, "status": "processed", "lines_produced": 1000,
      "lines_consumed": 1000, "logged": true, "total": 1000})"));
  std::string expected;
  for (int n = 0; n < 1000; ++n) { expected += "line " + std::to_string(n) + "\n"; }
  EXPECT_EQ(content_of(folder.file("log.txt")), expected);
}

TEST(ProcessFlow, MixesProgramsGraphsAndScripts) {
  const TempDir folder;
  const auto result = streamlab({"run", config("flow_voice.yaml"), "--set", std::string("input=") + kVoice},
                                folder.path().string());
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json state = json::parse(result.out);
  EXPECT_EQ(state["agree"], true) << result.out;
  // sox itself, to the six decimals that it prints.
  const auto sox =
      run_program({"/bin/sh", "-c",
                   std::string("sox ") + kVoice +
                       " -n equalizer 1000 2q -6 stat 2>&1 | awk '/Maximum amp/ {m=$3} /Minimum amp/ "
                       "{n=-$3} END {print (m > n ? m : n)}'"});
  EXPECT_NEAR(state["graph_peak"].get<double>(), std::stod(sox.out), 0x1p-16 + 1e-6)
      << "half a step of 16 bits, and the decimals that sox prints";
}

TEST(ProcessFlow, IsCheckedWithoutRunning) {
  const TempDir folder;
  const auto result = streamlab({"check", config("flow_lines.yaml")}, folder.path().string());
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(
      result.out,
      "1. data_producer (python script) data_processor (python script) data_logger (python script), at the "
      "same time\n"
      "   channel data_stream: data_producer -> data_processor, data_logger, broadcast, pipes of 131072 "
      "bytes\n"
      "2. merge_results (python script)\n");
  EXPECT_FALSE(std::filesystem::exists(folder.file("log.txt")));
  const auto lines = json_lines(streamlab({"check", config("flow_lines.yaml"), "--json"}).out);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["groups"][0]["steps"], json({"data_producer", "data_processor", "data_logger"}));
  EXPECT_EQ(lines[0]["groups"][1]["waits_for"], json({0}));
}

TEST(ProcessFlow, TakesItsStateFromAFile) {
  const TempDir folder;
  const std::string flow =
      folder.write("flow.json", one_step(R"("run": "return {'sum': state['a'] + state['b']}")"));
  folder.write("state.json", R"({"a": 1, "b": 2})");
  const auto result = streamlab({"run", flow, "--state", "@" + folder.file("state.json")});
  EXPECT_EQ(json::parse(result.out), json::parse(R"({"a": 1, "b": 2, "sum": 3})")) << result.err;
}

TEST(ProcessFlow, RefusesWhatCannotBe) {
  const TempDir folder;
  const std::string flow = folder.write("flow.json", one_step(R"("run": "return {}")"));
  const std::string graph = folder.write("graph.json", tone_config(0.1));
  const auto refusal = [](const std::vector<std::string>& arguments) {
    const auto result = streamlab(arguments);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_EQ(result.out, "");
    return result.err;
  };
  EXPECT_EQ(refusal({"run", flow, "--seconds", "1"}),
            "--seconds: a flow has no such limit; \"timeout\" of a step or of settings.parallel.streams\n");
  EXPECT_EQ(refusal({"run", graph, "--state", "{}"}),
            "--state: a graph has no state; expected a flow of programs\n");
  EXPECT_EQ(refusal({"run", graph, "--resume"}),
            "--resume: a graph has no state; expected a flow of programs\n");
  EXPECT_EQ(refusal({"run", flow, "--state", "[1]"}),
            "--state: the state is an array; expected a JSON object\n");
  EXPECT_EQ(refusal({"run", flow, "--state", "@" + folder.file("nowhere")}),
            folder.file("nowhere") + ": there is no such file; expected a configuration file\n");
  EXPECT_EQ(refusal({"graph", flow}),
            flow +
                ": this is a flow of programs; expected a graph; \"streamlab run\" and "
                "\"streamlab check\" take flows\n");
  EXPECT_EQ(refusal({"run", flow, "--resume"}),
            flow + ".progress: there is no such file; expected what \"interrupt_after\" saved\n");
}

TEST(ProcessFlow, RefusesProgramsThatAreNotThereBeforeAnythingStarts) {
  const TempDir folder;
  const std::string flow = folder.write("flow.json", R"({"nodes": [
      {"name": "first", "shell": "sh", "run": "touch started"},
      {"name": "second", "command": ["soxx", "--version"]},
      {"name": "third", "command": ["true"], "cwd": "/nowhere"}],
      "edges": [{"from": "__start__", "to": "first"}, {"from": "first", "to": "second"}, {"from": "second", "to": "third"}]})");
  for (const std::string command : {"run", "check"}) {
    const auto result = streamlab({command, flow}, folder.path().string());
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(
        result.err,
        HasSubstr(flow + ": /nodes/1/command/0 (\"second\"): there is no program \"soxx\" on the PATH"));
    EXPECT_THAT(result.err,
                HasSubstr(flow + ": /nodes/2/cwd (\"third\"): there is no directory \"/nowhere\"\n"));
    EXPECT_FALSE(std::filesystem::exists(folder.file("started")));
  }
}

TEST(ProcessFlow, ChecksItsGraphsBeforeAnythingStarts) {
  const TempDir folder;
  folder.write("levels.json",
               R"({"version": 1, "nodes": [{"id": "a", "type": "PipeSorce"}], "connections": []})");
  const std::string flow = folder.write("flow.json", R"({"nodes": [
      {"name": "first", "shell": "sh", "run": "touch started"}, {"name": "levels", "graph": "levels.json"}],
      "edges": [{"from": "__start__", "to": "first"}, {"from": "first", "to": "levels"}]})");
  const auto result = streamlab({"run", flow}, folder.path().string());
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(
      result.err,
      flow + ": /nodes/1/graph: " + folder.file("levels.json") +
          ": /nodes/0/type (\"a\"): there is no node type \"PipeSorce\"; did you mean \"PipeSource\"?\n");
  EXPECT_FALSE(std::filesystem::exists(folder.file("started")));
}

TEST(ProcessFlow, SaysWhyAStepFailed) {
  const TempDir folder;
  const std::string flow = folder.write(
      "flow.json", one_step(R"("shell": "sh", "run": "echo first >&2; echo the reason >&2; exit 3")"));
  const auto result = streamlab({"run", flow});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("exited with status 3"));
  EXPECT_THAT(result.err, HasSubstr("  | first\n  | the reason"));
}

TEST(ProcessFlow, PrintsNoValueOfAnEnvironment) {
  const TempDir folder;
  const std::string flow = folder.write(
      "flow.json",
      one_step(
          R"x("shell": "sh", "run": "test \"$KEY\" = hush-1234; exit $(($? + 3))", "env": {"KEY": "hush-1234"})x"));
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"run", flow},
                                                    {"run", flow, "--json"},
                                                    {"check", flow},
                                                    {"check", flow, "--json"}}) {
    const auto result = streamlab(arguments);
    EXPECT_THAT(result.out + result.err, Not(HasSubstr("hush")));
    if (arguments[0] == "run") {
      EXPECT_THAT(result.err, HasSubstr("exited with status 3"));
    }  // it did have it
  }
}

TEST(ProcessFlow, IsInterruptedAndResumed) {
  const TempDir folder;
  const std::string flow = folder.write("flow.yaml", R"(
nodes:
  - { name: first, shell: sh, run: "echo x >> runs; echo '{\"a\": 1}' >&3", interrupt_after: true }
  - { name: second, run: "return {'b': state['a'] + state['given']}" }
edges:
  - { from: __start__, to: first }
  - { from: first, to: second }
)");
  const auto first = streamlab({"run", flow, "--state", R"({"given": 10})"}, folder.path().string());
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_EQ(json::parse(first.out), json::parse(R"({"given": 10, "a": 1})"));
  EXPECT_THAT(first.err, HasSubstr("interrupted after first; --resume goes on from " + flow + ".progress\n"));
  const auto second = streamlab({"run", flow, "--resume"}, folder.path().string());
  EXPECT_EQ(second.exit_code, 0) << second.err;
  EXPECT_EQ(json::parse(second.out), json::parse(R"({"given": 10, "a": 1, "b": 11})"));
  EXPECT_EQ(content_of(folder.file("runs")), "x\n");  // the first step ran once
  EXPECT_FALSE(std::filesystem::exists(flow + ".progress"));
}

TEST(ProcessFlow, DoesNotResumeAFlowThatWasChanged) {
  const TempDir folder;
  const auto text = [](const std::string& script) {
    return R"({"nodes": [{"name": "first", "run": "return {}", "interrupt_after": true},
                         {"name": "second", "shell": "sh", "run": ")" +
           script + R"("}],
               "edges": [{"from": "__start__", "to": "first"}, {"from": "first", "to": "second"}]})";
  };
  const std::string flow = folder.write("flow.json", text("true"));
  ASSERT_EQ(streamlab({"run", flow}).exit_code, 0);
  folder.write("flow.json", text("false"));
  const auto result = streamlab({"run", flow, "--resume"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.err,
            flow +
                ".progress: this is the progress of another flow, or of an earlier version of this one; "
                "run the flow from its start\n");
  folder.write("flow.json.progress", "{}");
  EXPECT_EQ(
      streamlab({"run", flow, "--resume"}).err,
      flow +
          ".progress: this file does not hold the progress of a flow; expected what \"interrupt_after\" "
          "saved\n");
}

TEST(ProcessFlow, RefusesAStateBesideTheOneThatWasSaved) {
  const TempDir folder;
  const std::string flow = folder.write("flow.json", one_step(R"("run": "return {}")"));
  const auto result = streamlab({"run", flow, "--resume", "--state", "{}"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.err,
            "--state: the flow goes on with the state that was saved; expected either --state or --resume\n");
}

TEST(ProcessFlow, TellsStepsAndChannelsAsJson) {
  const TempDir folder;
  const std::string flow = folder.write("flow.yaml", R"(
settings: { parallel: { streams: { enabled: true, count: lines } } }
nodes:
  - { name: producer, command: [seq, "1", "1000"], streams: { stdout: numbers } }
  - { name: consumer, run: "import sys\nreturn {'sum': sum(map(int, sys.stdin))}", streams: { stdin: numbers } }
edges:
  - { from: __start__, to: producer }
  - { from: producer, to: consumer }
)");
  const auto result = streamlab({"run", flow, "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto lines = json_lines(result.out);
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0]["name"], "producer");
  EXPECT_EQ(lines[0]["outcome"], "succeeded");
  EXPECT_EQ(lines[0]["exit_status"], 0);
  EXPECT_EQ(lines[1]["gave_state"], true);
  EXPECT_EQ(lines[2]["type"], "channel");
  EXPECT_EQ(lines[2]["lines"], 1000);
  EXPECT_EQ(lines[2]["bytes"], 3893);  // 9·2 + 90·3 + 900·4 + 5
  EXPECT_EQ(lines[2]["pipe_bytes"], 65536);
  EXPECT_EQ(lines[2]["consumers"][0]["bytes"], 3893);
  EXPECT_EQ(lines[3]["state"], json::parse(R"({"sum": 500500})"));
}

TEST(ProcessFlow, ExitsWithThreeWhenAPolicyDroppedBytes) {
  const TempDir folder;
  const std::string flow = folder.write("flow.yaml", R"(
settings: { parallel: { streams: { enabled: true } } }
nodes:
  - { name: producer, command: [head, -c, "1000000", /dev/zero], streams: { stdout: zeros } }
  - { name: keen, shell: sh, run: "cat > /dev/null; touch done", streams: { stdin: zeros } }
  - name: late
    shell: sh
    run: "while ! test -e done; do sleep 0.01; done; cat > /dev/null"
    streams: { stdin: { channel: zeros, policy: drop_oldest, buffer_size: 4096 } }
edges:
  - { from: __start__, to: producer }
  - { from: producer, to: [keen, late], stream_mode: broadcast }
)");
  const auto result = streamlab({"run", flow}, folder.path().string());
  EXPECT_EQ(result.exit_code, 3) << result.err;
  EXPECT_THAT(result.err, HasSubstr("dropped for late"));
  const auto quiet = streamlab({"run", flow, "--quiet"}, folder.path().string());
  EXPECT_EQ(quiet.exit_code, 3) << quiet.err;
  EXPECT_THAT(quiet.err, HasSubstr("dropped for late"));  // a loss is said in any case
  EXPECT_EQ(std::count(quiet.err.begin(), quiet.err.end(), '\n'), 1) << quiet.err;
}

TEST(ProcessFlow, ExitsWithThreeWhenAGraphLostData) {
  const TempDir folder;
  // A frame of 16 bits that is cut in two.
  const std::string flow = folder.write("flow.yaml", std::string(R"(
settings: { parallel: { streams: { enabled: true } } }
nodes:
  - { name: cut, command: [head, -c, "1001", )") + kVoice +
                                                         R"(], streams: { stdout: part } }
  - { name: through, graph: )" + config("pipe_through.json") +
                                                         R"(, streams: { stdin: part, stdout: sound } }
  - { name: keep, shell: sh, run: "cat > sound.wav", streams: { stdin: sound } }
edges:
  - { from: __start__, to: cut }
  - { from: cut, to: through }
  - { from: through, to: keep }
)");
  const auto result = streamlab({"run", flow}, folder.path().string());
  EXPECT_EQ(result.exit_code, 3) << result.err;
  EXPECT_EQ(result.out, "{}\n");
  EXPECT_THAT(result.err, HasSubstr("through: succeeded, exited with status 3 (data was lost), "));
  const auto quiet = streamlab({"run", flow, "--quiet"}, folder.path().string());
  EXPECT_EQ(quiet.exit_code, 3) << quiet.err;
  EXPECT_THAT(quiet.err, HasSubstr("(data was lost)"));
  const auto lines = json_lines(streamlab({"run", flow, "--json"}, folder.path().string()).out);
  ASSERT_EQ(lines.size(), 6U);
  EXPECT_EQ(lines[0]["lost_data"], false);
  EXPECT_EQ(lines[1]["lost_data"], true);
}

TEST(ProcessFlow, SaysWhatAConsumerThatLeftHadNotRead) {
  const TempDir folder;
  // "early" reads nothing, and leaves when its pipe and what stands before it are full.
  const std::string flow = folder.write("flow.yaml", R"(
settings: { parallel: { streams: { enabled: true, buffer_size: 4096 } } }
nodes:
  - { name: producer, shell: sh, run: "head -c 10240 /dev/zero; touch full; head -c 8192 /dev/zero", streams: { stdout: zeros } }
  - { name: early, shell: sh, run: "while ! test -e full; do sleep 0.01; done", streams: { stdin: zeros } }
  - { name: keen, shell: sh, run: "cat > /dev/null", streams: { stdin: zeros } }
edges:
  - { from: __start__, to: producer }
  - { from: producer, to: [early, keen], stream_mode: broadcast }
)");
  const auto result = streamlab({"run", flow}, folder.path().string());
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, testing::ContainsRegex("; early left before its end; [0-9]+ bytes lost for early"));
}

TEST(ProcessFlow, RefusesAPlaceThatCannotBeSavedToBeforeAnythingStarts) {
  const TempDir folder;
  const std::string flow = folder.write("flow.yaml", R"(
nodes:
  - { name: first, shell: sh, run: "touch started", interrupt_after: true }
  - { name: second, run: "return {}" }
edges: [{ from: __start__, to: first }, { from: first, to: second }]
)");
  const std::string nowhere = folder.file("nowhere/progress");
  const auto result = streamlab({"run", flow, "--save", nowhere}, folder.path().string());
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.err, nowhere + ": cannot be created: \"" + folder.file("nowhere") +
                            "\": No such file or directory; expected an existing folder\n");
  EXPECT_FALSE(std::filesystem::exists(folder.file("started")));
}

TEST(ProcessFlow, PrintsAStateThatCannotBeSaved) {
  const TempDir folder;
  const std::string flow = folder.write("flow.yaml", R"(
nodes:
  - { name: first, shell: sh, run: "mkdir flow.yaml.progress; echo '{\"a\": 1}' >&3", interrupt_after: true }
  - { name: second, run: "return {}" }
edges: [{ from: __start__, to: first }, { from: first, to: second }]
)");
  const auto result = streamlab({"run", flow}, folder.path().string());
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(json::parse(result.out), json::parse(R"({"a": 1})"));
  EXPECT_THAT(result.err, HasSubstr("flow.yaml.progress: is a directory"));
}

// A step that writes its process id and then waits for ever, ignoring SIGTERM where `stubborn`.
std::string waiting_flow(const TempDir& folder, bool stubborn) {
  return folder.write("flow.yaml", std::string(R"(
settings: { parallel: { streams: { enabled: true } } }
nodes:
  - name: waits
    shell: sh
    run: |
      )") + (stubborn ? "trap '' TERM\n      " : "") +
                                       R"(echo $$ > pid.new; mv pid.new pid
      while :; do sleep 1; done
    streams: { stdout: nothing }
  - { name: reads, shell: sh, run: "cat \"$STREAMLAB_FIFO_IN\"", streams: { fifo_in: nothing } }
edges:
  - { from: __start__, to: waits }
  - { from: waits, to: reads }
)");
}

pid_t pid_in(const std::string& path) {
  std::ifstream file(path);
  pid_t pid = 0;
  file >> pid;
  return pid;
}

TEST(ProcessFlow, CtrlCLeavesNeitherOrphanNorFifo) {
  for (const bool stubborn : {false, true}) {
    const TempDir folder;
    const TempDir runtime;
    const std::string flow = waiting_flow(folder, stubborn);
    Program program({"/usr/bin/env", "XDG_RUNTIME_DIR=" + runtime.path().string(), SL_STREAMLAB, "run", flow},
                    folder.path().string());
    ASSERT_TRUE(comes([&] { return std::filesystem::exists(folder.file("pid")); }));
    const pid_t child = pid_in(folder.file("pid"));
    ASSERT_TRUE(is_alive(child));
    EXPECT_FALSE(std::filesystem::is_empty(runtime.path()));
    program.send(SIGINT);
    const auto result = program.wait();
    EXPECT_EQ(result.exit_code, 1) << result.err;
    EXPECT_THAT(result.err, HasSubstr("stopped\n"));
    EXPECT_FALSE(is_alive(child));
    EXPECT_TRUE(std::filesystem::is_empty(runtime.path()));
  }
}

// A shell that ignores SIGCHLD hands that on; then the kernel would keep no status of our children.
TEST(ProcessFlow, KnowsItsChildrensEndsWhoeverStartedIt) {
  const TempDir folder;
  const std::string flow = folder.write("flow.yaml", R"(
nodes: [{ name: a, shell: sh, run: "exit 0" }]
edges: [{ from: __start__, to: a }]
)");
  const auto result = run_program({"/usr/bin/python3", "-c",
                                   "import os, signal, sys\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
                                   "os.execv(sys.argv[1], sys.argv[1:])",
                                   SL_STREAMLAB, "run", flow},
                                  folder.path().string());
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

TEST(ProcessFlow, OurOwnCrashLeavesNoOrphanAndTheNextRunNoFifo) {
  const TempDir folder;
  const TempDir runtime;
  const std::string flow = waiting_flow(folder, true);
  const std::string environment = "XDG_RUNTIME_DIR=" + runtime.path().string();
  Program program({"/usr/bin/env", environment, SL_STREAMLAB, "run", flow}, folder.path().string());
  ASSERT_TRUE(comes([&] { return std::filesystem::exists(folder.file("pid")); }));
  const pid_t child = pid_in(folder.file("pid"));
  program.send(SIGKILL);
  program.wait();
  EXPECT_TRUE(comes([&] { return !is_alive(child); }));
  EXPECT_FALSE(std::filesystem::is_empty(runtime.path()));  // nobody was left to clean up
  const std::string next = folder.write("next.json", one_step(R"("run": "return {}")"));
  const auto result = run_program({"/usr/bin/env", environment, SL_STREAMLAB, "run", next});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(std::filesystem::is_empty(runtime.path()));
}

}  // namespace
}  // namespace streamlab::test
