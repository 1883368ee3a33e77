// tests/run/separate_inputs_test.cpp
//
// Nodes with separate inputs: what each input gets, in which order, and that nothing waits forever, whatever
// the partition into threads.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/graph/validate.hpp"
#include "engine/run/pipeline.hpp"

namespace streamlab {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;

// ---- The nodes of the test.

constexpr ParamInfo kSourceParams[] = {
    param::integer("blocks", "blocks", {0, 1e6}, 100, "Blocks that it gives."),
    param::integer("size", "frames", {1, 1e6}, 64, "Frames of a block."),
    param::number("rate", "Hz", {1, 1e6}, 48000, Live::no, "Sample rate."),
};
constexpr NodeInfo kCountInfo{
    .name = "Count", .outputs = kAudioOutPort, .params = kSourceParams, .cost_ns_per_frame = 30.0};

// Counts frames: sample n is n.
class Count final : public Node {
 public:
  explicit Count(const ParamValues& params)
      : blocks_(params.integer(0)),
        size_(static_cast<std::uint32_t>(params.integer(1))),
        rate_hz_(params[2]) {}
  Result<std::vector<OutputFormat>> prepare(const PrepareContext& /*context*/) override {
    return std::vector{OutputFormat{audio_format(rate_hz_, {"x"}, size_)}};
  }
  void reset() noexcept override { given_ = 0; }
  Status process(std::span<const DataFrame* const> /*in*/, std::span<OutputPort> out) noexcept override {
    if (given_ == blocks_) { return Status::done; }
    const std::int64_t position = given_++ * size_;
    DataFrame& y = out[0].emit_at(position, size_, rate_hz_);
    double next = static_cast<double>(position);
    for (double& sample : y.channel(0U)) { sample = next++; }
    return Status::ok;
  }

 private:
  const std::int64_t blocks_;
  const std::uint32_t size_;
  const double rate_hz_;
  std::int64_t given_ = 0;
};

constexpr ParamInfo kThinParams[] = {param::integer("keep", "blocks", {1, 1e6}, 4, "One of so many.")};
constexpr PortInfo kValuesOut[] = {
    {.name = "out", .kinds = mask(StreamKind::values), .description = "Values."}};
constexpr NodeInfo kThinInfo{.name = "Thin",
                             .inputs = kAudioInPort,
                             .outputs = kValuesOut,
                             .params = kThinParams,
                             .cost_ns_per_frame = 30.0};

// The first sample of every block whose number divides by `keep`, as a value.
class Thin final : public Node {
 public:
  explicit Thin(const ParamValues& params) : keep_(static_cast<std::uint64_t>(params.integer(0))) {}
  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    OutputFormat out{*context.inputs[0]};
    out.format.kind = StreamKind::values;
    out.format.max_frames = 1;
    out.held_frames = static_cast<std::uint32_t>(keep_) * context.inputs[0]->max_frames;
    return std::vector{out};
  }
  void reset() noexcept override { taken_ = 0; }
  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept override {
    if (taken_++ % keep_ == 0) { out[0].emit().channel(0U)[0] = in[0]->channel(0U)[0]; }
    return Status::ok;
  }

 private:
  const std::uint64_t keep_;
  std::uint64_t taken_ = 0;
};

constexpr ParamInfo kEarParams[] = {
    param::integer("room", "blocks", {1, 1e6}, 1e6, "An input has room until it is so far ahead."),
};
constexpr PortInfo kEarIn[] = {{"in", kAnyKind, "As many as are connected.", 8}};
constexpr NodeInfo kEarInfo{.name = "Ear",
                            .inputs = kEarIn,
                            .outputs = kValuesOut,
                            .params = kEarParams,
                            .rt_safe = RtSafe::yes,
                            .input_mode = InputMode::separate};

// Notes what it gets; gives for each block one value, the number of its input.
class Ear final : public Node {
 public:
  struct Heard {
    std::vector<double> firsts;  // first sample of each block
    bool ended = false;
    std::size_t most_ahead = 0;  // blocks by which this input was ahead of the slowest that had not ended
  };

