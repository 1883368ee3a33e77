// tests/flow/valid_flow_test.cpp
//
// Flows that are accepted, and what they become. Those that are refused are in configs/bad.
#include "engine/flow/valid_flow.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/flow/read_flow.hpp"
#include "tests/flow/flow_texts.hpp"

namespace streamlab {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

using test::flow_of;
using test::kProducerAndConsumers;

std::vector<std::size_t> inputs_of(const FlowStep& step) {
  std::vector<std::size_t> steps;
  for (const StepInput& input : step.inputs) { steps.push_back(input.step); }
  return steps;
}

std::string message(std::string_view yaml) {
  const auto flow = load_flow(yaml, ConfigLanguage::yaml);
  return flow ? std::string() : to_string(flow.error(), "");
}

TEST(ValidFlow, JoinsStepsWithStreamsIntoAGroup) {
  const ValidFlow flow = flow_of(kProducerAndConsumers);
  ASSERT_THAT(flow.groups(), SizeIs(2));
  EXPECT_THAT(flow.groups()[0].steps, ElementsAre(0, 1, 2));
  EXPECT_THAT(flow.groups()[0].channels, ElementsAre(0));
  EXPECT_THAT(flow.groups()[0].waits_for, IsEmpty());
  EXPECT_THAT(flow.groups()[1].steps, ElementsAre(3));
  EXPECT_THAT(flow.groups()[1].waits_for, ElementsAre(0));
  ASSERT_THAT(flow.channels(), SizeIs(1));
  const FlowChannel& channel = flow.channels()[0];
  EXPECT_EQ(channel.name, "data_stream");
  EXPECT_EQ(channel.mode, StreamMode::broadcast);
  EXPECT_EQ(channel.buffer_bytes, 131072U);
  EXPECT_EQ(channel.producer.step, 0U);
  ASSERT_THAT(channel.consumers, SizeIs(2));
  EXPECT_EQ(channel.consumers[1].step, 2U);
}

TEST(ValidFlow, LetsTheStateGoAlongTheEdges) {
  const ValidFlow flow = flow_of(kProducerAndConsumers);
  EXPECT_THAT(inputs_of(flow.steps()[0]), ElementsAre(StepInput::kStart));
  EXPECT_THAT(inputs_of(flow.steps()[1]), ElementsAre(0));
  EXPECT_TRUE(flow.steps()[1].inputs[0].carries_stream);
  EXPECT_THAT(inputs_of(flow.steps()[3]), ElementsAre(1, 2));
  EXPECT_FALSE(flow.steps()[3].inputs[0].carries_stream);
  ASSERT_THAT(flow.results(), SizeIs(1));
  EXPECT_EQ(flow.results()[0].step, 3U);
  EXPECT_TRUE(flow.is_upstream(0, 3));
  EXPECT_FALSE(flow.is_upstream(3, 0));
  EXPECT_FALSE(flow.is_upstream(1, 2));
}

TEST(ValidFlow, ReadsWhatIsWrittenAndDefaults) {
  const ValidFlow flow = flow_of(R"(
version: 1
title: Everything
settings: { merge: list, parallel: { max_steps: 3, streams: { enabled: true, count: lines } }, state: { max_bytes: 100 } }
nodes:
  - name: a
    command: [sox, 1.5, true]
    env: { LANG: C, B: "1" }
    cwd: /tmp
    timeout: 2.5
    retry: { attempts: 4, backoff_ms: 5 }
    interrupt_after: true
    state: required
  - { name: b, graph: levels.json, set: { input: a.wav, gain: 2 }, streams: { stdout: { channel: x, buffer_size: 8192 } } }
  - { name: c, run: cat, shell: bash, streams: { fifo_in: { channel: x, policy: drop_oldest, unit_bytes: 8 } } }
edges:
  - { from: __start__, to: [a, b] }
  - { from: b, to: c, stream_mode: broadcast }
  - { from: [a, c], to: __end__, merge: last }
)");
  EXPECT_EQ(flow.title(), "Everything");
  EXPECT_EQ(flow.settings().merge, MergeRule::list);
  EXPECT_EQ(flow.settings().max_steps, 3U);
  EXPECT_EQ(flow.settings().count, StreamCount::lines);
  EXPECT_EQ(flow.settings().max_state_bytes, 100U);
  EXPECT_EQ(flow.results_merge(), MergeRule::last);
  const StepSpec& a = flow.steps()[0].spec;
  EXPECT_THAT(a.command, ElementsAre("sox", "1.5", "true"));
  EXPECT_THAT(a.environment, ElementsAre(testing::Pair("LANG", "C"), testing::Pair("B", "1")));
  EXPECT_EQ(a.folder, "/tmp");
  EXPECT_EQ(a.timeout_s, 2.5);
  ASSERT_TRUE(a.retry.has_value());
  EXPECT_EQ(a.retry->attempts, 4U);
  EXPECT_EQ(a.retry->backoff_ms, 5.0);
  EXPECT_EQ(a.retry->backoff_factor, 2.0);
  EXPECT_EQ(a.retry->max_backoff_ms, 30000.0);
  EXPECT_TRUE(a.interrupts_after);
  EXPECT_TRUE(a.state_required);
  const StepSpec& b = flow.steps()[1].spec;
  EXPECT_EQ(b.kind, StepSpec::Kind::graph);
  EXPECT_THAT(b.variables, ElementsAre(testing::Pair("input", "a.wav"), testing::Pair("gain", "2")));
  EXPECT_EQ(flow.channels()[0].buffer_bytes, 8192U);
  const FlowChannel::End& consumer = flow.channels()[0].consumers[0];
  EXPECT_EQ(consumer.stream.direction, StreamDirection::fifo_in);
  EXPECT_EQ(consumer.stream.policy, OverflowPolicy::drop_oldest);
  EXPECT_EQ(consumer.stream.unit_bytes, 8U);
  const ValidFlow least = flow_of("{nodes: [{name: a, run: pass}], edges: [{from: __start__, to: a}]}");
  EXPECT_EQ(least.settings().merge, MergeRule::error);
  EXPECT_EQ(least.settings().max_steps, std::nullopt);
  EXPECT_EQ(least.settings().max_state_bytes, 16777216U);
  EXPECT_TRUE(least.steps()[0].spec.is_python());
}

TEST(ValidFlow, RunsStepsThatAreNotParallelInTheOrderWritten) {
  const ValidFlow flow = flow_of(R"(
nodes: [{ name: a, command: [x] }, { name: b, command: [x] }, { name: c, command: [x] }, { name: d, command: [x] }]
edges:
  - { from: __start__, to: a }
  - { from: a, to: [d, c, b], parallel: false }
)");
  const auto waits = [&](const char* name) {
    std::vector<std::string> names;
    for (const std::size_t g : flow.groups()[flow.steps()[*flow.find(name)].group].waits_for) {
      names.push_back(flow.steps()[flow.groups()[g].steps[0]].spec.name);
    }
    return names;
  };
  EXPECT_THAT(waits("d"), ElementsAre("a"));
  EXPECT_THAT(waits("c"), testing::UnorderedElementsAre("a", "d"));
  EXPECT_THAT(waits("b"), testing::UnorderedElementsAre("a", "c"));
  EXPECT_FALSE(flow.is_upstream(*flow.find("d"), *flow.find("c")));  // it waits, but takes no state
}

TEST(ValidFlow, KeepsTheOrderOfTheFileWhereNothingElseDecides) {
  const ValidFlow flow = flow_of(R"(
nodes: [{ name: c, command: [x] }, { name: b, command: [x] }, { name: a, command: [x] }]
edges: [{ from: __start__, to: [a, b, c] }, { from: a, to: b }]
)");
  std::vector<std::string> order;
  for (const FlowGroup& group : flow.groups()) { order.push_back(flow.steps()[group.steps[0]].spec.name); }
  EXPECT_THAT(order, ElementsAre("c", "a", "b"));
}

TEST(ValidFlow, MergesByTheRuleOfTheEdgesThatMeet) {
  const ValidFlow flow = flow_of(R"(
nodes: [{ name: a, command: [x] }, { name: b, command: [x] }, { name: c, command: [x] }, { name: d, command: [x] }]
edges:
  - { from: __start__, to: a }
  - { from: a, to: [b, c], fan_in: d, merge: last }
)");
  EXPECT_EQ(flow.steps()[*flow.find("d")].merge, MergeRule::last);
  EXPECT_EQ(flow.steps()[*flow.find("b")].merge, MergeRule::error);
}

TEST(ValidFlow, LeavesTheShellsOwnVariablesAlone) {
  const ValidFlow flow = flow_of(R"(
variables: { limit: 3, name: x }
nodes:
  - { name: a, run: 'echo "${HOME} ${name}"', shell: sh, timeout: "${limit}", env: { NAME: "${name}" } }
edges: [{ from: __start__, to: a }]
)",
                                 {{"name", "y"}});
  EXPECT_EQ(flow.steps()[0].spec.script, "echo \"${HOME} ${name}\"");
  EXPECT_EQ(flow.steps()[0].spec.timeout_s, 3.0);
  EXPECT_THAT(flow.steps()[0].spec.environment, ElementsAre(testing::Pair("NAME", "y")));
}

