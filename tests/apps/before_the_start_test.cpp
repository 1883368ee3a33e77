// tests/apps/before_the_start_test.cpp
//
// What run and check say of a graph that is valid, before anything starts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/apps/streamlab_runner.hpp"

namespace streamlab::test {
namespace {

using testing::HasSubstr;

// Nobody reads the meter: that is hardly meant.
TEST(BeforeTheStart, SaysWhatNobodyReads) {
  const TempDir dir;
  const std::string config = dir.write("a.json", R"({"pipeline_config": {"duration_s": 0.1}, "nodes": [
      {"id": "tone", "type": "SineGenerator"}, {"id": "level", "type": "LevelMeter"}],
      "connections": [{"from": "tone", "to": "level"}]})");
  const std::string note = "note: nobody reads what \"level\" (LevelMeter) gives: no connection leaves it\n";
  for (const char* command : {"run", "check"}) {
    const auto result = streamlab({command, config});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_THAT(result.err, testing::StartsWith(note)) << command;
  }
  EXPECT_EQ(streamlab({"run", config, "--quiet"}).err, "");
}

// Mistakes of different kinds are said in one go: an output that exists, one that cannot be, a file that is not there.
TEST(BeforeTheStart, SaysAllThatIsRefusedTogether) {
  const TempDir dir;
  dir.write("a.jsonl", "precious");
  const std::string config = dir.write("a.json", R"({"nodes": [
      {"id": "file", "type": "FileSource", "config": {"path": "none.wav"}},
      {"id": "log", "type": "JsonlSink", "config": {"path": "a.jsonl"}},
      {"id": "copy", "type": "FileSink", "config": {"path": "~/none/a.wav"}}],
      "connections": [{"from": "file", "to": "log"}, {"from": "file", "to": "copy"}]})");
  const auto result = streamlab({"run", config}, dir.path().string());
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("/nodes/0/config/path (\"file\"): \"none.wav\" does not exist\n"));
  EXPECT_THAT(result.err, HasSubstr("\"a.jsonl\" exists already; use --force"));
  EXPECT_THAT(result.err,
              HasSubstr("; only a shell knows \"~\": in a configuration \"${env:HOME}/none/a.wav\""));
}

}  // namespace
}  // namespace streamlab::test
