// tests/run/same_flags_test.cpp
//
// Flags belong to frames, and a result has the flags of its own frames: however the stream is cut into
// blocks.
#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sndfile.h>

#include "engine/run/engine.hpp"
#include "tests/support/not_finite.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint32_t kFrames = 20000;
constexpr std::uint32_t kBlockSizes[] = {1, 7, 1000, 1024, 20000};

class SameFlags : public testing::Test {
 protected:
  // A tone far below full scale but for frames 100 and 15000, which clip, and 7000, which is NaN.
  void SetUp() override {
    std::vector<double> samples(kFrames, 0.25);
    samples[100] = samples[15000] = 1.0;
    samples[7000] = test::kNaN;
    SF_INFO info{};
    info.samplerate = 48000;
    info.channels = 1;
    info.format = SF_FORMAT_WAV | SF_FORMAT_DOUBLE;
    SNDFILE* const file = sf_open(dir_.file("in.wav").c_str(), SFM_WRITE, &info);
    ASSERT_NE(file, nullptr);
    ASSERT_EQ(sf_writef_double(file, samples.data(), kFrames), kFrames);
    sf_close(file);
  }

  // What "end" gives behind a gain of a half: no sample reaches full scale any more, but one came in that
  // did.
  std::vector<DataFrame> results(const std::string& nodes, const std::string& connections,
                                 std::uint32_t block_size) {
    const auto graph =
        load_graph(R"({"version": 1, "nodes": [{"id": "in", "type": "FileSource", "config": {"path": ")" +
                   dir_.file("in.wav") + R"(", "frame_size": )" + std::to_string(block_size) +
                   R"(}}, {"id": "half", "type": "Gain", "config": {"gain": 0.5}}, )" + nodes +
                   R"(], "connections": [{"from": "in", "to": "half"}, )" + connections + "]}");
    EXPECT_TRUE(graph) << to_string(graph.error(), "");
    if (!graph) { return {}; }
    auto engine = Engine::create(*graph, {});
    EXPECT_TRUE(engine) << to_string(engine.error(), "");
    if (!engine) { return {}; }
    auto receiver = (*engine)->subscribe("end", 16);
    EXPECT_TRUE(receiver);
    EXPECT_TRUE((*engine)->start());
    std::vector<DataFrame> blocks;
    while (auto block = receiver->receive()) { blocks.push_back(std::move(*block)); }
    (*engine)->stop();
    return blocks;
  }
  std::vector<DataFrame> results(const std::string& end, std::uint32_t block_size) {
    return results(R"({"id": "end", )" + end + "}", R"({"from": "half", "to": "end"})", block_size);
  }

  test::TempDir dir_;
};

// The numbers of the blocks that have the flag.
std::vector<std::size_t> flagged(const std::vector<DataFrame>& blocks, FrameFlag flag) {
  std::vector<std::size_t> numbers;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (blocks[i].header().has(flag)) { numbers.push_back(i); }
  }
  return numbers;
}
// Positions of the frames of audio that have the flag.
std::vector<std::int64_t> flagged_frames(const std::vector<DataFrame>& blocks, FrameFlag flag) {
  std::vector<std::int64_t> positions;
  for (const DataFrame& block : blocks) {
    for (std::uint32_t n = 0; n < block.frame_count(); ++n) {
      if ((block.flags_of(n, 1) & flag_bit(flag)) != 0) { positions.push_back(block.position() + n); }
    }
  }
  return positions;
}

TEST_F(SameFlags, OfIntervalsWindowsAndSpectra) {
  for (const std::uint32_t block : kBlockSizes) {
    for (
        const char* node : {
            R"("type": "Spectrum", "config": {"fft_size": 1000, "overlap": 0})",
            R"("type": "Spectrum", "config": {"fft_size": 1000, "overlap": 0, "averaging": "exponential"})",
            R"("type": "Spectrum", "config": {"fft_size": 500, "overlap": 0, "averaging": "max", "averages": 2})",
            R"("type": "Reduce", "config": {"count": 1000})",
            R"("type": "Window", "config": {"size": 1000})",
        }) {
      const auto blocks = results(node, block);
      ASSERT_EQ(blocks.size(), 20U) << node;
      EXPECT_THAT(flagged(blocks, FrameFlag::clipped), ElementsAre(0, 15)) << block << " " << node;
      EXPECT_THAT(flagged(blocks, FrameFlag::not_finite), ElementsAre(7)) << block << " " << node;
    }
    const auto levels = results(R"("type": "LevelMeter", "config": {"interval_s": 0.025})", block);
    EXPECT_THAT(flagged(levels, FrameFlag::clipped), ElementsAre(0, 12)) << block;  // 1200 frames each
    EXPECT_THAT(flagged(levels, FrameFlag::not_finite), ElementsAre(5)) << block;
  }
}