TEST(ValidFlow, HasAFingerprintOfEverythingButSecrets) {
  const auto fingerprint = [](const std::string& timeout, const std::string& secret) {
    return flow_of("{nodes: [{name: a, command: [x], timeout: " + timeout + ", env: {TOKEN: " + secret +
                   "}}], edges: [{from: __start__, to: a}]}")
        .fingerprint();
  };
  EXPECT_EQ(fingerprint("1", "abc"), fingerprint("1", "def"));
  EXPECT_NE(fingerprint("1", "abc"), fingerprint("2", "abc"));
  EXPECT_EQ(fingerprint("1", "abc").size(), 16U);
}

TEST(ValidFlow, IsToldFromAGraph) {
  const auto document = [](std::string_view text) { return *parse_document(text, ConfigLanguage::json); };
  EXPECT_TRUE(is_flow(document(R"({"nodes": [], "edges": []})")));
  EXPECT_TRUE(is_flow(document(R"({"nodes": [], "settings": {}})")));
  EXPECT_FALSE(is_flow(document(R"({"nodes": [], "connections": []})")));
  EXPECT_FALSE(is_flow(document("[]")));
}

TEST(ValidFlow, IsRefusedWithAllErrorsInTheOrderOfTheFile) {
  const std::string said = message(R"(
edges: [{ from: __start__, to: b }]
nodes: [{ name: a, command: [x], timeout: x }]
settings: { merge: x }
)");
  const auto at = [&](const char* place) { return said.find(place); };
  EXPECT_LT(at("/edges/0/to: "), at("/nodes/0/timeout (\"a\"): ")) << said;
  EXPECT_LT(at("/nodes/0/timeout (\"a\"): "), at("/settings/merge: ")) << said;
}

TEST(ValidFlow, HasAtMostAThousandSteps) {
  std::string text = "{nodes: [";
  for (int i = 0; i < 1001; ++i) { text += "{name: a" + std::to_string(i) + ", command: [x]}, "; }
  text += "], edges: [{from: __start__, to: a0}]}";
  EXPECT_THAT(message(text), testing::HasSubstr("/nodes: the flow has 1001 steps; expected at most 1000\n"));
}

}  // namespace
}  // namespace streamlab
