// tests/apps/run_test.cpp
//
// streamlab run: exit codes, messages, what goes where.
#include <algorithm>
#include <csignal>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/apps/streamlab_runner.hpp"

namespace streamlab::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Words = std::vector<std::string>;

// A simulated card that never ends and forgives a machine that is busy: 60 s of buffer.
constexpr std::string_view kLiveConfig = R"({
  "version": 1,
  "pipeline_config": {"sample_rate": 48000, "block_size": 256},
  "nodes": [
    {"id": "mic", "type": "AudioInput", "config": {"device": "sim", "sim": {
        "clock": "real_time", "input": {"sine": {"frequency_hz": 1000, "amplitude": 0.5}},
        "input_channels": 1, "buffer_frames": 2880000}}},
    {"id": "level", "type": "LevelMeter", "config": {"interval_s": 0.1}},
    {"id": "show", "type": "Print", "config": {"label": "Mic", "format": "full"}}],
  "connections": [{"from": "mic", "to": "level", "capacity": 10000}, {"from": "level", "to": "show"}]})";

std::string virtual_config(const std::string& faults) {
  return R"({"version": 1, "nodes": [
    {"id": "mic", "type": "AudioInput", "config": {"device": "sim", "sim": {
        "clock": "virtual", "input": {"counting": true}, "input_channels": 1, "frames": 48000, "faults": )" +
         faults + R"(}}},
    {"id": "end", "type": "NullSink"}],
    "connections": [{"from": "mic", "to": "end"}]})";
}

TEST(Run, PrintsResultsOnStdoutAndTheSummaryOnStderr) {
  const TempDir dir;
  const auto result = streamlab({"run", dir.write("tone.json", tone_config(1.0))});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  // 0.5: -6.02 dB; its rms is lower by √2.
  EXPECT_EQ(result.out,
            "[Tone] 0:00.000  main_channel  peak   -6.02 dBFS  rms   -9.03 dB re 1 FS  crest    3.01 dB\n"
            "[Tone] 0:00.500  main_channel  peak   -6.02 dBFS  rms   -9.03 dB re 1 FS  crest    3.01 dB\n");
  EXPECT_THAT(result.err, HasSubstr("ran 1 s (48000 frames at 48000 Hz)"));
  EXPECT_THAT(result.err, Not(HasSubstr("\r")));  // no progress: this is no terminal
}

TEST(Run, GivesOneJsonObjectALine) {
  const TempDir dir;
  const auto result = streamlab({"run", dir.write("tone.json", tone_config(1.0)), "--json"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.err, IsEmpty());
  const auto lines = json_lines(result.out);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[1]["label"], "Tone");
  EXPECT_EQ(lines[1]["position"], 24000);
  EXPECT_EQ(lines[2]["type"], "summary");
  EXPECT_EQ(lines[2]["frames"], 48000);
  EXPECT_EQ(lines[2]["exit_code"], 0);
}

TEST(Run, RefusesTwoFormatsOnStdoutUnlessJsonMakesThemOne) {
  const TempDir dir;
  std::string text = tone_config(0.5);
  text.replace(text.find("],\n    \"connections\": ["), 1,
               R"(, {"id": "log", "type": "JsonlSink", "config": {"path": "-"}}])");
  text.replace(text.find(R"({"from": "level")"), 0, R"({"from": "level", "to": "log"}, )");
  const std::string config = dir.write("both.json", text);
  const auto mixed = streamlab({"run", config});
  EXPECT_EQ(mixed.exit_code, 2);
  EXPECT_EQ(mixed.out, "");
  EXPECT_EQ(mixed.err,
            config +
                ": /nodes/3/config/path (\"log\"): JSON Lines on standard output, which carries text of "
                "/nodes/2; expected one format on one stream; --json makes JSON Lines of both\n");
  const auto lines = streamlab({"run", config, "--json"});
  EXPECT_EQ(lines.exit_code, 0) << lines.err;
  EXPECT_EQ(json_lines(lines.out).size(), 3U);           // a value twice, and the summary
  EXPECT_EQ(streamlab({"check", config}).exit_code, 0);  // `run --json` takes it
  text.replace(text.find("JsonlSink"), 9, "CsvSink");
  for (const char* command : {"check", "run"}) {  // with --json or without
    EXPECT_EQ(streamlab({command, dir.write("both.json", text)}).exit_code, 2) << command;
  }
}

