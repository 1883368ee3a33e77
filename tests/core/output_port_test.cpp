// tests/core/output_port_test.cpp
#include <memory>

#include <gtest/gtest.h>

#include "engine/core/node.hpp"

namespace streamlab {
namespace {

class OutputPortTest : public testing::Test {
 protected:
  std::shared_ptr<const StreamFormat> format_ =
      std::make_shared<const StreamFormat>(audio_format(48000.0, {"a"}, 64));
  DataFrame one_{format_};
  DataFrame two_{format_};
  DataFrame* frames_[2] = {&one_, &two_};
  OutputPort port_;
};

TEST_F(OutputPortTest, TakesOverTheHeaderOfTheInput) {
  DataFrame in(format_);
  in.header().position = 512;
  in.header().sequence_id = 2;
  in.header().set(FrameFlag::gap);
  in.header().gap_frames = 10;
  in.metadata().set("level", 1.5);
  in.set_frame_count(64);
  port_.bind(frames_, 2);
  port_.follow(&in);
  const DataFrame& out = port_.emit();
  EXPECT_EQ(out.header(), in.header());
  EXPECT_EQ(out.metadata().get("level"), 1.5);
  EXPECT_EQ(out.frame_count(), 64U);
  EXPECT_EQ(port_.count(), 1U);
}

TEST_F(OutputPortTest, NoticesMoreBlocksThanDeclared) {
  port_.bind(frames_, 2);
  port_.emit();
  port_.emit();
  EXPECT_FALSE(port_.overrun());
  port_.emit();
  EXPECT_TRUE(port_.overrun());
  EXPECT_EQ(port_.count(), 2U);
}

TEST_F(OutputPortTest, SourcesGetTheirTimeFromTheTriggerOrFromTheirPosition) {
  port_.bind(frames_, 2);
  port_.trigger(5, std::nullopt);
  const DataFrame& by_position = port_.emit_at(24000, 16, 48000.0);
  EXPECT_EQ(by_position.timestamp_us(), 500000);  // half a second
  EXPECT_EQ(by_position.sequence_id(), 5U);
  EXPECT_EQ(by_position.frame_count(), 16U);
  port_.trigger(6, 777);
  EXPECT_EQ(port_.emit_at(0, 16, 48000.0).timestamp_us(), 777);
}

TEST_F(OutputPortTest, KnowsASourceByItsBlocks) {
  port_.bind(frames_, 2);
  port_.emit();
  EXPECT_FALSE(port_.placed());
  port_.emit_at(0, 16, 48000.0);
  EXPECT_TRUE(port_.placed());
  port_.bind(frames_, 2);
  EXPECT_FALSE(port_.placed());
}

}  // namespace
}  // namespace streamlab
