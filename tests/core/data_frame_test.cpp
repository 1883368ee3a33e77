// tests/core/data_frame_test.cpp
#include "engine/core/data_frame.hpp"

#include <cmath>
#include <cstdint>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace streamlab {
namespace {

using testing::ElementsAre;

std::shared_ptr<const StreamFormat> stereo(std::uint32_t max_frames) {
  return std::make_shared<const StreamFormat>(audio_format(48000.0, {"left", "right"}, max_frames));
}

TEST(DataFrame, IsFilledByHandChannelByChannel) {
  DataFrame frame(1234, 7);
  ASSERT_TRUE(frame.set_channel("main_channel", {0.25, -0.5}));
  ASSERT_TRUE(frame.set_channel("other", {1.0, 2.0}));
  EXPECT_EQ(frame.timestamp_us(), 1234);
  EXPECT_EQ(frame.sequence_id(), 7U);
  EXPECT_THAT(frame.channel("main_channel"), ElementsAre(0.25, -0.5));
  EXPECT_THAT(frame.channel("other"), ElementsAre(1.0, 2.0));
  EXPECT_EQ(frame.channel_count(), 2U);
  EXPECT_FALSE(frame.has_channel("third"));
  EXPECT_TRUE(frame.channel("third").empty());
}

TEST(DataFrame, ShowsItsChannelsWithoutACopy) {
  DataFrame frame(stereo(4));
  const DataFrame& read_only = frame;
  ASSERT_EQ(read_only.channel_pointers().size(), 2U);
  for (std::uint32_t c = 0; c < 2; ++c) {
    EXPECT_EQ(read_only.channel_pointers()[c], frame.channel_data(c));
    EXPECT_EQ(frame.channel_pointers()[c], frame.channel_data(c));
  }
  static_assert(std::is_same_v<decltype(read_only.channel_pointers()), std::span<const double* const>>);
  EXPECT_TRUE(DataFrame().channel_pointers().empty());
}

TEST(DataFrame, ReplacesAChannelAndMayChangeItsLengthWhenItIsTheOnlyOne) {
  DataFrame frame(0, 0);
  ASSERT_TRUE(frame.set_channel("a", {1.0, 2.0}));
  ASSERT_TRUE(frame.set_channel("a", {3.0, 4.0, 5.0}));
  EXPECT_THAT(frame.channel("a"), ElementsAre(3.0, 4.0, 5.0));
  ASSERT_TRUE(frame.set_channel("b", {6.0, 7.0, 8.0}));
  const auto refusal = frame.set_channel("b", {1.0});
  ASSERT_FALSE(refusal);
  EXPECT_EQ(to_string(refusal.error()),
            "b: 1 samples in a frame of 3; expected the same number of samples in every channel");
  EXPECT_THAT(frame.channel("b"), ElementsAre(6.0, 7.0, 8.0));
}

TEST(DataFrame, KeepsEveryChannelOnACacheLine) {
  DataFrame frame(stereo(3));
  for (std::uint32_t c = 0; c < 2; ++c) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(frame.channel_data(c)) % kCacheLineBytes, 0U);
  }
}

TEST(DataFrame, CopiesAreIndependent) {
  DataFrame frame(stereo(4));
  frame.set_frame_count(2);
  frame.channel(1)[1] = 0.75;
  frame.metadata().set("k", 3.0);
  DataFrame copy = frame;
  frame.channel(1)[1] = 0.0;
  EXPECT_EQ(copy.channel(1)[1], 0.75);
  EXPECT_EQ(copy.metadata().get("k"), 3.0);
  DataFrame moved = std::move(copy);
  EXPECT_EQ(moved.channel("right")[1], 0.75);
}

TEST(DataFrame, CopyFromKeepsItsOwnStorage) {
  DataFrame from(stereo(2));
  from.set_frame_count(2);
  from.channel(0)[0] = 1.0;
  from.header().position = 99;
  DataFrame to(stereo(8));
  const double* storage = to.channel_data(0);
  to.copy_from(from);
  EXPECT_EQ(to.channel_data(0), storage);
  EXPECT_EQ(to.position(), 99);
  EXPECT_THAT(to.channel(0), ElementsAre(1.0, 0.0));
}

TEST(DataFrame, KnowsWhichFramesAFlagIsAbout) {
  DataFrame frame(stereo(8));
  frame.set_frame_count(8);
  frame.header().set(FrameFlag::gap);
  frame.header().set(FrameFlag::xrun);
  frame.header().set(FrameFlag::incomplete);
  frame.flag_frames(FrameFlag::clipped, 2, 2);
  frame.flag_frames(FrameFlag::clipped, 6, 1);
  const std::uint32_t before = flag_bit(FrameFlag::gap) | flag_bit(FrameFlag::xrun);
  const std::uint32_t whole = flag_bit(FrameFlag::incomplete);
  EXPECT_EQ(frame.flags_of(0, 8), before | whole | flag_bit(FrameFlag::clipped));
  EXPECT_EQ(frame.flags_of(0, 2), before | whole);
  EXPECT_EQ(frame.flags_of(3, 1), whole | flag_bit(FrameFlag::clipped));
  EXPECT_EQ(frame.flags_of(4, 2), whole);
  EXPECT_EQ(frame.last_with(FrameFlag::clipped, 0, 8), 6U);
  EXPECT_EQ(frame.last_with(FrameFlag::clipped, 0, 6), 3U);
  EXPECT_EQ(frame.last_with(FrameFlag::clipped, 4, 2), std::nullopt);
  EXPECT_EQ(frame.last_with(FrameFlag::incomplete, 1, 4), 4U);
  EXPECT_EQ(frame.last_with(FrameFlag::xrun, 0, 4), 0U);
  EXPECT_EQ(frame.last_with(FrameFlag::xrun, 1, 4), std::nullopt);
}

