// tests/apps/output_files_test.cpp
//
// Which files a run may write: none that it reads, and none twice, with --force or without, however their paths
// are spelled.
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/apps/streamlab_runner.hpp"
#include "tests/apps/voice.hpp"

namespace streamlab::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// A tone of a tenth of a second, and sinks of its own for each of `sinks`: {"type": …, "config": …}.
std::string tone_to(const std::vector<std::string>& sinks) {
  std::string nodes = R"({"id": "tone", "type": "SineGenerator"})";
  std::string connections;
  for (std::size_t s = 0; s < sinks.size(); ++s) {
    const std::string id = "sink" + std::to_string(s);
    nodes += R"(, {"id": ")" + id + R"(", )" + sinks[s].substr(1);
    connections += (s == 0 ? "" : ", ") + (R"({"from": "tone", "to": ")" + id + R"("})");
  }
  return R"({"version": 1, "pipeline_config": {"sample_rate": 48000, "duration_s": 0.1}, "nodes": [)" +
         nodes + R"(], "connections": [)" + connections + "]}";
}
std::string sink(const std::string& type, const std::string& path) {
  return R"({"type": ")" + type + R"(", "config": {"path": ")" + path + R"("}})";
}

TEST(OutputFiles, AreNeverOneFileUnderTwoSpellings) {
  const TempDir dir;
  fs::create_directory(dir.file("sub"));
  fs::create_symlink("z.wav", dir.file("link.wav"));  // to a file that does not exist
  for (const std::string& other : {std::string("./z.wav"), dir.file("z.wav"), std::string("sub/../z.wav"),
                                   std::string("link.wav"), std::string("z.wav")}) {
    const std::string config =
        dir.write("two.json", tone_to({sink("FileSink", "z.wav"), sink("FileSink", other)}));
    for (const char* command : {"check", "run"}) {
      const auto result = streamlab({command, config}, dir.path().string());
      EXPECT_EQ(result.exit_code, 2) << other << result.err;
      EXPECT_EQ(result.err, config + ": /nodes/2/config/path (\"sink1\"): \"" + other +
                                "\" is written by /nodes/1 already; expected another file\n");
    }
    EXPECT_FALSE(fs::exists(dir.file("z.wav"))) << other;
  }
}

// `config` in the file flow.json is refused for "what", and `kept` is still what it was.
void expect_refused(const TempDir& dir, const std::string& kept, const std::vector<std::string>& command,
                    const std::string& what, const std::string& input = {}) {
  const std::string before = content_of(kept);
  const auto result = streamlab(command, dir.path().string(), input);
  EXPECT_EQ(result.exit_code, 2) << result.err;
  EXPECT_THAT(result.err, HasSubstr(what));
  EXPECT_EQ(content_of(kept), before) << what;
}

TEST(OutputFiles, AreNeverTheConfiguration) {
  const TempDir dir;
  for (const std::string spelling : {"config.json", "./config.json"}) {
    for (const std::string type : {"CsvSink", "JsonlSink"}) {
      const std::string config = dir.write("config.json", tone_to({sink(type, spelling)}));
      expect_refused(dir, config, {"run", "config.json", "--force"},
                     "/nodes/1/config/path (\"sink0\"): \"" + spelling + "\" is this configuration");
    }
  }
}

TEST(OutputFiles, AreNeverTheFileThatBecameAStandardStream) {
  const TempDir dir;
  const std::string config = dir.write("config.json", tone_to({sink("CsvSink", "config.json")}));
  const std::string before = content_of(config);
  const auto in = run_program({"/bin/sh", "-c", std::string(SL_STREAMLAB) + " run - --force < config.json"},
                              dir.path().string());
  EXPECT_EQ(in.exit_code, 2) << in.err;
  EXPECT_THAT(in.err, HasSubstr("\"config.json\" is standard input"));
  EXPECT_EQ(content_of(config), before);
  dir.write("out.json", tone_to({sink("CsvSink", "out.csv")}));
  for (const std::string path : {"out.csv", "/dev/stdout"}) {
    dir.write("out.json", tone_to({sink("CsvSink", path)}));
    const auto out =
        run_program({"/bin/sh", "-c", std::string(SL_STREAMLAB) + " run out.json --force > out.csv"},
                    dir.path().string());
    EXPECT_EQ(out.exit_code, 2) << out.err;
    EXPECT_THAT(out.err, HasSubstr("\"" + path + "\" is standard output"));
  }
}

