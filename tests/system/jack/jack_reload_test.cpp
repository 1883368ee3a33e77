// tests/system/jack/jack_reload_test.cpp
//
// Random reloads of a graph on a real jackd: the branch that stays loses no frame and no bit, and JACK's thread is never
// late because of them.
#include <cstdint>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "engine/run/engine.hpp"
#include "hal/backends.hpp"
#include "tests/run/random_graph.hpp"
#include "tests/system/jack/jack_fixture.hpp"

namespace streamlab::test {
namespace {

constexpr std::uint64_t kSeed = 5;
constexpr int kReloadsOnJack = 100;
constexpr std::uint32_t kDelay = 7;  // of the branch that stays

struct Block {
  std::int64_t position;
  bool is_disturbed;  // frames are missing before it
  std::vector<double> samples;
};

// Frames of the ramp follow each other inside a block, and from block to block as positions do. A machine that is late may
// spoil what it is late for: blocks beside a gap or an xrun are not looked at. How many were.
std::size_t expect_ramp(const std::vector<Block>& blocks) {
  std::size_t looked_at = 0;
  for (std::size_t n = 1; n + 1 < blocks.size(); ++n) {  // (the first begins with the delay)
    const Block& before = blocks[n - 1];
    const Block& block = blocks[n];
    if (before.is_disturbed || block.is_disturbed || blocks[n + 1].is_disturbed) { continue; }
    ++looked_at;
    EXPECT_EQ(block.position, before.position + static_cast<std::int64_t>(before.samples.size())) << n;
    EXPECT_EQ(ramp_distance(before.samples.back(), block.samples.front()), 1) << n;
    for (std::size_t k = 1; k < block.samples.size(); ++k) {
      if (ramp_distance(block.samples[k - 1], block.samples[k]) != 1) {
        ADD_FAILURE() << "block " << n << ", frame " << k;
        return looked_at;
      }
    }
  }
  return looked_at;
}

TEST_F(JackTest, RandomReloadsAreNotNoticedByABranchThatStays) {
  Peer source(server_.name(), "source", JackPortIsOutput, play_ramp);
  const Json mic =
      node("mic", "AudioInput",
           {{"device", server_.device()}, {"channels", {1}}, {"ports", Json::array({source.port()})}});
  RandomGraph graphs(kSeed, mic, kPeriod);
  EngineOptions options;
  options.open_device = open_device;
  auto engine = Engine::create(graphs.next(), std::move(options));
  ASSERT_TRUE(engine) << to_string(engine.error(), "");
  auto receiver = (*engine)->subscribe("kept", 4096, OverflowPolicy::drop_newest);
  ASSERT_TRUE(receiver) << to_string(receiver.error());
  std::vector<Block> blocks;
  std::jthread listener([&] {
    while (const auto block = receiver->receive()) {
      const auto x = block->channel(0U);
      const FrameHeader& header = block->header();
      blocks.push_back({block->position(), header.has(FrameFlag::gap) || header.has(FrameFlag::xrun),
                        std::vector<double>(x.begin(), x.end())});
    }
  });
  ASSERT_TRUE((*engine)->start());
  int done = 0;
  for (int i = 0; i < kReloadsOnJack; ++i) {
    // What must not be in another thread is refused, and changes nothing.
    if ((*engine)->reload(graphs.next())) { ++done; }
  }
  const DriverStatus status = (*engine)->status().driver.value_or(DriverStatus{});
  (*engine)->stop();
  listener.join();
  EXPECT_GT(done, kReloadsOnJack / 2);
  EXPECT_GT(expect_ramp(blocks), blocks.size() / 2);
  std::size_t disturbed = 0;
  for (const Block& block : blocks) { disturbed += block.is_disturbed ? 1U : 0U; }
  EXPECT_LE(disturbed, status.gaps + status.xruns);  // by no reload
}

}  // namespace
}  // namespace streamlab::test
