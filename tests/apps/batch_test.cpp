// tests/apps/batch_test.cpp
//
// streamlab batch over the recordings of package alsa-utils.
#include <algorithm>
#include <filesystem>
#include <map>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/apps/streamlab_runner.hpp"
#include "tests/apps/voice.hpp"

namespace streamlab::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr std::string_view kLevels = R"({"version": 1, "nodes": [
    {"id": "file", "type": "FileSource", "config": {"path": "${input}"}},
    {"id": "level", "type": "LevelMeter", "config": {"interval_s": 0.25}},
    {"id": "show", "type": "Print", "config": {"label": "${stem}"}},
    {"id": "log", "type": "JsonlSink", "config": {"path": "levels.jsonl"}},
    {"id": "copy", "type": "FileSink", "config": {"path": "copy.wav"}}],
  "connections": [{"from": "file", "to": "level"}, {"from": "level", "to": "show"},
                  {"from": "level", "to": "log"}, {"from": "file", "to": "copy"}]})";

std::vector<std::string> voices() {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator("/usr/share/sounds/alsa")) {
    if (entry.path().extension() == ".wav") { files.push_back(entry.path().string()); }
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<std::string> batch_arguments(const std::string& config, const std::vector<std::string>& files,
                                         const std::vector<std::string>& options) {
  std::vector<std::string> arguments{"batch", config};
  arguments.insert(arguments.end(), files.begin(), files.end());
  arguments.insert(arguments.end(), options.begin(), options.end());
  return arguments;
}

// Every file below `folder` by its relative path.
std::map<std::string, std::string> tree(const std::string& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) {
      files[fs::relative(entry.path(), folder).string()] = content_of(entry.path().string());
    }
  }
  return files;
}

TEST(Batch, GivesTheSameBytesForEveryNumberOfJobs) {
  ASSERT_EQ(voices().size(), 9U);
  const TempDir dir;
  const std::string config = dir.write("levels.json", kLevels);
  std::vector<std::string> printed;
  std::vector<std::map<std::string, std::string>> written;
  for (const std::string jobs : {"1", "2", "5"}) {
    fs::create_directory(dir.file(jobs));
    const auto result =
        streamlab(batch_arguments(config, voices(), {"--jobs", jobs, "--out-dir", "out"}), dir.file(jobs));
    EXPECT_EQ(result.exit_code, 0) << result.err;
    printed.push_back(result.out);
    written.push_back(tree(dir.file(jobs)));
  }
  EXPECT_EQ(written[0].size(), 19U);
  EXPECT_TRUE(written[0].contains("out/streamlab.batch"));
  EXPECT_TRUE(written[0].contains("out/Front_Center/levels.jsonl"));
  EXPECT_TRUE(written[0].contains("out/Front_Center/copy.wav"));
  for (std::size_t i = 1; i < printed.size(); ++i) {
    EXPECT_EQ(printed[i], printed[0]);
    EXPECT_TRUE(written[i] == written[0]);
  }
  // Every file is named before its results, in the order of the command line.
  std::size_t at = 0;
  for (const std::string& file : voices()) {
    at = printed[0].find(file + "\n[" + fs::path(file).stem().string() + "] 0:00.000", at);
    ASSERT_NE(at, std::string::npos) << file;
  }
}

TEST(Batch, GivesJsonLinesThatAreTheSameForEveryNumberOfJobs) {
  const TempDir dir;
  std::string text(kLevels);
  text.replace(text.find("levels.jsonl"), 12, "${stem}.jsonl");
  text.replace(text.find("copy.wav"), 8, "${stem}.wav");
  const std::string config = dir.write("levels.json", text);
  const auto one =
      streamlab(batch_arguments(config, voices(), {"--jobs", "1", "--json"}), dir.path().string());
  ASSERT_EQ(one.exit_code, 0) << one.err;
  const auto two =
      streamlab(batch_arguments(config, voices(), {"--jobs", "2", "--json", "--force"}), dir.path().string());
  EXPECT_EQ(one.out, two.out);
  std::size_t files = 0;
  for (const auto& line : json_lines(one.out)) {
    if (line.contains("type") && line["type"] == "file") { EXPECT_EQ(line["input"], voices()[files++]); }
  }
  EXPECT_EQ(files, 9U);
  EXPECT_EQ(json_lines(one.out).back()["type"], "summary");
  EXPECT_EQ(json_lines(one.out).back()["files"], 9);
  EXPECT_TRUE(fs::exists(dir.file("Noise.jsonl")));
}

