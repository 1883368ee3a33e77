// tests/graph/config_text_test.cpp
#include "engine/graph/config_text.hpp"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <nlohmann/json.hpp>

#include "engine/graph/graph_spec.hpp"
#include "engine/graph/parse_config.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {

using test::TempDir;
using testing::ElementsAre;

std::vector<std::string> words(const Errors& errors) {
  std::vector<std::string> list;
  for (const Error& error : errors) { list.push_back(to_string(error)); }
  return list;
}

std::vector<std::string> syntax_errors(std::string_view text,
                                       ConfigLanguage language = ConfigLanguage::json) {
  const auto document = parse_document(text, language);
  return document ? std::vector<std::string>{} : words(document.error());
}

Document parsed(std::string_view text, ConfigLanguage language = ConfigLanguage::json) {
  auto document = parse_document(text, language);
  EXPECT_TRUE(document.has_value());
  return document ? *document : Document();
}

std::vector<std::string> variable_errors(std::string_view text, const Variables& given = {}) {
  Document document = parsed(text);
  Errors errors;
  replace_variables(document, given, errors);
  return words(errors);
}

Document replaced(std::string_view text, const Variables& given = {}) {
  Document document = parsed(text);
  Errors errors;
  replace_variables(document, given, errors);
  EXPECT_THAT(words(errors), ElementsAre());
  return document;
}

TEST(ConfigLanguageOf, IsYamlByTheEndingOnly) {
  EXPECT_EQ(language_of("a.yaml"), ConfigLanguage::yaml);
  EXPECT_EQ(language_of("dir.json/a.yml"), ConfigLanguage::yaml);
  EXPECT_EQ(language_of("a.json"), ConfigLanguage::json);
  EXPECT_EQ(language_of("yaml"), ConfigLanguage::json);
}

TEST(ParseDocument, ReadsJsonWithComments) {
  EXPECT_EQ(parsed("// a\n{ /* b */ \"x\": [1, 2.5, \"//\", true, null] // c\n}"),
            Document::parse(R"({"x": [1, 2.5, "//", true, null]})"));
}

TEST(ParseDocument, KeepsTheOrderOfTheFile) {
  EXPECT_EQ(parsed(R"({"b": 1, "a": {"z": 1, "y": 2}})").dump(), R"({"b":1,"a":{"z":1,"y":2}})");
  EXPECT_EQ(parsed("b: 1\na: {z: 1, y: 2}\n", ConfigLanguage::yaml).dump(), R"({"b":1,"a":{"z":1,"y":2}})");
}

TEST(ParseDocument, ReadsYamlScalarsAsJsonWould) {
  EXPECT_EQ(
      parsed("[1, 2.5, 1e3, true, null, ~, text, \"1\", '2', \"true\", yes, 0x10]", ConfigLanguage::yaml),
      Document::parse(R"([1, 2.5, 1e3, true, null, null, "text", "1", "2", "true", "yes", 16])"));
}

TEST(ParseDocument, GivesTheSameGraphSpecFromJsonAndYaml) {
  const auto json = parse_config(R"({
      "version": 1, "title": "T",
      "pipeline_config": {"sample_rate": 48000, "block_size": 64, "edge_capacity": 3, "threads": "per_node",
                          "duration_s": 1.5},
      "nodes": [{"id": "a", "type": "SineGenerator", "config": {"frequency": 440, "amplitude": 0.5}},
                {"id": "b", "type": "Print"}],
      "connections": [{"from": "a.out", "to": "b", "policy": "latest", "capacity": 7}]})");
  const auto yaml = parse_config(R"(
version: 1
title: T   # a comment
pipeline_config: {sample_rate: 48000, block_size: 64, channel_capacity: 3, threads: per_node, duration_s: 1.5}
nodes:
  - id: a
    type: SineGenerator
    config: {frequency: 440, amplitude: 0.5}
  - {id: b, type: Print}
connections:
  - {from: a.out, to: b, policy: latest, capacity: 7}
)",
                                 ConfigLanguage::yaml);
  ASSERT_TRUE(json);
  ASSERT_TRUE(yaml);
  for (const GraphSpec* spec : {&*json, &*yaml}) {
    EXPECT_EQ(spec->title, "T");
    EXPECT_EQ(spec->config.sample_rate_hz, 48000.0);
    EXPECT_EQ(spec->config.block_size, 64U);
    EXPECT_EQ(spec->config.edge_capacity, 3U);
    EXPECT_EQ(spec->config.threads.kind, ThreadPolicy::Kind::per_node);
    EXPECT_EQ(spec->config.duration_s, 1.5);
    ASSERT_EQ(spec->nodes.size(), 2U);
    EXPECT_EQ(spec->nodes[0].id, "a");
    EXPECT_EQ(spec->nodes[0].type, "SineGenerator");
    EXPECT_EQ(spec->nodes[0].config.dump(), R"({"frequency":440,"amplitude":0.5})");
    EXPECT_EQ(spec->nodes[1].config.dump(), "{}");
    EXPECT_EQ(spec->nodes[1].pointer, "/nodes/1");
    ASSERT_EQ(spec->connections.size(), 1U);
    EXPECT_EQ(spec->connections[0].from, "a.out");
    EXPECT_EQ(spec->connections[0].to, "b");
    EXPECT_EQ(spec->connections[0].policy, "latest");
    EXPECT_EQ(spec->connections[0].capacity, 7U);
  }
}

