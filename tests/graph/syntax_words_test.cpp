// tests/graph/syntax_words_test.cpp
//
// What a user is told about the syntax of JSON and YAML: the place by line and column, and words of the language.
#include "engine/graph/syntax_words.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "engine/graph/config_text.hpp"

namespace streamlab {
namespace {

std::string said_about(std::string_view text, ConfigLanguage language = ConfigLanguage::json) {
  const auto document = parse_document(text, language);
  if (document) { return "accepted"; }
  std::string lines = to_string(document.error(), "");
  lines.pop_back();
  return lines;
}
std::string said_about_yaml(std::string_view text) { return said_about(text, ConfigLanguage::yaml); }

TEST(JsonSyntax, SaysWhatStandsWhereItCannot) {
  EXPECT_EQ(
      said_about("{\n  \"a\": 1\n  \"b\": 2\n}"),
      "line 3, column 3: a text in quotes cannot stand here; expected \",\" or \"}\"; is a comma missing "
      "before it?");
  EXPECT_EQ(said_about("[1 2]"),
            "line 1, column 4: a number cannot stand here; expected \",\" or \"]\"; is a comma "
            "missing before it?");
  EXPECT_EQ(said_about("[1, 2"), "line 1, column 6: the text ends too early; expected \",\" or \"]\"");
  EXPECT_EQ(said_about("{\"a\""), "line 1, column 5: the text ends too early; expected \":\" behind the key");
  EXPECT_EQ(said_about("{\"a\" 1}"),
            "line 1, column 6: a number cannot stand here; expected \":\" behind the key");
  EXPECT_EQ(said_about("{\"a\": }"), "line 1, column 7: \"}\" cannot stand here; expected a value");
  EXPECT_EQ(said_about("[1] 2"),
            "line 1, column 5: a number cannot stand here; expected nothing behind the "
            "configuration");
  EXPECT_EQ(said_about("{1: 2}"), "line 1, column 2: a number cannot stand here; expected a key in quotes");
  EXPECT_EQ(said_about("[1}"), "line 1, column 3: \"}\" cannot stand here; expected \",\" or \"]\"");
}

TEST(JsonSyntax, KnowsTheHabitsOfOtherLanguages) {
  EXPECT_EQ(said_about("{'a': 1}"), "line 1, column 2: texts are in double quotes in JSON; expected \"…\"");
  EXPECT_EQ(said_about("{\n nodes: []}"),
            "line 2, column 2: the key nodes is not in quotes; expected \"nodes\"");
  EXPECT_EQ(said_about("[sine]"),
            "line 1, column 2: sine is not in quotes; expected \"sine\", true, false, null or a number");
  EXPECT_EQ(said_about("[True]"), "line 1, column 2: True is not a value of JSON; expected true");
  EXPECT_EQ(said_about("[None]"), "line 1, column 2: None is not a value of JSON; expected null");
  EXPECT_EQ(said_about("[NaN]"),
            "line 1, column 2: NaN is not a number that JSON can hold; expected a finite number");
  EXPECT_EQ(said_about("[.5]"), "line 1, column 2: .5 is not how JSON writes a number; expected 0.5");
  EXPECT_EQ(said_about("[+5]"), "line 1, column 2: +5 is not how JSON writes a number; expected 5");
}

TEST(JsonSyntax, SaysWhatIsBrokenInATextOrANumber) {
  EXPECT_EQ(said_about("[\"ab\n\"]"), "line 1, column 5: a text is not closed in its line; expected \"");
  EXPECT_EQ(said_about("[\"C:\\music\"]"),
            "line 1, column 6: a backslash in a text begins an escape, and this is "
            "none; expected \\\\ for a backslash");
  EXPECT_EQ(said_about("[1e999]"),
            "line 1, column 2: the number 1e999 is too large; expected at most 1.8e308");
  EXPECT_EQ(said_about("[\"caf\xe9\"]"), "line 1, column 7: this is not UTF-8");
  EXPECT_EQ(said_about("[1, /* 2]"), "line 1, column 5: a comment is not closed; expected */");
}

TEST(JsonSyntax, AllowsACommaBehindTheLastItemOnly) {
  EXPECT_EQ(parse_document("{\"a\": [1, 2, ], // \",}\"\n \"b\": {\"c\": \",]\", /* , */ },\n}",
                           ConfigLanguage::json)
                ->dump(),
            R"({"a":[1,2],"b":{"c":",]"}})");
  EXPECT_EQ(said_about("[1,,]"), "line 1, column 4: \",\" cannot stand here; expected a value");
  EXPECT_EQ(said_about("[,]"), "line 1, column 2: \",\" cannot stand here; expected a value");
  EXPECT_EQ(said_about("{,}"), "line 1, column 2: \",\" cannot stand here; expected a key in quotes");
  EXPECT_EQ(said_about("{\"a\": 1},"),
            "line 1, column 9: \",\" cannot stand here; expected nothing behind the "
            "configuration");
  EXPECT_EQ(said_about("[\"\\\",]\", 1,]"), "accepted");
}

TEST(YamlSyntax, SaysItInTheWordsOfYaml) {
  EXPECT_EQ(said_about_yaml("a: [1, 2"), "line 1, column 9: \"[\" is not closed; expected \",\" or \"]\"");
  EXPECT_EQ(said_about_yaml("a: {b: 1"), "line 1, column 9: \"{\" is not closed; expected \",\" or \"}\"");
  EXPECT_EQ(said_about_yaml("a: 1\n b: 2\n"),
            "line 2, column 3: \":\" cannot stand here; expected a text with \": \" "
            "in it in quotes, or keys of one map indented alike");
  EXPECT_EQ(said_about_yaml("a:\n\t- 1\n"), "line 2, column 2: a tab in the indentation; expected spaces");
  EXPECT_EQ(said_about_yaml("a: *b\n"),
            "line 1, column 4: \"*\" names an anchor that is not there; expected \"&name\" before it");
  EXPECT_EQ(said_about_yaml("a: @b\n"),
            "line 1, column 4: no value begins with this character; expected quotes around the text");
}

TEST(YamlSyntax, SaysThatItIsNestedTooDeep) {
  EXPECT_EQ(said_about_yaml(std::string(1U << 16U, '[')), "nested deeper than 32 levels");
}

// What the library may say and we have no words for would come out as it is.
TEST(YamlSyntax, KeepsWhatItHasNoWordsFor) {
  EXPECT_EQ(to_string(yaml_syntax_error("", "some new message", 2, 3)), "line 3, column 4: some new message");
  EXPECT_EQ(to_string(yaml_syntax_error("", "some new message", -1, 3)), "some new message");
}

}  // namespace
}  // namespace streamlab