TEST(OutputFiles, AreNeverWhatASimulatedCardReads) {
  const TempDir dir;
  const std::string voice = dir.write("voice.wav", content_of(kVoice));
  const std::string card = dir.write("card.json", R"({"clock": "virtual", "input": "voice.wav"})");
  const auto graph = [&](const std::string& device, const std::string& type, const std::string& path) {
    return dir.write("live.json", R"({"version": 1, "nodes": [
      {"id": "mic", "type": "AudioInput", "config": {)" +
                                      device + R"(}},
      {"id": "out", "type": ")" + type +
                                      R"(", "config": {"path": ")" + path + R"("}}],
      "connections": [{"from": "mic", "to": "out"}]})");
  };
  const std::string script = R"("device": "sim", "sim": {"clock": "virtual", "input": "voice.wav"})";
  for (const std::string& device :
       {std::string(R"("device": "sim:card.json")"), std::string(R"("device": "sim:voice.wav")"),
        std::string(R"("device": "file:voice.wav")"), script}) {
    const std::string config = graph(device, "FileSink", "./voice.wav");
    expect_refused(dir, voice, {"run", config, "--force"}, "\"./voice.wav\" is read by this graph");
  }
  const std::string config = graph(R"("device": "sim:card.json")", "JsonlSink", "card.json");
  expect_refused(dir, card, {"run", config, "--force"}, "\"card.json\" is read by this graph");
  expect_refused(dir, voice,
                 {"record", "--device", "file:voice.wav", "--seconds", "1", "--force", "./voice.wav"},
                 "record: \"./voice.wav\" is read by this graph");
}

TEST(OutputFiles, AreNeverWhatASimulatedCardPlaysInto) {
  const TempDir dir;
  const std::string kept = dir.write("voice.wav", content_of(kVoice));
  const auto graph = [&](const std::string& playback_to, const std::string& path) {
    return dir.write("play.json", R"({"version": 1, "nodes": [
      {"id": "in", "type": "FileSource", "config": {"path": "voice.wav"}},
      {"id": "log", "type": "FileSink", "config": {"path": ")" +
                                      path + R"("}},
      {"id": "speaker", "type": "AudioOutput", "config": {"device": "sim", "sim": {
          "clock": "virtual", "output_channels": 1, "playback_to": ")" +
                                      playback_to + R"(", "overwrite": true}}}],
      "connections": [{"from": "in", "to": "speaker"}, {"from": "in", "to": "log"}]})");
  };
  expect_refused(dir, kept, {"check", graph("./voice.wav", "log.wav")},
                 "/nodes/2/config/sim/playback_to (\"speaker\"): \"./voice.wav\" is read by this graph");
  expect_refused(dir, kept, {"check", graph("out.wav", "./out.wav")},
                 "/nodes/2/config/sim/playback_to (\"speaker\"): \"out.wav\" is written by /nodes/1 already");
}

TEST(OutputFiles, AreNeverWhatACommandIsTold) {
  const TempDir dir;
  const std::string filter = dir.write("filter.sh", "cat\n");
  const std::string config = dir.write("process.json", R"({"version": 1,
    "pipeline_config": {"sample_rate": 48000, "duration_s": 0.1}, "nodes": [
      {"id": "tone", "type": "SineGenerator"},
      {"id": "own", "type": "Process", "config": {"command": ["sh", "filter.sh"]}},
      {"id": "out", "type": "CsvSink", "config": {"path": "./filter.sh"}}],
      "connections": [{"from": "tone", "to": "own"}, {"from": "own", "to": "out"}]})");
  expect_refused(dir, filter, {"run", config, "--force"}, "\"./filter.sh\" is in the command of /nodes/1");
}