TEST(ParseDocument, SaysLineAndColumnOfASyntaxError) {
  EXPECT_THAT(
      syntax_errors("{\n  \"a\": 1\n  \"b\": 2\n}"),
      ElementsAre("line 3, column 3: a text in quotes cannot stand here; expected \",\" or \"}\"; is a comma "
                  "missing before it?"));
  EXPECT_THAT(syntax_errors("a: [1, 2", ConfigLanguage::yaml),
              ElementsAre(testing::StartsWith("line 1, column ")));
  EXPECT_THAT(syntax_errors("a: 1\n b: 2\n", ConfigLanguage::yaml),
              ElementsAre(testing::StartsWith("line 2, column ")));
}

TEST(ParseDocument, RefusesDuplicateKeysAtAnyDepth) {
  EXPECT_THAT(syntax_errors(R"({"a": 1, "b": [0, {"c/d": 1, "c/d": 2}], "a": 3})"),
              ElementsAre("/b/1/c~1d: the key \"c/d\" is here twice; expected one of them",
                          "/a: the key \"a\" is here twice; expected one of them"));
  EXPECT_THAT(syntax_errors("a: 1\nb: [0, {c/d: 1, c/d: 2}]\na: 3\n", ConfigLanguage::yaml),
              ElementsAre("/b/1/c~1d: the key \"c/d\" is here twice; expected one of them",
                          "/a: the key \"a\" is here twice; expected one of them"));
}

TEST(ParseDocument, AllowsTheSameKeyInTwoObjects) {
  EXPECT_THAT(syntax_errors(R"([{"a": 1}, {"a": 2}])"), ElementsAre());
  EXPECT_THAT(syntax_errors("[{a: 1}, {a: 2}]", ConfigLanguage::yaml), ElementsAre());
}

TEST(ParseDocument, NestsAsDeepAsAllowedAndNoDeeper) {
  const std::string allowed = std::string(kMaxConfigDepth, '[') + std::string(kMaxConfigDepth, ']');
  const std::string deeper = "[" + allowed + "]";
  const std::string where = [] {
    std::string pointer;
    for (std::size_t i = 0; i + 1 < kMaxConfigDepth; ++i) { pointer += "/0"; }
    return pointer;
  }();
  for (const ConfigLanguage language : {ConfigLanguage::json, ConfigLanguage::yaml}) {
    EXPECT_THAT(syntax_errors(allowed, language), ElementsAre());
    EXPECT_THAT(syntax_errors(deeper, language),
                ElementsAre(testing::EndsWith("nested deeper than 32 levels")));
  }
  EXPECT_THAT(syntax_errors(deeper), ElementsAre(where + ": nested deeper than 32 levels"));
}

