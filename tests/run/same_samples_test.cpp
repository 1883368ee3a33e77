// tests/run/same_samples_test.cpp
//
// The promise that the numbers do not depend on how the work is cut: same samples for every block size, every
// partition into threads, live and offline.
#include <fstream>
#include <sstream>
#include <vector>

#include <gtest/gtest.h>
#include <sndfile.h>

#include "engine/run/pipeline.hpp"
#include "hal/backends.hpp"
#include "tests/support/signals.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {

using test::TempDir;

void write_wav(const std::string& path, const test::Signal& signal) {
  SF_INFO info{};
  info.samplerate = 48000;
  info.channels = static_cast<int>(signal.size());
  info.format = SF_FORMAT_WAV | SF_FORMAT_DOUBLE;
  SNDFILE* file = sf_open(path.c_str(), SFM_WRITE, &info);
  ASSERT_NE(file, nullptr);
  for (std::size_t n = 0; n < signal[0].size(); ++n) {
    std::vector<double> frame;
    for (const auto& channel : signal) { frame.push_back(channel[n]); }
    ASSERT_EQ(sf_writef_double(file, frame.data(), 1), 1);
  }
  sf_close(file);
}

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// Filters, a split that is joined again, a delay, levels and spectra: what leaves is a file of samples and
// one of numbers.
std::string graph(const std::string& source, const std::string& config, const TempDir& dir) {
  return R"({"version": 1, "pipeline_config": {)" + config + R"(}, "nodes": [)" + source + R"(,
    {"id": "eq", "type": "Biquad", "config": {"sections": [
        {"type": "peaking", "frequency": 1000, "q": 2, "gain_db": 6}, {"type": "highpass", "frequency": 80, "q": 0.7}]}},
    {"id": "late", "type": "Delay", "config": {"frames": 37}},
    {"id": "sum", "type": "Mixer"},
    {"id": "meter", "type": "LevelMeter", "config": {"interval_s": 0.05}},
    {"id": "spec", "type": "Spectrum", "config": {"fft_size": 512, "averaging": "linear"}},
    {"id": "levels", "type": "JsonlSink", "config": {"overwrite": true, "path": ")" +
         dir.file("levels.jsonl") + R"("}},
    {"id": "spectra", "type": "JsonlSink", "config": {"overwrite": true, "path": ")" +
         dir.file("spectra.jsonl") + R"("}},
    {"id": "out", "type": "FileSink", "config": {"overwrite": true, "format": "wav", "subtype": "double", "path": ")" +
         dir.file("out.wav") + R"("}}],
  "connections": [{"from": "in", "to": "eq"}, {"from": "eq", "to": "late"}, {"from": "eq", "to": "sum.in1"},
    {"from": "late", "to": "sum.in2"}, {"from": "sum", "to": "out"}, {"from": "sum", "to": "meter"},
    {"from": "meter", "to": "levels"}, {"from": "sum", "to": "spec"}, {"from": "spec", "to": "spectra"}]})";
}

struct Results {
  std::string samples;
  std::string levels;
  std::string spectra;
  friend bool operator==(const Results&, const Results&) = default;
};

Results run_to_files(const std::string& json, const TempDir& dir) {
  auto valid = load_graph(json);
  EXPECT_TRUE(valid) << to_string(valid.error(), "");
  if (!valid) { return {}; }
  EngineOptions options;
  options.open_device = open_device;
  auto engine = Engine::create(*valid, std::move(options));
  EXPECT_TRUE(engine) << to_string(engine.error(), "");
  if (!engine) { return {}; }
  const auto started = (*engine)->start();
  EXPECT_TRUE(started) << to_string(started.error());
  EXPECT_TRUE((*engine)->wait_for(std::chrono::minutes(1)));
  (*engine)->stop();
  EXPECT_TRUE((*engine)->status().failures.empty()) << to_string((*engine)->status().failures, "");
  return {content(dir.file("out.wav")), content(dir.file("levels.jsonl")),
          content(dir.file("spectra.jsonl"))};
}

