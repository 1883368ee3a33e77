// tests/run/node_times_test.cpp
#include "engine/run/node_times.hpp"

#include <chrono>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/run/engine.hpp"
#include "engine/run/pipeline.hpp"

namespace streamlab {
namespace {

TEST(NodeTimes, KnowSumAndWorst) {
  NodeTimes times;
  for (const std::uint64_t ns : {100U, 400U, 250U}) { times.record(ns); }
  const NodeTime read = times.read();
  EXPECT_EQ(read.measured, 3U);
  EXPECT_EQ(read.total_ns, 750U);
  EXPECT_EQ(read.worst_ns, 400U);
}

std::vector<std::uint64_t> measured_rounds(std::uint64_t rounds) {
  MeasuredRounds clocked;
  std::vector<std::uint64_t> measured;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    if (clocked.begin()) { measured.push_back(round); }
  }
  return measured;
}

TEST(MeasuredRounds, AreManyAtTheBeginningThenOneIn251) {
  const auto measured = measured_rounds(100'000);
  for (std::uint64_t round = 0; round < 64; ++round) { ASSERT_EQ(measured[round], round); }
  std::uint64_t before = 1;
  for (std::size_t i = 1; i < measured.size(); ++i) {
    const std::uint64_t distance = measured[i] - measured[i - 1];
    ASSERT_EQ(distance % 2, 1U);
    ASSERT_GE(distance, before);
    before = distance;
  }
  EXPECT_EQ(before, MeasuredRounds::kRarest);
}

// A node that does all its work at every 16th block is met at work in one of 16 measured rounds.
TEST(MeasuredRounds, MeetWhatComesRegularlyAsOftenAsItComes) {
  const auto measured = measured_rounds(10'000'000);
  for (const std::uint64_t period : {2U, 16U, 64U}) {
    std::uint64_t met = 0;
    for (const std::uint64_t round : measured) { met += round % period == 0 ? 1 : 0; }
    const double expected = static_cast<double>(measured.size()) / static_cast<double>(period);
    EXPECT_NEAR(static_cast<double>(met), expected, 0.02 * static_cast<double>(measured.size())) << period;
  }
}

TEST(MeasuredRounds, TakeTheNextOneWhereNothingWorked) {
  MeasuredRounds clocked;
  for (int round = 0; round < 100'000; ++round) { clocked.begin(); }
  while (!clocked.begin()) {}
  for (int i = 0; i < 5; ++i) {
    clocked.was_idle();
    EXPECT_TRUE(clocked.begin());
  }
  for (std::uint64_t round = 1; round < MeasuredRounds::kRarest; ++round) { EXPECT_FALSE(clocked.begin()); }
  EXPECT_TRUE(clocked.begin());
}

// A node that works for a time that is known: it looks at the clock until that is over.
constexpr std::chrono::microseconds kWork{200};
constexpr NodeInfo kWorkInfo{
    .name = "Work", .inputs = kAudioInPort, .outputs = kAudioOutPort, .rt_safe = RtSafe::yes};
class Work final : public Node {
 public:
  explicit Work(const ParamValues& /*params*/) {}
  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    return std::vector{OutputFormat{*context.inputs[0]}};
  }
  void reset() noexcept override {}
  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept override {
    const auto end = std::chrono::steady_clock::now() + kWork;
    while (std::chrono::steady_clock::now() < end) {}
    out[0].emit().copy_from(*in[0]);
    return Status::ok;
  }
};

TEST(NodeReports, KnowTheTimeOfEachNode) {
  static const NodeEntry kWorkEntry{kWorkInfo, make_node<Work>};
  static const NodeCatalog kCatalog = default_catalog().with({&kWorkEntry});
  const auto graph = load_graph(R"({"pipeline_config": {"sample_rate": 8000, "block_size": 16},
      "nodes": [{"id": "tone", "type": "SineGenerator"}, {"id": "work", "type": "Work"},
        {"id": "half", "type": "Gain", "config": {"gain": 0.5}}, {"id": "end", "type": "NullSink"}],
      "connections": [{"from": "tone", "to": "work"}, {"from": "work", "to": "half"},
        {"from": "half", "to": "end"}]})",
                                ConfigLanguage::json, {}, kCatalog);
  ASSERT_TRUE(graph) << to_string(graph.error(), "");
  auto engine = Engine::create(*graph, {.frame_limit = 16 * 50});
  ASSERT_TRUE(engine);
  ASSERT_TRUE((*engine)->start());
  ASSERT_TRUE((*engine)->wait_for(std::chrono::hours(1)));
  (*engine)->stop();
  const auto nodes = (*engine)->status().nodes;
  std::vector<std::string> ids;
  double shares = 0.0;
  for (const NodeReport& node : nodes) {
    ids.push_back(node.id);
    EXPECT_GE(node.measured, 1U) << node.id;
    EXPECT_LE(node.mean_ns, node.worst_ns) << node.id;
    shares += node.share;
  }
  EXPECT_THAT(ids, testing::ElementsAre("tone", "work", "half", "end"));
  EXPECT_NEAR(shares, 1.0, 1e-9);
  // kWork for each of 50 blocks, to what the clock takes; the round of the end comes on top.
  EXPECT_GE(nodes[1].mean_ns * static_cast<double>(nodes[1].measured), 50 * (200e3 - 1e3));
}

TEST(NodeReports, ShareThePassOfThoseThatRunInOne) {
  auto pipeline = Pipeline::from_json(R"({"pipeline_config": {"sample_rate": 8000, "block_size": 64},
      "nodes": [{"id": "in", "type": "AudioInput"}, {"id": "a", "type": "Gain", "config": {"gain": 3}},
        {"id": "b", "type": "Gain", "config": {"gain": 5}}, {"id": "delay", "type": "Delay", "config": {"frames": 1}}],
      "connections": [{"from": "in", "to": "a"}, {"from": "a", "to": "b"}, {"from": "b", "to": "delay"}]})");
  ASSERT_TRUE(pipeline) << to_string(pipeline.error(), "");
  DataFrame frame(0, 0);
  ASSERT_TRUE(frame.set_channel("main_channel", std::vector<double>(64, 0.5)));
  for (int i = 0; i < 20; ++i) { ASSERT_TRUE(pipeline->process(frame)); }
  const auto nodes = pipeline->status().nodes;
  ASSERT_EQ(nodes.size(), 4U);
  for (const NodeReport& node : nodes) { EXPECT_EQ(node.measured, 20U) << node.id; }
  EXPECT_EQ(nodes[1].in_one_pass, 2U);
  EXPECT_EQ(nodes[1].mean_ns, nodes[2].mean_ns);
  EXPECT_EQ(nodes[3].in_one_pass, 1U);
}

}  // namespace
}  // namespace streamlab
