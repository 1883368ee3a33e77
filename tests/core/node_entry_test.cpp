// tests/core/node_entry_test.cpp
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/core/node.hpp"
#include "engine/core/node_catalog.hpp"

namespace streamlab {
namespace {

using testing::ElementsAre;

class Quiet final : public Node {
 public:
  explicit Quiet(const ParamValues& params) : factor(params.infos().empty() ? 0.0 : params[0]) {}
  Result<std::vector<OutputFormat>> prepare(const PrepareContext& /*context*/) override {
    return std::vector<OutputFormat>{};
  }
  void reset() noexcept override {}
  Status process(std::span<const DataFrame* const> /*in*/, std::span<OutputPort> /*out*/) noexcept override {
    return Status::ok;
  }
  const double factor;
};

constexpr NodeInfo kQuietInfo{.name = "Quiet", .description = "Says nothing.", .inputs = kAudioInPort};
// A catalogue may be made before main(): entries of the program are constants.
constinit const NodeEntry kQuiet{kQuietInfo, make_node<Quiet>};

std::string refusal_of(const NodeInfo& info) {
  const auto checked = check_entry(NodeEntry(info, make_node<Quiet>));
  return checked ? "" : checked.error().what;
}

TEST(NodeEntry, MakesItsNode) {
  const auto node = kQuiet.make(ParamValues(kQuiet.info.params));
  EXPECT_NE(dynamic_cast<Quiet*>(node.get()), nullptr);
}

// Everything that the description points at is gone when the entry is used.
NodeEntry entry_of_temporaries() {
  const std::string name = "Made" + std::to_string(1);
  const std::string words = "Long enough to be on the heap, and gone with this function.";
  const std::vector<std::string> choices{"first of them", "second of them"};
  const std::vector<std::string_view> views(choices.begin(), choices.end());
  const std::vector<ParamInfo> fields{param::number("inner_number", "", {}, 0.5, Live::no, words)};
  const std::vector<ParamInfo> params{
      param::number("factor", "ratio", {0.0, 9.0}, 2.0, Live::yes, words),
      param::choice("way", views, choices[1], words),
      param::object("parts", ParamType::objects, fields, Need::optional, words)};
  const std::vector<std::string_view> ruled{"factor", "way"};
  const std::vector<ParamRule> rules{{ParamRule::Kind::together, ruled, {}, {}, words}};
  const std::vector<PortInfo> ports{{"in", kAudioOnly, words}};
  const NodeInfo info{.name = name,
                      .description = words,
                      .inputs = ports,
                      .params = params,
                      .rules = rules,
                      .at_gap = words,
                      .details = words,
                      .example = words};
  return NodeEntry::owned(info, [offset = 1.0](const ParamValues& values) {
    ParamValues changed = values;
    changed.set(0, values[0] + offset);
    return std::make_unique<Quiet>(changed);
  });
}

TEST(NodeEntry, KeepsTheTextsOfANodeDescribedWhileTheProgramRuns) {
  const NodeEntry copy = entry_of_temporaries();
  const NodeInfo& info = copy.info;
  EXPECT_EQ(info.name, "Made1");
  for (const std::string_view text :
       {info.description, info.at_gap, info.details, info.example, info.inputs[0].description,
        info.params[2].fields[0].description, info.rules[0].hint}) {
    EXPECT_EQ(text, "Long enough to be on the heap, and gone with this function.");
  }
  EXPECT_THAT(info.params[1].choices, ElementsAre("first of them", "second of them"));
  EXPECT_EQ(info.params[1].default_text, "second of them");
  EXPECT_THAT(info.rules[0].params, ElementsAre("factor", "way"));
  EXPECT_EQ(info.params[2].fields[0].name, "inner_number");
  const auto node = copy.make(ParamValues(info.params));
  EXPECT_EQ(dynamic_cast<Quiet&>(*node).factor, 3.0);  // the default, and what the factory adds
}

TEST(NodeEntry, IsRefusedWhereItsDescriptionContradictsItself) {
  EXPECT_EQ(refusal_of(kQuietInfo), "");
  NodeInfo info = kQuietInfo;
  info.name = "No Name";
  EXPECT_EQ(refusal_of(info), "\"No Name\" is not a name of letters and digits");
  info = kQuietInfo;
  info.description = {};
  EXPECT_EQ(refusal_of(info), "the node \"Quiet\" has no description");
  info = kQuietInfo;
  info.inputs = {};
  EXPECT_EQ(refusal_of(info), "the node \"Quiet\" has neither input nor output");
  const auto with_params = [](std::span<const ParamInfo> params, std::span<const ParamRule> rules = {}) {
    NodeInfo changed = kQuietInfo;
    changed.params = params;
    changed.rules = rules;
    return refusal_of(changed);
  };
  constexpr std::string_view kChoices[] = {"a", "b"};
  const std::vector<ParamInfo> twice(2, param::text("x", "", "X."));
  EXPECT_EQ(with_params(twice), "the node \"Quiet\" has two parameters \"x\"");
  const std::vector<ParamInfo> choice{param::choice("x", kChoices, "c", "X.")};
  EXPECT_EQ(with_params(choice), "the node \"Quiet\" has no default among the choices of \"x\"");
  const std::vector<ParamInfo> role{param::as(ParamRole::input_file, param::boolean("x", true, "X."))};
  EXPECT_EQ(with_params(role), "the node \"Quiet\" gives \"x\" a role of another type");
  constexpr std::string_view kOther[] = {"y"};
  const std::vector<ParamInfo> x{param::text("x", "", "X.")};
  const std::vector<ParamRule> rule{{ParamRule::Kind::at_least_one, kOther}};
  EXPECT_EQ(with_params(x, rule), "the node \"Quiet\" has a rule about \"y\", which is no parameter of it");
}

TEST(NodeCatalog, TakesNodesOfTheProgramAndThoseThatAreDescribedWhileItRuns) {
  const NodeEntry* const entries[] = {&kQuiet};
  NodeCatalog catalog{std::span<const NodeEntry* const>(entries)};
  ASSERT_TRUE(catalog.add(entry_of_temporaries()));
  EXPECT_THAT(catalog.names(), ElementsAre("Quiet", "Made1"));
  EXPECT_EQ(catalog.find("Quiet"), &kQuiet);
  const NodeCatalog copy = catalog;
  catalog = NodeCatalog();
  EXPECT_EQ(copy.find("Made1")->info.name, "Made1");
  EXPECT_EQ(catalog.find("Made1"), nullptr);
}

TEST(NodeCatalog, RefusesANameThatItHas) {
  NodeCatalog catalog;
  ASSERT_TRUE(catalog.add(NodeEntry(kQuietInfo, make_node<Quiet>)));
  const auto again = catalog.add(NodeEntry(kQuietInfo, make_node<Quiet>));
  ASSERT_FALSE(again);
  EXPECT_EQ(to_string(again.error()), "there is a node \"Quiet\" already; expected another name");
  EXPECT_THAT(catalog.names(), ElementsAre("Quiet"));
}

}  // namespace
}  // namespace streamlab
