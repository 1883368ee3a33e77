// tests/graph/plan_test.cpp
#include "engine/graph/plan.hpp"

#include <stdexcept>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/graph/test_nodes.hpp"

namespace streamlab {
namespace {

using test::graph_of;
using test::Words;
using testing::ElementsAre;
using Kind = ThreadPolicy::Kind;

Plan plan_of(const ValidGraph& graph, const PlanOptions& options = {}) {
  auto plan = make_plan(graph, options);
  if (!plan) { throw std::runtime_error(to_string(plan.error(), "")); }
  return *std::move(plan);
}

Words plan_refusals(const ValidGraph& graph, const PlanOptions& options = {}) {
  const auto plan = make_plan(graph, options);
  Words list;
  if (!plan) {
    for (const Error& error : plan.error()) { list.push_back(to_string(error)); }
  }
  return list;
}

const PlanSlot& slot_of(const Plan& plan, std::string_view node, std::size_t port = 0) {
  return plan.slots()[plan.nodes()[*plan.graph().find(node)].slots[port]];
}

PlanOptions per_node() {
  PlanOptions options;
  options.threads.kind = Kind::per_node;
  return options;
}

DeviceStream card() {
  return {.sample_rate_hz = 48000.0,
          .max_block_frames = 32,
          .input_names = {"left", "right"},
          .output_names = {"left", "right"},
          .input_latency_frames = 70,
          .output_latency_frames = 80};
}

TEST(Plan, LetsFormatsFlowDownTheEdges) {
  const Plan plan = plan_of(
      graph_of({R"(s Source {"rate": 96000, "size": 100})", "g Step", "m LevelMeter"}, {"s g", "g m"}));
  EXPECT_EQ(*slot_of(plan, "s").format, audio_format(96000.0, {"x"}, 100));
  EXPECT_EQ(*slot_of(plan, "g").format, audio_format(96000.0, {"x"}, 100));
  EXPECT_EQ(slot_of(plan, "m").format->kind, StreamKind::values);
  EXPECT_EQ(slot_of(plan, "m").format->sample_rate_hz, 96000.0);
}

TEST(Plan, GivesTheDevicesFormatToItsInput) {
  PlanOptions options;
  options.device = card();
  const Plan plan = plan_of(graph_of({"mic AudioInput", "g Step"}, {"mic g"}), options);
  EXPECT_EQ(*slot_of(plan, "g").format, audio_format(48000.0, {"left", "right"}, 32));
  EXPECT_EQ(slot_of(plan, "g").latency_frames, 70U);
}

TEST(Plan, SharesAFrameOnlyWhereNobodyElseReadsIt) {
  const Plan alone = plan_of(graph_of({"s Source", "a InPlace", "b InPlace"}, {"s a", "a b"}));
  EXPECT_EQ(slot_of(alone, "a").shares, alone.nodes()[0].slots[0]);
  EXPECT_EQ(slot_of(alone, "b").shares, alone.nodes()[1].slots[0]);
  const Plan read_twice =
      plan_of(graph_of({"s Source", "a InPlace", "b InPlace", "c InPlace"}, {"s a", "s b", "a c"}));
  EXPECT_EQ(slot_of(read_twice, "a").shares, std::nullopt);
  EXPECT_EQ(slot_of(read_twice, "b").shares, std::nullopt);
  EXPECT_EQ(slot_of(read_twice, "c").shares, read_twice.nodes()[1].slots[0]);
}

TEST(Plan, SharesNothingWithANodeThatDoesNotAllowItOrLiesInAnotherDomain) {
  const Plan plan = plan_of(graph_of({"s Source", "a Step", "b InPlace"}, {"s a", "a b"}));
  EXPECT_EQ(slot_of(plan, "a").shares, std::nullopt);
  EXPECT_TRUE(slot_of(plan, "b").shares);
  const Plan apart = plan_of(graph_of({"s Source", "a Step", "b InPlace"}, {"s a", "a b"}), per_node());
  EXPECT_EQ(slot_of(apart, "b").shares, std::nullopt);
  // A reader in another domain gets its copy before the frame is refilled.
  PlanOptions two;
  two.threads = {Kind::count, 2};
  const Plan copied = plan_of(graph_of({"s Source", "a InPlace", "c Slow"}, {"s a", "s c"}), two);
  ASSERT_EQ(copied.edges().size(), 1U);
  EXPECT_TRUE(slot_of(copied, "a").shares);
}

TEST(Plan, SharesNothingWhenBlocksDoNotComeOneForOne) {
  const Plan plan = plan_of(graph_of({"s Source", R"(a InPlace {"blocks": 3})"}, {"s a"}));
  EXPECT_EQ(slot_of(plan, "a").shares, std::nullopt);
  EXPECT_EQ(slot_of(plan, "a").max_blocks, 3U);
}

TEST(Plan, MultipliesTheBlocksOfARoundWithinADomainOnly) {
  const ValidGraph graph =
      graph_of({"s Source", R"(a Step {"blocks": 3})", R"(b Step {"blocks": 5})"}, {"s a", "a b"});
  EXPECT_EQ(slot_of(plan_of(graph), "b").max_blocks, 15U);
  EXPECT_EQ(slot_of(plan_of(graph, per_node()), "b").max_blocks, 5U);
}

TEST(Plan, AddsLatencyAndHeldFramesAlongTheLongestPath) {
  const Plan plan = plan_of(graph_of({R"(s Source {"latency": 7})", R"(a Step {"latency": 100, "held": 50})",
                                      R"(b Step {"latency": 20, "held": 500})", R"(j Join {"latency": 1})"},
                                     {"s a", "s b", "a j.in1", "b j.in2"}));
  EXPECT_EQ(slot_of(plan, "a").latency_frames, 107U);
  EXPECT_EQ(slot_of(plan, "b").latency_frames, 27U);
  EXPECT_EQ(slot_of(plan, "j").latency_frames, 108U);
  EXPECT_EQ(slot_of(plan, "j").held_frames, 500U);
  EXPECT_EQ(plan.latency_frames(), 108U);
}

TEST(Plan, LetsAJoinHoldBackWhatTheSlowerPathHolds) {
  const Plan plan = plan_of(graph_of({R"(s Source {"size": 64})", R"(a Step {"held": 1000})", "j Join"},
                                     {"s a", "a j.in1", "s j.in2"}));
  // What the slower path holds, and two rounds of 64 frames on each of two inputs: 1256 frames, 20 blocks. With two
  // rounds of blocks, one that its source cuts off at either end, and 4 that are short.
  EXPECT_THAT(plan.nodes()[2].join_blocks, ElementsAre(27U, 27U));
  EXPECT_EQ(plan.nodes()[2].join_frames, 1256U);
  EXPECT_TRUE(plan.nodes()[1].join_blocks.empty());
}

TEST(Plan, KnowsThatANodeThatCutsItsOutputItselfDoesNotMultiplyTheBlocks) {
  const auto blocks = [](const char* recuts) {
    const std::string step = fmt::format(R"(Step {{"held": 6400, "blocks": 6, "recuts": {}}})", recuts);
    const Plan plan = plan_of(graph_of({R"(s Source {"size": 64})", "a " + step, "b " + step, "j Join"},
                                       {"s a", "a b", "b j.in1", "b j.in2"}));
    return plan.nodes()[3].join_blocks;
  };
  // What the two nodes hold, and two rounds of up to 36 blocks of 64 frames on both inputs: 22016 frames. They may be cut
  // where the source begins a block, and where each node does. With two rounds of blocks, one for each that cuts, and 4 that
  // are short.
  EXPECT_THAT(blocks("true"), ElementsAre(3U * 344U + 72U + 3U + 4U, 3U * 344U + 72U + 3U + 4U));
  EXPECT_THAT(blocks("false"), ElementsAre(36U * 344U + 72U + 1U + 4U, 36U * 344U + 72U + 1U + 4U));
}

TEST(Plan, MakesEveryEdgeWaitWhenNothingPacesTheRun) {
  const Plan plan = plan_of(
      graph_of({"s Source", "a Step", "b Step"}, {R"(s a "policy": "drop_oldest", "capacity": 3)", "a b"},
               R"({"channel_capacity": 9})"),
      per_node());
  ASSERT_EQ(plan.edges().size(), 2U);
  EXPECT_EQ(plan.edges()[0].policy, OverflowPolicy::block);
  EXPECT_EQ(plan.edges()[0].capacity, 3U);
  EXPECT_EQ(plan.edges()[1].capacity, 9U);
  EXPECT_EQ(plan.edges()[1].from_domain, 1U);
  EXPECT_EQ(plan.edges()[1].to_domain, 2U);
}

TEST(Plan, TakesThePoliciesGivenWhenADevicePacesTheRun) {
  PlanOptions options = per_node();
  options.lossless = false;
  options.device = card();
  const Plan plan = plan_of(graph_of({"mic AudioInput", "a Step", "b Step", "c Step", "d Step"},
                                     {"mic a", R"(a b "policy": "latest", "capacity": 5)",
                                      R"(mic c "policy": "fail", "capacity": 2)", "b d"}),
                            options);
  ASSERT_EQ(plan.edges().size(), 4U);
  const auto edge_to = [&](std::string_view node) {
    for (const PlanEdge& edge : plan.edges()) {
      if (edge.to_node == *plan.graph().find(node)) { return edge; }
    }
    return PlanEdge{};
  };
  EXPECT_EQ(edge_to("a").policy, OverflowPolicy::drop_oldest);  // out of the real-time domain
  EXPECT_EQ(edge_to("a").capacity, 100U);
  EXPECT_EQ(edge_to("b").policy, OverflowPolicy::latest);
  EXPECT_EQ(edge_to("b").capacity, 1U);
  EXPECT_EQ(edge_to("c").policy, OverflowPolicy::fail);
  EXPECT_EQ(edge_to("c").capacity, 2U);
  EXPECT_EQ(edge_to("d").policy, OverflowPolicy::block);  // between workers
}

// Else the edge would drop while the queue before it is empty.
TEST(Plan, LetsAQueueFillWhereANodeBehindItWaitsForAnotherProgram) {
  PlanOptions options = per_node();
  options.lossless = false;
  options.device = card();
  const Plan plan = plan_of(graph_of({"mic AudioInput", "queue Buffer", "step Step", "behind Outside",
                                      "beside Outside", "both Mixer", "mixed Outside"},
                                     {"mic queue", "queue step", "step behind", "mic beside", "step both.in1",
                                      "mic both.in2", "both mixed"}),
                            options);
  const auto policy_to = [&](std::string_view node) {
    const std::size_t n = *plan.graph().find(node);
    const auto edge = std::find_if(plan.edges().begin(), plan.edges().end(),
                                   [&](const PlanEdge& one) { return one.to_node == n; });
    return edge->policy;
  };
  EXPECT_EQ(policy_to("queue"), OverflowPolicy::drop_oldest);  // out of the real-time domain
  EXPECT_EQ(policy_to("behind"), OverflowPolicy::block);
  EXPECT_EQ(policy_to("beside"), OverflowPolicy::drop_oldest);
  EXPECT_EQ(policy_to("mixed"),
            OverflowPolicy::drop_oldest);  // it would keep what comes past the queue waiting
}

TEST(Plan, CutsAnewWhatFeedsTheDevice) {
  PlanOptions options;
  options.lossless = false;
  options.device = card();
  const Plan plan = plan_of(graph_of({"tone Source", "out AudioOutput"}, {"tone out"}), options);
  ASSERT_EQ(plan.edges().size(), 1U);
  EXPECT_TRUE(plan.edges()[0].reblocks);
  EXPECT_EQ(plan.edges()[0].policy, OverflowPolicy::block);
}

TEST(Plan, CountsTheMemoryOfBlocksAndEdges) {
  const ValidGraph graph = graph_of({R"(s Source {"size": 1024})", "a Step"}, {R"(s a "capacity": 6)"});
  const std::uint64_t block = 1024 * sizeof(double) + sizeof(DataFrame);
  EXPECT_EQ(plan_of(graph).memory_bytes(), 2 * block);
  EXPECT_EQ(plan_of(graph, per_node()).memory_bytes(), (2 + 6 + 2) * block);  // an edge owns two more
  const ValidGraph in_place = graph_of({R"(s Source {"size": 1024})", "a InPlace"}, {"s a"});
  EXPECT_EQ(plan_of(in_place).memory_bytes(), block);
}

TEST(Plan, RefusesMoreMemoryThanTheLimit) {
  const ValidGraph graph =
      graph_of({R"(s Source {"size": 1048576})", "a Step"}, {R"(s a "capacity": 65534)"});
  // Two blocks in the nodes, 65534 + 2 in the edge, each of 8 MiB and its head.
  const double mib = 65538.0 * (8.0 + sizeof(DataFrame) / 1048576.0);
  EXPECT_THAT(plan_refusals(graph, per_node()),
              ElementsAre(fmt::format("/pipeline_config: the graph's blocks and edges would take {:.1f} MiB; "
                                      "expected at most 4096.0 MiB; a smaller block_size or edge_capacity "
                                      "takes less",
                                      mib)));
  PlanOptions small;
  small.memory_limit_bytes = 1U << 20U;
  EXPECT_EQ(plan_refusals(graph, small).size(), 1U);
  small.memory_limit_bytes = 64U << 20U;
  EXPECT_EQ(plan_refusals(graph, small).size(), 0U);
}

TEST(Plan, PointsToTheNodeThatCouldNotBePrepared) {
  EXPECT_THAT(plan_refusals(graph_of({"s Source", R"(a Step {"refuse": "this cannot be"})"}, {"s a"})),
              ElementsAre("/nodes/1/config/refuse (\"a\"): this cannot be"));
}

TEST(Plan, SaysEveryErrorButNoneThatFollowsFromAnother) {
  const ValidGraph graph =
      graph_of({"s Source", R"(a Step {"refuse": "first"})", "behind Step", R"(b Step {"refuse": "second"})",
                R"(other Source {"rate": 44100})", "j Join"},
               {"s a", "a behind", "s b", "s j.in1", "other j.in2"});
  EXPECT_THAT(
      plan_refusals(graph),
      testing::UnorderedElementsAre(
          "/nodes/1/config/refuse (\"a\"): first", "/nodes/3/config/refuse (\"b\"): second",
          "/nodes/5: \"j\" joins \"s\" at 48000 Hz and \"other\" at 44100 Hz; expected one sample rate"));
}

TEST(Plan, RefusesToJoinAnythingButAudio) {
  EXPECT_THAT(plan_refusals(graph_of({"s Source", "m LevelMeter", "j Join"}, {"s m", "m j.in1", "s j.in2"})),
              ElementsAre("/nodes/2: \"j\" joins streams of values; expected audio on every input"));
}

TEST(Plan, RefusesToJoinWhatComesThroughANodeThatBreaksTheTimeline) {
  EXPECT_THAT(
      plan_refusals(graph_of({"s Source", R"(f Filter {"above_db": -20})", "g Gain", "j Join"},
                             {"s f", "f g", "g j.in1", "s j.in2"})),
      ElementsAre(
          "/nodes/3: \"j\" joins its inputs by their positions, which \"f\" (Filter) before it does not keep; "
          "expected on every input a stream without pauses of any length; put the Filter behind \"j\""));
}

TEST(Plan, KnowsWhetherASourceEverEnds) {
  EXPECT_TRUE(plan_of(graph_of({"s SineGenerator", "end NullSink"}, {"s end"})).is_endless());
  EXPECT_FALSE(
      plan_of(graph_of({R"(s SineGenerator {"duration_s": 1})", "end NullSink"}, {"s end"})).is_endless());
}

TEST(Plan, KnowsThatTakeEndsAnEndlessSource) {
  const char* take = R"(t Take {"seconds": 1})";
  EXPECT_FALSE(plan_of(graph_of({"s SineGenerator", take, "g Gain", "end NullSink"}, {"s t", "t g", "g end"}))
                   .is_endless());
  EXPECT_TRUE(plan_of(graph_of({"s SineGenerator", take, "end NullSink", "other NullSink"},
                               {"s t", "t end", "s other"}))
                  .is_endless());
}

TEST(Plan, TakesTheBlockSizeFromOptionsConfigurationAndDefaultInThatOrder) {
  const Words nodes{"s SineGenerator", "end NullSink"};
  const Words edges{"s end"};
  PlanOptions options;
  EXPECT_EQ(slot_of(plan_of(graph_of(nodes, edges)), "s").format->max_frames, kDefaultBlockSize);
  const ValidGraph configured = graph_of(nodes, edges, R"({"block_size": 480})");
  EXPECT_EQ(slot_of(plan_of(configured), "s").format->max_frames, 480U);
  options.block_size = 7;
  EXPECT_EQ(slot_of(plan_of(configured, options), "s").format->max_frames, 7U);
}

// A library that gets no memory says so to its node; our own new ends the program before that.
TEST(Plan, SaysForWhichNodeMemoryRanOut) {
  const ValidGraph graph =
      graph_of({"s Source", R"(big Step {"greedy": true})", "end NullSink"}, {"s big", "big end"});
  EXPECT_THAT(plan_refusals(graph),
              ElementsAre("/nodes/1 (\"big\"): memory ran out while it was prepared; smaller "
                          "blocks, windows and buffers need less"));
  EXPECT_EQ(make_plan(graph, {}).error().front().code, ErrorCode::failed);  // not the configuration's fault
}

}  // namespace
}  // namespace streamlab
