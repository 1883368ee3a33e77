// tests/flow/flow_state_test.cpp
#include "engine/flow/flow_state.hpp"

#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/flow/flow_texts.hpp"

namespace streamlab {
namespace {

using test::json;

// Steps "a", "b", …; `below[a]` are those that `a` leads to.
struct Flow {
  std::map<StepIndex, std::set<StepIndex>> below;

  MergePlace place(MergeRule rule = MergeRule::error, StepIndex at = 25) const {
    MergePlace place;
    place.at = at;
    place.where = "/edges/1";
    place.rule = rule;
    place.leads_to = [this](StepIndex upstream, StepIndex downstream) {
      const auto found = below.find(upstream);
      return found != below.end() && found->second.contains(downstream);
    };
    place.name_of = [](StepIndex step) {
      return step == kGiven ? std::string("the state given") : std::string(1, static_cast<char>('a' + step));
    };
    return place;
  }
};

constexpr StepIndex kA = 0;
constexpr StepIndex kB = 1;
constexpr StepIndex kC = 2;

FlowState after(const FlowState& before, const char* returned, StepIndex writer) {
  FlowState state = before;
  state.set_all(json(returned), writer);
  return state;
}

std::string merged(const std::vector<FlowState>& branches, const MergePlace& place) {
  std::vector<const FlowState*> pointers;
  for (const FlowState& branch : branches) { pointers.push_back(&branch); }
  const auto state = merge_states(pointers, place);
  return state ? state->document().dump() : to_string(state.error(), "");
}

TEST(FlowState, KeepsTheOrderInWhichKeysCame) {
  const FlowState state = after(FlowState(json(R"({"z": 1, "a": 2})")), R"({"m": 3, "z": 4})", kA);
  EXPECT_EQ(state.document().dump(), R"({"z":4,"a":2,"m":3})");
  EXPECT_EQ(state.find("z")->writer, kA);
  EXPECT_EQ(state.find("a")->writer, kGiven);
}

TEST(MergedStates, HaveWhatEveryBranchSet) {
  const FlowState given(json(R"({"x": 0})"));
  EXPECT_EQ(merged({after(given, R"({"a": 1})", kA), after(given, R"({"b": 2})", kB)}, Flow{}.place()),
            R"({"x":0,"a":1,"b":2})");
}

TEST(MergedStates, TakeWhatABranchSetOverWhatWasGiven) {
  const FlowState given(json(R"({"x": 0})"));
  // b leaves x unchanged: that does not count as setting it.
  EXPECT_EQ(merged({after(given, R"({"x": 1})", kA), after(given, "{}", kB)}, Flow{}.place()), R"({"x":1})");
}

TEST(MergedStates, TakeTheOneFurtherDown) {
  const Flow flow{{{kA, {kB}}}};
  const FlowState upper = after(FlowState(), R"({"x": 1, "y": 1})", kA);
  const FlowState lower = after(upper, R"({"x": 2})", kB);
  EXPECT_EQ(merged({upper, lower}, flow.place()), R"({"x":2,"y":1})");
  EXPECT_EQ(merged({lower, upper}, flow.place()), R"({"x":2,"y":1})");
}

TEST(MergedStates, RefuseDifferentValuesBesideEachOther) {
  const std::vector<FlowState> branches{after(FlowState(), R"({"x": 1, "y": [1], "z": 0})", kA),
                                        after(FlowState(), R"({"x": 2, "y": [1], "z": "0"})", kB)};
  EXPECT_EQ(
      merged(branches, Flow{}.place()),
      "/edges/1: the branches that meet here set the key \"x\" of the state to different values: \"a\" sets "
      "it to 1 and "
      "\"b\" sets it to 2; expected equal values, or \"merge\": \"last\" or \"list\"\n"
      "/edges/1: the branches that meet here set the key \"z\" of the state to different values: \"a\" sets "
      "it to 0 and "
      "\"b\" sets it to \"0\"; expected equal values, or \"merge\": \"last\" or \"list\"\n");
  EXPECT_EQ(merged(branches, Flow{}.place(MergeRule::last)), R"({"x":2,"y":[1],"z":"0"})");
  EXPECT_EQ(merged(branches, Flow{}.place(MergeRule::list)), R"({"x":[1,2],"y":[1],"z":[0,"0"]})");
}

TEST(MergedStates, DoNotForgetWhoAgreed) {
  // a and b agree on x; c, below a alone, changes it. Where all meet, b's word still stands against c's.
  const Flow flow{{{kA, {kC, 25}}, {kB, {25}}}};
  const FlowState a = after(FlowState(), R"({"x": 1})", kA);
  const FlowState b = after(FlowState(), R"({"x": 1})", kB);
  const std::vector<const FlowState*> agreeing{&a, &b};
  const auto both = merge_states(agreeing, flow.place(MergeRule::error, 25));
  ASSERT_TRUE(both);
  EXPECT_EQ(both->find("x")->writer, kA);
  EXPECT_THAT(both->find("x")->also, testing::ElementsAre(kB));
  EXPECT_THAT(merged({*both, after(a, R"({"x": 3})", kC)}, flow.place(MergeRule::error, 24)),
              testing::HasSubstr("to different values"));
}

TEST(MergedStates, LetAStepBelowAllWhoAgreedOverwriteThem) {
  const Flow flow{{{kA, {kC, 25}}, {kB, {kC, 25}}}};
  const FlowState a = after(FlowState(), R"({"x": 1})", kA);
  const FlowState b = after(FlowState(), R"({"x": 1})", kB);
  const std::vector<const FlowState*> agreeing{&a, &b};
  const auto both = merge_states(agreeing, flow.place(MergeRule::error, 25));
  ASSERT_TRUE(both);
  EXPECT_EQ(merged({*both, after(a, R"({"x": 3})", kC)}, flow.place(MergeRule::error, 24)), R"({"x":3})");
}

TEST(MergedStates, TakeObjectsForEqualInWhateverOrderTheirKeysAre) {
  const FlowState a = after(FlowState(), R"({"x": {"p": 1, "q": [{"r": 2, "s": 3}]}})", kA);
  const FlowState b = after(FlowState(), R"({"x": {"q": [{"s": 3, "r": 2}], "p": 1}})", kB);
  EXPECT_EQ(merged({a, b}, Flow{}.place()), R"({"x":{"p":1,"q":[{"r":2,"s":3}]}})");
}

TEST(MergedStates, SayLongValuesShort) {
  const std::string text(200, 'x');
  const FlowState a(Document{{"k", text}}, kA);
  const FlowState b(Document{{"k", 1}}, kB);
  EXPECT_THAT(merged({a, b}, Flow{}.place()),
              testing::HasSubstr("\"a\" sets it to \"" + std::string(59, 'x') + "… and \"b\" sets it to 1"));
}

// Against a reference that remembers, for every branch, the whole history of what was set.
RC_GTEST_PROP(MergedStates, AgreeWithTheHistoryOfEveryKey, ()) {
  // A random flow: step n follows any of the steps before it.
  const auto count = *rc::gen::inRange<std::size_t>(1, 8);
  std::vector<std::set<StepIndex>> above(count);
  Flow flow;
  for (std::size_t n = 1; n < count; ++n) {
    for (std::size_t m = 0; m < n; ++m) {
      if (!*rc::gen::arbitrary<bool>()) { continue; }
      above[n].insert(m);
      above[n].insert(above[m].begin(), above[m].end());
    }
    for (const StepIndex m : above[n]) { flow.below[m].insert(n); }
  }
  // What each sets: a few keys, few values. A branch ends at every step and knows what is above it.
  std::vector<std::map<std::string, int>> sets(count);
  for (auto& each : sets) {
    for (const char* key : {"p", "q", "r"}) {
      if (*rc::gen::arbitrary<bool>()) { each[key] = *rc::gen::inRange(0, 3); }
    }
  }
  // Only steps in a line have a state of their own here, so that the reference needs no merging: the branch
  // of step n overlays those above it that are in a line with each other.
  std::vector<FlowState> branches;
  std::vector<std::set<StepIndex>> writers;
  for (std::size_t n = 0; n < count; ++n) {
    FlowState state(Document{{"p", 9}});
    std::set<StepIndex> line;
    for (const StepIndex m : above[n]) {
      const bool is_in_line =
          std::all_of(line.begin(), line.end(), [&](StepIndex l) { return above[m].contains(l); });
      if (!is_in_line) { continue; }
      line.insert(m);
    }
    line.insert(n);
    for (const StepIndex m : line) {
      for (const auto& [key, value] : sets[m]) { state.set(key, value, m); }
    }
    branches.push_back(state);
    writers.push_back(line);
  }
  std::vector<const FlowState*> pointers;
  for (const FlowState& branch : branches) { pointers.push_back(&branch); }
  const auto state = merge_states(pointers, flow.place());

  bool has_conflict = false;
  std::map<std::string, int> expected;
  for (const char* key : {"p", "q", "r"}) {
    // The last who set it in each branch, of whom nobody else's branch has a later one.
    std::set<StepIndex> last;
    for (const auto& line : writers) {
      std::optional<StepIndex> latest;
      for (const StepIndex m : line) {
        if (sets[m].contains(key)) { latest = m; }
      }
      if (latest) { last.insert(*latest); }
    }
    std::set<int> values;
    for (const StepIndex m : last) {
      const bool is_overwritten =
          std::any_of(last.begin(), last.end(), [&](StepIndex other) { return above[other].contains(m); });
      if (!is_overwritten) { values.insert(sets[m].at(key)); }
    }
    has_conflict = has_conflict || values.size() > 1;
    if (values.size() == 1) { expected[key] = *values.begin(); }
    if (values.empty() && std::string_view(key) == "p") { expected[key] = 9; }
  }
  RC_ASSERT(state.has_value() != has_conflict);
  if (state) {
    RC_ASSERT(state->entries().size() == expected.size());
    for (const auto& [key, value] : expected) { RC_ASSERT(state->find(key)->value == value); }
  }
}

TEST(ReadState, RefusesWhatIsNotAnObject) {
  const auto said = [](std::string_view text) {
    const auto state = read_state(text, "step");
    return state ? state->dump() : to_string(state.error());
  };
  EXPECT_EQ(said(R"( {"a": [1, {"b": null}]} )"), R"({"a":[1,{"b":null}]})");
  EXPECT_EQ(said(""), "step: the state is empty; expected a JSON object");
  EXPECT_EQ(said("  \n"), "step: the state is empty; expected a JSON object");
  EXPECT_EQ(said("[1]"), "step: the state is an array; expected a JSON object");
  EXPECT_EQ(said("3"), "step: the state is a number; expected a JSON object");
  EXPECT_EQ(
      said("{\"a\": 1"),
      "step: the state is not a JSON object: line 1, column 8: the text ends too early; expected \",\" or \"}\"");
  EXPECT_EQ(
      said("{\"a\": NaN}"),
      "step: the state is not a JSON object: line 1, column 7: NaN is not a number that JSON can hold; expected a "
      "finite number");
  EXPECT_EQ(said(R"({"a": 1, "a": 2})"),
            "step: the state is not a JSON object: /a: the key \"a\" is here twice; expected one of them");
  EXPECT_EQ(said(R"({"a": 18446744073709551615})"), R"({"a":18446744073709551615})");
  EXPECT_EQ(said(R"({"a": [{"b~": 1}, 1180591620717411303425]})"),
            "step: the state is not a JSON object: /a/1: 64 bits cannot hold this integer; expected "
            "-9223372036854775808 .. 18446744073709551615; a text, in quotes");
  std::string deep = "1";
  for (int n = 0; n < 40; ++n) { deep = "{\"a\":" + deep + "}"; }
  EXPECT_THAT(said(deep), testing::HasSubstr("nested deeper than 32 levels"));
}

}  // namespace
}  // namespace streamlab