TEST(OutputFiles, OfABatchAreNeverItsConfigurationOrAnotherInput) {
  const TempDir dir;
  const auto graph = [&](const std::string& path) {
    return dir.write("batch.json", R"({"version": 1, "nodes": [
      {"id": "in", "type": "FileSource", "config": {"path": "${input}"}},
      {"id": "out", "type": "CsvSink", "config": {"path": ")" +
                                       path + R"("}}],
      "connections": [{"from": "in", "to": "out"}]})");
  };
  const std::string other = dir.write("other.wav", content_of(kVoice));
  const std::string config = graph("./batch.json");
  expect_refused(dir, config, {"batch", "batch.json", kVoice, "--force"},
                 "would go to \"./batch.json\", which is the configuration");
  expect_refused(dir, other, {"batch", graph("other.wav"), kVoice, "./other.wav", "--force"},
                 "would go to \"other.wav\", which is an input");
}

// A hard link is another name of an input, which no path tells. What is written is a new file of that name.
TEST(OutputFiles, ThatAreHardLinksOfAnInputLeaveIt) {
  const TempDir dir;
  const std::string input = dir.write("in.wav", content_of(kVoice));
  for (const std::string type : {"FileSink", "CsvSink", "JsonlSink"}) {
    fs::remove(dir.file("link.wav"));
    fs::create_hard_link(input, dir.file("link.wav"));
    const std::string config = dir.write("a.json", R"({"nodes": [
        {"id": "in", "type": "FileSource", "config": {"path": "in.wav"}}, {"id": "out", )" +
                                                       sink(type, "link.wav").substr(1) +
                                                       R"(], "connections": [{"from": "in", "to": "out"}]})");
    const auto result = streamlab({"run", config, "--force"}, dir.path().string());
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(content_of(input) == content_of(kVoice), true) << type;
    EXPECT_FALSE(fs::equivalent(input, dir.file("link.wav"))) << type;
  }
}

// ---- flows

std::string flow_of(const std::string& nodes, const std::string& edges) {
  return R"({"nodes": [)" + nodes + R"(], "edges": [)" + edges + "]}";
}

TEST(OutputFiles, OfGraphsInAFlowAreNeitherTheFlowNorItsStateNorAGraph) {
  const TempDir dir;
  const std::string state = dir.write("state.json", R"({"a": 1})");
  const std::string flow = dir.write("flow.json", flow_of(R"({"name": "first", "graph": "graph.json"})",
                                                          R"({"from": "__start__", "to": "first"})"));
  const auto expect = [&](const std::string& path, const std::string& what) {
    const std::string graph = dir.write("graph.json", tone_to({sink("CsvSink", path)}));
    expect_refused(
        dir, dir.file(path), {"run", "flow.json", "--state", "@state.json", "--force"},
        "flow.json: /nodes/0/graph: graph.json: /nodes/1/config/path (\"sink0\"): \"" + path + "\" " + what);
  };
  expect("./flow.json", "is this flow");
  expect("./state.json", "is the state that was given");
  expect("./graph.json", "is this configuration");
}

