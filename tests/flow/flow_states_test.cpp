// tests/flow/flow_states_test.cpp
//
// States before and after the steps of a flow: by hand, and against a reference that knows of each step only
// whose words have come to it.
#include "engine/flow/flow_states.hpp"

#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/flow/flow_texts.hpp"

namespace streamlab {
namespace {

using test::flow_of;
using test::json;

std::string said(const Checked<void>& done) { return done ? std::string() : to_string(done.error(), ""); }
std::string said(const Checked<Document>& done) { return done ? done->dump() : to_string(done.error(), ""); }

TEST(FlowStates, ShowAConsumerTheStateFromBeforeItsProducer) {
  const ValidFlow flow = flow_of(test::kProducerAndConsumers);
  FlowStates states(flow, json(R"({"job": 7, "status": "new"})"));
  for (const std::size_t s : {0U, 1U, 2U}) {
    ASSERT_EQ(said(states.begin(s)), "");
    EXPECT_EQ(states.seen(s).document(), json(R"({"job": 7, "status": "new"})"));
  }
  ASSERT_EQ(said(states.finish(0, json(R"({"status": "complete", "lines_produced": 1000})"))), "");
  ASSERT_EQ(said(states.finish(1, json(R"({"status": "processed", "lines_consumed": 1000})"))), "");
  ASSERT_EQ(said(states.finish(2, json(R"({"logged": true})"))), "");
  ASSERT_EQ(said(states.begin(3)), "");
  // "status": the producer's word came by the logger, too, but the processor is further down.
  EXPECT_EQ(
      states.seen(3).document(),
      json(
          R"({"job": 7, "status": "processed", "lines_produced": 1000, "lines_consumed": 1000, "logged": true})"));
  ASSERT_EQ(said(states.finish(3, json(R"({"total": 1000})"))), "");
  EXPECT_EQ(
      said(states.result()),
      R"({"job":7,"status":"processed","lines_produced":1000,"lines_consumed":1000,"logged":true,"total":1000})");
}

TEST(FlowStates, RefuseDifferentWordsWhereBranchesMeet) {
  const ValidFlow flow = flow_of(R"(
nodes: [{ name: a, command: [x] }, { name: b, command: [x] }, { name: c, command: [x] }]
edges: [{ from: __start__, to: [a, b], fan_in: c }]
)");
  FlowStates states(flow, Document::object());
  for (const std::size_t s : {0U, 1U}) {
    ASSERT_EQ(said(states.begin(s)), "");
    ASSERT_EQ(said(states.finish(s, Document{{"n", s}})), "");
  }
  EXPECT_EQ(said(states.begin(2)),
            "/nodes/2: the branches that meet here set the key \"n\" of the state to different values: \"a\" "
            "sets it to "
            "0 and \"b\" sets it to 1; expected equal values, or \"merge\": \"last\" or \"list\"\n");
  EXPECT_EQ(states.so_far(), json(R"({"n": 1})"));  // the last has it, for want of better
}

TEST(FlowStates, MergeAtTheEndByItsOwnRule) {
  const auto result = [](const std::string& rule) {
    const ValidFlow flow = flow_of(
        "{nodes: [{name: a, command: [x]}, {name: b, command: [x]}], edges: "
        "[{from: __start__, to: [a, b]}, {from: [b, a], to: __end__" +
        rule + "}]}");
    FlowStates states(flow, json(R"({"n": 9})"));
    for (const std::size_t s : {0U, 1U}) {
      if (!states.begin(s) || !states.finish(s, Document{{"n", s}})) { return std::string("failed"); }
    }
    return said(states.result());
  };
  EXPECT_EQ(result(", merge: last"), R"({"n":0})");  // the edges name b first, then a
  EXPECT_EQ(result(", merge: list"), R"({"n":[1,0]})");
  EXPECT_THAT(result(""), testing::StartsWith("/edges: the branches that meet here set the key \"n\""));
}

TEST(FlowStates, ContinueFromWhatWasDone) {
  const ValidFlow flow = flow_of(R"(
nodes: [{ name: a, command: [x] }, { name: b, command: [x] }]
edges: [{ from: __start__, to: a }, { from: a, to: b }]
)");
  FlowStates first(flow, json(R"({"x": 1})"));
  ASSERT_EQ(said(first.begin(0)), "");
  ASSERT_EQ(said(first.finish(0, json(R"({"y": 2})"))), "");
  FlowStates second(flow, Document::object());
  ASSERT_TRUE(second.restore(first.progress()));
  EXPECT_TRUE(second.is_done(0));
  EXPECT_FALSE(second.is_done(1));
  ASSERT_EQ(said(second.begin(1)), "");
  EXPECT_EQ(second.seen(1).document(), json(R"({"x": 1, "y": 2})"));
  FlowProgress other = first.progress();
  other.done[0].step = "z";
  const auto refused = second.restore(other);
  EXPECT_EQ(refused ? "" : to_string(refused.error()), "the flow has no step \"z\"");
}

// --- against a reference

// A random flow of steps s0, s1, …: every step follows some of those before it, by a stream or without.
struct RandomFlow {
  struct Input {
    std::size_t from;
    bool stream;
  };
  std::vector<std::vector<Input>> inputs;
  std::vector<std::map<std::string, int>> sets;
};

RandomFlow random_flow() {
  RandomFlow flow;
  const auto count = *rc::gen::inRange<std::size_t>(1, 8);
  for (std::size_t s = 0; s < count; ++s) {
    auto& inputs = flow.inputs.emplace_back();
    bool has_stream = false;
    for (std::size_t before = 0; before < s; ++before) {
      if (*rc::gen::inRange(0, 3) != 0) { continue; }
      const bool stream = !has_stream && *rc::gen::arbitrary<bool>();
      has_stream = has_stream || stream;
      inputs.push_back({before, stream});
    }
    auto& sets = flow.sets.emplace_back();
    for (const char* key : {"p", "q"}) {
      if (*rc::gen::arbitrary<bool>()) { sets[key] = *rc::gen::inRange(0, 3); }
    }
  }
  return flow;
}

FlowSpec spec_of(const RandomFlow& flow) {
  FlowSpec spec;
  spec.settings.streams_enabled = true;
  for (std::size_t s = 0; s < flow.inputs.size(); ++s) {
    StepSpec step;
    step.name = "s" + std::to_string(s);
    step.command = {"x"};
    step.pointer = "/nodes/" + std::to_string(s);
    spec.steps.push_back(step);
  }
  const auto name = [](std::size_t s) { return "s" + std::to_string(s); };
  for (std::size_t s = 0; s < flow.inputs.size(); ++s) {
    EdgeSpec edge;
    edge.to = {name(s)};
    if (flow.inputs[s].empty()) {
      edge.from = {std::string(kFlowStart)};
      spec.edges.push_back(edge);
    }
    for (const RandomFlow::Input& input : flow.inputs[s]) {
      edge.from = {name(input.from)};
      edge.mode = std::nullopt;
      if (input.stream) {
        edge.mode = StreamMode::broadcast;
        StepStream end;
        end.channel = "of-" + name(input.from);
        if (spec.steps[input.from].streams.empty() ||
            is_input(spec.steps[input.from].streams.back().direction)) {
          end.direction = StreamDirection::stdout_;
          spec.steps[input.from].streams.push_back(end);
        }
        end.direction = StreamDirection::stdin_;
        spec.steps[s].streams.insert(spec.steps[s].streams.begin(), end);
      }
      spec.edges.push_back(edge);
    }
  }
  return spec;
}

// For a key: the values of those in `heard` that no one further down in `heard` has overwritten.
std::set<int> last_words(const RandomFlow& flow, const std::vector<std::set<std::size_t>>& above,
                         const std::set<std::size_t>& heard, const std::string& key) {
  std::set<int> words;
  for (const std::size_t s : heard) {
    const bool is_overwritten = std::any_of(heard.begin(), heard.end(), [&](std::size_t other) {
      return above[other].contains(s) && flow.sets[other].contains(key);
    });
    if (flow.sets[s].contains(key) && !is_overwritten) { words.insert(flow.sets[s].at(key)); }
  }
  return words;
}

// Is `state` what `heard` says? A key on which they differ must have been refused, but for those in
// `decided`.
void expect_state(const RandomFlow& random, const std::vector<std::set<std::size_t>>& above,
                  const std::set<std::size_t>& heard, const FlowState* state,
                  const std::map<std::string, int>& decided, bool& has_conflict) {
  has_conflict = false;
  std::map<std::string, int> expected{{"p", 9}};  // given
  for (const char* key : {"p", "q"}) {
    const auto words = last_words(random, above, heard, key);
    const bool is_decided = decided.contains(key);
    if (words.size() > 1 && !is_decided) { has_conflict = true; }
    if (words.size() == 1) { expected[key] = *words.begin(); }
    if (is_decided) { expected[key] = decided.at(key); }
  }
  RC_ASSERT((state == nullptr) == has_conflict);
  if (state == nullptr) { return; }
  RC_ASSERT(state->entries().size() == expected.size());
  for (const auto& [key, value] : expected) { RC_ASSERT(state->find(key)->value == value); }
}

RC_GTEST_PROP(FlowStates, AreWhatTheStepsBeforeHaveSaid, ()) {
  const RandomFlow random = random_flow();
  const std::size_t count = random.inputs.size();
  const auto flow = validate_flow(spec_of(random));
  RC_PRE(flow.has_value());  // not every choice of streams can run
  std::vector<std::set<std::size_t>> above(count);
  std::vector<std::set<std::size_t>> heard_before(count);  // whose words it sees
  std::vector<std::set<std::size_t>> heard_after(count);   // whose words stand behind it
  for (std::size_t s = 0; s < count; ++s) {
    for (const RandomFlow::Input& input : random.inputs[s]) {
      above[s].insert(input.from);
      above[s].insert(above[input.from].begin(), above[input.from].end());
      const auto& heard = input.stream ? heard_before[input.from] : heard_after[input.from];
      heard_before[s].insert(heard.begin(), heard.end());
    }
    heard_after[s] = above[s];
    heard_after[s].insert(s);
  }
  FlowStates states(*flow, Document{{"p", 9}});
  for (std::size_t s = 0; s < count;
       ++s) {  // every step after all those above it, as no program would run it
    bool has_conflict = false;
    const auto begun = states.begin(s);
    expect_state(random, above, heard_before[s], begun ? &states.seen(s) : nullptr, {}, has_conflict);
    if (has_conflict) { return; }
    Document returned = Document::object();
    for (const auto& [key, value] : random.sets[s]) { returned[key] = value; }
    const auto finished = states.finish(s, returned);
    RC_ASSERT(finished.has_value() == states.is_done(s));
    const FlowProgress progress = states.progress();
    expect_state(random, above, heard_after[s], finished ? &progress.done.back().state : nullptr,
                 random.sets[s], has_conflict);
    if (has_conflict) { return; }
  }
}

}  // namespace
}  // namespace streamlab
