// tests/apps/process_live_test.cpp
//
// A live graph on the simulated device, beside a program that does nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nodes/sound_file/sound_file_reader.hpp"
#include "tests/apps/streamlab_runner.hpp"

namespace streamlab::test {
namespace {

using testing::HasSubstr;

std::vector<double> first_channel_of(const std::string& path) {
  auto reader = SoundFileReader::open(path);
  if (!reader) { throw std::runtime_error(to_string(reader.error())); }
  std::vector<std::vector<double>> channels(reader->info().channels,
                                            std::vector<double>(reader->info().frames));
  std::vector<double*> planar;
  for (auto& channel : channels) { planar.push_back(channel.data()); }
  const auto block = reader->read(planar.data(), channels[0].size());
  if (!block || block->frames != channels[0].size()) { throw std::runtime_error(path + " cannot be read"); }
  return channels[0];
}

// In real time, beside a program that reads nothing: the file has every frame; what the program did not take
// is counted.
TEST(LiveProcess, LosesNoFrameBecauseOfAProgramThatHangs) {
  const TempDir folder;
  const std::string config = folder.write("live.json", R"({"version": 1,
      "pipeline_config": {"channel_capacity": 100},
      "nodes": [{"id": "mic", "type": "AudioInput", "config": {"device": "sim", "sim": {"input": {"counting": true}, "frames": 96000}}},
                {"id": "gain", "type": "Gain", "config": {"gain": 1, "ramp_ms": 0}},
                {"id": "level", "type": "LevelMeter"},
                {"id": "null", "type": "NullSink"},
                {"id": "hangs", "type": "Process", "config": {"command": ["sleep", "1000"], "timeout_s": 100}},
                {"id": "none", "type": "NullSink"},
                {"id": "out", "type": "FileSink", "config": {"path": "out.wav", "subtype": "double"}}],
      "connections": [{"from": "mic", "to": "gain"}, {"from": "gain", "to": "level"}, {"from": "level", "to": "null"},
                      {"from": "gain", "to": "out"}, {"from": "gain", "to": "hangs", "capacity": 4},
                      {"from": "hangs", "to": "none"}]})");
  const auto result = streamlab({"run", config}, folder.path().string());
  EXPECT_EQ(result.exit_code, 3) << result.err;
  EXPECT_THAT(result.err, HasSubstr("gain -> hangs"));
  const auto y = first_channel_of(folder.file("out.wav"));
  ASSERT_EQ(y.size(), 96'000U) << result.err;
  for (std::size_t n = 1; n < y.size(); ++n) { ASSERT_NE(y[n], y[n - 1]) << n; }  // counted, frame by frame
}

}  // namespace
}  // namespace streamlab::test
