// tests/graph/read_params_test.cpp
#include "engine/graph/read_params.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace streamlab {
namespace {

using testing::ElementsAre;

constexpr std::string_view kWindows[] = {"hann", "flattop", "kaiser"};
constexpr ParamInfo kSectionFields[] = {
    param::number("frequency", "Hz", {0.001, 1e6}, Need::required, "Centre frequency."),
    param::number("q", "", {0.01, 100.0}, 0.7, Live::no, "Quality."),
};
constexpr ParamInfo kInfos[] = {
    param::number("gain", "ratio", {-2.0, 2.0}, 1.0, Live::yes, "A factor."),
    param::integer("size", "frames", {4, 65536}, 1024, "A size."),
    param::boolean("loop", false, "Again and again?"),
    param::choice("window", kWindows, "hann", "A window."),
    param::text("label", "", "A label."),
    param::list("levels", ParamType::numbers, "dB", {-100, 0}, Need::optional, "Levels."),
    param::names("channels", Need::optional, "Channels."),
    param::list("matrix", ParamType::matrix, "", {}, Need::optional, "A matrix."),
    param::object("sections", ParamType::objects, kSectionFields, Need::optional, "Sections."),
};

constexpr std::string_view kGainOrLevels[] = {"gain", "levels"};
constexpr std::string_view kSizeOrLoop[] = {"size", "loop"};
constexpr std::string_view kBoth[] = {"label", "matrix"};
constexpr std::string_view kChannels[] = {"channels"};
constexpr std::string_view kSections[] = {"sections"};
constexpr std::string_view kLabel[] = {"label"};
constexpr std::string_view kKaiser[] = {"kaiser"};
constexpr std::string_view kKinds[] = {"flattop", "kaiser"};
constexpr ParamRule kRules[] = {
    {ParamRule::Kind::at_most_one, kGainOrLevels, {}, {}, "two nodes do both"},
    {ParamRule::Kind::at_least_one, kSizeOrLoop},
    {ParamRule::Kind::together, kBoth},
    {ParamRule::Kind::only_with, kChannels, kLabel},
    {ParamRule::Kind::only_if, kSections, kKinds, "window"},
    {ParamRule::Kind::needed_if, kSections, kKaiser, "window"},
};

std::vector<std::string> messages(std::string_view text, std::span<const ParamRule> rules = {}) {
  Errors errors;
  read_params(nlohmann::ordered_json::parse(text), kInfos, rules, "/c", errors);
  std::vector<std::string> list;
  for (const Error& error : errors) { list.push_back(to_string(error)); }
  return list;
}

TEST(ReadParams, ReadsEveryType) {
  Errors errors;
  const ParamValues v = read_params(nlohmann::ordered_json::parse(R"({
      "gain": -0.5, "size": 4096, "loop": true, "window": "kaiser", "label": "Mic", "levels": [-3, -6.5],
      "channels": [2, "left"], "matrix": [[1, 0], [0.5, 0.5]],
      "sections": [{"frequency": 1000, "q": 2}, {"frequency": 50}]})"),
                                    kInfos, "", errors);
  EXPECT_TRUE(errors.empty());
  EXPECT_EQ(v[0], -0.5);
  EXPECT_EQ(v.integer(1), 4096);
  EXPECT_TRUE(v.flag(2));
  EXPECT_EQ(v.choice(3), 2U);
  EXPECT_EQ(v.text(4), "Mic");
  EXPECT_THAT(v.numbers(5), ElementsAre(-3.0, -6.5));
  EXPECT_THAT(v.labels(6), ElementsAre("2", "left"));
  EXPECT_THAT(v.matrix(7), ElementsAre(ElementsAre(1.0, 0.0), ElementsAre(0.5, 0.5)));
  ASSERT_EQ(v.objects(8).size(), 2U);
  EXPECT_EQ(v.objects(8)[0][1], 2.0);
  EXPECT_EQ(v.objects(8)[1][1], 0.7);
}

TEST(ReadParams, SaysWhatIsWrongWithEachValue) {
  EXPECT_THAT(messages(R"({"gain": 3})"), ElementsAre("/c/gain: 3 is outside -2 .. 2"));
  EXPECT_THAT(messages(R"({"gain": "loud"})"),
              ElementsAre("/c/gain: \"loud\" is not a number; expected -2 .. 2"));
  EXPECT_THAT(messages(R"({"size": 2})"), ElementsAre("/c/size: 2 is outside 4 .. 65536 frames"));
  EXPECT_THAT(messages(R"({"size": 8.5})"),
              ElementsAre("/c/size: 8.5 is not a whole number; expected 4 .. 65536 frames"));
  EXPECT_THAT(messages(R"({"loop": 1})"),
              ElementsAre("/c/loop: 1 is not what belongs here; expected true or false"));
  EXPECT_THAT(
      messages(R"({"window": "han"})"),
      ElementsAre("/c/window: there is no window \"han\"; expected \"hann\", \"flattop\" or \"kaiser\"; "
                  "did you mean \"hann\"?"));
  EXPECT_THAT(messages(R"({"levels": [-3, 4]})"), ElementsAre("/c/levels/1: 4 is outside -100 .. 0 dB"));
  EXPECT_THAT(
      messages(R"({"channels": [0]})"),
      ElementsAre("/c/channels/0: 0 is not a channel; expected a number from 1, or a name in quotes"));
  EXPECT_THAT(messages(R"({"matrix": [[1, 0], [1]]})"),
              ElementsAre("/c/matrix/1: a row of 1 numbers; expected 2 as in the first row"));
}