// The voices through a LevelMeter into sinks of these types, each to "-".
std::string levels_to_stdout(const TempDir& dir, const std::vector<std::string>& types) {
  std::string nodes;
  std::string connections;
  for (const std::string& type : types) {
    const std::string id = "to" + type + std::to_string(nodes.size());
    nodes += R"(, {"id": ")" + id + R"(", "type": ")" + type + "\"" +
             (type == "Print" ? "" : R"(, "config": {"path": "-"})") + "}";
    connections += R"(, {"from": "level", "to": ")" + id + R"("})";
  }
  return dir.write("stdout.json", R"({"version": 1, "nodes": [
      {"id": "file", "type": "FileSource", "config": {"path": "${input}"}},
      {"id": "level", "type": "LevelMeter", "config": {"interval_s": 0.01}})" +
                                      nodes + R"(], "connections": [{"from": "file", "to": "level"})" +
                                      connections + "]}");
}

std::string output_of(const std::string& config, const std::vector<std::string>& options) {
  const auto result = streamlab(batch_arguments(config, voices(), options));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return result.out;
}

TEST(Batch, NamesTheFileInEveryLineOfJsonOnStdoutTheSameForEveryNumberOfJobs) {
  const TempDir dir;
  EXPECT_THAT(
      streamlab({"batch", "--help"}).out,
      HasSubstr("Output and its order do not depend on --jobs;\nwhat goes to standard output names its "
                "file: before it, in \"input\" of each object, or in a column.\n"));
  const std::string config = levels_to_stdout(dir, {"JsonlSink"});
  for (const bool json : {false, true}) {
    std::vector<std::string> printed;
    for (const std::string jobs : {"1", "2", "5"}) {
      std::vector<std::string> options{"--jobs", jobs};
      if (json) { options.emplace_back("--json"); }
      printed.push_back(output_of(config, options));
      EXPECT_EQ(printed.back(), printed.front()) << jobs;
    }
    std::vector<std::string> inputs;  // in the order of their first lines
    for (const auto& line : json_lines(printed[0])) {
      if (line.contains("type")) { continue; }  // the program's own
      ASSERT_TRUE(line.contains("input"));
      if (inputs.empty() || inputs.back() != line["input"]) { inputs.push_back(line["input"]); }
    }
    EXPECT_EQ(inputs, voices());
  }
}

TEST(Batch, MakesOneTableOfTheRowsOfAllFiles) {
  const TempDir dir;
  const std::string config = levels_to_stdout(dir, {"CsvSink"});
  const std::string one = output_of(config, {"--jobs", "1"});
  EXPECT_EQ(output_of(config, {"--jobs", "2"}), one);
  std::istringstream rows(one);
  std::string row;
  std::getline(rows, row);
  EXPECT_EQ(row.substr(0, 15), "input,position,");
  std::vector<std::string> inputs;
  while (std::getline(rows, row)) {
    const std::string input = row.substr(0, row.find(','));
    if (inputs.empty() || inputs.back() != input) { inputs.push_back(input); }
  }
  EXPECT_EQ(inputs, voices());
}

TEST(Batch, NamesTheFileInWhatPrintGivesAsJson) {
  const TempDir dir;
  for (const auto& line : json_lines(output_of(levels_to_stdout(dir, {"Print"}), {"--json"}))) {
    if (line.contains("label")) { EXPECT_TRUE(line.contains("input")); }
  }
}

TEST(Batch, RefusesTwoFormatsOnStdout) {
  const TempDir dir;
  const auto refusal = [&](const std::vector<std::string>& types, const std::vector<std::string>& options) {
    const auto result = streamlab(batch_arguments(levels_to_stdout(dir, types), voices(), options));
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_EQ(result.out, "");
    return result.err.substr(result.err.find(": ") + 2);
  };
  EXPECT_EQ(
      refusal({"Print", "JsonlSink"}, {}),
      "/nodes/3/config/path (\"toJsonlSink37\"): JSON Lines on standard output, which carries text of /nodes/2; expected one "
      "format on one stream; --json makes JSON Lines of both\n");
  EXPECT_EQ(
      refusal({"JsonlSink", "Print"}, {}),
      "/nodes/3 (\"toPrint70\"): text on standard output, which carries JSON Lines of /nodes/2; expected one format on one "
      "stream; --json makes JSON Lines of both\n");
  EXPECT_EQ(
      refusal({"CsvSink"}, {"--json"}),
      "/nodes/2/config/path (\"toCsvSink0\"): a table on standard output, which carries JSON Lines of --json; expected one "
      "format on one stream; name a file\n");
  EXPECT_EQ(
      refusal({"CsvSink", "CsvSink"}, {}),
      "/nodes/3/config/path (\"toCsvSink66\"): a table on standard output, which carries a table of /nodes/2; expected one "
      "format on one stream; name a file\n");
  EXPECT_NE(output_of(levels_to_stdout(dir, {"Print", "JsonlSink"}), {"--json"}), "");
}

