// tests/apps/describe_commands_test.cpp
//
// The commands that run nothing: check, info, devices, nodes, schema, doctor; the command line itself; and
// async_demo.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/apps/streamlab_runner.hpp"
#include "tests/apps/voice.hpp"

namespace streamlab::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

TEST(CommandLine, AnswersHelpAndVersion) {
  const auto help = streamlab({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_THAT(help.err, IsEmpty());
  for (const char* command :
       {"run", "check", "batch", "record", "info", "devices", "nodes", "schema", "graph", "doctor"}) {
    EXPECT_THAT(help.out, HasSubstr(std::string("\n  ") + command + " "));
    const auto of_command = streamlab({command, "--help"});
    EXPECT_EQ(of_command.exit_code, 0) << command;
    EXPECT_THAT(of_command.out, HasSubstr(std::string("  streamlab ") + command)) << command;
  }
  const auto version = streamlab({"--version"});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_THAT(version.out, testing::MatchesRegex("streamlab [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

TEST(CommandLine, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(streamlab({}).exit_code, 2);
  const auto command = streamlab({"chek", "a.json"});
  EXPECT_EQ(command.exit_code, 2);
  EXPECT_THAT(command.err, HasSubstr("did you mean \"check\"?"));
  const auto option = streamlab({"run", "a.json", "--second", "1"});
  EXPECT_EQ(option.exit_code, 2);
  EXPECT_EQ(option.err, "streamlab run: there is no option \"--second\"; did you mean \"--seconds\"?\n");
  EXPECT_EQ(streamlab({"run"}).exit_code, 2);
  EXPECT_EQ(streamlab({"run", "a.json", "--seconds", "-1"}).exit_code, 2);
  EXPECT_EQ(streamlab({"run", "a.json", "--seconds", "nan"}).exit_code, 2);
  EXPECT_EQ(streamlab({"run", "a.json", "--frames", "1.5"}).exit_code, 2);
  EXPECT_EQ(streamlab({"run", "a.json", "--frames", "1", "--seconds", "1"}).exit_code, 2);
  EXPECT_EQ(streamlab({"batch", "a.json", "a.wav", "--jobs", "0"}).exit_code, 2);
}

TEST(CommandLine, SuggestsTheNearestOptionAndCommand) {
  struct Case {
    std::vector<std::string> arguments;
    const char* said;
  };
  const Case cases[] = {
      {{"run", "a.json", "--duration=5"},
       "streamlab run: there is no option \"--duration\"; did you mean \"--seconds\"?\n"},
      {{"run", "a.json", "--overwrite"},
       "streamlab run: there is no option \"--overwrite\"; did you mean \"--force\"?\n"},
      {{"batch", "a.json", "a.wav", "--outdir", "x"},
       "streamlab batch: there is no option \"--outdir\"; did you mean \"--out-dir\"?\n"},
      {{"batch", "a.json", "a.wav", "--threads", "2"},
       "streamlab batch: there is no option \"--threads\"; did you mean \"--jobs\"?\n"},
      {{"record", "a.wav", "--seconds", "1", "--samplerate", "48000"},
       "streamlab record: there is no option \"--samplerate\"; did you mean \"--rate\"?\n"},
      {{"check", "a.json", "-x"},
       "streamlab check: there is no option \"-x\"; \"streamlab check --help\" explains\n"},
      {{"check", "a.json", "b.json"},
       "streamlab check: the argument \"b.json\" is one too many; \"streamlab check --help\" explains\n"},
      {{"validate", "a.json"}, "streamlab: there is no command \"validate\"; did you mean \"check\"?\n"},
      {{"probe", "a.wav"}, "streamlab: there is no command \"probe\"; did you mean \"info\"?\n"},
  };
  for (const Case& one : cases) {
    const auto result = streamlab(one.arguments);
    EXPECT_EQ(result.exit_code, 2) << one.said;
    EXPECT_EQ(result.err, one.said);
    EXPECT_EQ(result.out, "");
  }
}

TEST(CommandLine, FailsWhenItsResultsCannotBeWritten) {
  const auto result = run_program({"/bin/sh", "-c", "exec " SL_STREAMLAB " nodes > /dev/full"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("standard output: cannot be written; is the disk full?"));
}

TEST(CommandLine, SaysThatNobodyReadsItsResults) {
  const TempDir dir;
  const std::string pipe = dir.file("pipe");
  // A FIFO that was opened by a reader, who has gone.
  const auto result = run_program({"/bin/sh", "-c",
                                   "mkfifo " + pipe + "; exec 4<>" + pipe + "; exec 5>" + pipe +
                                       "; exec 4<&-; exec " SL_STREAMLAB " nodes --markdown >&5"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.err, "standard output: nobody reads it any more\n");
}

TEST(Check, ShowsThreadsFormatsLatencyAndMemory) {
  const TempDir dir;
  const std::string config = dir.write("tone.json", tone_config(1.0));
  const auto text = streamlab({"check", config});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("tone   SineGenerator  -> "));
  EXPECT_THAT(text.out, HasSubstr("audio at 48000 Hz, blocks of up to 1024 frames"));
  EXPECT_THAT(text.out, HasSubstr("latency"));
  EXPECT_THAT(text.out, HasSubstr("memory"));
  const auto lines = json_lines(streamlab({"check", config, "--json"}).out);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["device"], nullptr);
  EXPECT_EQ(lines[0]["nodes"].size(), 3U);
}

TEST(Check, SaysThatADeviceCannotBeOpened) {
  const TempDir dir;
  const std::string config = dir.write("mic.json", R"({"version": 1, "nodes": [
      {"id": "mic", "type": "AudioInput", "config": {"device": "jack:no_such_server_as_this"}},
      {"id": "end", "type": "NullSink"}], "connections": [{"from": "mic", "to": "end"}]})");
  const auto result = streamlab({"check", config});
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_THAT(result.err, HasSubstr(config + ": "));
  EXPECT_THAT(result.err, HasSubstr("no_such_server_as_this"));
}

TEST(Info, ShowsWhatAFileHolds) {
  const auto text = streamlab({"info", kVoice});
  EXPECT_EQ(text.exit_code, 0);
  EXPECT_THAT(text.out, HasSubstr("WAV, 16-bit PCM, 48000 Hz, 1 channel"));
  const auto line = json_lines(streamlab({"info", kVoice, "--json"}).out).front();
  EXPECT_EQ(line["sample_rate_hz"], 48000);
  EXPECT_EQ(line["channels"], 1);
  EXPECT_EQ(line["frames"], 68545);  // as Python's module wave says
  const auto missing = streamlab({"info", "/no/such/file.wav"});
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_THAT(missing.err, testing::StartsWith("/no/such/file.wav: "));
}

TEST(Devices, ListsTheSimulatedCardOnEveryMachine) {
  const auto text = streamlab({"devices"});
  EXPECT_EQ(text.exit_code, 0);
  EXPECT_THAT(text.out, HasSubstr("sim\n"));
  bool found = false;
  for (const auto& line : json_lines(streamlab({"devices", "--json"}).out)) {
    found = found || (line["type"] == "device" && line["device"] == "sim");
  }
  EXPECT_TRUE(found);
}

TEST(Nodes, ListsExplainsAndSuggests) {
  EXPECT_THAT(streamlab({"nodes"}).out, HasSubstr("\n  Gain "));
  const auto gain = streamlab({"nodes", "Gain"});
  EXPECT_EQ(gain.exit_code, 0);
  EXPECT_THAT(gain.out, HasSubstr("ramp_ms: number, 0 .. "));
  const auto unknown = streamlab({"nodes", "Gian"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("did you mean \"Gain\"?"));
  EXPECT_GE(json_lines(streamlab({"nodes", "--json"}).out).size(), 10U);
  EXPECT_EQ(json_lines(streamlab({"nodes", "Gain", "--json"}).out).front()["name"], "Gain");
  EXPECT_THAT(streamlab({"nodes", "--markdown"}).out, HasSubstr("\n### Gain\n"));
}

TEST(Schema, IsOneJsonDocument) {
  const auto result = streamlab({"schema"});
  EXPECT_EQ(result.exit_code, 0);
  const auto schema = nlohmann::json::parse(result.out);
  EXPECT_EQ(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
  EXPECT_TRUE(schema["$id"].is_string());
  EXPECT_TRUE(schema["$defs"].contains("flow") && schema["$defs"].contains("graph"));
}

TEST(Doctor, JudgesWhatIsInForce) {
  const auto text = streamlab({"doctor"});
  EXPECT_EQ(text.exit_code, 0);
  const auto facts = json_lines(streamlab({"doctor", "--json"}).out);
  EXPECT_GE(facts.size(), 5U);
  for (const auto& fact : facts) {
    EXPECT_THAT((std::vector<std::string>{"ok", "warn", "fail"}), testing::Contains(fact["verdict"]));
    EXPECT_THAT(text.out, HasSubstr(fact["name"].get<std::string>()));
  }
}

TEST(AsyncDemo, ShowsFiveBlocksAndTenNamedInstances) {
  const auto result = run_program({SL_ASYNC_DEMO});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  for (int i = 0; i < 5; ++i) {
    EXPECT_THAT(result.out, HasSubstr("[Async Output] Frame #" + std::to_string(i) + " @ "));
  }
  for (int i = 1; i <= 10; ++i) {
    EXPECT_THAT(result.out, HasSubstr("\ninstance " + std::to_string(i) + ": frame #" +
                                      std::to_string(i - 1) + ", 1024 samples\n"));
  }
  EXPECT_THAT(result.out, HasSubstr("one after another"));
}

}  // namespace
}  // namespace streamlab::test