class SameSamples : public testing::Test {
 protected:
  void SetUp() override {
    input_ = dir_.file("in.wav");
    write_wav(input_, test::noise(2, 24000, 3));
  }
  std::string file_source() const {
    return R"({"id": "in", "type": "FileSource", "config": {"path": ")" + input_ + "\"}}";
  }
  TempDir dir_;
  std::string input_;
};

TEST_F(SameSamples, ForEveryBlockSize) {
  const Results reference = run_to_files(graph(file_source(), R"("block_size": 1024)", dir_), dir_);
  EXPECT_GT(reference.samples.size(), 24000U * 2 * 8);
  EXPECT_GT(reference.levels.size(), 100U);
  EXPECT_GT(reference.spectra.size(), 100U);
  for (const char* block : {"7", "64", "480", "30000"}) {
    const Results other =
        run_to_files(graph(file_source(), std::string(R"("block_size": )") + block, dir_), dir_);
    EXPECT_EQ(other.samples == reference.samples, true) << block;
    EXPECT_EQ(other.levels == reference.levels, true) << block;
    EXPECT_EQ(other.spectra == reference.spectra, true) << block;
  }
}

TEST_F(SameSamples, ForEveryPartitionIntoThreads) {
  const Results reference = run_to_files(graph(file_source(), R"("threads": 1)", dir_), dir_);
  for (const char* threads : {"2", "3", "\"per_node\"", "\"auto\""}) {
    for (const char* capacity : {"1", "100"}) {
      const std::string config =
          std::string(R"("threads": )") + threads + R"(, "channel_capacity": )" + capacity;
      EXPECT_EQ(run_to_files(graph(file_source(), config, dir_), dir_) == reference, true) << config;
    }
  }
}

// Two sources that cut their streams differently, one longer than the other, meet in a mixer: whichever
// thread each of them is on, neither runs away from the other, and the shorter one goes on as silence.
TEST_F(SameSamples, ForSourcesOfDifferentBlocks) {
  const std::string other = dir_.file("other.wav");
  write_wav(other, test::noise(2, 30001, 4));
  const auto json = [&](const char* small, const char* large, const std::string& config) {
    return R"({"version": 1, "pipeline_config": {)" + config + R"(}, "nodes": [
        {"id": "a", "type": "FileSource", "config": {"frame_size": )" +
           small + R"(, "path": ")" + input_ + R"("}},
        {"id": "b", "type": "FileSource", "config": {"frame_size": )" +
           large + R"(, "path": ")" + other + R"("}},
        {"id": "half", "type": "Gain", "config": {"gain": 0.5}}, {"id": "sum", "type": "Mixer"},
        {"id": "out", "type": "FileSink", "config": {"overwrite": true, "format": "wav", "subtype": "double", "path": ")" +
           dir_.file("out.wav") + R"("}}],
      "connections": [{"from": "a", "to": "half"}, {"from": "half", "to": "sum.in1"}, {"from": "b", "to": "sum.in2"},
                      {"from": "sum", "to": "out"}]})";
  };
  const Results reference = run_to_files(json("500", "500", R"("threads": 1)"), dir_);
  EXPECT_GE(reference.samples.size(), 30001U * 16);
  for (const char* threads : {"1", "2", "3", "\"per_node\""}) {
    for (const auto& [small, large] :
         {std::pair("10", "4000"), std::pair("4000", "10"), std::pair("64", "65")}) {
      const std::string config = std::string(R"("channel_capacity": 2, "threads": )") + threads;
      EXPECT_EQ(run_to_files(json(small, large, config), dir_).samples == reference.samples, true)
          << config << small;
    }
  }
}

