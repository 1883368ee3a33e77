// tests/nodes/analysis/interval_measurement_test.cpp
//
// With a node that adds up what it is given: at 1000 Hz a frame is a millisecond.
#include "nodes/analysis/interval_measurement.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/nodes/analysis/metadata_of.hpp"
#include "tests/support/node_harness.hpp"
#include "tests/support/signals.hpp"

namespace streamlab::test {
namespace interval_measurement {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::string_view kOvers[] = {"interval", "count", "block", "stream"};
constexpr ParamInfo kParams[] = {
    param::choice("over", kOvers, "interval", "What a stretch is."),
    param::number("interval_s", "s", {1e-9, 10.0}, 0.01, Live::no, "Length of an interval."),
    param::integer("count", "", {1.0, 100.0}, 4.0, "How many."),
    param::boolean("accept_late", false, "Whether the first interval may begin late."),
};
constexpr auto kOver = param::at(kParams, "over");
constexpr auto kIntervalS = param::at(kParams, "interval_s");
constexpr auto kCount = param::at(kParams, "count");
constexpr auto kAcceptLate = param::at(kParams, "accept_late");

class Adder final : public IntervalMeasurement {
 public:
  explicit Adder(const ParamValues& params) : params_(params) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    const StreamFormat& in = *context.inputs[0];
    OutputFormat out{values_format(in)};
    out.format.channels = {{"sum", ""}};
    const Stretches stretches{.over = static_cast<Stretches::Over>(params_.choice(kOver)),
                              .interval_s = params_[kIntervalS],
                              .count = params_.integer(kCount),
                              .entered_late = params_.flag(kAcceptLate) ? Stretches::EnteredLate::accepted
                                                                        : Stretches::EnteredLate::incomplete};
    if (auto cut = prepare_stretches(in, stretches, out); !cut) { return tl::unexpected(cut.error()); }
    reset();
    return std::vector{std::move(out)};
  }

 private:
  void restart() noexcept override { sum_ = 0.0; }
  void measure(const DataFrame& x, std::uint32_t first, std::uint32_t count) noexcept override {
    for (const double sample : x.channel(0U).subspan(first, count)) { sum_ += sample; }
  }
  void give(const Stretch& stretch, DataFrame& y) noexcept override {
    set_metadata(stretch, y);
    y.set_frame_count(1);
    y.channel(0U)[0] = sum_;
  }

