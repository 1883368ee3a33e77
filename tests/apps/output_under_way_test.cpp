// tests/apps/output_under_way_test.cpp
//
// What somebody does to an output while it is written: at its end a run says that the file is gone, and no second run
// takes its place.
#include <filesystem>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/apps/streamlab_runner.hpp"
#include "tests/apps/voice.hpp"

namespace streamlab::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// A graph that is under way as long as its standard input is: raw mono sound into `sink`.
std::string sink_config(const TempDir& dir, const std::string& type, const std::string& path) {
  return dir.write("sink.json", fmt::format(R"({{"version": 1, "nodes": [
      {{"id": "in", "type": "PipeSource", "config": {{"format": "f32le", "channels": 1, "sample_rate": 48000}}}},
      {{"id": "out", "type": "{}", "config": {{"path": "{}", "overwrite": true}}}}],
      "connections": [{{"from": "in", "to": "out"}}]}})",
                                            type, path));
}

// Runs `change` in a shell once the graph has made `made`, and ends the input of the graph then.
ProgramResult run_and(const TempDir& dir, const std::string& made, const std::string& change) {
  const std::string line = fmt::format(
      "{{ head -c 40000 /dev/zero; until [ -s {} ]; do sleep 0.01; done; {}; head -c 40000 /dev/zero; }} | {} run "
      "sink.json",
      made, change, SL_STREAMLAB);
  return run_program({"/bin/sh", "-c", line}, dir.path().string());
}

struct Output {
  const char* type;
  const char* path;
};
constexpr Output kOutputs[] = {
    {"FileSink", "out.wav"}, {"FileSink", "out.flac"}, {"CsvSink", "out.csv"}, {"JsonlSink", "out.jsonl"}};

TEST(OutputUnderWay, ThatIsRemovedMovedOrReplacedFailsTheRun) {
  for (const auto& [type, path] : kOutputs) {
    for (const auto& [change, said] :
         {std::pair<std::string, std::string>{"rm {0}",
                                              "was removed while it was written: what was written is lost"},
          {"mv {0} moved", "was moved while it was written: it is \""},
          {"echo other > other; mv other {0}", "was replaced by another file while it was written"}}) {
      const TempDir dir;
      sink_config(dir, type, path);
      const auto result = run_and(dir, path, fmt::format(fmt::runtime(change), path));
      EXPECT_EQ(result.exit_code, 1) << result.err;
      EXPECT_THAT(result.err, HasSubstr(fmt::format("sink.json: {}: ", path)));
      EXPECT_THAT(result.err, HasSubstr(said));
    }
  }
}

TEST(OutputUnderWay, BesideAnOldFileIsNamedOnlyWhereItIs) {
  for (const auto& [type, path] : kOutputs) {
    const TempDir dir;
    const std::string old = dir.write(path, "old");
    sink_config(dir, type, path);
    const auto result = run_and(dir, std::string(path) + ".new", fmt::format("rm {}.new", path));
    EXPECT_EQ(result.exit_code, 1) << result.err;
    EXPECT_THAT(result.err,
                HasSubstr(fmt::format(
                    "the new file, \"{}.new\", was removed while it was written: what was written is "
                    "lost; the old file was kept",
                    fs::canonical(old).string())));
    EXPECT_THAT(result.err, testing::Not(HasSubstr("and is \"")));
    EXPECT_EQ(content_of(old), "old");
  }
}

// With or without an old file: what another run is writing is not replaced, whatever is allowed.
TEST(OutputUnderWay, IsNotReplacedByASecondRun) {
  for (const bool has_old : {false, true}) {
    const TempDir dir;
    if (has_old) { dir.write("out.wav", "old"); }
    sink_config(dir, "FileSink", "out.wav");
    dir.write("second.json", fmt::format(R"({{"version": 1, "nodes": [
        {{"id": "in", "type": "FileSource", "config": {{"path": "{}"}}}},
        {{"id": "out", "type": "FileSink", "config": {{"path": "out.wav", "overwrite": true}}}}],
        "connections": [{{"from": "in", "to": "out"}}]}})",
                                         kVoice));
    const std::string second = fmt::format(
        "{0} run second.json --force </dev/null 2>run; echo $? >>run; "
        "{0} batch second.json {1} --force </dev/null 2>batch; echo $? >>batch; "
        "{0} record --device sim --seconds 0.1 --force ./out.wav </dev/null 2>record; echo $? >>record; "
        "{0} check second.json </dev/null >/dev/null 2>check; echo $? >>check",
        SL_STREAMLAB, kVoice);
    const auto first = run_and(dir, has_old ? "out.wav.new" : "out.wav", second);
    EXPECT_EQ(first.exit_code, 0) << first.err;
    EXPECT_EQ(content_of(dir.file("run")),
              "second.json: /nodes/1/config/path: \"out.wav\" is being written by another run; expected "
              "another name, or to wait for its end\n2\n");
    EXPECT_THAT(content_of(dir.file("batch")), HasSubstr("\"out.wav\" is being written by another run"));
    EXPECT_THAT(content_of(dir.file("batch")),
                testing::EndsWith("2\n"));  // as of a batch of which all files are refused
    EXPECT_EQ(content_of(dir.file("record")),
              "record: \"./out.wav\" is being written by another run; expected another name, or to "
              "wait for its end\n2\n");
    EXPECT_EQ(content_of(dir.file("check")), "note: \"out.wav\" is being written by another run\n0\n");
    const auto info = streamlab({"info", dir.file("out.wav")});
    EXPECT_THAT(info.out, HasSubstr("20000 frames"));
  }
}

TEST(OutputUnderWay, OfRecordThatIsRemovedFailsTheRecording) {
  const TempDir dir;
  const std::string line = fmt::format(
      "{} record --device sim van/take.wav & until [ $(stat -c %s van/take.wav || echo 0) -gt 20000 ]; do sleep 0.01; "
      "done 2>/dev/null; rm -r van; kill $!; wait $!",
      SL_STREAMLAB);
  fs::create_directory(dir.file("van"));
  const auto result = run_program({"/bin/sh", "-c", line}, dir.path().string());
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_THAT(result.err, HasSubstr("was removed while it was written: what was written is lost"));
}

// The table of a batch, which is PATH.part until its end.
TEST(OutputUnderWay, OfATableThatIsRemovedFailsTheBatch) {
  const TempDir dir;
  dir.write("levels.json", R"({"version": 1, "nodes": [
      {"id": "in", "type": "FileSource", "config": {"path": "${input}"}},
      {"id": "rm", "type": "Process", "config": {"command": ["sh", "-c", "rm all.csv.part; cat"]}},
      {"id": "level", "type": "LevelMeter", "config": {"interval_s": 0.5}}, {"id": "show", "type": "Print"}],
      "connections": [{"from": "in", "to": "rm"}, {"from": "rm", "to": "level"}, {"from": "level", "to": "show"}]})");
  const auto result = streamlab({"batch", "levels.json", kVoice, "--csv", "all.csv"}, dir.path().string());
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_THAT(result.err,
              HasSubstr("all.csv: its \"" + fs::canonical(dir.path()).string() +
                        "/all.csv.part\" was removed while it was written: what was written is lost"));
  EXPECT_FALSE(fs::exists(dir.file("all.csv")));
}

}  // namespace
}  // namespace streamlab::test