// Levels of two recordings over different intervals, joined by time, beside a split of audio joined by
// sequence: decided by times and sequence ids, not by which thread came first.
TEST_F(SameSamples, ForJoinsOfSeparateInputs) {
  const std::string other = dir_.file("other.wav");
  write_wav(other, test::noise(2, 40000, 4));
  const auto json = [&](const std::string& config) {
    return R"({"version": 1, "pipeline_config": {"block_size": 100, )" + config + R"(}, "nodes": [
        {"id": "a", "type": "FileSource", "config": {"path": ")" +
           input_ + R"("}}, {"id": "b", "type": "FileSource", "config": {"frame_size": 3000, "path": ")" +
           other +
           R"("}},
        {"id": "fast", "type": "LevelMeter", "config": {"interval_s": 0.005}},
        {"id": "slow", "type": "LevelMeter", "config": {"interval_s": 0.05}},
        {"id": "levels", "type": "Join", "config": {"by": "latest", "unmatched": "pass"}},
        {"id": "eq", "type": "Biquad", "config": {"sections": [{"type": "highpass", "frequency": 80, "q": 0.7}]}},
        {"id": "both", "type": "Join"},
        {"id": "table", "type": "JsonlSink", "config": {"overwrite": true, "path": ")" +
           dir_.file("levels.jsonl") + R"("}},
        {"id": "out", "type": "FileSink", "config": {"overwrite": true, "format": "wav", "subtype": "double", "path": ")" +
           dir_.file("out.wav") + R"("}}],
      "connections": [{"from": "a", "to": "fast"}, {"from": "b", "to": "slow"}, {"from": "fast", "to": "levels.in1"},
        {"from": "slow", "to": "levels.in2"}, {"from": "levels", "to": "table"}, {"from": "a", "to": "both.in1"},
        {"from": "a", "to": "eq"}, {"from": "eq", "to": "both.in2"}, {"from": "both", "to": "out"}]})";
  };
  const Results reference = run_to_files(json(R"("threads": 1)"), dir_);
  EXPECT_EQ(std::count(reference.levels.begin(), reference.levels.end(), '\n'), 100);  // 0.5 s of a
  EXPECT_EQ(reference.samples.size() / (4 * 8 * 100), 240U);  // 24000 frames of four channels, and a header
  for (const char* threads : {"2", "4", "\"per_node\""}) {
    for (const char* capacity : {"1", "7", "100"}) {
      const std::string config =
          std::string(R"("threads": )") + threads + R"(, "channel_capacity": )" + capacity;
      const Results results = run_to_files(json(config), dir_);
      EXPECT_EQ(results.samples == reference.samples, true) << config;
      EXPECT_EQ(results.levels == reference.levels, true) << config;
    }
  }
}

TEST_F(SameSamples, LiveAndOfflineFromTheRecordingOfTheLiveRun) {
  TempDir live;
  // "Live": the simulated card plays noise from a file in its own clock; the run records what it heard.
  std::string json =
      graph(R"({"id": "in", "type": "AudioInput", "config": {"device": "file:)" + input_ + R"("}},
      {"id": "tape", "type": "FileSink", "config": {"overwrite": true, "format": "wav", "subtype": "double", "path": ")" +
                live.file("tape.wav") + "\"}}",
            R"("block_size": 96)", live);
  json.replace(json.rfind("]}"), 2, R"(, {"from": "in", "to": "tape"}]})");
  const Results while_live = run_to_files(json, live);
  const std::string tape = live.file("tape.wav");
  const std::string replay =
      graph(R"({"id": "in", "type": "FileSource", "config": {"path": ")" + tape + "\"}}", "", dir_);
  const Results offline = run_to_files(replay, dir_);
  EXPECT_GT(offline.samples.size(), 24000U * 2 * 8);
  EXPECT_EQ(offline.samples == while_live.samples, true);
  EXPECT_EQ(offline.levels == while_live.levels, true);
  EXPECT_EQ(offline.spectra == while_live.spectra, true);
}

}  // namespace
}  // namespace streamlab