TEST(Run, SaysNothingWhenQuiet) {
  const TempDir dir;
  const auto result = streamlab({"run", dir.write("tone.json", tone_config(0.5)), "--quiet"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.err, IsEmpty());
  EXPECT_THAT(result.out, HasSubstr("[Tone]"));
}

TEST(Run, EndsAfterTheGivenLength) {
  const TempDir dir;
  const std::string config = dir.write("tone.json", tone_config(0.0));
  const auto by_frames = streamlab({"run", config, "--frames", "24000", "--json"});
  EXPECT_EQ(json_lines(by_frames.out).back()["frames"], 24000);
  const auto by_seconds = streamlab({"run", config, "--seconds", "0.75", "--json"});
  EXPECT_EQ(json_lines(by_seconds.out).back()["frames"], 36000);
}

TEST(Run, RefusesGeneratorsWithoutALimitAndSaysTheRemedy) {
  const TempDir dir;
  const std::string config = dir.write("tone.json", tone_config(0.0));
  const auto result = streamlab({"run", config});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.out, IsEmpty());
  EXPECT_THAT(result.err, HasSubstr(config + ": /pipeline_config: "));
  for (const char* remedy : {"--seconds", "--frames", "duration_s"}) {
    EXPECT_THAT(result.err, HasSubstr(remedy));
  }
}

TEST(Run, ReportsEveryMistakeAtOnce) {
  const TempDir dir;
  const std::string config = dir.write("bad.json", R"({"version": 1,
    "nodes": [{"id": "tone", "type": "SineGenerator", "config": {"frequncy": 440}},
              {"id": "gain", "type": "Gian"}],
    "connections": []})");
  const auto result = streamlab({"run", config});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.err,
            config +
                ": /nodes/0/config/frequncy (\"tone\"): there is no parameter \"frequncy\"; did you mean "
                "\"frequency\"?\n" +
                config +
                ": /nodes/1/type (\"gain\"): there is no node type \"Gian\"; did you mean \"Gain\"?\n");
}

TEST(Run, ShowsTheFirstTwentyOfManyMistakes) {
  const TempDir dir;
  std::string nodes = R"({"id": "n", "type": "Gian"})";
  for (int i = 1; i < 1000; ++i) { nodes += R"(, {"id": "n)" + std::to_string(i) + R"(", "type": "Gian"})"; }
  const std::string config = dir.write("bad.json", R"({"nodes": [)" + nodes + "]}");
  const auto result = streamlab({"check", config});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 21);
  EXPECT_THAT(result.err, HasSubstr("/nodes/19/type (\"n19\"): "));
  EXPECT_THAT(result.err, testing::EndsWith(config + ": 1000 errors in all; the first 20 are shown\n"));
}

TEST(Run, RefusesWhatIsNoConfiguration) {
  const TempDir dir;
  EXPECT_EQ(streamlab({"run", dir.file("none.json")}).exit_code, 2);
  EXPECT_EQ(streamlab({"run", dir.path().string()}).exit_code, 2);
  EXPECT_EQ(streamlab({"run", dir.write("empty.json", "")}).exit_code, 2);
  const auto syntax = streamlab({"run", dir.write("syntax.json", "{\n  \"version\": 1,,\n}")});
  EXPECT_EQ(syntax.exit_code, 2);
  EXPECT_THAT(syntax.err, HasSubstr("line 2, column"));
}

