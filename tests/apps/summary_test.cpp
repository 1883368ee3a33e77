// tests/apps/summary_test.cpp
//
// streamlab run: what did not come, and what was not read, is in its summary, by line and by JSON.
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/apps/streamlab_runner.hpp"

namespace streamlab::test {
namespace {

using testing::HasSubstr;

// 4800 frames of a tone through `node`.
std::string tone_through(const std::string& node) {
  return R"({"pipeline_config": {"sample_rate": 48000}, "nodes": [{"id": "tone", "type": "SineGenerator"},
      {"id": "node", )" +
         node + R"(}, {"id": "show", "type": "Print"}],
      "connections": [{"from": "tone", "to": "node"}, {"from": "node", "to": "show"}]})";
}

TEST(Summary, SaysThatAStreamWasTooShortForAResult) {
  const TempDir dir;
  const std::string config =
      dir.write("a.json", tone_through(R"("type": "Spectrum", "config": {"fft_size": 4096})"));
  const std::string said = "no spectrum: 1000 frames came, but one takes 4096 in a row";
  const auto text = streamlab({"run", config, "--frames", "1000"});
  EXPECT_EQ(text.exit_code, 0);
  EXPECT_EQ(text.out, "");
  EXPECT_THAT(text.err, HasSubstr("\n  node         " + said + "\n"));
  const auto lines = json_lines(streamlab({"run", config, "--frames", "1000", "--json"}).out);
  ASSERT_EQ(lines.size(), 1U);  // the summary
  EXPECT_EQ(
      lines[0]["notes"],
      nlohmann::json::array({{{"node", "node"}, {"text", said}, {"count", 1000}, {"data_lost", false}}}));
  // One spectrum, and nothing to say.
  const auto enough = json_lines(streamlab({"run", config, "--frames", "4096", "--json"}).out);
  ASSERT_EQ(enough.size(), 2U);
  EXPECT_THAT(enough[1]["notes"], testing::IsEmpty());
}

TEST(Summary, SaysThatAProgramDidNotReadAShortStream) {
  const TempDir dir;
  const std::string config =
      dir.write("a.json", tone_through(R"("type": "Process", "config": {"command": ["sleep", "0"]})"));
  const auto text = streamlab({"run", config, "--frames", "4800"});
  EXPECT_EQ(text.exit_code, 3);
  EXPECT_THAT(text.err, HasSubstr("\"sleep\" did not read the whole stream: frames not read: 4800"));
  EXPECT_THAT(text.err, HasSubstr("data lost    as counted above: exit code 3"));
  const auto lines = streamlab({"run", config, "--frames", "4800", "--json"});
  EXPECT_EQ(lines.exit_code, 3);
  const auto summary = json_lines(lines.out).back();
  EXPECT_EQ(summary["notes"][0]["count"], 4800);
  EXPECT_EQ(summary["notes"][0]["data_lost"], true);
  EXPECT_EQ(summary["exit_code"], 3);
}

// ESC and BEL, which a terminal obeys: from a program's standard error, and in names of plug-ins and their folders.
TEST(Summary, ShowsControlCharactersOfProgramsAndPlugins) {
  const TempDir dir;
  dir.write("esc.sh", "printf '\\033]0;x\\a said\\n' >&2; cat; exit 3\n");
  const std::string config = dir.write(
      "a.json",
      tone_through(R"("type": "Process", "config": {"command": ["sh", ")" + dir.file("esc.sh") + R"("]})"));
  const std::string name = "p\x1b[2J\a.so";
  std::filesystem::create_directory(dir.file("d\x1b[2J\a"));
  dir.write("d\x1b[2J\a/" + name, "no library");
  const std::string in_folder =
      "STREAMLAB_PLUGIN_PATH='" + dir.file("d\x1b[2J\a") + "' " SL_STREAMLAB " nodes";
  const ProgramResult results[] = {streamlab({"run", config, "--frames", "4800"}),
                                   streamlab({"run", config, "--frames", "4800", "--json"}),
                                   streamlab({"nodes", "--plugin", dir.write(name, "no library")}),
                                   streamlab({"nodes", "--plugin", dir.file("none\x1b[2J\a.so")}),
                                   run_program({"/bin/sh", "-c", in_folder})};
  for (const ProgramResult& result : results) {
    EXPECT_THAT((std::vector<int>{1, 2}), testing::Contains(result.exit_code));
    EXPECT_THAT(result.out + result.err, HasSubstr("\\u001b"));
    EXPECT_EQ((result.out + result.err).find_first_of("\x1b\a"), std::string::npos) << result.err;
  }
  EXPECT_THAT(results[0].err, HasSubstr("\"sh\" exited with status 3:\n  | \\u001b]0;x\\u0007 said\n"));
}

}  // namespace
}  // namespace streamlab::test
