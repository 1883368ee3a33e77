// tests/stream/kept_frames_test.cpp
//
// Blocks belong to whoever was given them: ends and stages may keep them, and those that come after are the
// same as if nobody had.
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/graph/make_node.hpp"
#include "engine/graph/validate.hpp"
#include "engine/run/streaming_engine.hpp"
#include "engine/stream/node_stage.hpp"
#include "nodes/sources/frames_of.hpp"
#include "tests/apps/voice.hpp"

namespace streamlab {
namespace {

using test::kVoice;

// Position and samples of every block.
struct Seen {
  std::vector<std::int64_t> positions;
  std::vector<double> samples;
  bool operator==(const Seen&) const = default;
};
void see(Seen& seen, const DataFrame& frame) {
  seen.positions.push_back(frame.position());
  for (const double x : frame.channel(0U)) { seen.samples.push_back(x); }
}
Seen seen_in(Stream<DataFrame> stream) {
  return std::move(stream)
      .reduce(Seen{},
              [](Seen seen, const DataFrame& frame) {
                see(seen, frame);
                return seen;
              })
      .value;
}
// By the time that they are looked at, all of them have been kept.
Seen seen_in(const std::vector<DataFrame>& frames) {
  Seen seen;
  for (const DataFrame& frame : frames) { see(seen, frame); }
  return seen;
}

void expect_same_when_kept(const std::function<Stream<DataFrame>()>& stream) {
  const Seen looked_at = seen_in(stream());
  ASSERT_EQ(looked_at.samples.size(), 68'545U);
  const auto kept = stream().collect();
  ASSERT_TRUE(kept) << to_string(kept.report);
  EXPECT_TRUE(seen_in(*kept) == looked_at);

  auto [left, right] = stream().tee<2>(1000);
  EXPECT_TRUE(seen_in(std::move(left)) == looked_at);
  EXPECT_TRUE(seen_in(std::move(right)) == looked_at);

  const auto emptied =
      stream().map([](DataFrame& frame) { frame = DataFrame(0, frame.sequence_id()); }).collect();
  ASSERT_TRUE(emptied) << to_string(emptied.report);
  EXPECT_EQ(emptied->size(), looked_at.positions.size());
}

TEST(KeptFrames, OfAFile) {
  expect_same_when_kept([] { return frames_of(kVoice, 500); });
}

TEST(KeptFrames, OfANode) {
  expect_same_when_kept([] {
    auto gain = make_node_by_name("Gain", R"({"gain": 0.5})");
    EXPECT_TRUE(gain);
    return frames_of(kVoice, 500) | from_node(std::move(*gain));
  });
}

TEST(KeptFrames, OfAGraph) {
  const auto graph = load_graph(R"({"version": 1,
      "nodes": [{"id": "voice", "type": "FileSource", "config": {"frame_size": 500, "path": ")" +
                                std::string(kVoice) + R"("}}], "connections": []})");
  ASSERT_TRUE(graph) << to_string(graph.error(), "");
  expect_same_when_kept([&graph] {
    auto engine = StreamingEngine::create(*graph, {});
    EXPECT_TRUE(engine) << to_string(engine.error(), "");
    auto voice = (*engine)->output("voice", 4);
    EXPECT_TRUE(voice) << to_string(voice.error());
    return std::move(*voice);
  });
}

}  // namespace
}  // namespace streamlab
