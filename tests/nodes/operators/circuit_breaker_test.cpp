// tests/nodes/operators/circuit_breaker_test.cpp
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/nodes/operators/timed_blocks.hpp"

namespace streamlab::test {
namespace {

using testing::ElementsAre;

constexpr std::uint32_t kBad = static_cast<std::uint32_t>(FrameFlag::not_finite);

// Blocks of 100 frames at 1000 Hz, one after the other; `bad` says which.
std::vector<DataFrame> blocks_of(const NodeHarness& node, const std::string& bad) {
  std::vector<DataFrame> blocks;
  for (std::size_t i = 0; i < bad.size(); ++i) {
    blocks.push_back(
        flat_block_at(node, static_cast<std::int64_t>(i) * 100, 0.5, 100, bad[i] == 'x' ? kBad : 0U));
  }
  return blocks;
}

std::vector<double> states_of(const std::vector<DataFrame>& frames) {
  std::vector<double> states;
  for (const DataFrame& frame : frames) {
    states.push_back(frame.metadata().get("breaker_state").value_or(-1.0));
  }
  return states;
}

TEST(CircuitBreakerNode, OpensAfterTooManyBadBlocksAndClosesAfterGoodProbes) {
  // Two of four open it. The cool-down of 0.3 s is three blocks: block 3 opens it, block 6 is the first
  // probe.
  NodeHarness breaker("CircuitBreaker",
                      R"({"failure_count": 2, "window": 4, "cool_down_s": 0.3, "probes": 2})",
                      {1000.0, 2, 100});
  const auto out = run_blocks(breaker, blocks_of(breaker, ".x.xx......x."));
  EXPECT_THAT(positions_of(out), ElementsAre(0, 100, 200, 300, 600, 700, 800, 900, 1000, 1100, 1200));
  EXPECT_THAT(states_of(out), ElementsAre(0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0));
  EXPECT_EQ(out[4].header().gap_frames, 200U);
  EXPECT_TRUE(out[4].header().has(FrameFlag::gap));
  EXPECT_FALSE(out[5].header().has(FrameFlag::gap));
  EXPECT_EQ(out[4].channel(1U)[99], 0.5);
  const auto notes = breaker.node().notes();
  std::vector<std::string> texts;
  for (const NodeNote& note : notes) { texts.push_back(note.text); }
  EXPECT_THAT(texts, ElementsAre("opened 1 times, dropped 2 blocks of 200 frames; closed at the end",
                                 "open at 0.300000 s", "half_open at 0.600000 s", "closed at 0.700000 s"));
}

TEST(CircuitBreakerNode, OpensAgainWhenAProbeIsBad) {
  NodeHarness breaker("CircuitBreaker", R"({"failure_rate": 1, "window": 1, "cool_down_s": 0.3})",
                      {1000.0, 1, 100});
  const auto out = run_blocks(breaker, blocks_of(breaker, "xxxxxxx..."));
  EXPECT_THAT(positions_of(out), ElementsAre(0, 300, 600, 900));
  EXPECT_THAT(states_of(out), ElementsAre(1, 1, 1, 0));
}

TEST(CircuitBreakerNode, TakesForBadWhatItIsTold) {
  struct Case {
    const char* config;
    FrameFlag flag;
  };
  for (const auto& [config, flag] :
       {Case{R"("on_clipped": true)", FrameFlag::clipped}, Case{R"("on_gap": true)", FrameFlag::gap},
        Case{R"("on_xrun": true)", FrameFlag::xrun},
        Case{R"("on_not_finite": true)", FrameFlag::not_finite}}) {
    NodeHarness breaker(
        "CircuitBreaker",
        std::string(R"({"failure_count": 1, "window": 1, "on_not_finite": false, )") + config + "}",
        {1000.0, 1, 100});
    for (const FrameFlag other :
         {FrameFlag::clipped, FrameFlag::gap, FrameFlag::xrun, FrameFlag::not_finite}) {
      breaker.reset();
      const auto out = breaker.process(flat_block_at(breaker, 0, 0.0, 100, bit(other)));
      EXPECT_THAT(states_of(out), ElementsAre(other == flag ? 1.0 : 0.0)) << config;
    }
  }
}

TEST(CircuitBreakerNode, JudgesMagnitudesOfAudioAndValuesAsTheyAre) {
  const char* config = R"({"failure_count": 1, "window": 1, "bad_above": 0.75, "bad_below": 0.25})";
  NodeHarness audio("CircuitBreaker", config, {1000.0, 2, 100});
  const auto state_after = [](NodeHarness& node, const DataFrame& block) {
    node.reset();
    return states_of(node.process(block)).at(0);
  };
  EXPECT_EQ(state_after(audio, flat_block_at(audio, 0, 0.5, 100)), 0.0);
  EXPECT_EQ(state_after(audio, flat_block_at(audio, 0, -0.76, 100)), 1.0);
  EXPECT_EQ(state_after(audio, flat_block_at(audio, 0, 0.75, 100)), 0.0);
  EXPECT_EQ(state_after(audio, flat_block_at(audio, 0, 0.2, 100)), 1.0);
  DataFrame one_peak = flat_block_at(audio, 0, 0.2, 100);
  one_peak.channel(1U)[50] = -0.25;
  EXPECT_EQ(state_after(audio, one_peak), 0.0);
  NodeHarness values("CircuitBreaker", config, {values_at_rate(1000.0)});
  EXPECT_EQ(state_after(values, flat_block_at(values, 0, -0.5)), 1.0);
  EXPECT_EQ(state_after(values, flat_block_at(values, 0, 0.5)), 0.0);
  EXPECT_EQ(state_after(values, flat_block_at(values, 0, std::numeric_limits<double>::quiet_NaN())), 1.0);
}

TEST(CircuitBreakerNode, IsAsNewAfterReset) {
  NodeHarness breaker("CircuitBreaker", R"({"failure_count": 1, "window": 1, "cool_down_s": 10})",
                      {1000.0, 1, 100});
  const auto first = run_blocks(breaker, blocks_of(breaker, ".x.."));
  breaker.reset();
  EXPECT_TRUE(breaker.node().notes().empty());
  const auto again = run_blocks(breaker, blocks_of(breaker, ".x.."));
  EXPECT_THAT(positions_of(again), ElementsAre(0, 100));
  EXPECT_EQ(positions_of(first), positions_of(again));
}

TEST(CircuitBreakerNode, SaysHowLongAJoinMayHaveToWaitForItsNextBlock) {
  NodeHarness breaker("CircuitBreaker", R"({"failure_count": 1, "cool_down_s": 0.5})", {48000.0, 1, 256});
  EXPECT_EQ(breaker.outputs()[0].held_frames, 24000U + 2U * 256U);
}

TEST(CircuitBreakerNode, RefusesWhatDoesNotFitTogether) {
  const auto said = [](const char* config) {
    return to_string(NodeHarness::refusals("CircuitBreaker", config), "");
  };
  EXPECT_EQ(said("{}"), "/config: neither failure_count nor failure_rate is given; expected one of them\n");
  EXPECT_EQ(
      said(R"({"failure_count": 2, "failure_rate": 0.5})"),
      "/config/failure_rate: failure_count is given too; expected only one of failure_count and failure_rate\n");
  EXPECT_EQ(said(R"({"failure_count": 11})"),
            "/config/failure_count: 11 failures of 10 calls; expected 1 .. 10, the window\n");
  for (const char* config :
       {R"({"failure_count": 0})", R"({"failure_rate": 0})", R"({"failure_rate": 1.5})",
        R"({"failure_count": 1, "window": 0})", R"({"failure_count": 1, "cool_down_s": 0})",
        R"({"failure_count": 1, "cool_down_s": 1e-6})", R"({"failure_count": 1, "probes": 0})"}) {
    EXPECT_NE(said(config), "") << config;
  }
}

TEST(CircuitBreakerNode, KeepsItsStateWhenItChanges) {
  NodeHarness breaker("CircuitBreaker", R"({"failure_count": 3, "window": 4, "cool_down_s": 10})",
                      {1000.0, 2, 100});
  std::vector<std::int64_t> positions;
  const auto feed = [&](const std::string& bad, std::size_t from) {
    const auto blocks = blocks_of(breaker, std::string(from, '.') + bad);
    for (std::size_t i = from; i < blocks.size(); ++i) {
      for (const DataFrame& out : breaker.process(blocks[i])) { positions.push_back(out.position()); }
    }
  };
  feed("x.x", 0);
  // Of a window of two only ". x" is left, and one more bad block makes two of two.
  ASSERT_TRUE(breaker.set_params(R"({"failure_count": 2, "window": 2})").empty());
  feed("x...", 3);
  EXPECT_THAT(positions, ElementsAre(0, 100, 200, 300));
  ASSERT_TRUE(breaker.set_params(R"({"cool_down_s": 0.6})").empty());  // from 300 on
  feed("....", 7);
  EXPECT_THAT(positions, ElementsAre(0, 100, 200, 300, 900, 1000));
  ASSERT_TRUE(breaker.set_params(R"({"on_not_finite": false})").empty());
  feed("xxxx", 11);
  EXPECT_EQ(positions.size(), 10U);
  EXPECT_FALSE(breaker.set_params(R"({"failure_count": 3})").empty());
  ASSERT_TRUE(breaker.set_params(R"({"failure_rate": 0.5})").empty());
}

}  // namespace
}  // namespace streamlab::test