// A text that cannot be read is neither a graph nor a flow, whatever options of flows were given.
TEST(Run, SaysWhatIsWrongWithTheTextBeforeTheOptionsOfFlows) {
  const TempDir dir;
  const std::string in_json = dir.write("syntax.json", "{\n  \"version\": 1,,\n}");
  const std::string in_yaml = dir.write("syntax.yaml", "nodes: [\nedges: []\n");
  for (const Words& options :
       {Words{"--resume"}, Words{"--state", "{}"}, Words{"--save", "x"}, Words{"--seconds", "1"}}) {
    for (const std::string& config : {in_json, in_yaml}) {
      Words command{"run", config};
      command.insert(command.end(), options.begin(), options.end());
      const auto result = streamlab(command);
      EXPECT_EQ(result.exit_code, 2);
      EXPECT_THAT(result.err, AllOf(testing::StartsWith(config + ": line "), Not(HasSubstr("--"))));
    }
  }
}

TEST(Run, SaysWhatIsWrongWithOptionsAndGraphTogether) {
  const TempDir dir;
  const std::string graph = dir.write("graph.json", R"({"nodes": [{"id": "a", "type": "Gian"}]})");
  EXPECT_EQ(streamlab({"run", graph, "--resume"}).err,
            graph + ": /nodes/0/type (\"a\"): there is no node type \"Gian\"; did you mean \"Gain\"?\n" +
                "--resume: a graph has no state; expected a flow of programs\n");
  const std::string flow = dir.write("flow.json", R"({"nodes": [], "edges": []})");
  EXPECT_THAT(streamlab({"run", flow, "--seconds", "1"}).err,
              AllOf(HasSubstr("the flow has no steps"), HasSubstr("--seconds: a flow has no such limit")));
}

// ESC, BEL, line ends and what else a terminal obeys: in a key, a value, an id, a file's name, a title and arguments.
TEST(Run, ShowsControlCharactersOfOthersInsteadOfSendingThem) {
  const TempDir dir;
  const std::string esc = "\x1b]0;x\a\nforged";
  const std::string escaped = R"(\u001b]0;x\u0007\nforged)";
  const std::string keys = dir.write(
      "keys.json", R"({"k)" + escaped + R"(": 1, "nodes": [{"id": "i)" + escaped + R"(", "type": "t)" +
                       escaped + R"("}, {"id": "f", "type": "FileSource", "config": {"path": ")" + escaped +
                       R"("}}], "connections": [{"from": ")" + escaped + R"(", "to": "f"}]})");
  const std::string tone =
      dir.write("tone.json", R"({"title": ")" + escaped +
                                 R"(", "pipeline_config": {"sample_rate": 8000, "duration_s": 0.1},
      "nodes": [{"id": "s", "type": "SineGenerator"}, {"id": "m", "type": "Mixer", "config": {"matrix": [[1]],
                "names": ["n)" + escaped +
                                 R"("]}}, {"id": "p", "type": "Print", "config": {"label": ")" + escaped +
                                 R"("}}],
      "connections": [{"from": "s", "to": "m.in1"}, {"from": "m", "to": "p"}]})");
  const std::string lost =
      dir.write("g\x1b[2J.json", R"({"nodes": [{"id": "f", "type": "FileSource", "config": {"path": ")" +
                                     escaped + R"("}}]})");
  const std::string flow = dir.write(
      "flow.json", R"({"nodes": [{"name": "a", "run": "echo -e '\\e]0;x\\a' >&2; exit 1", "shell": "bash"}],
      "edges": [{"from": "__start__", "to": "a"}]})");
  const std::vector<Words> commands{{"check", keys},
                                    {"run", tone},
                                    {"run", tone, "--json"},
                                    {"check", tone},
                                    {"graph", tone},
                                    {"run", lost},
                                    {"run", flow},
                                    {"check", tone, "--set", esc + "=1"},
                                    {"check", tone, "--set", esc},
                                    {"check", dir.file(esc)},
                                    {"info", esc},
                                    {"batch", lost, esc},
                                    {"record", esc + ".wav", "--seconds", esc},
                                    {"record", esc + ".wav", "--seconds", "1", "--device", esc},
                                    {"nodes", esc},
                                    {"run", tone, "--" + esc},
                                    {esc}};
  for (const Words& command : commands) {
    const auto result = streamlab(command);
    const std::string all = result.out + result.err;
    EXPECT_THAT(all, HasSubstr("\\u001b")) << command.front() << " " << command.back();
    EXPECT_EQ(all.find_first_of("\x1b\a"), std::string::npos) << all;
    EXPECT_EQ(all.find("\nforged"), std::string::npos) << command.front() << " " << command.back() << all;
  }
}

