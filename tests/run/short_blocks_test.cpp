// tests/run/short_blocks_test.cpp
//
// A source may give far shorter blocks than the largest that it declares: a stream of a program, a card that changes its
// period. A graph whose branches meet again must go on.
#include <fcntl.h>

#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/process/descriptor.hpp"
#include "engine/process/framed_stream.hpp"
#include "engine/run/engine.hpp"
#include "engine/run/run_to_end.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {

constexpr int kShortBlocks = 2000;
constexpr std::uint32_t kFramesOfEach = 16;  // of 1024 that the header allows

std::string framed_counter() {
  auto writer =
      FramedWriter::create({.sample_rate_hz = 48000.0, .max_frames = 1024, .channels = {{"a", "FS"}}});
  EXPECT_TRUE(writer.has_value());
  std::vector<std::byte> bytes;
  for (int b = 0; b < kShortBlocks; ++b) {
    std::vector<double> samples;
    for (std::uint32_t n = 0; n < kFramesOfEach; ++n) {
      samples.push_back(b * static_cast<double>(kFramesOfEach) + n);
    }
    const FramedBlock block{.sequence_id = static_cast<std::uint64_t>(b),
                            .position = b * static_cast<std::int64_t>(kFramesOfEach),
                            .frame_count = kFramesOfEach,
                            .samples = std::as_bytes(std::span(samples))};
    EXPECT_TRUE(writer->append(block, bytes).has_value());
  }
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(ShortBlocks, DoNotFillAMixerWhoseOtherInputGathers) {
  const test::TempDir dir;
  const std::string path = dir.write("counter.framed", framed_counter());
  for (const char* threads : {"1", "2", R"("per_node")"}) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    const auto graph =
        load_graph(fmt::format(R"({{"version": 1, "pipeline_config": {{"threads": {}}}, "nodes": [
        {{"id": "in", "type": "PipeSource", "config": {{"from": "fd:{}", "format": "framed"}}}},
        {{"id": "cut", "type": "Window", "config": {{"size": 2400}}}},
        {{"id": "sum", "type": "Mixer"}},
        {{"id": "mean", "type": "Reduce", "config": {{"operation": "mean", "count": 20000}}}}, {{"id": "out", "type": "NullSink"}}],
        "connections": [{{"from": "in", "to": "cut"}}, {{"from": "cut", "to": "sum.in1"}},
                        {{"from": "in", "to": "sum.in2"}}, {{"from": "sum", "to": "mean"}}, {{"from": "mean", "to": "out"}}]}})",
                               threads, file.get()));
    ASSERT_TRUE(graph) << to_string(graph.error(), "");
    auto engine = Engine::create(*graph, {});
    ASSERT_TRUE(engine) << to_string(engine.error(), "");
    auto receiver = (*engine)->subscribe("sum");
    ASSERT_TRUE(receiver) << to_string(receiver.error());
    ASSERT_TRUE((*engine)->start());
    std::int64_t next = 0;
    while (const auto block = receiver->receive()) {
      ASSERT_EQ(block->position(), next);
      for (std::uint32_t n = 0; n < block->frame_count(); ++n, ++next) {
        ASSERT_EQ(block->channel(0)[n], 2.0 * static_cast<double>(next));
      }
    }
    EXPECT_EQ(next, kShortBlocks * static_cast<std::int64_t>(kFramesOfEach)) << threads;
    (*engine)->stop();
  }
}

}  // namespace
}  // namespace streamlab
