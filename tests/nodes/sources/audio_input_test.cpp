// tests/nodes/sources/audio_input_test.cpp
//
// What AudioInput says of the stream; the samples are the driver's (tests/run/engine_device_test.cpp).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/core/node.hpp"
#include "engine/core/node_catalog.hpp"

namespace streamlab {
namespace {

const NodeEntry& entry() { return *default_catalog().find("AudioInput"); }

TEST(AudioInput, HasTheFormatOfTheDevice) {
  const DeviceStream device{.sample_rate_hz = 44100.0,
                            .max_block_frames = 64,
                            .input_names = {"left", "right", "ch3"},
                            .output_names = {"out"},
                            .input_latency_frames = 96,
                            .output_latency_frames = 7};
  const auto node = entry().make(ParamValues(entry().info.params));
  PrepareContext context;
  context.device = &device;
  const auto outputs = node->prepare(context);
  ASSERT_TRUE(outputs);
  ASSERT_EQ(outputs->size(), 1U);
  EXPECT_EQ((*outputs)[0].format, audio_format(44100.0, {"left", "right", "ch3"}, 64));
  EXPECT_EQ((*outputs)[0].latency_frames, 96U);
}

TEST(AudioInput, CannotDoWithoutADevice) {
  const auto node = entry().make(ParamValues(entry().info.params));
  const auto outputs = node->prepare({});
  ASSERT_FALSE(outputs);
  EXPECT_EQ(to_string(outputs.error()), "/config/device: no device was opened for this node");
}

TEST(AudioInput, IsTheBoundaryWhereSoundComesIn) {
  EXPECT_EQ(entry().info.boundary, Boundary::device_input);
  EXPECT_EQ(entry().info.rt_safe, RtSafe::yes);
}

}  // namespace
}  // namespace streamlab
