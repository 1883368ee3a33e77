// tests/run/device_request_test.cpp
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "engine/run/engine.hpp"

namespace streamlab {
namespace {

// What "mic" and "out", nodes of one device, ask together.
Result<DeviceRequest> asked(const char* of_input, const char* of_output) {
  using Json = nlohmann::json;
  const Json text{{"nodes",
                   {{{"id", "mic"}, {"type", "AudioInput"}, {"config", Json::parse(of_input)}},
                    {{"id", "out"}, {"type", "AudioOutput"}, {"config", Json::parse(of_output)}}}},
                  {"connections", {{{"from", "mic"}, {"to", "out"}}}}};
  const auto graph = load_graph(text.dump());
  if (!graph) { return failed("", to_string(graph.error(), "")); }
  return device_request(*graph);
}

TEST(DeviceRequest, HasWhatEitherNodeGives) {
  for (const bool input_says_it : {true, false}) {
    const char* const says = R"({"device": "sim", "sample_format": "S16_LE", "access": "rw", "periods": 3,
                                 "on_device_loss": "stop", "sim": {"clock": "virtual"}})";
    const char* const says_nothing = R"({"device": "sim"})";
    const auto request = input_says_it ? asked(says, says_nothing) : asked(says_nothing, says);
    ASSERT_TRUE(request) << to_string(request.error());
    EXPECT_EQ(request->device, "sim");
    EXPECT_EQ(request->sample_format, "S16_LE");
    EXPECT_EQ(request->access, "rw");
    EXPECT_EQ(request->periods, 3U);
    EXPECT_EQ(request->on_device_loss, OnDeviceLoss::stop);
    EXPECT_EQ(request->sim_script, R"({"clock":"virtual"})");
  }
}

TEST(DeviceRequest, HasTheDefaultsWhereNeitherGivesAValue) {
  const auto request = asked("{}", "{}");
  ASSERT_TRUE(request) << to_string(request.error());
  EXPECT_EQ(request->device, "default");
  EXPECT_EQ(request->sample_format, "auto");
  EXPECT_EQ(request->periods, 0U);
  EXPECT_EQ(request->on_device_loss, OnDeviceLoss::wait);
  EXPECT_EQ(request->sim_script, "");
}

}  // namespace
}  // namespace streamlab
