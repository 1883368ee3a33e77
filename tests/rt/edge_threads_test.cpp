// tests/rt/edge_threads_test.cpp
//
// The edge between two real threads: contents, order and exact accounting under every policy. Also run under
// the thread sanitizer.
#include <array>
#include <atomic>
#include <cstdint>
#include <ostream>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "engine/rt/edge.hpp"
#include "tests/rt/give_way.hpp"

namespace streamlab {

// How GoogleTest prints a parameter.
void PrintTo(OverflowPolicy policy, std::ostream* out) { *out << to_string(policy); }

namespace {

// The producer offers at least kBlocks blocks, and goes on until the consumer got kDelivered: so both are at
// work together for a while, however the machine schedules them.
constexpr std::uint64_t kBlocks = 5000;
constexpr std::uint64_t kDelivered = 1000;

// Every word of a block is the block's number: a block that is half one and half another shows.
struct Block {
  std::array<std::uint64_t, 16> words{};
};

struct Received {
  std::vector<std::uint64_t> numbers;
  std::uint64_t torn = 0;
};

class EdgeThreads : public testing::TestWithParam<std::tuple<OverflowPolicy, std::size_t>> {};

// Offers numbered blocks, then closes. Every third block is first begun and abandoned. Returns how many.
std::uint64_t produce(Edge<Block>& edge) {
  std::uint64_t number = 0;
  for (; number < kBlocks || edge.delivered() < kDelivered; ++number) {
    Block* block = edge.acquire();
    while (block == nullptr && edge.policy() == OverflowPolicy::block) {
      give_way();
      block = edge.acquire();
    }
    if (block == nullptr) {  // counted by the edge
      give_way();
      continue;
    }
    if (number % 3 == 0) {
      block->words.fill(~std::uint64_t{0});
      edge.abandon(block);
      block = edge.acquire();  // the room is still there
    }
    block->words.fill(number);
    edge.commit(block);
    if (number % 64 == 0) { std::this_thread::yield(); }
  }
  edge.close();
  return number;
}

Received consume(Edge<Block>& edge) {
  Received received;
  while (true) {
    Block* const block = edge.try_pop();
    if (block == nullptr) {
      if (edge.ended()) { return received; }
      give_way();
      continue;
    }
    const std::uint64_t number = block->words[0];
    for (const std::uint64_t word : block->words) { received.torn += word != number ? 1U : 0U; }
    received.numbers.push_back(number);
    edge.release(block);
  }
}

TEST_P(EdgeThreads, DeliverWholeBlocksInOrderAndCountEveryOne) {
  const auto [policy, capacity] = GetParam();
  Edge<Block> edge(capacity, policy, [] { return Block{}; });
  std::uint64_t offered = 0;
  std::thread producer([&] { offered = produce(edge); });
  const Received received = consume(edge);
  producer.join();

  EXPECT_EQ(received.torn, 0U);
  ASSERT_FALSE(received.numbers.empty());
  std::uint64_t disorder = 0;
  for (std::size_t i = 1; i < received.numbers.size(); ++i) {
    disorder += received.numbers[i] <= received.numbers[i - 1] ? 1U : 0U;
  }
  EXPECT_EQ(disorder, 0U);

  const EdgeCounters counters = edge.counters();
  EXPECT_EQ(counters.pushed, offered);
  EXPECT_EQ(counters.delivered, received.numbers.size());
  EXPECT_EQ(counters.dropped, offered - received.numbers.size());
  EXPECT_EQ(counters.in_queue, 0U);
  EXPECT_LE(counters.high_water, edge.capacity());
  EXPECT_GE(counters.high_water, 1U);

  switch (policy) {
    case OverflowPolicy::block:
      EXPECT_EQ(received.numbers.size(), offered);
      break;
    case OverflowPolicy::drop_oldest:
    case OverflowPolicy::drop_buffer:
    case OverflowPolicy::latest:
      EXPECT_EQ(received.numbers.back(), offered - 1);  // the newest always arrives
      break;
    case OverflowPolicy::drop_newest:
    case OverflowPolicy::fail:
      EXPECT_EQ(received.numbers.front(), 0U);  // the oldest always arrives
      EXPECT_EQ(edge.failed(), policy == OverflowPolicy::fail && counters.dropped > 0);
      break;
  }
}

INSTANTIATE_TEST_SUITE_P(Every, EdgeThreads,
                         testing::Combine(testing::Values(OverflowPolicy::block, OverflowPolicy::drop_oldest,
                                                          OverflowPolicy::drop_newest,
                                                          OverflowPolicy::drop_buffer, OverflowPolicy::latest,
                                                          OverflowPolicy::fail),
                                          testing::Values(1U, 2U, 3U, 16U)),
                         [](const auto& instance) {
                           return std::string(to_string(std::get<0>(instance.param))) + "_" +
                                  std::to_string(std::get<1>(instance.param));
                         });

// While both threads are at work the three counters are read one after another; still no snapshot shows a
// block delivered or dropped that was not pushed.
TEST(EdgeSnapshot, NeverShowsMoreBlocksOutThanIn) {
  Edge<Block> edge(2, OverflowPolicy::drop_oldest, [] { return Block{}; });
  std::atomic<bool> done{false};
  std::uint64_t wrong = 0;
  std::thread watcher([&] {
    while (!done.load(std::memory_order_acquire)) {
      const EdgeCounters now = edge.counters();
      wrong += now.in_queue > now.pushed ? 1U : 0U;  // a negative difference is huge
      give_way();
    }
  });
  std::thread producer([&] { produce(edge); });
  const Received received = consume(edge);
  producer.join();
  done.store(true, std::memory_order_release);
  watcher.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(received.numbers.size(), edge.delivered());
}

}  // namespace
}  // namespace streamlab
