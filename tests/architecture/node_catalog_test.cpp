// tests/architecture/node_catalog_test.cpp
//
// What every node of the catalogue owes its users: a file and a test under its name, and a description from
// which manual, schema and messages can be made.
#include <algorithm>
#include <cctype>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "engine/core/node_catalog.hpp"
#include "engine/graph/read_params.hpp"
#include "tests/architecture/source_files.hpp"
#include "tests/support/node_harness.hpp"

namespace streamlab {
namespace {

using test::NodeHarness;

std::string snake_case(std::string_view name) {
  std::string text;
  for (const char c : name) {
    const bool is_upper = std::isupper(static_cast<unsigned char>(c)) != 0;
    if (is_upper && !text.empty()) { text += '_'; }
    text += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return text;
}

// How many files under `folder`, in any of its folders, have that name.
std::size_t count_files(std::string_view folder, const std::string& name) {
  const auto files = test::code_files(folder);
  return static_cast<std::size_t>(std::count_if(
      files.begin(), files.end(), [&](const std::string& file) { return file.ends_with("/" + name); }));
}

// Parameters without a sentence, with their paths: "sections.frequency".
void collect_undescribed(std::span<const ParamInfo> params, const std::string& prefix,
                         std::vector<std::string>& found) {
  for (const ParamInfo& param : params) {
    const std::string name = prefix + std::string(param.name);
    const bool is_sentence = param.description.ends_with('.') || param.description.ends_with("…");
    if (!is_sentence) { found.push_back(name); }
    collect_undescribed(param.fields, name + ".", found);
  }
}

class EveryNode : public testing::TestWithParam<const NodeEntry*> {
 protected:
  const NodeInfo& info() const { return GetParam()->info; }
};

TEST_P(EveryNode, HasASourceFileAndATestOfItsName) {
  const std::string file = snake_case(info().name);
  EXPECT_EQ(count_files("nodes", file + ".cpp") - count_files("nodes/dsp", file + ".cpp"), 1U);
  EXPECT_EQ(
      count_files("tests/nodes", file + "_test.cpp") - count_files("tests/nodes/dsp", file + "_test.cpp"),
      1U);
}

TEST_P(EveryNode, SaysWhatItDoesAndWhatItDoesAtAGap) {
  EXPECT_TRUE(info().description.ends_with('.')) << info().description;
  EXPECT_TRUE(info().at_gap.ends_with('.')) << info().at_gap;
  EXPECT_EQ(info().description.find('\n'), std::string_view::npos);
  std::vector<std::string> undescribed;
  collect_undescribed(info().params, "", undescribed);
  EXPECT_THAT(undescribed, testing::IsEmpty());
  for (const auto ports : {info().inputs, info().outputs}) {
    for (const PortInfo& port : ports) { EXPECT_TRUE(port.description.ends_with('.')) << port.name; }
  }
  for (const ValueInfo& value : info().values) {
    EXPECT_TRUE(value.description.ends_with('.')) << value.name;
  }
}

TEST_P(EveryNode, HasAnExampleThatIsAccepted) {
  const auto example = nlohmann::ordered_json::parse(info().example, nullptr, false);
  ASSERT_TRUE(example.is_object()) << info().example;
  EXPECT_EQ(example.value("type", ""), info().name);
  EXPECT_FALSE(example.value("id", "").empty());
  for (const auto& item : example.items()) {
    EXPECT_THAT(item.key(), testing::AnyOf("id", "type", "config"));
  }
  Errors errors;
  read_params(example.value("config", nlohmann::ordered_json::object()), info().params, "/config", errors);
  EXPECT_EQ(to_string(errors, ""), "");
}

TEST_P(EveryNode, NamesPortsAndParametersOnceAndInSnakeCase) {
  std::set<std::string_view> names;
  for (const ParamInfo& param : info().params) {
    EXPECT_TRUE(names.insert(param.name).second) << param.name;
    EXPECT_EQ(param.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"), std::string_view::npos)
        << param.name;
  }
  for (std::size_t i = 0; i + 1 < info().inputs.size(); ++i) {
    EXPECT_EQ(info().inputs[i].max_repeat, 1U) << "only the last input may be repeated";
  }
}

TEST_P(EveryNode, GivesRolesToParametersOfTheirType) {
  for (const ParamInfo& param : info().params) {
    const auto type = type_of(param.role);
    const bool is_choice = type == streamlab::ParamType::text && param.type == streamlab::ParamType::choice;
    EXPECT_TRUE(!type || param.type == *type || is_choice) << param.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Catalog, EveryNode,
                         testing::ValuesIn(default_catalog().entries().begin(),
                                           default_catalog().entries().end()),
                         [](const auto& entry) { return std::string(entry.param->info.name); });

TEST(NodeCatalog, IsSortedAndHasEveryNameOnce) {
  const auto names = default_catalog().names();
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  EXPECT_EQ(std::set<std::string_view>(names.begin(), names.end()).size(), names.size());
  EXPECT_GE(names.size(), 16U);
  for (const std::string_view name : names) { EXPECT_EQ(default_catalog().find(name)->info.name, name); }
  EXPECT_EQ(default_catalog().find("gain"), nullptr);
}

// Sound in pascals comes out in pascals of every node that gives sound.
TEST(NodeCatalog, KeepsTheUnitsOfSound) {
  std::set<std::string_view> asked;
  for (const NodeEntry* entry : default_catalog().entries()) {
    const NodeInfo& info = entry->info;
    if (info.inputs.empty() || info.outputs.empty()) { continue; }
    if ((info.inputs[0].kinds & mask(StreamKind::audio)) == 0) { continue; }
    StreamFormat in = audio_format(48000.0, {"left", "right"}, 1024);
    for (ChannelInfo& channel : in.channels) { channel.unit = "Pa"; }
    const bool two = info.name == "Join" || info.name == "Merge";
    const auto config = nlohmann::json::parse(info.example).value("config", nlohmann::json::object());
    const NodeHarness node(info.name, config.dump(), std::vector(two ? 2 : 1, in));
    for (const OutputFormat& output : node.outputs()) {
      if (output.format.kind != StreamKind::audio) { continue; }
      asked.insert(info.name);
      for (const ChannelInfo& channel : output.format.channels) {
        EXPECT_EQ(channel.unit, "Pa") << info.name << ": " << channel.name;
      }
    }
  }
  EXPECT_GT(asked.size(), 10U) << testing::PrintToString(asked);
}

}  // namespace
}  // namespace streamlab