TEST(Run, ReadsAConfigurationFromStandardInput) {
  const auto good = streamlab({"run", "-", "--json"}, {}, tone_config(0.5));
  EXPECT_EQ(good.exit_code, 0) << good.err;
  EXPECT_EQ(json_lines(good.out).back()["frames"], 24000);
  const auto bad = streamlab({"run", "-"}, {}, "[]");
  EXPECT_THAT(bad.err, testing::StartsWith("standard input: "));
  const auto endless = run_program({"/bin/sh", "-c", SL_STREAMLAB " check - </dev/zero"});
  EXPECT_EQ(endless.exit_code, 2);
  EXPECT_EQ(endless.err,
            "standard input: more than 16777216 bytes; expected a configuration of at most so many\n");
}

TEST(Run, SetsVariablesAndRefusesUnknownOnes) {
  const TempDir dir;
  std::string text = tone_config(0.5);
  text.replace(text.find("1000"), 4, "\"${hz}\"");
  const std::string config = dir.write("tone.json", text);
  EXPECT_EQ(streamlab({"run", "--set", "hz=440", config}).exit_code, 0);
  const auto missing = streamlab({"run", config});
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_THAT(missing.err, HasSubstr("--set hz=VALUE"));
  EXPECT_EQ(streamlab({"run", config, "--set", "hz=440", "--set", "gain=2"}).exit_code, 2);
  EXPECT_EQ(streamlab({"run", config, "--set", "hz"}).exit_code, 2);
}

TEST(Run, RefusesAnOutputThatExistsUnlessForced) {
  const TempDir dir;
  const std::string out = dir.write("out.wav", "not to be lost");
  const std::string config = dir.write("copy.json", R"({"version": 1, "nodes": [
      {"id": "in", "type": "FileSource", "config": {"path": "/usr/share/sounds/alsa/Front_Left.wav"}},
      {"id": "out", "type": "FileSink", "config": {"path": ")" +
                                                        out + R"("}}],
      "connections": [{"from": "in", "to": "out"}]})");
  const auto refused = streamlab({"run", config});
  EXPECT_EQ(refused.exit_code, 2) << refused.err;
  EXPECT_EQ(refused.err, config + ": /nodes/1/config/path: \"" + out +
                             "\" exists already; use --force to replace it, or name another\n");
  EXPECT_EQ(content_of(out), "not to be lost");
  EXPECT_EQ(streamlab({"run", config, "--force"}).exit_code, 0);
  EXPECT_EQ(content_of(out).substr(0, 4), "RIFF");
}

TEST(Run, NeverWritesOverItsOwnInput) {
  const TempDir dir;
  const std::string file = dir.write("voice.wav", content_of("/usr/share/sounds/alsa/Front_Left.wav"));
  const std::string config = dir.write("copy.json", R"({"version": 1, "nodes": [
      {"id": "in", "type": "FileSource", "config": {"path": "voice.wav"}},
      {"id": "out", "type": "FileSink", "config": {"path": "./voice.wav"}}],
      "connections": [{"from": "in", "to": "out"}]})");
  const auto result = streamlab({"run", config, "--force"}, dir.path().string());
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("/nodes/1/config/path (\"out\"): \"./voice.wav\" is read by this graph"));
  EXPECT_EQ(content_of(file), content_of("/usr/share/sounds/alsa/Front_Left.wav"));
}