TEST(ReplaceVariables, TakesTheProgramsOwnVariablesInWhatIsGiven) {
  Document document = parsed(R"({"variables": {"output": "x.wav"}, "path": "${output}", "n": "${n}"})");
  Errors errors;
  replace_variables(document, {{"output", "${stem}_${index}.wav"}, {"n", "${index}"}}, errors,
                    {{"stem", "a${index}"}, {"index", "7"}});
  EXPECT_THAT(words(errors), ElementsAre());
  EXPECT_EQ(document.dump(), R"({"path":"a${index}_7.wav","n":7})");
  EXPECT_EQ(replaced(R"({"path": "${output}"})", {{"output", "${stem}.wav"}}).dump(),
            R"({"path":"${stem}.wav"})");
}

TEST(ParseDocument, SurvivesNestingThatWouldExhaustTheStack) {
  EXPECT_EQ(syntax_errors(std::string(1U << 20U, '[')).size(), 1U);
  EXPECT_EQ(syntax_errors(std::string(1U << 16U, '['), ConfigLanguage::yaml).size(), 1U);
}

TEST(ParseDocument, RefusesYamlThatGrowsByItsAliases) {
  std::string text = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string alias = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 8; ++k) { text += (k > 0 ? ", " : "") + alias; }
    text += "]\n";
  }
  EXPECT_THAT(syntax_errors(text, ConfigLanguage::yaml),
              ElementsAre(testing::EndsWith(": more than 1048576 values")));
}

TEST(ParseDocument, RefusesYamlKeysThatAreNoTextAndSeveralDocuments) {
  EXPECT_THAT(syntax_errors("a: {[1, 2]: 3}", ConfigLanguage::yaml),
              ElementsAre("/a: a key is not a text; expected key: value"));
  EXPECT_THAT(syntax_errors("a: 1\n---\na: 2\n", ConfigLanguage::yaml),
              ElementsAre("there is more behind the first YAML document; expected one document"));
  EXPECT_THAT(syntax_errors(", a: 1", ConfigLanguage::yaml),
              ElementsAre("there is more behind the first YAML document; expected one document"));
  EXPECT_THAT(syntax_errors("%YAML 1.2\n---\na: 1\n...\n# end\n", ConfigLanguage::yaml), ElementsAre());
}

TEST(ParseDocument, RefusesWhatIsNotUtf8) {
  EXPECT_THAT(syntax_errors("a: caf\xe9", ConfigLanguage::yaml),
              ElementsAre("this is not text; expected YAML in UTF-8"));
  EXPECT_THAT(syntax_errors("[\"caf\xe9\"]"), ElementsAre(testing::EndsWith(": this is not UTF-8")));
  EXPECT_THAT(syntax_errors("a: café", ConfigLanguage::yaml), ElementsAre());
  EXPECT_THAT(variable_errors(R"({"a": "${b}"})", {{"b", "caf\xe9"}}),
              ElementsAre("/a: the value of ${b} is not text; expected UTF-8"));
}

TEST(ReplaceVariables, KeepsTheTypeOfAVariableThatStandsAlone) {
  EXPECT_EQ(replaced(R"({"variables": {"f": 440, "on": true, "name": "x", "list": [1, 2]},
                         "a": "${f}", "b": "${on}", "c": "${name}", "d": "${list}", "e": ["${f} Hz, ${name}"]})"),
            Document::parse(R"({"a": 440, "b": true, "c": "x", "d": [1, 2], "e": ["440 Hz, x"]})"));
}