TEST(OutputFiles, OfGraphsThatRunAtTheSameTimeDiffer) {
  const TempDir dir;
  dir.write("one.json", tone_to({sink("FileSink", "z.wav")}));
  dir.write("two.json", tone_to({sink("FileSink", "./z.wav")}));
  const std::string nodes = R"({"name": "one", "graph": "one.json"}, {"name": "two", "graph": "two.json"})";
  const std::string flow =
      dir.write("flow.json", flow_of(nodes, R"({"from": "__start__", "to": ["one", "two"]})"));
  for (const char* command : {"check", "run"}) {
    const auto result = streamlab({command, "flow.json"}, dir.path().string());
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_EQ(
        result.err,
        "flow.json: /nodes/1/graph: two.json: /nodes/1/config/path (\"sink0\"): \"./z.wav\" is written by one at the "
        "same time; expected another file\n");
  }
  dir.write("flow.json",
            flow_of(nodes, R"({"from": "__start__", "to": "one"}, {"from": "one", "to": "two"})"));
  EXPECT_EQ(streamlab({"check", flow}, dir.path().string()).exit_code, 0);  // one after the other
}

TEST(OutputFiles, IncludeTheProgressOfAFlow) {
  const TempDir dir;
  const std::string state = dir.write("state.json", R"({"a": 1})");
  const std::string graph = dir.write("graph.json", tone_to({sink("CsvSink", "flow.json.progress")}));
  const std::string flow = dir.write(
      "flow.json", flow_of(R"(
      {"name": "first", "shell": "sh", "run": "touch started", "interrupt_after": true},
      {"name": "second", "graph": "graph.json"})",
                           R"({"from": "__start__", "to": "first"}, {"from": "first", "to": "second"})"));
  const std::string notes = dir.write("notes.txt", "not to be lost");
  const auto save = [&](const std::string& path) {
    return std::vector<std::string>{"run", "flow.json", "--state", "@state.json", "--save", path, "--force"};
  };
  expect_refused(dir, flow, save("./flow.json"),
                 "--save: \"./flow.json\" is this flow; expected another file for the progress\n");
  expect_refused(dir, state, save("./state.json"), "--save: \"./state.json\" is the state that was given");
  expect_refused(dir, graph, save("./graph.json"), "--save: \"./graph.json\" is a graph of this flow");
  expect_refused(dir, notes, {"run", "flow.json"}, "\"flow.json.progress\" takes the progress of this flow");
  expect_refused(dir, notes, {"run", "flow.json", "--save", "notes.txt"},
                 "notes.txt: already exists; --resume continues from it, --force replaces it\n");
  EXPECT_FALSE(fs::exists(dir.file("started")));
  EXPECT_EQ(streamlab(save("notes.txt"), dir.path().string()).exit_code, 0);
  EXPECT_THAT(content_of(notes), HasSubstr("streamlab_flow_progress"));
}

TEST(OutputFiles, OfProgressAreRegularAndLinksStayLinks) {
  const TempDir dir;
  dir.write("flow.json",
            flow_of(R"(
      {"name": "first", "shell": "sh", "run": "touch started", "interrupt_after": true},
      {"name": "second", "run": "return {}"})",
                    R"({"from": "__start__", "to": "first"}, {"from": "first", "to": "second"})"));
  // (A FIFO here, for it is no more regular than /dev/full, which a failing test would replace.)
  ASSERT_EQ(::mkfifo(dir.file("fifo").c_str(), 0600), 0);
  fs::create_directory(dir.file("folder"));
  fs::create_symlink("fifo", dir.file("to_fifo"));
  for (const auto& [path, what] :
       {std::pair<std::string, std::string>{"fifo", "exists but is not a regular file"},
        {"to_fifo", "exists but is not a regular file"},
        {"folder", "is a directory"}}) {
    const auto result = streamlab({"run", "flow.json", "--save", path, "--force"}, dir.path().string());
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_EQ(result.err, path + ": " + what + "; expected a file\n");
    EXPECT_FALSE(fs::exists(dir.file("started")));
  }
  EXPECT_TRUE(fs::is_fifo(dir.file("fifo")));

  dir.write("target", "an old one");
  dir.write("link.new", "somebody's own");
  dir.write("target.new", "somebody's own, too");
  fs::create_symlink("target", dir.file("link"));
  const auto saved = streamlab({"run", "flow.json", "--save", "link", "--force"}, dir.path().string());
  EXPECT_EQ(saved.exit_code, 0) << saved.err;
  EXPECT_TRUE(fs::is_symlink(dir.file("link")));
  EXPECT_THAT(content_of(dir.file("target")), HasSubstr("streamlab_flow_progress"));
  EXPECT_EQ(content_of(dir.file("link.new")), "somebody's own");
  EXPECT_EQ(content_of(dir.file("target.new")), "somebody's own, too");
  EXPECT_EQ(streamlab({"run", "flow.json", "--save", "link", "--resume"}, dir.path().string()).exit_code, 0);
  EXPECT_FALSE(fs::exists(dir.file("target")));
}