TEST(Batch, NamesABadFileAndGoesOn) {
  const TempDir dir;
  const std::string config = dir.write("levels.json", kLevels);
  const std::string bad = dir.write("bad.wav", "no sound at all");
  const auto result =
      streamlab({"batch", config, voices()[0], bad, voices()[1], "--out-dir", dir.file("out"), "--json"});
  EXPECT_EQ(result.exit_code, 1);  // some failed
  EXPECT_THAT(result.err, HasSubstr(bad + ": /nodes/0/config/path (\"file\"): "));
  std::vector<int> codes;
  for (const auto& line : json_lines(result.out)) {
    if (line.contains("type") && line["type"] == "file") { codes.push_back(line["exit_code"]); }
  }
  EXPECT_THAT(codes, testing::ElementsAre(0, 2, 0));
  EXPECT_FALSE(fs::exists(dir.file("out/bad")));
  EXPECT_TRUE(fs::exists(dir.file("out/" + fs::path(voices()[1]).stem().string() + "/copy.wav")));
}

// A graph that writes its levels to `path`.
std::string levels_to(const TempDir& dir, const std::string& path) {
  return dir.write("to.json", R"({"version": 1, "nodes": [
      {"id": "file", "type": "FileSource", "config": {"path": "${input}"}},
      {"id": "level", "type": "LevelMeter", "config": {"interval_s": 100}},
      {"id": "log", "type": "JsonlSink", "config": {"path": ")" +
                                  path + R"("}}],
    "connections": [{"from": "file", "to": "level"}, {"from": "level", "to": "log"}]})");
}

TEST(Batch, RefusesOutputsThatWouldMeet) {
  const TempDir dir;
  const std::string config = dir.write("levels.json", kLevels);
  const auto fixed = streamlab({"batch", config, voices()[0], voices()[1]}, dir.path().string());
  EXPECT_EQ(fixed.exit_code, 2);
  EXPECT_THAT(fixed.err, HasSubstr("${stem}"));
  EXPECT_THAT(fixed.err, HasSubstr("--out-dir"));
  fs::create_directory(dir.file("in"));
  dir.write("in/x.wav", content_of(voices()[0]));
  const auto on_input =
      streamlab({"batch", levels_to(dir, "in/x.wav"), "in/x.wav", "--force"}, dir.path().string());
  EXPECT_EQ(on_input.exit_code, 2);
  EXPECT_THAT(on_input.err, HasSubstr("would go to \"in/x.wav\", which is an input"));
}

TEST(Batch, NeverWritesOutsideOfItsFolderForTheNameOfAFile) {
  const TempDir dir;
  const std::string voice = content_of(voices()[0]);
  fs::create_directories(dir.file("in/sub"));
  for (const char* name : {"...wav", "..wav", ".wav", "....wav", "a..wav"}) {
    dir.write(std::string("in/") + name, voice);
  }
  const auto result = streamlab({"batch", levels_to(dir, "levels.jsonl"), "...wav", "..wav", ".wav",
                                 "....wav", "a..wav", "--out-dir", "../out"},
                                dir.file("in"));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  std::vector<std::string> written;
  for (const auto& [path, content] : tree(dir.file("out"))) { written.push_back(path); }
  EXPECT_THAT(written,
              testing::UnorderedElementsAre("...wav/levels.jsonl", "..wav/levels.jsonl", ".wav/levels.jsonl",
                                            "....wav/levels.jsonl", "a./levels.jsonl", "streamlab.batch"));
  EXPECT_FALSE(fs::exists(dir.file("levels.jsonl")));

  // ${input} has a folder, or is absolute: both lead away.
  dir.write("in/x.wav", voice);
  dir.write("in/y.wav", voice);
  for (const std::string& file : {std::string("../../x.wav"), dir.file("in/x.wav")}) {
    const auto away =
        streamlab({"batch", levels_to(dir, "${input}.jsonl"), file, "y.wav", "--out-dir", "out"},
                  dir.file(file.front() == '/' ? "in" : "in/sub"));
    // From in/sub there is no y.wav either: all are refused.
    EXPECT_EQ(away.exit_code, file.front() == '/' ? 1 : 2);
    EXPECT_THAT(away.err, HasSubstr(file + ": /nodes/2/config/path (\"log\"): the output would go to \""));
    EXPECT_THAT(away.err, HasSubstr("\", outside of \"out\"; expected a path below --out-dir"));
  }
  EXPECT_FALSE(fs::exists(dir.file("in/x.wav.jsonl")));
  EXPECT_TRUE(fs::exists(dir.file("in/out/y/y.wav.jsonl")));
  // By the configuration's own word it may.
  EXPECT_EQ(streamlab({"batch", levels_to(dir, dir.file("own-${stem}.jsonl")), "x.wav", "--out-dir", "out"},
                      dir.file("in"))
                .exit_code,
            0);
  EXPECT_TRUE(fs::exists(dir.file("own-x.jsonl")));
}

