// tests/apps/process_live_test.cpp
//
// Programs in live graphs on the simulated device.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nodes/sound_file/sound_file_reader.hpp"
#include "tests/apps/streamlab_runner.hpp"
#include "tests/apps/voice.hpp"

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

// A card that hears the voice; sox and a Python script each get all of it, and a file gets what they give.
TEST(LiveProcess, GivesProgramsEveryFrameOfTheCard) {
  const TempDir folder;
  const std::string config = folder.write("live.json", fmt::format(R"({{"version": 1,
      "nodes": [{{"id": "mic", "type": "AudioInput", "config": {{"device": "file:{}"}}}},
                {{"id": "eq", "type": "Process", "config": {{"command": ["sox", "-t", "f64", "-r", "48000", "-c", "1", "-",
                    "-t", "f64", "-", "equalizer", "1000", "2q", "-6"]}}}},
                {{"id": "half", "type": "Process", "config": {{"format": "framed", "command":
                    ["python3", "{}/apps/examples/framed_stream.py", "gain", "0.5"]}}}},
                {{"id": "out", "type": "FileSink", "config": {{"path": "eq.wav", "bit_depth": "float64"}}}},
                {{"id": "out2", "type": "FileSink", "config": {{"path": "half.wav", "bit_depth": "float64"}}}}],
      "connections": [{{"from": "mic", "to": "eq"}}, {{"from": "eq", "to": "out"}},
                      {{"from": "mic", "to": "half"}}, {{"from": "half", "to": "out2"}}]}})",
                                                                   kVoice, SL_SOURCE_DIR));
  const auto result = streamlab({"run", config}, folder.path().string());
  ASSERT_EQ(result.exit_code, 0) << result.err;  // 3 if a frame had been lost
  EXPECT_THAT(result.err, HasSubstr("a block came back"));
  const auto sox =
      run_program({"/bin/sh", "-c",
                   fmt::format("sox {} -t f64 in.f64 && sox -t f64 -r 48000 -c 1 in.f64 -t wav -e "
                               "floating-point -b 64 expected.wav equalizer 1000 2q -6",
                               kVoice)},
                  folder.path().string());
  ASSERT_EQ(sox.exit_code, 0) << sox.err;
  EXPECT_EQ(first_channel_of(folder.file("eq.wav")), first_channel_of(folder.file("expected.wav")));
  std::vector<double> half = first_channel_of(kVoice);
  for (double& x : half) { x *= 0.5; }
  EXPECT_EQ(first_channel_of(folder.file("half.wav")), half);
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
                {"id": "out", "type": "FileSink", "config": {"path": "out.wav", "bit_depth": "float64"}}],
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