// ---- refused at check; replaced when complete

std::string copy_config(const TempDir& dir, const std::string& input, const std::string& path,
                        const std::string& more = "") {
  return dir.write("copy.json", R"({"version": 1, "nodes": [
      {"id": "in", "type": "FileSource", "config": {"path": ")" +
                                    input + R"("}},
      {"id": "out", "type": "FileSink", "config": {"path": ")" +
                                    path + R"("}})" + more +
                                    R"(], "connections": [{"from": "in", "to": "out"}]})");
}

TEST(OutputFiles, AreRefusedAtCheckWhereTheWriterWouldRefuseThem) {
  const TempDir dir;
  const std::string old = dir.write("take.flac", "an old one");
  const auto tone_at = [&](const std::string& rate) {
    std::string text = tone_to({sink("FileSink", "take.flac")});
    return dir.write("tone.json", text.replace(text.find("48000"), 5, rate));
  };
  for (const char* command : {"check", "run"}) {
    std::vector<std::string> arguments{command, tone_at("96001")};
    if (arguments[0] == "run") { arguments.emplace_back("--force"); }
    const auto result = streamlab(arguments, dir.path().string());
    EXPECT_EQ(result.exit_code, 2) << result.err;
    EXPECT_THAT(
        result.err,
        HasSubstr(
            "/nodes/1/config/format (\"sink0\"): FLAC cannot hold a sample rate of 96001 Hz; expected a "
            "whole number of Hz, 1 .. 65535, or a multiple of 10 up to 655350"));
    EXPECT_EQ(content_of(old), "an old one");
  }
  // What check takes, run writes.
  for (const char* rate : {"8000", "65535", "65540", "96000", "655350"}) {
    ASSERT_EQ(streamlab({"check", tone_at(rate)}, dir.path().string()).exit_code, 0) << rate;
    const auto result = streamlab({"run", tone_at(rate), "--force", "--frames", "10"}, dir.path().string());
    EXPECT_EQ(result.exit_code, 0) << rate << result.err;
    EXPECT_EQ(content_of(old).substr(0, 4), "fLaC");
  }
}

TEST(OutputFiles, AreRefusedAtCheckWhereTheyCannotBe) {
  const TempDir dir;
  fs::create_directory(dir.file("folder"));
  dir.write("file", "");
  ASSERT_EQ(::mkfifo(dir.file("fifo").c_str(), 0600), 0);
  const std::string here = fs::canonical(dir.path()).string();
  for (const std::string type : {"FileSink", "CsvSink", "JsonlSink"}) {
    const std::string more = type == "FileSink" ? R"(, "format": "wav")" : "";
    for (const auto& [path, what] :
         {std::pair<std::string, std::string>{
              "none/a", "cannot be created: \"" + here + "/none\": No such file or directory"},
          {"file/a", "cannot be created: \"" + here + "/file\" is not a folder"},
          {"folder", "is a directory"},
          {"fifo", "exists but is not a regular file"}}) {
      std::string node = sink(type, path);
      node.insert(node.size() - 2, more);
      const std::string config = dir.write("tone.json", tone_to({node}));
      for (const char* command : {"check", "run"}) {
        const auto result = streamlab({command, config}, dir.path().string());
        EXPECT_EQ(result.exit_code, 2) << path;
        EXPECT_THAT(result.err, HasSubstr("/nodes/1/config/path (\"sink0\"): \"" + path + "\" " + what));
      }
    }
  }
  const auto record =
      streamlab({"record", "--device", "sim", "--seconds", "1", "none/a.wav"}, dir.path().string());
  EXPECT_EQ(record.exit_code, 2);
  EXPECT_THAT(record.err, HasSubstr("record: \"none/a.wav\" cannot be created"));
}