TEST_F(SameFlags, OfResultsThatOverlap) {
  for (const std::uint32_t block : kBlockSizes) {
    // Frames 0 … 999, 250 … 1249 and so on: 15000 is in those from 14250, 14500, 14750 and 15000 on.
    const auto spectra =
        results(R"("type": "Spectrum", "config": {"fft_size": 1000, "overlap": 0.75})", block);
    EXPECT_THAT(flagged(spectra, FrameFlag::clipped), ElementsAre(0, 57, 58, 59, 60)) << block;
    const auto windows = results(R"("type": "Window", "config": {"size": 1000, "hop": 250})", block);
    EXPECT_THAT(flagged(windows, FrameFlag::clipped), ElementsAre(0, 57, 58, 59, 60)) << block;
    ASSERT_GT(windows.size(), 57U);
    EXPECT_THAT(flagged_frames({windows[57]}, FrameFlag::clipped), ElementsAre(15000));
    // An average of everything so far has had the clip from then on.
    const auto all = results(
        R"("type": "Spectrum", "config": {"fft_size": 5000, "overlap": 0, "averaging": "linear", "averages": 0})",
        block);
    EXPECT_THAT(flagged(all, FrameFlag::clipped), ElementsAre(0, 1, 2, 3)) << block;
    EXPECT_THAT(flagged(all, FrameFlag::not_finite), ElementsAre(1, 2, 3)) << block;
  }
}

TEST_F(SameFlags, OfFramesBehindNodesThatMoveOrCutThem) {
  for (const std::uint32_t block : kBlockSizes) {
    const auto late = results(R"("type": "Delay", "config": {"frames": 600})", block);
    EXPECT_THAT(flagged_frames(late, FrameFlag::clipped), ElementsAre(700, 15600)) << block;
    EXPECT_THAT(flagged_frames(late, FrameFlag::not_finite), ElementsAre(7600)) << block;
    const auto rest = results(R"("type": "Skip", "config": {"frames": 101})", block);
    EXPECT_THAT(flagged_frames(rest, FrameFlag::clipped), ElementsAre(15000)) << block;
    EXPECT_FALSE(rest[0].header().has(FrameFlag::clipped) && rest[0].frame_count() < 14000) << block;
    const auto beginning = results(R"("type": "Take", "config": {"frames": 100})", block);
    EXPECT_THAT(flagged(beginning, FrameFlag::clipped), IsEmpty()) << block;
    const auto mapped = results(R"_("type": "Map", "config": {"channels": {"y": "1 / (n - 2000)"}})_", block);
    EXPECT_THAT(flagged_frames(mapped, FrameFlag::not_finite), ElementsAre(2000, 7000)) << block;
    const auto sum = results(R"({"id": "late", "type": "Delay", "config": {"frames": 600}},
                                {"id": "end", "type": "Mixer"})",
                             R"({"from": "half", "to": "late"}, {"from": "half", "to": "end.in1"},
                                {"from": "late", "to": "end.in2"})",
                             block);
    EXPECT_THAT(flagged_frames(sum, FrameFlag::clipped), ElementsAre(100, 700, 15000, 15600)) << block;
  }
}

TEST_F(SameFlags, OfFramesThatPassOn) {
  for (const std::uint32_t block : kBlockSizes) {
    for (const char* node : {
             R"("type": "Buffer", "config": {"capacity": 4})",
             R"("type": "Batch", "config": {"blocks": 3})",
             R"("type": "Filter", "config": {"metadata": "none", "invert": true})",
         }) {
      const auto passed = results(node, block);
      EXPECT_THAT(flagged_frames(passed, FrameFlag::clipped), ElementsAre(100, 15000)) << block << node;
      EXPECT_THAT(flagged_frames(passed, FrameFlag::not_finite), ElementsAre(7000)) << block << node;
    }
    // What a program gives has the flags of its own samples: none of them is at full scale any more.
    const auto given = results(R"("type": "Process", "config": {"command": ["cat"]})", block);
    EXPECT_THAT(flagged_frames(given, FrameFlag::clipped), IsEmpty()) << block;
    EXPECT_THAT(flagged_frames(given, FrameFlag::not_finite), ElementsAre(7000)) << block;
    constexpr const char* kTwo = R"({"from": "half", "to": "late"}, {"from": "half", "to": "end.in1"},
                                    {"from": "late", "to": "end.in2"})";
    const std::string late = R"({"id": "late", "type": "Delay", "config": {"frames": 600}}, )";
    const auto joined = results(late + R"({"id": "end", "type": "Join"})", kTwo, block);
    EXPECT_THAT(flagged_frames(joined, FrameFlag::clipped), ElementsAre(100, 700, 15000, 15600)) << block;
    EXPECT_THAT(flagged_frames(joined, FrameFlag::not_finite), ElementsAre(7000, 7600)) << block;
    // Blocks of both, one behind the other, at new positions.
    const auto merged = results(late + R"({"id": "end", "type": "Merge"})", kTwo, block);
    EXPECT_EQ(flagged_frames(merged, FrameFlag::clipped).size(), 4U) << block;
    EXPECT_EQ(flagged_frames(merged, FrameFlag::not_finite).size(), 2U) << block;
  }
}

// A mixer cuts its inputs to each other's blocks: each part has the flags of its own frames.
TEST_F(SameFlags, OfFramesWhereStreamsOfOtherBlocksMeet) {
  const auto sum = results(
      R"({"id": "windows", "type": "Window", "config": {"size": 777}}, {"id": "end", "type": "Mixer"})",
      R"({"from": "half", "to": "windows"}, {"from": "half", "to": "end.in1"},
                 {"from": "windows", "to": "end.in2"})",
      20000);
  EXPECT_THAT(flagged_frames(sum, FrameFlag::clipped), ElementsAre(100, 15000));
  EXPECT_THAT(flagged_frames(sum, FrameFlag::not_finite), ElementsAre(7000));
}

}  // namespace
}  // namespace streamlab
