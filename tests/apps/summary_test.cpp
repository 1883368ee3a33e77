// tests/apps/summary_test.cpp
//
// streamlab run: what did not come, and what was not read, is in its summary, by line and by JSON.
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

}  // namespace
}  // namespace streamlab::test
