// tests/rt/latest_test.cpp
#include "engine/rt/latest.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <thread>

#include <gtest/gtest.h>

#include "tests/rt/give_way.hpp"

namespace streamlab {
namespace {

TEST(Latest, BeginsWithTheInitialValue) {
  Latest<int> latest(7);
  EXPECT_FALSE(latest.update());
  EXPECT_EQ(latest.front(), 7);
}

TEST(Latest, GivesTheNewestValueOnce) {
  Latest<int> latest;
  latest.write(1);
  latest.write(2);
  latest.write(3);
  EXPECT_TRUE(latest.update());
  EXPECT_EQ(latest.front(), 3);
  EXPECT_FALSE(latest.update());
  EXPECT_EQ(latest.read(), 3);
  latest.write(4);
  EXPECT_EQ(latest.front(), 3);  // until asked for
  EXPECT_EQ(latest.read(), 4);
}

TEST(Latest, NeverLetsTheWriterTouchWhatTheReaderHolds) {
  Latest<int> latest;
  latest.write(1);
  const int* const held = &latest.read();
  for (int i = 2; i < 10; ++i) {
    EXPECT_NE(&latest.back(), held);
    latest.write(i);
  }
  EXPECT_EQ(*held, 1);
  EXPECT_EQ(latest.read(), 9);
}

TEST(Latest, HandsOverWholeValuesInOrderBetweenTwoThreads) {
  struct Value {
    std::array<std::uint64_t, 16> words{};
  };
  // The writer goes on until the reader got kReads values, so that both are at work together for a while.
  constexpr std::uint64_t kReads = 1000;
  Latest<Value> latest;
  std::atomic<std::uint64_t> reads{0};
  std::atomic<std::uint64_t> last{0};  // number of the last value, once it is there
  std::thread writer([&] {
    std::uint64_t number = 0;
    while (reads.load(std::memory_order_relaxed) < kReads) {
      latest.back().words.fill(++number);
      latest.publish();
      if (number % 64 == 0) { std::this_thread::yield(); }
    }
    last.store(number, std::memory_order_release);
  });
  std::uint64_t torn = 0;
  std::uint64_t backwards = 0;
  std::uint64_t newest = 0;
  while (newest == 0 || newest != last.load(std::memory_order_acquire)) {
    if (!latest.update()) {
      give_way();
      continue;
    }
    const auto& words = latest.front().words;
    for (const std::uint64_t word : words) { torn += word != words[0] ? 1U : 0U; }
    backwards += words[0] <= newest ? 1U : 0U;
    newest = words[0];
    reads.fetch_add(1, std::memory_order_relaxed);
  }
  writer.join();
  EXPECT_EQ(torn, 0U);
  EXPECT_EQ(backwards, 0U);
}

}  // namespace
}  // namespace streamlab
