// tests/graph/yaml_scalar_test.cpp
//
// The values are those of YAML 1.2.2, section 10.3.2: the table of the core schema and example 10.9.
#include "engine/graph/yaml_scalar.hpp"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "engine/graph/graph_spec.hpp"
#include "engine/graph/parse_config.hpp"

namespace streamlab {
namespace {

using testing::ElementsAre;

Document plain(std::string_view text) {
  const auto value = plain_scalar(text);
  return value ? *value : Document("refused: " + to_string(value.error()));
}
std::string tagged(std::string_view tag, std::string_view text) {
  const auto value = tagged_scalar(tag, text);
  return value ? value->dump() : "refused: " + to_string(value.error());
}
std::string parsed_yaml(std::string_view text) {
  const auto document = parse_document(text, ConfigLanguage::yaml);
  return document ? document->dump() : to_string(document.error(), "");
}

TEST(PlainScalar, KnowsNullAndBooleansInThreeWaysOfWriting) {
  for (const std::string_view text : {"null", "Null", "NULL", "~", ""}) {
    EXPECT_TRUE(plain(text).is_null()) << text;
  }
  for (const std::string_view text : {"true", "True", "TRUE"}) { EXPECT_EQ(plain(text), true) << text; }
  for (const std::string_view text : {"false", "False", "FALSE"}) { EXPECT_EQ(plain(text), false) << text; }
  for (const std::string_view text : {"nULL", "tRue", "yes", "no", "on", "off", "y", "n", "~~", " true"}) {
    EXPECT_EQ(plain(text), text);
  }
}

TEST(PlainScalar, KnowsIntegers) {
  const std::pair<std::string_view, Document> cases[] = {
      {"0", 0},
      {"0o7", 7},
      {"0x3A", 58},
      {"-19", -19},
      {"+3", 3},
      {"007", 7},
      {"-0", 0},
      {"0o17", 15},
      {"0xff", 255},
      {"0xFF", 255},
      {"+0", 0},
      {"-008", -8},
      {"0x0", 0},
      {"18446744073709551615", std::numeric_limits<std::uint64_t>::max()},
      {"-9223372036854775808", std::numeric_limits<std::int64_t>::min()},
      {"0xffffffffffffffff", std::numeric_limits<std::uint64_t>::max()}};
  for (const auto& [text, value] : cases) {
    EXPECT_EQ(plain(text), value) << text;
    EXPECT_TRUE(plain(text).is_number_integer()) << text;
  }
}

TEST(PlainScalar, KnowsFloats) {
  const std::pair<std::string_view, double> cases[] = {{"0.", 0.0},
                                                       {"-0.0", -0.0},
                                                       {".5", 0.5},
                                                       {"+12e03", 12e3},
                                                       {"-2E+05", -2e5},
                                                       {"+.5", 0.5},
                                                       {"-.5", -0.5},
                                                       {"1.e3", 1e3},
                                                       {"01.50", 1.5},
                                                       {"6.8523015e+5", 685230.15},
                                                       {"1e-7", 1e-7},
                                                       {"0x10000000000000000", 18446744073709551616.0},
                                                       {"18446744073709551616", 18446744073709551616.0}};
  for (const auto& [text, value] : cases) {
    EXPECT_TRUE(plain(text).is_number_float()) << text;
    EXPECT_EQ(plain(text), value) << text;
  }
}

TEST(PlainScalar, LeavesEverythingElseAsText) {
  for (const std::string_view text :
       {"+",    "-",     ".",   "e5",    "1e",  "1e+",      "1.2.3", "0x",  "0xg", "0o8", "+0x1",
        "-0o1", "1_000", "1,5", "12:30", "0b1", "Infinity", "nan",   "+-1", "1 2", "--1", "é"}) {
    EXPECT_EQ(plain(text), text);
  }
}

TEST(PlainScalar, RefusesWhatIsNoFiniteNumber) {
  for (const std::string text : {".inf", "-.Inf", "+.INF", ".nan", ".NaN", ".NAN"}) {
    EXPECT_EQ(plain(text),
              "refused: " + text +
                  " is no number that a configuration can hold; expected a finite number; in quotes it is "
                  "a text");
  }
  EXPECT_EQ(plain("1e999"), "refused: the number 1e999 is too large; in quotes it is a text");
  EXPECT_EQ(plain("1e-999"), 0.0);  // as in JSON
}

TEST(TaggedScalar, IsWhatItsTagSays) {
  EXPECT_EQ(tagged("!!str", "5"), "\"5\"");
  EXPECT_EQ(tagged("tag:yaml.org,2002:str", ""), "\"\"");
  EXPECT_EQ(tagged("!!int", "0x10"), "16");
  EXPECT_EQ(tagged("!!float", "3"), "3.0");
  EXPECT_EQ(tagged("!!bool", "True"), "true");
  EXPECT_EQ(tagged("!!null", ""), "null");
  EXPECT_EQ(tagged("!!int", "3.5"), "refused: \"3.5\" is no !!int");
  EXPECT_EQ(tagged("!!bool", "yes"), "refused: \"yes\" is no !!bool");
  EXPECT_EQ(
      tagged("!!binary", "YQ=="),
      "refused: there is no tag !!binary for a scalar; expected !!str, !!int, !!float, !!bool or !!null");
}

TEST(Yaml, ReadsScalarsAndTagsInPlace) {
  EXPECT_EQ(
      parsed_yaml("{a: +3, b: !!str 007, c: ! 5, d: !!float 1, e: True, f: '+3', g: !!int \"8\", h: , i: ~}"),
      R"({"a":3,"b":"007","c":"5","d":1.0,"e":true,"f":"+3","g":8,"h":null,"i":null})");
  EXPECT_EQ(parsed_yaml("!!map {a: !!seq [1]}"), R"({"a":[1]})");
  EXPECT_EQ(
      parsed_yaml("a: !!set [1]\nb: [0, .inf]\nc: !x {}\nd: !!int z\n"),
      "/a: there is no tag !!set for a list; expected !!seq\n"
      "/b/1: .inf is no number that a configuration can hold; expected a finite number; in quotes it is a text\n"
      "/c: there is no tag !x for a map; expected !!map\n"
      "/d: \"z\" is no !!int\n");
}

// The parser takes a NUL for a backslash, and gives two escapes as bytes that are no UTF-8.
TEST(Yaml, RefusesANulAndReadsTheEscapesOfTwoCharacters) {
  EXPECT_EQ(parsed_yaml(std::string_view("a: x \0_", 7)), "this is not text; expected YAML in UTF-8\n");
  EXPECT_EQ(parsed_yaml(R"({"k\_": "\N\xff\u00e9é\_\L\U0001f600"})"),
            "{\"k\u00a0\":\"\u0085\u00ff\u00e9\u00e9\u00a0\u2028\U0001f600\"}");
}

// Aliases make much of little: 2^20 values, or a text of 1 MiB twenty times.
TEST(Yaml, RefusesWhatAliasesBlowUp) {
  std::string values = "- &a0 [x, x]\n";
  for (int i = 1; i < 25; ++i) {
    values +=
        "- &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) + ", *a" + std::to_string(i - 1) + "]\n";
  }
  EXPECT_THAT(parsed_yaml(values), testing::EndsWith("more than 1048576 values\n"));
  std::string text = "- &a " + std::string(1U << 20U, 'x') + "\n";
  for (int i = 0; i < 20; ++i) { text += "- *a\n"; }
  EXPECT_THAT(parsed_yaml(text), testing::EndsWith("more than 16777216 bytes of text\n"));
}

// ---- Values of --set

std::vector<std::string> replaced_by(const std::string& value) {
  Document document = Document::parse(R"({"alone": "${v}", "within": "a${v}b"})");
  Errors errors;
  replace_variables(document, {{"v", value}}, errors);
  if (!errors.empty()) { return {to_string(errors, "")}; }
  return {document["alone"].dump(), document["within"].get<std::string>()};
}

TEST(GivenScalar, IsReadAsInYaml) {
  EXPECT_THAT(replaced_by("+3"), ElementsAre("3", "a+3b"));
  EXPECT_THAT(replaced_by("0x10"), ElementsAre("16", "a0x10b"));
  EXPECT_THAT(replaced_by("007"), ElementsAre("7", "a007b"));  // within a text as it was typed
  EXPECT_THAT(replaced_by("1.50"), ElementsAre("1.5", "a1.50b"));
  EXPECT_THAT(replaced_by("True"), ElementsAre("true", "aTrueb"));
  EXPECT_THAT(replaced_by("yes"), ElementsAre("\"yes\"", "ayesb"));
  EXPECT_THAT(replaced_by("!!str 5"), ElementsAre("\"5\"", "a5b"));
  EXPECT_THAT(replaced_by("!!float 5"), ElementsAre("5.0", "a!!float 5b"));
  for (const std::string text : {"", "null", "~"}) {  // nothing that a parameter could be
    EXPECT_THAT(replaced_by(text), ElementsAre("\"" + text + "\"", "a" + text + "b"));
  }
  EXPECT_THAT(replaced_by("-.inf"), ElementsAre(testing::StartsWith("--set v: -.inf is no number that")));
}

TEST(Variables, MakeNoTextBeyondBounds) {
  Document document;
  document["variables"]["v"] = std::string(1U << 20U, 'x');
  for (int i = 0; i < 17; ++i) { document["texts"].push_back("${v}"); }
  Errors errors;
  replace_variables(document, {}, errors);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(to_string(errors[0]), "/texts/16: variables would make more than 16777216 bytes of text");
}

}  // namespace
}  // namespace streamlab