TEST(DataFrame, FlagsGoWithTheirFrames) {
  DataFrame frame(stereo(8));
  frame.set_frame_count(8);
  frame.flag_frames(FrameFlag::clipped, 2, 1);
  frame.flag_frames(FrameFlag::not_finite, 6, 1);
  DataFrame copy = frame;
  DataFrame filled(stereo(8));
  filled.copy_from(frame);
  DataFrame moved = std::move(frame);
  for (const DataFrame* same : {&copy, &filled, &moved}) {
    EXPECT_EQ(same->flags_of(2, 1), flag_bit(FrameFlag::clipped));
    EXPECT_EQ(same->flags_of(3, 3), 0U);
  }
  copy.set_frame_count(5);  // the frame that is not finite goes
  EXPECT_EQ(copy.header().flags, flag_bit(FrameFlag::clipped));
  copy.set_frame_count(8);
  EXPECT_EQ(copy.flags_of(5, 3), 0U);
  filled.move_flags_up(3);
  EXPECT_EQ(filled.frame_count(), 5U);
  EXPECT_EQ(filled.header().flags, flag_bit(FrameFlag::not_finite));
  EXPECT_EQ(filled.flags_of(3, 1), flag_bit(FrameFlag::not_finite));
  DataFrame sum(stereo(16));
  sum.set_frame_count(16);
  sum.add_flags(moved, 0, 8, 8);
  EXPECT_EQ(sum.flags_of(0, 10), 0U);
  EXPECT_EQ(sum.flags_of(10, 1), flag_bit(FrameFlag::clipped));
}

// A frame inside a graph is filled again and again.
TEST(DataFrame, NoFlagOfAnEarlierBlockComesBack) {
  DataFrame frame(stereo(8));
  frame.set_frame_count(8);
  frame.flag_frames(FrameFlag::clipped, 2, 1);
  frame.set_header({});
  frame.flag_frames(FrameFlag::clipped, 5, 1);
  EXPECT_EQ(frame.flags_of(2, 1), 0U);
  EXPECT_EQ(frame.flags_of(5, 1), flag_bit(FrameFlag::clipped));
  FrameHeader other;
  other.set(FrameFlag::clipped);
  frame.set_header(other);  // of the whole block
  EXPECT_EQ(frame.flags_of(2, 1), flag_bit(FrameFlag::clipped));
}

TEST(Metadata, RefusesWhatDoesNotFitAndKeepsTheRest) {
  Metadata metadata;
  for (std::size_t i = 0; i < Metadata::kCapacity; ++i) {
    EXPECT_TRUE(metadata.set("key" + std::to_string(i), static_cast<double>(i)));
  }
  EXPECT_FALSE(metadata.set("one more", 1.0));
  EXPECT_TRUE(metadata.set("key3", 33.0));
  EXPECT_EQ(metadata.get("key3"), 33.0);
  EXPECT_EQ(metadata.get("one more"), std::nullopt);
  EXPECT_FALSE(Metadata().set(std::string(Metadata::kMaxKeyLength + 1, 'x'), 1.0));
}

TEST(FlagBadSamples, SeesNoFullScaleInOtherUnits) {
  StreamFormat format = audio_format(48000.0, {"mic"}, 4);
  format.channels[0].unit = "Pa";
  DataFrame frame(std::make_shared<const StreamFormat>(format));
  frame.set_frame_count(4);
  frame.channel(0)[1] = 20.0;
  flag_bad_samples(frame);
  EXPECT_EQ(frame.header().flags, 0U);
}

TEST(FlagBadSamples, SeesClippingAndNotFiniteSamples) {
  struct Case {
    double sample;
    bool clipped;
    bool not_finite;
  };
  const Case cases[] = {{0.999999, false, false},
                        {1.0, true, false},
                        {-1.0, true, false},
                        {std::numeric_limits<double>::quiet_NaN(), false, true},
                        {-std::numeric_limits<double>::infinity(), true, true}};
  for (const Case& c : cases) {
    DataFrame frame(stereo(8));
    frame.set_frame_count(8);
    frame.channel(1)[5] = c.sample;
    flag_bad_samples(frame);
    EXPECT_EQ(frame.header().has(FrameFlag::clipped), c.clipped) << c.sample;
    EXPECT_EQ(frame.header().has(FrameFlag::not_finite), c.not_finite) << c.sample;
  }
}

TEST(DataFrame, HasNoChannelBeyondTheLast) {
  DataFrame frame;
  ASSERT_TRUE(frame.set_channel("a", {1.0, 2.0}));
  EXPECT_EQ(frame.channel(0U).size(), 2U);
  EXPECT_TRUE(frame.channel(1U).empty());
  EXPECT_TRUE(std::as_const(frame).channel(7U).empty());
  EXPECT_TRUE(DataFrame().channel(0U).empty());
}

TEST(DataFrame, HasTheChannelsThatAreExpectedOrSaysWhich) {
  const StreamFormat expected = audio_format(48000.0, {"left", "right"}, 64);
  const auto refusal = [&](const std::vector<std::string>& names) {
    DataFrame frame;
    for (const std::string& name : names) { EXPECT_TRUE(frame.set_channel(name, {1.0})); }
    const auto fits = check_channels(frame, expected);
    return fits ? std::string() : to_string(fits.error());
  };
  EXPECT_EQ(refusal({"left", "right"}), "");
  EXPECT_EQ(
      refusal({"right", "left"}),
      "frame: a frame of the channels \"right\", \"left\"; expected \"left\", \"right\", in this order");
  EXPECT_EQ(refusal({"left"}), "frame: a frame of 1 channels; expected 2: \"left\", \"right\"");
}

}  // namespace
}  // namespace streamlab
