// tests/apps/process_documents_test.cpp
//
// The examples of docs/process-streams.md that stand in no file of their own, run as they stand.
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/apps/streamlab_runner.hpp"
#include "tests/apps/voice.hpp"

namespace streamlab::test {
namespace {

using nlohmann::json;

// The only block of that language.
std::string quoted_in_the_document(const std::string& language) {
  std::istringstream document(content_of(std::string(SL_CONFIGS) + "/../docs/process-streams.md"));
  std::string block;
  int blocks = 0;
  bool is_inside = false;
  for (std::string line; std::getline(document, line);) {
    if (line == "```" + language) {
      ++blocks;
      is_inside = true;
    } else if (line == "```") {
      is_inside = false;
    } else if (is_inside) {
      block += line + "\n";
    }
  }
  EXPECT_EQ(blocks, 1) << language;
  return block;
}

TEST(ProcessDocuments, AShellTakesAndGivesTheStateAsItSays) {
  const TempDir folder;
  const json flow{{"nodes", {{{"name", "shell"}, {"shell", "sh"}, {"run", quoted_in_the_document("sh")}}}},
                  {"edges", {{{"from", "__start__"}, {"to", "shell"}}}}};
  const auto result =
      streamlab({"run", folder.write("flow.json", flow.dump()), "--state", R"({"rate": 24000})"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(json::parse(result.out), json::parse(R"({"rate": 24000, "doubled": 48000})"));
}

TEST(ProcessDocuments, TheProcessNodeRunsAsItStands) {
  const TempDir folder;
  const json node = json::parse(quoted_in_the_document("json"));
  const json graph{{"version", 1},
                   {"nodes",
                    {{{"id", "file"}, {"type", "FileSource"}, {"config", {{"path", kVoice}}}},
                     node,
                     {{"id", "end"}, {"type", "NullSink"}}}},
                   {"connections", {{{"from", "file"}, {"to", "eq"}}, {{"from", "eq"}, {"to", "end"}}}}};
  const auto result = streamlab({"run", folder.write("graph.json", graph.dump())});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, testing::HasSubstr("\"sox\" held back up to "));
}

}  // namespace
}  // namespace streamlab::test
