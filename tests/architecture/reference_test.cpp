// tests/architecture/reference_test.cpp
//
// The documents that are made from code, and those that quote it, say what the code says.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/graph/describe.hpp"
#include "tests/architecture/source_files.hpp"

namespace streamlab {
namespace {

std::string text_of(const std::string& file) {
  std::string text;
  for (const std::string& line : test::lines_of(file)) { text += line + "\n"; }
  return text;
}

TEST(Documents, TheReferenceIsTheOneThatTheProgramPrints) {
  const std::string expected = config_reference(default_catalog());
  const std::string committed = text_of("docs/configuration.md");
  EXPECT_TRUE(committed == expected) << "./scripts/update-docs writes docs/configuration.md again";
}

// The blocks of that language between ``` lines, each with its line ends.
std::vector<std::string> quotes_of(const std::string& document, const std::string& language) {
  std::vector<std::string> quotes;
  std::string quote;
  bool is_quoted = false;
  for (const std::string& line : test::lines_of(document)) {
    if (line.starts_with("```")) {
      if (is_quoted) { quotes.push_back(quote); }
      is_quoted = line == "```" + language;
      quote.clear();
    } else if (is_quoted) {
      quote += line + "\n";
    }
  }
  return quotes;
}

TEST(Documents, TheReadmeQuotesFilesAsTheyAre) {
  const auto json = quotes_of("README.md", "json");
  ASSERT_EQ(json.size(), 1U);
  EXPECT_THAT(text_of("configs/file_analysis.json"), testing::HasSubstr(json[0]));
  const auto code = quotes_of("README.md", "cpp");
  ASSERT_EQ(code.size(), 1U);
  EXPECT_THAT(text_of("tests/install/consumer/main.cpp"), testing::HasSubstr(code[0]));
  EXPECT_THAT(text_of("README.md"), testing::HasSubstr(text_of("configs/bad/several.expected")));
}

TEST(Documents, ProcessStreamsQuotesFlowsAsTheyAre) {
  const auto flows = quotes_of("docs/process-streams.md", "yaml");
  ASSERT_EQ(flows.size(), 2U);
  EXPECT_EQ(flows[0], text_of("configs/flow_lines.yaml"));
  EXPECT_THAT(text_of("configs/flow_voice.yaml"), testing::HasSubstr(flows[1]));
  const auto code = quotes_of("docs/process-streams.md", "cpp");
  ASSERT_FALSE(code.empty());
  for (const std::string& quote : code) {
    EXPECT_THAT(text_of("apps/examples/flow_of_programs.cpp"), testing::HasSubstr(quote));
  }
}

// As the lines of a file, but for what they are indented by.
std::string without_indent(const std::string& text) {
  std::string flat;
  bool at_begin = true;
  for (const char c : text) {
    if (at_begin && c == ' ') { continue; }
    at_begin = c == '\n';
    flat += c;
  }
  return flat;
}

TEST(Documents, StreamsQuotesProgramsAndTestsAsTheyAre) {
  std::string code;
  for (const char* file : {"apps/examples/fan_out.cpp", "apps/examples/levels_at_marks.cpp",
                           "apps/examples/levels_of_batch.cpp", "apps/examples/levels_of_files.cpp",
                           "apps/examples/live_levels.cpp", "apps/examples/loudest_second.cpp",
                           "apps/examples/resume_levels.cpp", "apps/examples/unreliable_analyser.cpp",
                           "tests/run/channels_test.cpp", "tests/stream/documented_test.cpp"}) {
    code += without_indent(text_of(file));
  }
  const auto quotes = quotes_of("docs/streams.md", "cpp");
  EXPECT_FALSE(quotes.empty());
  for (const std::string& quote : quotes) { EXPECT_THAT(code, testing::HasSubstr(without_indent(quote))); }
}

TEST(Documents, MigrationAndResultsQuoteTheirTestsAsTheyAre) {
  for (const char* name : {"migration", "results"}) {
    const std::string code = without_indent(text_of(fmt::format("tests/documents/{}_test.cpp", name)));
    const auto quotes = quotes_of(fmt::format("docs/{}.md", name), "cpp");
    EXPECT_GT(quotes.size(), 5U);
    for (const std::string& quote : quotes) { EXPECT_THAT(code, testing::HasSubstr(without_indent(quote))); }
  }
}

TEST(Documents, PluginsQuotesItsExampleAndItsTestAsTheyAre) {
  const std::string code =
      text_of("apps/examples/plugin/soft_clip.cpp") + text_of("tests/plugin/load_plugins_test.cpp");
  const auto quotes = quotes_of("docs/plugins.md", "cpp");
  EXPECT_EQ(quotes.size(), 3U);
  for (const std::string& quote : quotes) { EXPECT_THAT(code, testing::HasSubstr(quote)); }
  const auto build = quotes_of("docs/plugins.md", "cmake");
  ASSERT_EQ(build.size(), 1U);
  EXPECT_THAT(text_of("apps/examples/plugin/CMakeLists.txt"), testing::HasSubstr(build[0]));
}

// Every link to a file of the source tree leads to one.
TEST(Documents, LinksLeadSomewhere) {
  const std::filesystem::path top(SL_SOURCE_DIR);
  std::vector<std::string> documents;
  for (const char* name : {"README.md", "CONTRIBUTING.md", "CHANGELOG.md"}) { documents.emplace_back(name); }
  for (const auto& entry : std::filesystem::recursive_directory_iterator(top / "docs")) {
    if (entry.path().extension() == ".md") {
      documents.push_back(entry.path().lexically_relative(top).generic_string());
    }
  }
  std::vector<std::string> broken;
  for (const std::string& document : documents) {
    const std::string text = text_of(document);
    EXPECT_FALSE(text.empty()) << document;
    for (std::size_t at = text.find("]("); at != std::string::npos; at = text.find("](", at + 1)) {
      const std::size_t end = text.find_first_of(")#\n", at + 2);
      const std::string link = text.substr(at + 2, end - at - 2);
      const bool is_link = text[end] != '\n' && !link.empty() && link.find(' ') == std::string::npos;
      if (!is_link || link.find("://") != std::string::npos) { continue; }
      if (!std::filesystem::exists((top / document).parent_path() / link)) {
        broken.push_back(document + ": " + link);
      }
    }
  }
  EXPECT_THAT(broken, testing::IsEmpty());
}

}  // namespace
}  // namespace streamlab