  explicit Ear(const ParamValues& params) : room_(static_cast<std::size_t>(params.integer(0))) {}
  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    heard_.resize(context.inputs.size());
    ahead_blocks_.assign(context.ahead_blocks.begin(), context.ahead_blocks.end());
    OutputFormat out{*context.inputs[0]};
    out.format.kind = StreamKind::values;
    out.format.max_frames = 1;
    return std::vector{out};
  }
  void reset() noexcept override {
    for (Heard& heard : heard_) { heard = {}; }
  }
  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept override {
    std::size_t blocks = 0;
    for (std::size_t i = 0; i < in.size(); ++i) {
      if (in[i] == nullptr) { continue; }
      ++blocks;
      late_ += heard_[i].ended ? 1 : 0;
      heard_[i].firsts.push_back(in[i]->channel(0U)[0]);
      heard_[i].most_ahead = std::max(heard_[i].most_ahead, ahead(i));
      out[0].emit().channel(0U)[0] = static_cast<double>(i);
    }
    wrong_calls_ += blocks == 1 ? 0 : 1;
    return Status::ok;
  }
  void input_ended(std::size_t input) noexcept override {
    late_ += heard_[input].ended ? 1 : 0;
    heard_[input].ended = true;
  }
  bool has_room(std::size_t input, std::size_t blocks) const noexcept override {
    return ahead(input) + blocks <= room_;
  }
  Status finish(std::span<OutputPort> /*out*/) noexcept override {
    for (const Heard& heard : heard_) { unfinished_ += heard.ended ? 0 : 1; }
    return Status::done;
  }

  const std::vector<Heard>& heard() const { return heard_; }
  const std::vector<std::uint32_t>& ahead_blocks() const { return ahead_blocks_; }
  std::size_t wrong_calls() const { return wrong_calls_ + late_ + unfinished_; }

 private:
  std::size_t ahead(std::size_t input) const noexcept {
    std::size_t least = heard_[input].firsts.size();
    for (const Heard& other : heard_) {
      if (!other.ended) { least = std::min(least, other.firsts.size()); }
    }
    return heard_[input].firsts.size() - least;
  }

  const std::size_t room_;
  std::vector<Heard> heard_;
  std::vector<std::uint32_t> ahead_blocks_;
  std::size_t wrong_calls_ = 0;  // not exactly one block
  std::size_t late_ = 0;         // something after the end
  std::size_t unfinished_ = 0;   // finish() before an end
};

const NodeCatalog& catalog() {
  static const NodeEntry kOwn[] = {
      {kCountInfo, make_node<Count>}, {kThinInfo, make_node<Thin>}, {kEarInfo, make_node<Ear>}};
  static const NodeCatalog kCatalog = [] {
    static std::vector<const NodeEntry*> entries;
    for (const NodeEntry& entry : kOwn) { entries.push_back(&entry); }
    for (const NodeEntry* entry : default_catalog().entries()) { entries.push_back(entry); }
    return NodeCatalog(entries);
  }();
  return kCatalog;
}

// ---- Running a graph.

struct RunResult {
  std::unique_ptr<Engine> engine;
  std::vector<double> out;  // what "ear" gave

  const Ear& ear() const {
    const auto n = engine->plan().graph().find("ear");
    return dynamic_cast<const Ear&>(*engine->plan().nodes()[*n].node);
  }
};

RunResult run_ear(const std::string& nodes, const std::string& connections, const std::string& config) {
  const auto graph = load_graph(R"({"version": 1, "pipeline_config": {)" + config + R"(}, "nodes": [)" +
                                    nodes + R"(], "connections": [)" + connections + "]}",
                                ConfigLanguage::json, {}, catalog());
  EXPECT_TRUE(graph) << to_string(graph.error(), "");
  auto engine = Engine::create(*graph, {});
  EXPECT_TRUE(engine) << to_string(engine.error(), "");
  RunResult result{std::move(*engine), {}};
  auto receiver = result.engine->subscribe("ear");
  EXPECT_TRUE(receiver);
  EXPECT_TRUE(result.engine->start());
  while (const auto block = receiver->receive()) { result.out.push_back(block->channel(0U)[0]); }
  result.engine->stop();
  EXPECT_THAT(result.engine->status().failures, IsEmpty());
  return result;
}

std::vector<double> steps(std::size_t count, double step) {
  std::vector<double> values;
  for (std::size_t i = 0; i < count; ++i) { values.push_back(static_cast<double>(i) * step); }
  return values;
}

const std::vector<std::string>& partitions() {
  static const std::vector<std::string> kPartitions{
      R"("threads": 1)", R"("threads": 2, "channel_capacity": 1)", R"("threads": 3, "channel_capacity": 3)",
      R"("threads": "per_node", "channel_capacity": 1)", R"("threads": "per_node", "channel_capacity": 100)"};
  return kPartitions;
}

// ---- Tests.

