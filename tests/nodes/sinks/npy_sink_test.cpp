// tests/nodes/sinks/npy_sink_test.cpp
//
// NumPy reads what NpySink has written.
#include <gmock/gmock.h>

#include "nodes/sinks/npy_header.hpp"
#include "tests/nodes/sinks/sink_config.hpp"
#include "tests/support/node_harness.hpp"
#include "tests/support/not_finite.hpp"
#include "tests/support/run_program.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using namespace test;  // NOLINT(google-build-using-namespace): a test of one thing

// What Python prints of the array `a` in `path`.
std::string numpy(const std::string& path, const std::string& expression) {
  const auto result = run_program(
      {"/usr/bin/python3", "-c",
       "import sys, numpy; a = numpy.load(sys.argv[1], max_header_size=1000000); print(" + expression + ")",
       path});
  EXPECT_EQ(result.exit_code, 0) << result.err << "\n(scripts/install-deps installs python3-numpy)";
  return result.out.substr(0, result.out.find_last_not_of('\n') + 1);
}

StreamFormat rows_format() {
  StreamFormat format;
  format.kind = StreamKind::values;
  format.sample_rate_hz = 48000.0;
  format.channels = {{"left.rms", "dB"}, {"it's \\ a \"name\"", ""}};
  format.max_frames = 1;
  return format;
}

TEST(NpySink, WritesAudioAsFramesByChannels) {
  const TempDir dir;
  const std::string path = dir.file("a.npy");
  {
    NodeHarness sink("NpySink", config(path), {48000.0, 2, 64});
    DataFrame block = sink.input_frame();
    for (std::uint32_t count : {64U, 7U}) {
      block.set_frame_count(count);
      for (std::uint32_t n = 0; n < count; ++n) {
        block.channel(0U)[n] = 0.1 * n;
        block.channel(1U)[n] = -1.0 / (n + 1);
      }
      sink.process(block);
    }
    // Blocks so far can be read while the file is open.
    EXPECT_EQ(numpy(path, "a.shape, a.dtype.str, a[63].tolist(), a[70].tolist()"),
              "(71, 2) <f8 [6.300000000000001, -0.015625] [0.6000000000000001, -0.14285714285714285]");
    block.header().position = 74;
    block.header().set(FrameFlag::gap);
    block.header().gap_frames = 3;
    block.set_frame_count(1);
    sink.process(block);
    EXPECT_THAT(sink.node().notes(), testing::SizeIs(1));
  }
  EXPECT_EQ(numpy(path, "a.shape, numpy.isnan(a).sum(axis=1)[70:].tolist(), a[74].tolist()"),
            "(75, 2) [0, 2, 2, 2, 0] [0.0, -1.0]");
}

TEST(NpySink, WritesValuesAsRowsOfNamedFields) {
  const TempDir dir;
  const std::string path = dir.file("a.npy");
  {
    NodeHarness sink("NpySink", config(path), {rows_format()});
    DataFrame block = sink.input_frame();
    block.set_frame_count(1);
    block.header() = {-1500000, 3, 72000, 0, 0};
    block.channel(0U)[0] = -20.5;
    block.channel(1U)[0] = kNaN;
    sink.process(block);
    block.header() = {2500000, 4, 120000, 256, 0, 4800};
    block.header().set(FrameFlag::gap);
    block.header().set(FrameFlag::incomplete);
    block.channel(0U)[0] = -kInfinity;
    sink.process(block);
  }
  EXPECT_EQ(numpy(path, "a.dtype.names"),
            "('position', 'timestamp_us', 'sequence_id', 'gap_frames', 'length_frames', 'flags', 'left.rms', "
            "'it\\'s \\\\ a \"name\"')");
  EXPECT_EQ(numpy(path, "a.tolist()"),
            "[(72000, -1500000, 3, 0, 0, 0, -20.5, nan), (120000, 2500000, 4, 256, 4800, 33, -inf, nan)]");
}