TEST(OutputFiles, ThatExistAreNotedByCheck) {
  const TempDir dir;
  dir.write("take.wav", "an old one");
  const std::string config = dir.write("tone.json", tone_to({sink("FileSink", "take.wav")}));
  const auto result = streamlab({"check", config}, dir.path().string());
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "note: \"take.wav\" already exists: a run needs --force to replace it\n");
  dir.write("a\nb.wav", "an old one");
  const auto named = streamlab({"check", dir.write("tone.json", tone_to({sink("FileSink", "a\\nb.wav")}))},
                               dir.path().string());
  EXPECT_EQ(named.err, "note: \"a\\nb.wav\" already exists: a run needs --force to replace it\n");
}

TEST(OutputFiles, OfARunThatCannotStartLeaveNothingAndReplaceNothing) {
  const TempDir dir;
  const std::string old = dir.write("old.wav", "an old one");
  dir.write("taken.jsonl", "an old one, too");
  std::string forced = sink("FileSink", "old.wav");
  forced.insert(forced.size() - 2, R"(, "overwrite": true)");
  // The third sink may not replace its file; those before it are open by then.
  const std::string config =
      dir.write("tone.json", tone_to({forced, sink("CsvSink", "new.csv"), sink("JsonlSink", "taken.jsonl")}));
  const auto result = streamlab({"run", config}, dir.path().string());
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("\"taken.jsonl\" exists already"));
  EXPECT_EQ(content_of(old), "an old one");
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(dir.path())) { names.push_back(entry.path().filename()); }
  EXPECT_THAT(names, testing::UnorderedElementsAre("old.wav", "taken.jsonl", "tone.json"));
}

TEST(OutputFiles, OfARunThatFailsReplaceNothing) {
  const TempDir dir;
  // The card changes its rate after 0.2 s, which ends the run.
  const auto graph = [&](const std::string& type, const std::string& path) {
    return dir.write("live.json", R"({"version": 1, "nodes": [
      {"id": "mic", "type": "AudioInput", "config": {"device": "sim", "sim": {
          "clock": "virtual", "input": {"counting": true}, "input_channels": 1, "frames": 48000,
          "faults": [{"at_frame": 9600, "type": "rate_change", "sample_rate_hz": 44100}]}}},
      {"id": "out", "type": ")" + type +
                                      R"(", "config": {"path": ")" + path + R"("}}],
      "connections": [{"from": "mic", "to": "out"}]})");
  };
  for (const auto& [type, path] : {std::pair<std::string, std::string>{"FileSink", "a.wav"},
                                   {"FileSink", "a.flac"},
                                   {"CsvSink", "a.csv"},
                                   {"JsonlSink", "a.jsonl"}}) {
    const std::string old = dir.write(path, "an old one");
    const auto result = streamlab({"run", graph(type, path), "--force"}, dir.path().string());
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_THAT(result.err, HasSubstr(path + ": the old file was kept; the new one is incomplete, and is \"" +
                                      fs::canonical(dir.path()).string() + "/" + path + ".new\""));
    EXPECT_EQ(content_of(old), "an old one");
    EXPECT_GT(fs::file_size(old + ".new"), 1000U) << path;  // what had come is not lost
    fs::remove(old);
    // Without an old file it is where it was asked for.
    EXPECT_EQ(streamlab({"run", graph(type, path)}, dir.path().string()).exit_code, 1);
    EXPECT_EQ(content_of(old), content_of(old + ".new"));
  }
}

