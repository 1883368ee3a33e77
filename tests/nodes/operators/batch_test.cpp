// tests/nodes/operators/batch_test.cpp
#include <rapidcheck.h>

#include "tests/nodes/operators/flow_blocks.hpp"

namespace streamlab::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Batch, PutsAnyBlocksTogetherInTheirOrder) {
  EXPECT_TRUE(rc::check([] {
    const auto frames = *rc::gen::inRange<std::uint32_t>(1, 300);
    const auto blocks = *rc::gen::inRange<std::size_t>(1, 9);
    const auto block = *rc::gen::inRange<std::uint32_t>(1, 50);
    const Signal x = noise(2, frames, frames);
    NodeHarness batch("Batch", fmt::format(R"({{"blocks": {}}})", blocks), {48000.0, 2, 50});
    const auto out = batch.run_frames(x, block);
    const std::size_t size = blocks * block;
    RC_ASSERT(out.size() == (frames + size - 1) / size);
    for (std::size_t b = 0; b < out.size(); ++b) {
      const std::size_t length = std::min(size, frames - b * size);
      const std::size_t pieces = (length + block - 1) / block;
      for (std::uint32_t c = 0; c < 2; ++c) {
        const auto part = std::span(x[c]).subspan(b * size, length);
        RC_ASSERT(channel_of(out[b], c) == std::vector<double>(part.begin(), part.end()));
      }
      RC_ASSERT(out[b].position() == static_cast<std::int64_t>(b * size));
      RC_ASSERT(out[b].sequence_id() == b);
      RC_ASSERT(out[b].header().has(FrameFlag::incomplete) == (pieces < blocks));
      RC_ASSERT(meta(out[b], "blocks") == static_cast<double>(pieces));
      RC_ASSERT(meta(out[b], "frames") == static_cast<double>(length));
    }
    batch.reset();
    expect_same_blocks(batch.run_frames(x, block), out);
  }));
}

TEST(Batch, PutsValuesTogether) {
  NodeHarness batch("Batch", R"({"blocks": 3})", {values_format()});
  EXPECT_EQ(batch.outputs()[0].format.max_frames, 3U);
  EXPECT_THAT(batch.process(block_at(batch, 100, {1.0})), IsEmpty());
  EXPECT_THAT(batch.process(block_at(batch, 200, {})), IsEmpty());  // does not count
  EXPECT_THAT(batch.process(block_at(batch, 200, {kNaN})), IsEmpty());
  const auto out = batch.process(block_at(batch, 300, {3.0}));
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(bits_of(out[0].channel(0U)), bits_of(std::vector{1.0, kNaN, 3.0}));
  EXPECT_EQ(out[0].position(), 100);
  EXPECT_EQ(out[0].timestamp_us(), 100'000);
  EXPECT_EQ(out[0].header().flags, 0U);
}

TEST(Batch, HasNoGapInside) {
  NodeHarness batch("Batch", R"({"blocks": 2})");
  batch.process(block_at(batch, 0, {1.0}));
  const auto cut = batch.process(block_at(batch, 10, {2.0}));  // frames 1 .. 9 are missing, unflagged
  ASSERT_EQ(cut.size(), 1U);
  EXPECT_TRUE(cut[0].header().has(FrameFlag::incomplete));
  EXPECT_THAT(channel_of(cut[0]), ElementsAre(1.0));
  const auto next = batch.process(block_at(batch, 11, {3.0}));
  EXPECT_THAT(channel_of(next[0]), ElementsAre(2.0, 3.0));
  EXPECT_TRUE(next[0].header().has(FrameFlag::gap));
  EXPECT_EQ(next[0].header().gap_frames, 9U);
  EXPECT_FALSE(next[0].header().has(FrameFlag::incomplete));
  EXPECT_THAT(batch.process(block_at(batch, 20, {4.0}, 8)), IsEmpty());
  EXPECT_EQ(batch.process(block_at(batch, 21, {5.0}))[0].header().gap_frames, 8U);
}

TEST(Batch, BeginsAnewWhereTheStreamDoesButTakesWindowsThatOverlap) {
  NodeHarness batch("Batch", R"({"blocks": 2})");
  batch.process(block_at(batch, 8, {1.0, 2.0, 3.0, 4.0}));
  EXPECT_EQ(batch.process(block_at(batch, 10, {3.0, 4.0, 5.0, 6.0}))[0].frame_count(), 8U);
  batch.process(block_at(batch, 12, {7.0}));
  const auto cut = batch.process(block_at(batch, 0, {8.0}));
  ASSERT_EQ(cut.size(), 1U);
  EXPECT_EQ(cut[0].position(), 12);
  EXPECT_EQ(cut[0].frame_count(), 1U);
}

TEST(Batch, CarriesTheFlagsOfAllItsBlocks) {
  NodeHarness batch("Batch", R"({"blocks": 2})");
  DataFrame block = block_at(batch, 0, {1.0});
  block.header().set(FrameFlag::xrun);
  batch.process(block);
  block = block_at(batch, 1, {1.0});
  block.header().set(FrameFlag::clipped);
  const FrameHeader header = batch.process(block)[0].header();
  EXPECT_TRUE(header.has(FrameFlag::xrun));
  EXPECT_TRUE(header.has(FrameFlag::clipped));
  EXPECT_THAT(batch.finish(), IsEmpty());
}

TEST(Batch, RefusesNoBlocksAndTooMany) {
  EXPECT_THAT(refusal_of("Batch", "{}"), testing::HasSubstr("\"blocks\" is missing"));
  EXPECT_THAT(refusal_of("Batch", R"({"blocks": 0})"), testing::HasSubstr("0 is outside"));
  EXPECT_EQ(
      refusal_of("Batch", R"({"blocks": 1000000})"),
      "/config/blocks: 1000000 blocks of up to 1024 frames on 1 channels would need 53.4 GiB of memory; "
      "expected at most 1 GiB; use fewer or smaller blocks");
}

}  // namespace
}  // namespace streamlab::test