TEST(SeparateInputs, GetEveryBlockOfEveryKindInOrderAndThenTheirEnd) {
  for (const std::string& config : partitions()) {
    const RunResult result = run_ear(R"({"id": "a", "type": "Count", "config": {"blocks": 500, "size": 10}},
        {"id": "b", "type": "Count", "config": {"blocks": 40, "size": 333, "rate": 44100}},
        {"id": "thin", "type": "Thin"}, {"id": "ear", "type": "Ear"})",
                                     R"({"from": "a", "to": "ear.in1"}, {"from": "b", "to": "ear.in3"},
        {"from": "a", "to": "thin"}, {"from": "thin", "to": "ear.in2"})",
                                     config);
    const auto& heard = result.ear().heard();
    EXPECT_EQ(heard[0].firsts, steps(500, 10)) << config;
    EXPECT_EQ(heard[1].firsts, steps(125, 40)) << config;
    EXPECT_EQ(heard[2].firsts, steps(40, 333)) << config;
    for (const auto& input : heard) { EXPECT_TRUE(input.ended) << config; }
    EXPECT_EQ(result.ear().wrong_calls(), 0U) << config;
    const auto count = [&](double input) { return std::count(result.out.begin(), result.out.end(), input); };
    EXPECT_THAT((std::vector{count(0), count(1), count(2)}), ElementsAre(500, 125, 40)) << config;
  }
}

TEST(SeparateInputs, DoNotWaitForEachOtherWhereAStreamSplits) {
  // Of a thousand blocks one path gives ten: a node that waited for both, with room for three, would wait for
  // ever.
  for (const std::string& config : partitions()) {
    const RunResult result = run_ear(R"({"id": "a", "type": "Count", "config": {"blocks": 1000}},
        {"id": "thin", "type": "Thin", "config": {"keep": 100}},
        {"id": "ear", "type": "Ear", "config": {"room": 3}})",
                                     R"({"from": "a", "to": "ear.in1"}, {"from": "a", "to": "thin"},
        {"from": "thin", "to": "ear.in2"})",
                                     config);
    EXPECT_EQ(result.ear().heard()[0].firsts.size(), 1000U) << config;
    EXPECT_EQ(result.ear().heard()[1].firsts.size(), 10U) << config;
  }
}

TEST(SeparateInputs, OfDifferentSourcesWaitForRoom) {
  for (const std::string& config : partitions()) {
    const RunResult result =
        run_ear(R"({"id": "a", "type": "Count", "config": {"blocks": 400}},
        {"id": "b", "type": "Count", "config": {"blocks": 300}}, {"id": "ear", "type": "Ear", "config": {"room": 5}})",
                R"({"from": "a", "to": "ear.in1"}, {"from": "b", "to": "ear.in2"})", config);
    EXPECT_EQ(result.ear().heard()[0].firsts, steps(400, 64)) << config;
    EXPECT_EQ(result.ear().heard()[1].firsts, steps(300, 64)) << config;
    // While both were there, neither ran further ahead than it had room.
    EXPECT_LE(result.ear().heard()[1].most_ahead, 5U) << config;
  }
}

TEST(SeparateInputs, AreToldHowFarOneMayRunAhead) {
  const RunResult result =
      run_ear(R"({"id": "a", "type": "Count", "config": {"blocks": 1}},
      {"id": "thin", "type": "Thin", "config": {"keep": 8}}, {"id": "ear", "type": "Ear"})",
              R"({"from": "a", "to": "ear.in1", "capacity": 10}, {"from": "a", "to": "thin", "capacity": 20},
      {"from": "thin", "to": "ear.in2", "capacity": 30})",
              R"("threads": "per_node", "block_size": 64)");
  // The slower way: two edges, each with its capacity and a block in hand at either end, and 8 blocks of 64
  // frames inside "thin"; two more for the domains' hands.
  EXPECT_THAT(result.ear().ahead_blocks(), Each(20 + 2 + 30 + 2 + 8 + 2));
}

TEST(SeparateInputs, GetTheSameAfterReset) {
  auto pipeline = Pipeline::from_json(R"({"version": 1, "nodes": [
      {"id": "a", "type": "Count", "config": {"blocks": 7}}, {"id": "b", "type": "Count", "config": {"blocks": 3}},
      {"id": "ear", "type": "Ear"}], "connections": [{"from": "a", "to": "ear.in1"}, {"from": "b", "to": "ear.in2"}]})",
                                      {}, catalog());
  ASSERT_TRUE(pipeline) << to_string(pipeline.error(), "");
  const auto& ear = dynamic_cast<const Ear&>(*pipeline->plan().nodes()[2].node);
  for (int stream = 0; stream < 2; ++stream) {
    ASSERT_TRUE(pipeline->run());
    EXPECT_EQ(ear.heard()[0].firsts, steps(7, 64));
    EXPECT_EQ(ear.heard()[1].firsts, steps(3, 64));
    EXPECT_TRUE(ear.heard()[0].ended && ear.heard()[1].ended);
    EXPECT_EQ(ear.wrong_calls(), 0U);
    pipeline->reset();
    EXPECT_FALSE(ear.heard()[0].ended);
  }
}

}  // namespace
}  // namespace streamlab
