// tests/nodes/operators/skip_test.cpp
#include <rapidcheck.h>

#include "tests/nodes/operators/flow_blocks.hpp"

namespace streamlab::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Skip, LeavesOutExactlyTheFirstFramesOfAnyStreamInAnyBlocks) {
  EXPECT_TRUE(rc::check([] {
    const auto frames = *rc::gen::inRange<std::uint32_t>(1, 300);
    const auto unwanted = *rc::gen::inRange<std::size_t>(1, 400);
    const auto block = *rc::gen::inRange<std::uint32_t>(1, 100);
    const Signal x = noise(1, frames, frames);
    NodeHarness skip("Skip", "{\"frames\": " + std::to_string(unwanted) + "}", {48000.0, 1, 100});
    const std::vector<double> expected(
        x[0].begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(unwanted, frames)), x[0].end());
    RC_ASSERT(skip.run(x, block) == expected);
    skip.reset();
    RC_ASSERT(skip.run(x, block) == expected);
  }));
}

TEST(Skip, GivesTheRestThePositionAndTimeThatAreItsOwn) {
  NodeHarness skip("Skip", R"({"seconds": 0.001})");  // 48 frames
  EXPECT_THAT(skip.process(block_at(skip, 0, std::vector<double>(40, 1.0))), IsEmpty());
  const auto out = skip.process(block_at(skip, 40, std::vector<double>(40, 2.0)));
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].position(), 48);
  EXPECT_EQ(out[0].timestamp_us(), 1000);
  EXPECT_EQ(out[0].frame_count(), 32U);
  EXPECT_EQ(skip.process(block_at(skip, 80, {3.0}))[0].position(), 80);
}

TEST(Skip, ForgetsAGapThatLiesBeforeWhatItLeavesOut) {
  NodeHarness cut("Skip", R"({"frames": 1})");
  const auto inside = cut.process(block_at(cut, 100, {1.0, 2.0}, 100));
  EXPECT_FALSE(inside[0].header().has(FrameFlag::gap));
  EXPECT_EQ(inside[0].header().gap_frames, 0U);
  const auto behind = cut.process(block_at(cut, 200, {1.0, 2.0}, 98));
  EXPECT_EQ(behind[0].header().gap_frames, 98U);
}

TEST(Skip, CountsBlocksAndTheTimeOfSpectra) {
  NodeHarness blocks("Skip", R"({"blocks": 1})", {spectrum_format(2)});
  EXPECT_THAT(blocks.process(block_at(blocks, 0, {1.0, 2.0})), IsEmpty());
  EXPECT_THAT(channel_of(blocks.process(block_at(blocks, 10, {3.0, 4.0}))[0]), ElementsAre(3.0, 4.0));
  NodeHarness time("Skip", R"({"seconds": 0.01})", {spectrum_format(2)});
  EXPECT_THAT(time.process(block_at(time, 5, {1.0, 2.0})), IsEmpty());
  EXPECT_THAT(time.process(block_at(time, 14, {1.0, 2.0})), IsEmpty());
  EXPECT_EQ(time.process(block_at(time, 15, {1.0, 2.0})).size(), 1U);
}

TEST(Skip, PassesNothingOfAnEmptyBlockAndAnythingElse) {
  NodeHarness skip("Skip", R"({"blocks": 1})");
  EXPECT_THAT(skip.process(block_at(skip, 0, {})), IsEmpty());
  EXPECT_THAT(skip.process(block_at(skip, 0, {1.0})), IsEmpty());
  const auto out = skip.process(block_at(skip, 1, {kNaN, -kInfinity, 0.0}));
  EXPECT_EQ(bits_of(out[0].channel(0U)), bits_of(std::vector{kNaN, -kInfinity, 0.0}));
}

TEST(Skip, SaysWhenItGaveNothing) {
  NodeHarness skip("Skip", R"({"frames": 500})");
  skip.run(noise(1, 300), 60);
  ASSERT_EQ(skip.node().notes().size(), 1U);
  EXPECT_EQ(skip.node().notes()[0].text,
            "it passed nothing: the stream had only 300 of 500 frames to be skipped");
  skip.reset();
  skip.run(noise(1, 501), 60);
  EXPECT_THAT(skip.node().notes(), IsEmpty());
}

TEST(Skip, RefusesWhatDoesNotSayHowMuch) {
  EXPECT_EQ(refusal_of("Skip", "{}"),
            "/config: none of frames, seconds and blocks is given; expected one of them");
  EXPECT_EQ(refusal_of("Skip", R"({"frames": 10, "blocks": 1})"),
            "/config/blocks: frames is given too; expected only one of frames, seconds and blocks");
  EXPECT_THAT(refusal_of("Skip", R"({"seconds": -1})"), testing::HasSubstr("-1 is outside"));
}

}  // namespace
}  // namespace streamlab::test