TEST(ReplaceVariables, TakesTheUsersValueBeforeTheDefault) {
  const char* text =
      R"({"variables": {"f": 440, "label": "12"}, "a": "${f}", "b": "${label}", "c": "${new}"})";
  EXPECT_EQ(replaced(text, {{"f", "880.5"}, {"label", "7"}, {"new", "true"}}),
            Document::parse(R"({"a": 880.5, "b": "7", "c": true})"));  // a text stays a text
  EXPECT_EQ(replaced(R"({"a": "${p}"})", {{"p", "[1]"}}), Document::parse(R"({"a": "[1]"})"));
}

TEST(ReplaceVariables, TakesTheEnvironmentAsText) {
  ASSERT_EQ(::setenv("STREAMLAB_TEST_VALUE", "12", 1), 0);
  EXPECT_EQ(replaced(R"({"a": "${env:STREAMLAB_TEST_VALUE}/x"})"), Document::parse(R"({"a": "12/x"})"));
  ASSERT_EQ(::unsetenv("STREAMLAB_TEST_VALUE"), 0);
  EXPECT_THAT(variable_errors(R"({"a": ["${env:STREAMLAB_TEST_VALUE}"]})"),
              ElementsAre("/a/0: the environment has no variable STREAMLAB_TEST_VALUE"));
}

TEST(ReplaceVariables, SaysWhatIsMissing) {
  EXPECT_THAT(variable_errors(R"({"variables": {"frequency": 1}, "a": "${freqency}", "b": "${x}"})"),
              ElementsAre("/a: the variable ${freqency} has no value; expected --set freqency=VALUE, or a "
                          "default in \"variables\"; did you mean \"frequency\"?",
                          "/b: the variable ${x} has no value; expected --set x=VALUE, or a default in "
                          "\"variables\""));
  EXPECT_THAT(variable_errors(R"({"a": "x ${b"})"),
              ElementsAre("/a: \"${\" is not closed; expected \"}\" after the variable's name"));
  EXPECT_THAT(variable_errors(R"({"variables": [1]})"),
              ElementsAre("/variables: this is not an object; expected {\"name\": value, …}"));
  EXPECT_THAT(variable_errors(R"({"variables": {"a": "${b}"}, "x": "${a}"})"),
              ElementsAre("/variables/a: a default cannot hold variables; expected a plain value"));
}

TEST(ReplaceVariables, RefusesAValueThatNothingUses) {
  EXPECT_THAT(variable_errors(R"({"a": "${frequency}"})", {{"frequency", "1"}, {"frequncy", "2"}}),
              ElementsAre("--set frequncy: the configuration uses no such variable; did you mean "
                          "\"frequency\"?"));
}

TEST(ReadConfigFile, GivesTheTextAsItIs) {
  const TempDir folder;
  const auto text = read_config_file(folder.write("a.json", "{}\r\n"));
  ASSERT_TRUE(text);
  EXPECT_EQ(*text, "{}\r\n");
}

TEST(ReadConfigFile, RefusesWhatIsNoConfiguration) {
  const TempDir folder;
  const auto said = [](const std::string& path) {
    const auto text = read_config_file(path);
    return text ? std::string("accepted") : to_string(text.error()).substr(path.size());
  };
  EXPECT_EQ(said(folder.file("none.json")), ": there is no such file; expected a configuration file");
  EXPECT_EQ(said(folder.path().string()), ": this is a directory; expected a configuration file");
  EXPECT_EQ(said(folder.write("empty.json", "")),
            ": the file is empty; expected a configuration in JSON or YAML");
  EXPECT_EQ(said(folder.write("binary.json", std::string_view("{}\0{}", 5))),
            ": this is a binary file; expected a configuration in JSON or YAML");
  EXPECT_EQ(said(folder.write("large.json", std::string(kMaxConfigBytes + 1, ' '))),
            ": the file has 16777217 bytes; expected a configuration of at most 16777216 bytes");
}

TEST(ReadConfigFile, RefusesAPipeInsteadOfWaitingForIt) {
  const TempDir folder;
  const std::string path = folder.file("pipe.json");
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const auto text = read_config_file(path);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().what, "this is not a regular file");
}

}  // namespace
}  // namespace streamlab