TEST(ReadParams, FindsUnknownAndMissingKeysAtEveryDepth) {
  EXPECT_THAT(messages(R"({"gian": 1})"),
              ElementsAre("/c/gian: there is no parameter \"gian\"; did you mean \"gain\"?"));
  EXPECT_THAT(
      messages(R"({"sections": [{"frequncy": 5}]})"),
      ElementsAre("/c/sections/0/frequncy: there is no parameter \"frequncy\"; did you mean \"frequency\"?",
                  "/c/sections/0: \"frequency\" is missing; expected Centre frequency."));
}

TEST(ReadParams, HoldsParametersAgainstTheirRules) {
  const auto said = [](std::string_view text) { return messages(text, kRules); };
  EXPECT_THAT(said(R"({"size": 8})"), ElementsAre());
  EXPECT_THAT(
      said(R"({"size": 8, "gain": 1, "levels": [-1]})"),
      ElementsAre("/c/levels: gain is given too; expected only one of gain and levels; two nodes do both"));
  EXPECT_THAT(said("{}"), ElementsAre("/c: neither size nor loop is given; expected one of them"));
  EXPECT_THAT(said(R"({"loop": false})"),
              ElementsAre("/c: neither size nor loop is given; expected one of them"));
  EXPECT_THAT(said(R"({"loop": true})"), ElementsAre());
  EXPECT_THAT(said(R"({"size": 8, "label": "a"})"),
              ElementsAre("/c/label: label and matrix belong together; expected all of them, or none"));
  EXPECT_THAT(said(R"({"size": 8, "channels": ["a"]})"),
              ElementsAre("/c/channels: means nothing without label"));
  EXPECT_THAT(said(R"({"size": 8, "sections": []})"), ElementsAre(testing::HasSubstr("the list is empty")));
  EXPECT_THAT(said(R"({"size": 8, "sections": [{"frequency": 1}]})"),
              ElementsAre("/c/sections: means nothing with window \"hann\"; expected window \"flattop\" or "
                          "\"kaiser\""));
  EXPECT_THAT(said(R"({"size": 8, "window": "kaiser"})"),
              ElementsAre("/c: window \"kaiser\" needs sections; expected Sections."));
  EXPECT_THAT(said(R"({"size": 8, "window": "flattop", "sections": [{"frequency": 1}]})"), ElementsAre());
  EXPECT_THAT(said(R"({"sizes": 8})"),  // most likely the one that is missing
              ElementsAre("/c/sizes: there is no parameter \"sizes\"; did you mean \"size\"?"));
}

TEST(ReadParams, TakesOneValueForAListWhereNothingElseCanBeMeant) {
  Errors errors;
  const ParamValues v = read_params(
      nlohmann::ordered_json::parse(R"({"levels": -3, "channels": "left", "sections": {"frequency": 50}})"),
      kInfos, "", errors);
  EXPECT_TRUE(errors.empty());
  EXPECT_THAT(v.numbers(5), ElementsAre(-3.0));
  EXPECT_THAT(v.labels(6), ElementsAre("left"));
  ASSERT_EQ(v.objects(8).size(), 1U);
  EXPECT_EQ(v.objects(8)[0][0], 50.0);
  EXPECT_THAT(messages(R"({"channels": 2})"),
              ElementsAre("/c/channels: 2 is not a list; expected channel numbers or names in brackets: [1, "
                          "\"left\"]; [2] is channel 2; of two channels both are [1, 2]"));
  EXPECT_THAT(messages(R"({"matrix": [1, 0]})"),
              ElementsAre("/c/matrix/0: 1 is not a row; expected rows in brackets: [[1, 0], [0, 1]]",
                          "/c/matrix/1: 0 is not a row; expected rows in brackets: [[1, 0], [0, 1]]"));
  EXPECT_THAT(
      messages(R"({"channels": ["a", "b", "a"]})"),
      ElementsAre("/c/channels/2: the name \"a\" is taken; expected a name that is not in the list yet"));
}

TEST(ReadParams, RefusesListsThatAreTooLong) {
  nlohmann::ordered_json object;
  object["levels"] = std::vector<int>(1025, -1);
  Errors errors;
  read_params(object, kInfos, "", errors);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(to_string(errors[0]), "/levels: a list of 1025 items is too long; expected at most 1024");
}

}  // namespace
}  // namespace streamlab