TEST(Run, EndsWith3WhenTheDeviceLostFrames) {
  const TempDir dir;
  const auto clean = streamlab({"run", dir.write("clean.json", virtual_config("[]")), "--json"});
  EXPECT_EQ(clean.exit_code, 0) << clean.out << clean.err;
  const auto lossy = streamlab(
      {"run",
       dir.write("lossy.json", virtual_config(R"([{"at_frame": 9600, "type": "xrun", "lost_frames": 480}])")),
       "--json"});
  EXPECT_EQ(lossy.exit_code, 3) << lossy.err;
  const auto summary = json_lines(lossy.out).back();
  EXPECT_EQ(summary["gaps"], 1);
  EXPECT_EQ(summary["gap_frames"], 480);
  EXPECT_EQ(summary["device"]["lost_frames"], 480);
  EXPECT_EQ(summary["data_lost"], true);
  EXPECT_EQ(summary["exit_code"], 3);
}

TEST(Run, SaysWhatWasLost) {
  const TempDir dir;
  const auto result = streamlab({"run", dir.write("lossy.json", virtual_config(R"([
      {"at_frame": 9600, "type": "xrun", "lost_frames": 480}, {"at_frame": 19200, "type": "xrun", "lost_frames": 20}])"))});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("2 xruns, 2 gaps (500 lost frames)"));
  EXPECT_THAT(result.err, HasSubstr("data lost    as counted above: exit code 3"));
}

// As they are noticed, in the order in which they happened; the device's going before its coming.
TEST(Run, TellsEventsAsJsonLinesBeforeTheSummary) {
  const TempDir dir;
  const std::string config = dir.write("lossy.json", virtual_config(R"([
      {"at_frame": 9600, "type": "xrun", "lost_frames": 480}, {"at_frame": 19200, "type": "unplug", "frames": 20}])"));
  std::map<std::string, std::map<std::string, int>> sums;
  std::vector<std::string> kinds;
  const auto result = streamlab({"run", config, "--json"});
  for (const auto& line : json_lines(result.out)) {
    if (line.value("type", "") != "event") { continue; }
    const std::string kind = line["event"];
    if (kind.starts_with("device")) { kinds.push_back(kind); }
    for (const char* number : {"count", "frames"}) {
      if (line.contains(number)) { sums[kind][number] += line[number].get<int>(); }
    }
    EXPECT_GT(line["timestamp_us"], 1'600'000'000'000'000);
    EXPECT_TRUE(line["seconds"].is_number());
  }
  EXPECT_THAT(kinds, testing::ElementsAre("device_lost", "device_back"));
  EXPECT_EQ(sums["xrun"]["count"], 1);
  EXPECT_EQ(sums["gap"]["count"], 2);
  EXPECT_EQ(sums["gap"]["frames"], 500);
  EXPECT_EQ(json_lines(result.out).back()["type"], "summary");
  // For people, a line each on standard error, which stays; --quiet or not, for it is a loss.
  const auto text = streamlab({"run", config, "--quiet"});
  EXPECT_THAT(text.err, AllOf(HasSubstr("  the device is gone; waiting for it\n"),
                              HasSubstr("  the device is back\n"), HasSubstr("  1 xrun\n")));
}

// Standard error is a terminal, standard output `to`. What the terminal was told.
std::string told_to_terminal(const std::string& command) {
  const auto result = run_program({"/usr/bin/script", "-qec", command, "/dev/null"});
  return result.out;
}

// A step's output that leads into no channel goes to the terminal that standard error is.
TEST(Run, ShowsControlCharactersOfStepsInsteadOfSendingThem) {
  const TempDir dir;
  const std::string flow = dir.write(
      "flow.json",
      R"({"nodes": [{"name": "a", "run": "printf 'x\\033]0;title\\a\\n\\303\\251 no end'", "shell": "sh"}],
      "edges": [{"from": "__start__", "to": "a"}]})");
  const std::string told = told_to_terminal(std::string(SL_STREAMLAB) + " run " + flow);
  EXPECT_THAT(told, AllOf(HasSubstr("x\\u001b]0;title\\u0007\r\n"), HasSubstr("\u00e9 no end")));
  EXPECT_EQ(told.find_first_of("\x1b\a"), std::string::npos) << told;
}

TEST(Run, ShowsProgressOnlyWhereNoResultsCanMixWithIt) {
  const TempDir dir;
  const std::string silent = dir.write("silent.json", R"({"version": 1, "nodes": [
      {"id": "mic", "type": "AudioInput", "config": {"device": "sim", "sim": {"clock": "real_time",
          "input_channels": 1, "frames": 24000, "sample_rate_hz": 48000}}}, {"id": "end", "type": "NullSink"}],
      "connections": [{"from": "mic", "to": "end"}]})");
  const std::string prints = dir.write("prints.json", R"({"version": 1, "nodes": [
      {"id": "mic", "type": "AudioInput", "config": {"device": "sim", "sim": {"clock": "real_time",
          "input_channels": 1, "frames": 24000, "sample_rate_hz": 48000}}},
      {"id": "level", "type": "LevelMeter"}, {"id": "show", "type": "Print"}],
      "connections": [{"from": "mic", "to": "level"}, {"from": "level", "to": "show"}]})");
  const std::string run = std::string(SL_STREAMLAB) + " run ";
  constexpr const char* kErased = "\x1b[K";  // what every line of progress ends with
  EXPECT_THAT(told_to_terminal(run + silent), HasSubstr(kErased));
  EXPECT_THAT(told_to_terminal(run + prints + " > /dev/null"), HasSubstr(kErased));
  EXPECT_THAT(told_to_terminal(run + prints + " > " + dir.file("out")), HasSubstr(kErased));
  EXPECT_THAT(told_to_terminal(run + prints), AllOf(Not(HasSubstr(kErased)), HasSubstr("[Print] ")));
  EXPECT_THAT(told_to_terminal(run + prints + " | grep Print"),
              AllOf(Not(HasSubstr(kErased)), HasSubstr("[Print] ")));
  EXPECT_THAT(told_to_terminal(run + silent + " --json | grep summary"), Not(HasSubstr(kErased)));
  EXPECT_THAT(told_to_terminal(run + silent + " --quiet"), Not(HasSubstr(kErased)));
  const std::string record = std::string(SL_STREAMLAB) + " record --device sim:" +
                             dir.write("card.json", R"({"clock": "real_time", "frames": 24000,
      "input": {"sine": {"frequency_hz": 1000, "amplitude": 0.5}}, "sample_rate_hz": 48000, "input_channels": 1})") +
                             " " + dir.file("take.wav");
  EXPECT_THAT(told_to_terminal(record),
              HasSubstr("main_channel [##########################|   ]   -6.0 dBFS"));
}