  const ParamValues params_;
  double sum_ = 0.0;
};

constexpr PortInfo kOutPort[] = {{"out", mask(StreamKind::values), "Sums."}};
constexpr NodeInfo kInfo{
    .name = "Adder", .inputs = kAnyInPort, .outputs = kOutPort, .params = kParams, .rt_safe = RtSafe::yes};
const NodeEntry kAdder{kInfo, make_node<Adder>};

StreamFormat audio() { return audio_format(1000.0, {"x"}, 64); }
NodeHarness adder(const char* config = "{}") { return {kAdder, config, {audio()}}; }

// `frames` ones at `position`.
std::vector<DataFrame> feed(NodeHarness& node, std::int64_t position, std::uint32_t frames,
                            std::uint64_t gap_frames = 0) {
  DataFrame block = node.input_frame();
  block.header().position = position;
  block.header().timestamp_us = position * 1000;
  if (gap_frames > 0) { block.header().set(FrameFlag::gap); }
  block.header().gap_frames = gap_frames;
  block.set_frame_count(frames);
  for (double& sample : block.channel(0U)) { sample = 1.0; }
  return node.process(block);
}

std::string header_text(const DataFrame& result) {
  const FrameHeader& h = result.header();
  std::string text = std::to_string(h.position) + "+" + std::to_string(h.length_frames);
  if (h.has(FrameFlag::gap)) { text += " gap " + std::to_string(h.gap_frames); }
  if (h.has(FrameFlag::incomplete)) { text += " incomplete"; }
  if (h.has(FrameFlag::clipped)) { text += " clipped"; }
  return text + ": " + std::to_string(static_cast<int>(result.channel(0U)[0]));
}
std::vector<std::string> texts(const std::vector<DataFrame>& results) {
  std::vector<std::string> list;
  for (const DataFrame& result : results) { list.push_back(header_text(result)); }
  return list;
}

TEST(IntervalMeasurement, GivesAResultForEachIntervalOfItsGrid) {
  NodeHarness node = adder();
  const auto results = feed(node, 0, 25);
  EXPECT_THAT(texts(results), ElementsAre("0+10: 10", "10+10: 10"));
  EXPECT_EQ(results[1].timestamp_us(), 10000);
  EXPECT_EQ(results[1].sequence_id(), 1U);
  EXPECT_EQ(meta(results[1], "interval_frames"), 10.0);
  EXPECT_EQ(meta(results[1], "frames"), 10.0);
  EXPECT_EQ(meta(results[1], "missing_frames"), 0.0);
  EXPECT_THAT(texts(node.finish()), ElementsAre("20+5 incomplete: 5"));  // what the end cut off
}

TEST(IntervalMeasurement, IsTheSameForEveryBlockSize) {
  for (const char* config :
       {R"({"interval_s": 0.0077})", R"({"over": "count", "count": 7})", R"({"over": "stream"})"}) {
    NodeHarness whole(kAdder, config, {audio()});
    const Signal x = noise(1, 60);
    const auto expected = whole.run_frames(x, 60);
    for (const std::uint32_t block : {1U, 7U, 32U}) {
      NodeHarness cut(kAdder, config, {audio()});
      const auto results = cut.run_frames(x, block);
      ASSERT_EQ(results.size(), expected.size());
      for (std::size_t i = 0; i < results.size(); ++i) {
        EXPECT_EQ(results[i].header(), expected[i].header());
        EXPECT_EQ(results[i].channel(0U)[0], expected[i].channel(0U)[0]);  // bit for bit: added in one order
      }
    }
  }
}

TEST(IntervalMeasurement, TellsEachMissingFrameOnce) {
  NodeHarness node = adder();
  feed(node, 0, 10);
  EXPECT_THAT(texts(feed(node, 13, 7)), ElementsAre("10+10 gap 3 incomplete: 7"));
  feed(node, 20, 5);
  // The rest of one interval, an interval that is missing entirely, and the beginning of another.
  EXPECT_THAT(texts(feed(node, 44, 6)),
              ElementsAre("20+10 gap 5 incomplete: 5", "40+10 gap 14 incomplete: 6"));
  EXPECT_THAT(texts(feed(node, 50, 10)), ElementsAre("50+10: 10"));
}

TEST(IntervalMeasurement, BeginsAgainWhereTheStreamRestartsItsCount) {
  NodeHarness node = adder();
  feed(node, 0, 15);
  EXPECT_THAT(texts(feed(node, 5, 5)), ElementsAre("10+5 incomplete: 5", "5+5 incomplete: 5"));
  EXPECT_THAT(texts(feed(node, 10, 10)), ElementsAre("10+10: 10"));
}

TEST(IntervalMeasurement, SaysWhatItThinksOfAnIntervalThatIsEnteredLate) {
  NodeHarness strict = adder();
  EXPECT_THAT(texts(feed(strict, 15, 5)), ElementsAre("15+5 incomplete: 5"));
  NodeHarness lenient = adder(R"({"accept_late": true})");
  EXPECT_THAT(texts(feed(lenient, 15, 5)), ElementsAre("15+5: 5"));
  strict.reset();
  lenient.reset();
  EXPECT_THAT(texts(feed(strict, 15, 5, 100)), ElementsAre("10+10 gap 5 incomplete: 5"));
  EXPECT_THAT(texts(feed(lenient, 15, 5, 100)), ElementsAre("10+10 gap 100 incomplete: 5"));
}

TEST(IntervalMeasurement, GivesAResultTheFlagsOfItsOwnFrames) {
  NodeHarness node = adder();
  DataFrame block = node.input_frame();
  block.set_frame_count(30);
  block.flag_frames(FrameFlag::clipped, 9, 2);
  EXPECT_THAT(texts(node.process(block)), ElementsAre("0+10 clipped: 0", "10+10 clipped: 0", "20+10: 0"));
}

TEST(IntervalMeasurement, MeasuresOverACountABlockOrTheStream) {
  NodeHarness count = adder(R"({"over": "count"})");
  EXPECT_THAT(texts(feed(count, 0, 9)), ElementsAre("0+4: 4", "4+4: 4"));
  EXPECT_THAT(texts(feed(count, 12, 3)), ElementsAre("8+7 gap 3 incomplete: 4"));
  NodeHarness block = adder(R"({"over": "block"})");
  EXPECT_THAT(texts(feed(block, 0, 9)), ElementsAre("0+9: 9"));
  EXPECT_THAT(texts(feed(block, 12, 3)), ElementsAre("12+3 gap 3: 3"));
  NodeHarness stream = adder(R"({"over": "stream"})");
  EXPECT_THAT(texts(feed(stream, 0, 9)), IsEmpty());
  feed(stream, 12, 3);
  EXPECT_THAT(texts(stream.finish()), ElementsAre("0+15 gap 3 incomplete: 12"));
  EXPECT_THAT(stream.finish(), IsEmpty());
}

TEST(IntervalMeasurement, PutsResultsIntoTheIntervalOfTheirLastFrame) {
  StreamFormat values = audio();
  values.kind = StreamKind::values;
  NodeHarness node(kAdder, "{}", {values});
  const auto feed_value = [&](std::int64_t position) {
    DataFrame block = node.input_frame();
    block.header().position = position;
    block.header().length_frames = 4;
    block.set_frame_count(1);
    block.channel(0U)[0] = 1.0;
    return texts(node.process(block));
  };
  EXPECT_THAT(feed_value(0), IsEmpty());
  EXPECT_THAT(feed_value(4), IsEmpty());
  EXPECT_THAT(feed_value(8), ElementsAre("0+8: 2"));  // its last frame is 11
  EXPECT_THAT(feed_value(12), IsEmpty());
  EXPECT_THAT(texts(node.finish()), ElementsAre("8+8 incomplete: 2"));
}

TEST(IntervalMeasurement, IsAsNewAfterReset) {
  NodeHarness node = adder();
  feed(node, 3, 9);
  node.reset();
  const auto results = feed(node, 0, 10);
  EXPECT_THAT(texts(results), ElementsAre("0+10: 10"));
  EXPECT_EQ(results[0].sequence_id(), 0U);
}

TEST(IntervalMeasurement, RefusesWhatCannotBeCut) {
  EXPECT_THROW(adder(R"({"interval_s": 0.0009})"), std::runtime_error);
  StreamFormat windows = audio();
  windows.overlapping = true;
  EXPECT_THROW(NodeHarness(kAdder, "{}", {windows}), std::runtime_error);
  EXPECT_NO_THROW(NodeHarness(kAdder, R"({"over": "block"})", {windows}));
}

}  // namespace
}  // namespace interval_measurement
}  // namespace streamlab::test
