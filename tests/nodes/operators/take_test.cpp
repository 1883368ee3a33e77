// tests/nodes/operators/take_test.cpp
#include <rapidcheck.h>

#include "tests/nodes/operators/flow_blocks.hpp"
#include "tests/support/clicks.hpp"

namespace streamlab::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Take, PassesExactlyTheFirstFramesOfAnyStreamInAnyBlocks) {
  EXPECT_TRUE(rc::check([] {
    const auto frames = *rc::gen::inRange<std::uint32_t>(1, 300);
    const auto wanted = *rc::gen::inRange<std::size_t>(1, 400);
    const auto block = *rc::gen::inRange<std::uint32_t>(1, 100);
    const Signal x = noise(1, frames, frames);
    NodeHarness take("Take", "{\"frames\": " + std::to_string(wanted) + "}", {48000.0, 1, 100});
    const std::vector<double> expected(
        x[0].begin(), x[0].begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(wanted, frames)));
    RC_ASSERT(take.run(x, block) == expected);
    take.reset();
    RC_ASSERT(take.run(x, block) == expected);
  }));
}

TEST(Take, RoundsSecondsToFrames) {
  NodeHarness take("Take", R"({"seconds": 0.001})", {44100.0, 1, 64});  // 44.1 frames
  EXPECT_EQ(take.run(constant(0.5, 1, 200), 7).size(), 44U);
}

TEST(Take, SaysWithTheLastBlockThatTheStreamIsOver) {
  NodeHarness take("Take", R"({"frames": 100})");
  const auto out = take.run_frames(noise(1, 300), 60);
  ASSERT_EQ(out.size(), 2U);
  EXPECT_FALSE(out[0].header().has(FrameFlag::end_of_stream));
  EXPECT_TRUE(out[1].header().has(FrameFlag::end_of_stream));
  EXPECT_EQ(out[1].frame_count(), 40U);
  EXPECT_EQ(out[1].position(), 60);
}

TEST(Take, CountsBlocks) {
  NodeHarness take("Take", R"({"blocks": 2})", {spectrum_format(3)});
  EXPECT_THAT(channel_of(take.process(block_at(take, 0, {1.0, 2.0, 3.0}))[0]), ElementsAre(1.0, 2.0, 3.0));
  EXPECT_THAT(take.process(block_at(take, 50, {})), IsEmpty());  // does not count
  EXPECT_EQ(take.process(block_at(take, 100, {4.0, 5.0, 6.0})).size(), 1U);
  EXPECT_THAT(take.process(block_at(take, 200, {7.0, 8.0, 9.0})), IsEmpty());
}

TEST(Take, MeasuresTheTimeOfValuesByTheirPositions) {
  NodeHarness take("Take", R"({"seconds": 0.2})", {values_format()});  // at 1000 Hz: 200 frames
  EXPECT_EQ(take.process(block_at(take, 50, {1.0})).size(), 1U);
  EXPECT_EQ(take.process(block_at(take, 249, {1.0})).size(), 1U);
  EXPECT_THAT(take.process(block_at(take, 250, {1.0})), IsEmpty());
  EXPECT_THAT(take.process(block_at(take, 60, {1.0})), IsEmpty());  // over is over
}

TEST(Take, CountsTheFramesThatAreThereAndKeepsWhatIsSaidOfGaps) {
  NodeHarness take("Take", R"({"frames": 5})");
  EXPECT_EQ(take.process(block_at(take, 0, {1.0, 2.0, 3.0})).size(), 1U);
  const auto out = take.process(block_at(take, 10, {4.0, kNaN, 6.0}, 7));
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].frame_count(), 2U);
  EXPECT_TRUE(std::isnan(out[0].channel(0U)[1]));
  EXPECT_TRUE(out[0].header().has(FrameFlag::gap));
  EXPECT_EQ(out[0].header().gap_frames, 7U);
}

TEST(Take, SaysWhenTheStreamWasShorter) {
  NodeHarness take("Take", R"({"frames": 500})");
  take.run(noise(1, 300), 60);
  ASSERT_EQ(take.node().notes().size(), 1U);
  EXPECT_EQ(take.node().notes()[0].text, "the stream ended early: it passed 300 of 500 frames");
  take.reset();
  take.run(noise(1, 500), 60);
  EXPECT_THAT(take.node().notes(), IsEmpty());
}

TEST(Take, RefusesWhatDoesNotSayHowMuch) {
  EXPECT_EQ(refusal_of("Take", "{}"),
            "/config: none of frames, seconds and blocks is given; expected one of them");
  EXPECT_EQ(refusal_of("Take", R"({"frames": 10, "seconds": 1})"),
            "/config/seconds: frames is given too; expected only one of frames, seconds and blocks");
  EXPECT_EQ(refusal_of("Take", R"({"seconds": 1, "blocks": 1})"),
            "/config/blocks: seconds is given too; expected only one of frames, seconds and blocks");
  EXPECT_EQ(refusal_of("Take", R"({"seconds": 0.00001})"),
            "/config/seconds: 1e-05 s is shorter than one frame at 48000 Hz; expected at least "
            "2.0833333333333333e-05 s");
  EXPECT_EQ(refusal_of("Take", R"({"frames": 10})", spectrum_format(4)),
            "/config/frames: the frames of a spectrum are its bins; expected blocks or seconds");
}

TEST(Take, RefusesNothingAndLess) {
  EXPECT_THAT(refusal_of("Take", R"({"frames": 0})"), testing::HasSubstr("0 is outside"));
  EXPECT_THAT(refusal_of("Take", R"({"blocks": -1})"), testing::HasSubstr("-1 is outside"));
  EXPECT_THAT(refusal_of("Take", R"({"seconds": 0})"), testing::HasSubstr("0 is outside"));
  EXPECT_THAT(refusal_of("Take", R"({"frames": 1.5})"), testing::HasSubstr("1.5 is not"));
}

TEST(Take, ChangesHowMuchItTakesInAll) {
  const Signal x = noise(1, 1000);
  for (const auto& [change, expected] :
       {std::pair{R"({"frames": 800})", std::size_t{800}},
        {R"({"frames": 250})", std::size_t{300}},  // more than that has passed
        {R"({"seconds": 0.01})", std::size_t{480}}}) {
    NodeHarness take("Take", R"({"frames": 500})", {48000.0, 1, 100});
    const auto y = run_with_changes(take, x, 100, {{300, change}});
    // The harness goes on where an engine would not call it any more: nothing comes.
    EXPECT_EQ(y.size(), expected) << change;
    take.reset();
    EXPECT_EQ(take.run(x, 100).size(), 500U);
  }
  NodeHarness take("Take", R"({"frames": 500})");
  EXPECT_EQ(
      to_string(take.set_params(R"({"blocks": 3})"), ""),
      "/config: blocks, frames and time cannot take each other's place while the graph runs; expected another amount "
      "in the unit of the configuration\n");
}

}  // namespace
}  // namespace streamlab::test