TEST(Run, EndsWith1WhenTheDeviceFails) {
  const TempDir dir;
  const auto result = streamlab(
      {"run",
       dir.write("fails.json",
                 virtual_config(R"([{"at_frame": 9600, "type": "rate_change", "sample_rate_hz": 44100}])"))});
  EXPECT_EQ(result.exit_code, 1) << result.err;
}

TEST(Run, EndsCleanlyAtCtrlC) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const TempDir dir;
    Program program(streamlab_command({"run", dir.write("live.json", kLiveConfig)}));
    ASSERT_TRUE(program.wait_for_output("[Mic] Frame #2"));
    program.send(signal);
    const auto result = program.wait();
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_THAT(result.err, HasSubstr("device: simulated card"));
    EXPECT_THAT(result.err, HasSubstr("\ninterrupted after "));
    EXPECT_THAT(result.err, HasSubstr("0 xruns"));
  }
}

// As nohup and shells do that start a job in the background.
TEST(Run, GoesOnIgnoringTheSignalsThatItWasStartedToIgnore) {
  for (const auto& [name, signal] : {std::pair("HUP", SIGHUP), std::pair("INT", SIGINT)}) {
    const TempDir dir;
    Program program({"/bin/sh", "-c", std::string("trap '' ") + name + "; exec \"$@\"", "sh", SL_STREAMLAB,
                     "run", dir.write("live.json", kLiveConfig)});
    ASSERT_TRUE(program.wait_for_output("[Mic] Frame #2"));
    program.send(signal);
    ASSERT_TRUE(program.wait_for_output("[Mic] Frame #8")) << name;
    program.send(SIGTERM);
    const auto result = program.wait();
    EXPECT_EQ(result.exit_code, 0) << result.err;
  }
}