TEST(Batch, TakesFilesOfEveryName) {
  const TempDir dir;
  const std::vector<std::string> names{"${input}.wav", "${",    "$${stem}", "a\nb.wav", "\x1b[31m.wav",
                                       "caf\xe9.wav",  "-",     " ",        "a\"b.wav", "\\.wav",
                                       "*.wav",        "0.wav", "true",     "null"};
  for (const std::string& name : names) { dir.write(name, content_of(voices()[0])); }
  std::vector<std::string> arguments{"batch", levels_to(dir, "${stem}.jsonl"), "--out-dir", "out", "--"};
  arguments.insert(arguments.end(), names.begin(), names.end());
  const auto result = streamlab(arguments, dir.path().string());
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const auto written = tree(dir.file("out"));
  EXPECT_EQ(written.size(), names.size() + 1);
  EXPECT_TRUE(written.contains("streamlab.batch"));
  for (const std::string& name : names) {
    const std::string stem = name.find('.') == std::string::npos ? name : name.substr(0, name.rfind('.'));
    EXPECT_TRUE(written.contains(stem + "/" + stem + ".jsonl")) << name;
  }
  // JSON cannot name a file that is not UTF-8.
  const auto json = streamlab(
      {"batch", levels_to(dir, "json/${stem}.jsonl"), "caf\xe9.wav", "0.wav", "--out-dir", "out", "--json"},
      dir.path().string());
  EXPECT_EQ(json.exit_code, 1);
  EXPECT_THAT(json.err,
              HasSubstr("caf\\xe9.wav: the name of this file cannot stand in JSON Lines; expected a name "
                        "in UTF-8\n"));
  EXPECT_TRUE(fs::exists(dir.file("out/0/json/0.jsonl")));
}

TEST(Batch, TakesFilesOfOneNameFromSeveralFolders) {
  const TempDir dir;
  const std::string voice = content_of(voices()[0]);
  fs::create_directories(dir.file("album1/cd"));
  fs::create_directories(dir.file("album2/cd"));
  for (const char* file : {"01.wav", "album1/01.wav", "album2/01.wav", "album1/01.wave", "album1/cd/02.wav",
                           "album2/cd/02.wav", "album2/03.wav"}) {
    dir.write(file, voice);
  }
  const auto written_for = [&](const std::string& path, const std::vector<std::string>& files,
                               const std::vector<std::string>& options) {
    const auto before = tree(dir.path().string());
    const auto result = streamlab(batch_arguments(levels_to(dir, path), files, options), dir.path().string());
    EXPECT_EQ(result.exit_code, 0) << result.err;
    std::vector<std::string> written;
    for (const auto& [name, content] : tree(dir.path().string())) {
      if (!before.contains(name) && name != "to.json") { written.push_back(name); }
    }
    return written;
  };
  using testing::UnorderedElementsAre;
  EXPECT_THAT(
      written_for("levels", {"album1/01.wav", "./album2/01.wav", "album2/03.wav"}, {"--out-dir", "one"}),
      UnorderedElementsAre("one/album1/01/levels", "one/album2/01/levels", "one/03/levels",
                           "one/streamlab.batch"));
  EXPECT_THAT(written_for("levels", {"01.wav", dir.file("album1/01.wav"), "album2/../album2/01.wav"},
                          {"--out-dir", "two"}),
              UnorderedElementsAre("two/01/levels", "two/album1/01/levels", "two/album2/01/levels",
                                   "two/streamlab.batch"));
  EXPECT_THAT(
      written_for("levels", {"album1/01.wav", "album1/01.wave", "album2/01.wav"}, {"--out-dir", "three"}),
      UnorderedElementsAre("three/album1/01.wav/levels", "three/album1/01.wave/levels",
                           "three/album2/01/levels", "three/streamlab.batch"));
  EXPECT_THAT(
      written_for("levels", {"album1/cd/02.wav", "album2/cd/02.wav"}, {"--out-dir", "four"}),
      UnorderedElementsAre("four/album1/cd/02/levels", "four/album2/cd/02/levels", "four/streamlab.batch"));
  // Without --out-dir, by variables of the file.
  EXPECT_THAT(
      written_for("${dir}/${stem}.${ext}.jsonl", {"01.wav", "album1/01.wav", "album1/01.wave"}, {}),
      UnorderedElementsAre("01.wav.jsonl", "album1/01.wav.jsonl", "album1/01.wave.jsonl", "streamlab.batch"));
  EXPECT_THAT(written_for("take-${index}.jsonl", {"album1/01.wav", "album2/01.wav"}, {}),
              UnorderedElementsAre("take-1.jsonl", "take-2.jsonl"));
  const auto away =
      streamlab({"batch", levels_to(dir, "${dir}/levels"), dir.file("01.wav"), "--out-dir", "five"},
                dir.path().string());
  EXPECT_EQ(away.exit_code, 2);
  EXPECT_THAT(away.err, HasSubstr("outside of \"five\""));
}

