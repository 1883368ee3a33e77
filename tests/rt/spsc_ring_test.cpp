// tests/rt/spsc_ring_test.cpp
#include "engine/rt/spsc_ring.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <numeric>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/rt/give_way.hpp"

namespace streamlab {
namespace {

TEST(SpscRing, GivesBackInOrderWhatWasPushed) {
  SpscRing<int> ring(4);
  for (int i = 1; i <= 4; ++i) { EXPECT_TRUE(ring.try_push(i)); }
  for (int i = 1; i <= 4; ++i) { EXPECT_EQ(ring.try_pop(), i); }
  EXPECT_EQ(ring.try_pop(), std::nullopt);
}

TEST(SpscRing, HoldsExactlyTheCapacityAskedFor) {
  for (const std::size_t capacity : {1U, 2U, 3U, 5U, 8U, 100U}) {
    SpscRing<std::size_t> ring(capacity);
    EXPECT_EQ(ring.capacity(), capacity);
    for (std::size_t i = 0; i < capacity; ++i) { EXPECT_TRUE(ring.try_push(i)) << capacity; }
    EXPECT_FALSE(ring.try_push(capacity)) << capacity;
    EXPECT_EQ(ring.size_approx(), capacity);
    EXPECT_EQ(ring.try_pop(), 0U);
    EXPECT_TRUE(ring.try_push(capacity)) << capacity;
    EXPECT_FALSE(ring.try_push(capacity + 1)) << capacity;
  }
}

TEST(SpscRing, LeavesTheValueAloneWhenEmpty) {
  SpscRing<int> ring(2);
  int value = 7;
  EXPECT_FALSE(ring.try_pop(value));
  EXPECT_EQ(value, 7);
}

TEST(SpscRing, MovesAsManyAsFit) {
  SpscRing<int> ring(5);
  std::array<int, 4> in = {1, 2, 3, 4};
  std::array<int, 8> out{};
  EXPECT_EQ(ring.try_push_n(in), 4U);
  EXPECT_EQ(ring.try_push_n(in), 1U);
  EXPECT_EQ(ring.try_push_n(in), 0U);
  EXPECT_EQ(ring.try_push_n({}), 0U);
  EXPECT_EQ(ring.try_pop_n(std::span(out).first(2)), 2U);
  EXPECT_EQ(ring.try_pop_n(std::span(out).subspan(2)), 3U);
  EXPECT_EQ(ring.try_pop_n(out), 0U);
  EXPECT_EQ(out, (std::array<int, 8>{1, 2, 3, 4, 1, 0, 0, 0}));
}

TEST(SpscRing, CarriesValuesThatCanOnlyBeMoved) {
  SpscRing<std::unique_ptr<int>> ring(2);
  EXPECT_TRUE(ring.try_push(std::make_unique<int>(42)));
  const auto value = ring.try_pop();
  ASSERT_TRUE(value.has_value());
  EXPECT_EQ(**value, 42);
}

TEST(SpscRing, BehavesLikeABoundedQueue) {
  EXPECT_TRUE(rc::check("any sequence of calls", [] {
    const auto capacity = *rc::gen::inRange<std::size_t>(1, 12);
    SpscRing<int> ring(capacity);
    std::deque<int> model;
    int next = 0;
    const auto calls = *rc::gen::container<std::vector<std::pair<int, std::size_t>>>(
        rc::gen::pair(rc::gen::inRange(0, 4), rc::gen::inRange<std::size_t>(0, 20)));
    for (const auto& [call, count] : calls) {
      if (call == 0) {
        const bool room = model.size() < capacity;
        RC_ASSERT(ring.try_push(next) == room);
        if (room) { model.push_back(next++); }
      } else if (call == 1) {
        const auto value = ring.try_pop();
        RC_ASSERT(value.has_value() == !model.empty());
        if (value) {
          RC_ASSERT(*value == model.front());
          model.pop_front();
        }
      } else if (call == 2) {
        std::vector<int> values(count);
        std::iota(values.begin(), values.end(), next);
        const std::size_t moved = ring.try_push_n(values);
        RC_ASSERT(moved == std::min(count, capacity - model.size()));
        for (std::size_t i = 0; i < moved; ++i) { model.push_back(next++); }
      } else {
        std::vector<int> values(count);
        const std::size_t moved = ring.try_pop_n(values);
        RC_ASSERT(moved == std::min(count, model.size()));
        for (std::size_t i = 0; i < moved; ++i) {
          RC_ASSERT(values[i] == model.front());
          model.pop_front();
        }
      }
      RC_ASSERT(ring.size_approx() == model.size());
    }
  }));
}

TEST(SpscRing, LosesNothingBetweenTwoThreads) {
  constexpr std::uint64_t kCount = 5000;
  for (const std::size_t capacity : {1U, 3U, 64U}) {
    SpscRing<std::uint64_t> ring(capacity);
    std::thread producer([&] {
      for (std::uint64_t i = 0; i < kCount; ++i) {
        while (!ring.try_push(i)) { give_way(); }
      }
    });
    std::uint64_t wrong = 0;
    std::uint64_t value = 0;
    for (std::uint64_t i = 0; i < kCount; ++i) {
      while (!ring.try_pop(value)) { give_way(); }
      wrong += value != i ? 1U : 0U;
    }
    producer.join();
    EXPECT_EQ(wrong, 0U) << "capacity " << capacity;
    EXPECT_FALSE(ring.try_pop(value));
  }
}

TEST(SpscRing, LosesNothingBetweenTwoThreadsManyAtATime) {
  constexpr std::uint64_t kCount = 200000;
  SpscRing<std::uint64_t> ring(100);
  std::thread producer([&] {
    std::vector<std::uint64_t> values(37);
    for (std::uint64_t done = 0; done < kCount;) {
      std::iota(values.begin(), values.end(), done);
      const auto wanted = std::min<std::uint64_t>(values.size(), kCount - done);
      const std::size_t moved = ring.try_push_n(std::span(std::as_const(values)).first(wanted));
      if (moved == 0) { give_way(); }
      done += moved;
    }
  });
  std::uint64_t wrong = 0;
  std::vector<std::uint64_t> values(53);
  for (std::uint64_t done = 0; done < kCount;) {
    const std::size_t moved = ring.try_pop_n(values);
    if (moved == 0) { give_way(); }
    for (std::size_t i = 0; i < moved; ++i) { wrong += values[i] != done + i ? 1U : 0U; }
    done += moved;
  }
  producer.join();
  EXPECT_EQ(wrong, 0U);
}

TEST(SpscRing, NeverReportsASizeOutsideItsBounds) {
  SpscRing<int> ring(3);
  std::atomic<bool> done{false};
  std::thread watcher([&] {
    std::size_t largest = 0;
    while (!done.load(std::memory_order_acquire)) {
      largest = std::max(largest, ring.size_approx());
      give_way();
    }
    EXPECT_LE(largest, 3U);
  });
  std::thread producer([&] {
    for (int i = 0; i < 5000; ++i) {
      while (!ring.try_push(i)) { give_way(); }
    }
  });
  for (int i = 0; i < 5000; ++i) {
    while (!ring.try_pop()) { give_way(); }
  }
  producer.join();
  done.store(true, std::memory_order_release);
  watcher.join();
}

}  // namespace
}  // namespace streamlab