// pthread_create() gives one reason for both limits.
TEST(Run, SaysThatAThreadMayHaveFoundNoMemory) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizer takes terabytes of addresses for itself";
#endif
  const TempDir dir;
  const std::string config = dir.write("tone.json", tone_config(0.1));
  bool was_said = false;
  // Somewhere there is room for all but a stack, which is small.
  for (int kib = 20000; kib < 80000 && !was_said; kib += 150) {
    const auto result = run_program({"/bin/sh", "-c", "ulimit -v " + std::to_string(kib) + "; exec \"$@\"",
                                     "sh", SL_STREAMLAB, "run", config});
    was_said = result.err.find("ulimit -v") != std::string::npos;
    EXPECT_TRUE(was_said || result.err.find("ulimit -u") == std::string::npos) << result.err;
  }
  EXPECT_TRUE(was_said);
}

// "ulimit -f": the kernel sends SIGXFSZ, which would end the process in the middle of a line.
TEST(Run, SaysThatAFileMayNotGetLarger) {
  const TempDir dir;
  const std::string config = dir.write("tone.json", R"({"version": 1, "pipeline_config": {"duration_s": 1},
    "nodes": [{"id": "tone", "type": "SineGenerator", "config": {"sample_rate": 8000}},
              {"id": "log", "type": "CsvSink", "config": {"path": "out.csv"}}],
    "connections": [{"from": "tone", "to": "log"}]})");
  const auto result = test::run_program(
      {"/bin/sh", "-c", "ulimit -f 20; exec \"$@\"", "sh", SL_STREAMLAB, "run", config}, dir.path().string());
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr(": out.csv: cannot be written beyond byte "));
  EXPECT_THAT(result.err, HasSubstr(": File too large; everything before that is complete"));
  const std::string rows = test::content_of(dir.file("out.csv"));
  ASSERT_FALSE(rows.empty());
  EXPECT_EQ(rows.back(), '\n');
}

TEST(Run, ATakeBehindAProgramLosesNothing) {
  const TempDir dir;
  const auto result = streamlab(
      {"run", dir.write("take.json", R"({"version": 1, "pipeline_config": {"sample_rate": 48000}, "nodes": [
      {"id": "tone", "type": "SineGenerator", "config": {"frequency": 1000}},
      {"id": "same", "type": "Process", "config": {"command": ["cat"], "format": "f64le"}},
      {"id": "take", "type": "Take", "config": {"seconds": 1}}, {"id": "end", "type": "NullSink"}],
      "connections": [{"from": "tone", "to": "same"}, {"from": "same", "to": "take"}, {"from": "take", "to": "end"}]})")});
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

TEST(Run, RefusesALengthThatNothingHas) {
  const TempDir dir;
  const std::string config = dir.write("tone.json", tone_config(1.0));
  for (const char* seconds : {"1e300", "2e14", "0", "nan"}) {
    EXPECT_EQ(streamlab({"run", config, "--seconds", seconds}).exit_code, 2) << seconds;
  }
}

}  // namespace
}  // namespace streamlab::test