TEST(Batch, RefusesFoldersWithoutSound) {
  const TempDir dir;
  fs::create_directory(dir.file("in"));
  for (const char* name : {".", "./", "x/.."}) {
    const auto result =
        streamlab({"batch", levels_to(dir, "levels.jsonl"), name, "--out-dir", "out"}, dir.file("in"));
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err, HasSubstr(std::string(name) + ": "));  // no folder, or without sound
    EXPECT_FALSE(fs::exists(dir.file("in/out")));
  }
}

TEST(Batch, PutsFilesInPlaceOfADevice) {
  const TempDir dir;
  const std::string config = dir.write("live.json", R"({"version": 1, "nodes": [
      {"id": "mic", "type": "AudioInput"},
      {"id": "level", "type": "LevelMeter", "config": {"interval_s": 100}},
      {"id": "show", "type": "Print", "config": {"label": "Level"}}],
      "connections": [{"from": "mic", "to": "level"}, {"from": "level", "to": "show"}]})");
  const auto result = streamlab(batch_arguments(config, voices(), {"--jobs", "2"}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  std::size_t blocks = 0;
  for (std::size_t at = result.out.find("[Level]"); at != std::string::npos;
       at = result.out.find("[Level]", at + 1)) {
    ++blocks;
  }
  EXPECT_EQ(blocks, 9U);
}

TEST(Batch, RefusesAConfigurationThatTakesNoFile) {
  const TempDir dir;
  const auto result = streamlab({"batch", dir.write("tone.json", tone_config(1.0)), voices()[0]});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("no place for a file"));
}

TEST(Batch, ReportsMistakesInTheConfigurationOnce) {
  const TempDir dir;
  const auto result =
      streamlab(batch_arguments(dir.write("bad.json", R"({"version": 1, "nodes": []})"), voices(), {}));
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  // And none of a file that stands for all, "item.wav", while the graph is read.
  const std::string config = dir.write("empty.json", R"({"nodes": [
      {"id": "file", "type": "FileSource", "config": {"path": "${input}"}}, {"id": "x", "type": ""}]})");
  const auto empty = streamlab({"batch", config, kVoice});
  EXPECT_EQ(empty.exit_code, 2);
  EXPECT_EQ(empty.err,
            config +
                ": /nodes/1/type (\"x\"): this is empty; expected a node type: \"streamlab nodes\" "
                "lists them\n");
}

// Two folders of results that are one: a link among them is followed before anything is written.
TEST(Batch, RefusesOutputsThatMeetBehindALink) {
  const TempDir dir;
  dir.write("a.wav", content_of(kVoice));
  dir.write("b.wav", content_of(kVoice));
  fs::create_directories(dir.file("out/b"));
  fs::create_symlink("b", dir.file("out/a"));
  const auto result = streamlab(
      {"batch", levels_to(dir, "levels.jsonl"), "a.wav", "b.wav", "--out-dir", "out"}, dir.path().string());
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("the output for \"b.wav\" would go to \"out/b/levels.jsonl\", which "
                                    "takes the output for \"a.wav\""));
  EXPECT_TRUE(fs::is_empty(dir.file("out/b")));
}

}  // namespace
}  // namespace streamlab::test
