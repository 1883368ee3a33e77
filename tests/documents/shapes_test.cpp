// tests/documents/shapes_test.cpp
//
// The nodes that docs/writing-a-node.md shows for the shapes do what it says.
#include <fstream>
#include <iterator>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nodes/dsp/sine.hpp"
#include "tests/support/node_harness.hpp"
#include "tests/support/signals.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab {

extern const NodeEntry kDcBlockerEntry;
extern const NodeEntry kZeroCrossingsEntry;
extern const NodeEntry kCentroidEntry;
extern const NodeEntry kSawtoothEntry;
extern const NodeEntry kLabelSinkEntry;

namespace test {
namespace {

StreamFormat audio() { return audio_format(1000.0, {"x"}, 1000); }

Signal sine(double frequency_hz, std::size_t frames) {
  Signal signal{std::vector<double>(frames)};
  dsp::Sine(frequency_hz, 1000.0, 1.0, 30.0).fill(0, signal[0]);
  return signal;
}

TEST(Shapes, DcBlockerTakesDcAway) {
  NodeHarness node(kDcBlockerEntry, R"({"corner": 10})", {audio()});
  const auto y = node.run(constant(0.5, 1, 1000), 100);
  EXPECT_NEAR(y.front(), 0.05, 1e-12);  // a tenth of the way up
  EXPECT_NEAR(y.back(), 0.0, 1e-12);    // 0.5 r^1000
}

TEST(Shapes, ZeroCrossingsCountsThem) {
  NodeHarness node(kZeroCrossingsEntry, R"({"interval_s": 0.5})", {audio()});
  const auto results = node.run_frames(sine(100.0, 1000), 70);
  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(results[0].channel("x.crossings")[0], 99.0);  // 50 turns; the hundredth is between the intervals
  EXPECT_EQ(results[1].position(), 500);
}

TEST(Shapes, CentroidIsTheFrequencyOfASine) {
  NodeHarness node(kCentroidEntry, R"({"fft_size": 100})", {audio()});
  const auto results = node.run_frames(sine(200.0, 100), 100);
  ASSERT_EQ(results.size(), 1U);
  EXPECT_NEAR(results[0].channel("x.centroid")[0], 200.0, 1e-9);  // on a bin
}

TEST(Shapes, SawtoothRises) {
  NodeHarness node(kSawtoothEntry,
                   R"({"frequency": 250, "sample_rate": 1000, "frame_size": 4, "duration_s": 0.005})",
                   std::vector<StreamFormat>{});
  const auto blocks = node.run_source(10);
  EXPECT_THAT(samples_of(blocks), testing::ElementsAre(-1.0, -0.5, 0.0, 0.5, -1.0));  // exact in binary
}

TEST(Shapes, LabelSinkWritesWhereItClipped) {
  const TempDir dir;
  const std::string path = dir.file("labels.txt");
  {
    NodeHarness node(kLabelSinkEntry, R"({"path": ")" + path + "\"}", {audio()});
    Signal x = constant(0.0, 1, 300);
    x[0][150] = 1.0;
    node.run_frames(x, 100);
  }
  std::ifstream file(path);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(text, "0.100000\t0.200000\tclipped\n");
}

}  // namespace
}  // namespace test
}  // namespace streamlab