TEST(OutputFiles, AreReplacedWhenTheyAreComplete) {
  const TempDir dir;
  const std::string old = dir.write("a.wav", "an old one");
  fs::create_symlink("a.wav", dir.file("link.wav"));
  EXPECT_EQ(
      streamlab({"run", copy_config(dir, kVoice, "link.wav"), "--force"}, dir.path().string()).exit_code, 0);
  EXPECT_EQ(content_of(old).substr(0, 4), "RIFF");
  EXPECT_TRUE(fs::is_symlink(dir.file("link.wav")));
  EXPECT_FALSE(fs::exists(dir.file("a.wav.new")));
}

TEST(OutputFiles, OfASimulatedCardAreNotTouchedByCheck) {
  const TempDir dir;
  const std::string config = dir.write("play.json", std::string(R"({"version": 1, "nodes": [
      {"id": "in", "type": "FileSource", "config": {"path": ")") +
                                                        kVoice + R"("}},
      {"id": "speaker", "type": "AudioOutput", "config": {"device": "sim", "sim": {
          "clock": "virtual", "output_channels": 1, "playback_to": "out.wav", "overwrite": true}}}],
      "connections": [{"from": "in", "to": "speaker"}]})");
  EXPECT_EQ(streamlab({"check", config}, dir.path().string()).exit_code, 0);
  EXPECT_FALSE(fs::exists(dir.file("out.wav")));
  const std::string old = dir.write("out.wav", "an old one");
  EXPECT_EQ(streamlab({"check", config}, dir.path().string()).exit_code, 0);
  EXPECT_EQ(content_of(old), "an old one");
  const auto run = streamlab({"run", config, "--seconds", "0.1"}, dir.path().string());
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(content_of(old).substr(0, 4), "RIFF");
}

TEST(OutputFiles, HaveNoNulInTheirNames) {
  const TempDir dir;
  for (const char* type : {"FileSink", "CsvSink", "JsonlSink"}) {
    const std::string config = dir.write("nul.json", tone_to({sink(type, "a.wav\\u0000b.wav")}));
    const auto result = streamlab({"check", config}, dir.path().string());
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_EQ(
        result.err,
        config +
            R"(: /nodes/1/config/path ("sink0"): "a.wav\u0000b.wav" holds a NUL character; expected a text without)"
            "\n");
    EXPECT_FALSE(fs::exists(dir.file("a.wav")));
  }
}

// The file would get the free descriptor, and the text meant for a terminal would be written into the recording.
TEST(OutputFiles, HoldNoTextWhereAStandardStreamIsClosed) {
  const TempDir dir;
  const std::string config = dir.write("tone.json", tone_to({sink("FileSink", "tone.wav")}));
  const auto recorded = [&](const std::string& redirection) {
    const std::string command = std::string(SL_STREAMLAB) + " run --force " + config + redirection;
    run_program({"/bin/sh", "-c", command}, dir.path().string());
    return content_of(dir.file("tone.wav"));
  };
  const std::string whole = recorded("");
  ASSERT_GT(whole.size(), 9600U);
  for (const char* closed : {" >&-", " 2>&-", " >&- 2>&-", " <&- >&- 2>&-", " --json >&-"}) {
    EXPECT_EQ(recorded(closed) == whole, true) << closed;
  }
}

// What should have been shown is lost: the run says so, and fails.
TEST(OutputFiles, AreOfNoUseWhereAClosedStreamIsWritten) {
  const TempDir dir;
  const std::string config =
      dir.write("show.json", tone_to({R"({"type": "Print"})", sink("FileSink", "tone.wav")}));
  const auto result = run_program({"/bin/sh", "-c", std::string(SL_STREAMLAB) + " run " + config + " >&-"},
                                  dir.path().string());
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("standard output: cannot be written: Bad file descriptor"));
}

}  // namespace
}  // namespace streamlab::test
