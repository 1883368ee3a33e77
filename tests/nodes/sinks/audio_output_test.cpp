// tests/nodes/sinks/audio_output_test.cpp
//
// Which streams AudioOutput takes; the samples are the driver's (tests/run/engine_device_test.cpp).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/core/node.hpp"
#include "engine/core/node_catalog.hpp"

namespace streamlab {
namespace {

const NodeEntry& entry() { return *default_catalog().find("AudioOutput"); }

// What prepare() says of such a stream on a card of two outputs at 48 kHz; empty if it takes it.
std::string said_about(const StreamFormat& in) {
  const DeviceStream device{.sample_rate_hz = 48000.0,
                            .max_block_frames = 64,
                            .input_names = {},
                            .output_names = {"left", "right"}};
  const StreamFormat* inputs[] = {&in};
  PrepareContext context;
  context.inputs = inputs;
  context.device = &device;
  const auto outputs = entry().make(ParamValues(entry().info.params))->prepare(context);
  return outputs ? std::string{} : to_string(outputs.error());
}

TEST(AudioOutput, TakesAsManyChannelsAsConnectorsOrOneForAll) {
  EXPECT_EQ(said_about(audio_format(48000.0, {"left", "right"}, 64)), "");
  EXPECT_EQ(said_about(audio_format(48000.0, {"mono"}, 64)), "");
  EXPECT_EQ(
      said_about(audio_format(48000.0, {"a", "b", "c"}, 64)),
      "/config/channels: a stream of 3 channels for 2 connectors of the device; expected the same number, or "
      "one channel for all; insert a \"ChannelSelect\" or \"Mixer\" to change the number");
}

TEST(AudioOutput, RefusesAnotherRateThanTheDevices) {
  EXPECT_EQ(said_about(audio_format(44100.0, {"mono"}, 64)),
            "a stream at 44100 Hz for a device at 48000 Hz; expected the same sample rate; set "
            "\"sample_rate\" in "
            "\"pipeline_config\" to request another from the device");
}

TEST(AudioOutput, CannotDoWithoutADevice) {
  const auto outputs = entry().make(ParamValues(entry().info.params))->prepare({});
  ASSERT_FALSE(outputs);
  EXPECT_EQ(to_string(outputs.error()), "/config/device: no device was opened for this node");
}

TEST(AudioOutput, IsTheBoundaryWhereSoundLeaves) {
  EXPECT_EQ(entry().info.boundary, Boundary::device_output);
  EXPECT_EQ(entry().info.rt_safe, RtSafe::yes);
}

}  // namespace
}  // namespace streamlab