TEST(NpySink, WritesSpectraAsVectorsWithTheirAxis) {
  const TempDir dir;
  const std::string path = dir.file("a.npy");
  StreamFormat format = rows_format();
  format.kind = StreamKind::spectrum;
  format.channels = {{"left", "dB"}, {"größe", "dB"}};
  format.axis = {"frequency", "Hz", 10.0, 2.5};
  format.max_frames = 3;
  {
    NodeHarness sink("NpySink", config(path), {format});
    DataFrame block = sink.input_frame();
    block.set_frame_count(3);
    for (int row = 0; row < 2; ++row) {
      for (std::uint32_t n = 0; n < 3; ++n) {
        block.channel(0U)[n] = row + n / 4.0;
        block.channel(1U)[n] = -1.0 * n;
      }
      sink.process(block);
    }
  }
  EXPECT_EQ(numpy(path, "a['left'].tolist(), a['größe'][1].tolist()"),
            "[[0.0, 0.25, 0.5], [1.0, 1.25, 1.5]] [-0.0, -1.0, -2.0]");
  EXPECT_EQ(numpy(path, "(a['axis_start'][:, None] + numpy.arange(3) * a['axis_step'][:, None])[1].tolist()"),
            "[10.0, 12.5, 15.0]");
}

// Rows begin at a multiple of 64 bytes, and a longer count moves none.
TEST(NpySink, HasAHeaderOfOneLength) {
  const NpyField field{"a", "<f8"};
  for (const std::uint64_t rows : {std::uint64_t{0}, std::uint64_t{12345}, ~std::uint64_t{0}}) {
    const std::string header = npy_header({&field, 1}, rows);
    EXPECT_EQ(header.size(), 128U);
    EXPECT_THAT(header, StartsWith("\x93NUMPY\x01"));
    EXPECT_EQ(header.back(), '\n');
    EXPECT_THAT(header, HasSubstr("(" + std::to_string(rows) + ",)"));
  }
}

TEST(NpySink, ReadsBackWithMoreNamesThanVersion1HasRoomFor) {
  const TempDir dir;
  const std::string path = dir.file("a.npy");
  StreamFormat format = rows_format();
  format.channels.clear();
  for (int c = 0; c < 4000; ++c) { format.channels.push_back({"channel number " + std::to_string(c), ""}); }
  {
    NodeHarness sink("NpySink", config(path), {format});
    DataFrame block = sink.input_frame();
    block.set_frame_count(1);
    block.channel(3999U)[0] = 5.0;
    sink.process(block);
  }
  EXPECT_EQ(numpy(path, "a['channel number 3999'].tolist(), len(a.dtype.names)"), "[5.0] 4006");
}

TEST(NpySink, RefusesWhatIsNoArray) {
  const auto reason = [](const Errors& errors) { return errors.empty() ? "" : to_string(errors.front()); };
  EXPECT_THAT(reason(NodeHarness::refusals("NpySink", config("-"))), HasSubstr("standard output"));
  StreamFormat format = rows_format();
  format.channels[1].name = "flags";
  EXPECT_THAT(reason(NodeHarness::refusals("NpySink", config("a.npy"), {format})), HasSubstr("\"flags\""));
}

TEST(NpySink, SaysWhereAGapIsTooLong) {
  const TempDir dir;
  NodeHarness sink("NpySink", config(dir.file("a.npy")));
  DataFrame block = sink.input_frame();
  block.set_frame_count(1);
  block.header().set(FrameFlag::gap);
  block.header().gap_frames = (std::uint64_t{1} << 30U) + 1;
  sink.process(block);
  EXPECT_EQ(sink.last_status(), Status::fault);
  EXPECT_THAT(to_string(sink.node().failure()), HasSubstr("1073741825 frames are missing"));
}

}  // namespace
}  // namespace streamlab
