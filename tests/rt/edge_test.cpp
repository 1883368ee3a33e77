// tests/rt/edge_test.cpp
//
// The edge on one thread: what each policy promises, and any sequence of calls against a model.
#include "engine/rt/edge.hpp"

#include <deque>
#include <set>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace streamlab {
namespace {

using IntEdge = Edge<int>;
constexpr auto kMakeInt = [] { return -1; };

bool offer(IntEdge& edge, int value) {
  int* const buffer = edge.acquire();
  if (buffer == nullptr) { return false; }
  *buffer = value;
  edge.commit(buffer);
  return true;
}

// The oldest value, or -1 when there is none.
int take(IntEdge& edge) {
  int* const buffer = edge.try_pop();
  if (buffer == nullptr) { return -1; }
  const int value = *buffer;
  edge.release(buffer);
  return value;
}

void expect_counts(const IntEdge& edge, std::uint64_t pushed, std::uint64_t delivered, std::uint64_t dropped,
                   std::uint64_t in_queue) {
  const EdgeCounters now = edge.counters();
  EXPECT_EQ(now.pushed, pushed);
  EXPECT_EQ(now.delivered, delivered);
  EXPECT_EQ(now.dropped, dropped);
  EXPECT_EQ(now.in_queue, in_queue);
}

TEST(Edge, UnderBlockTakesExactlyItsCapacityWithoutAReader) {
  for (const std::size_t capacity : {1U, 2U, 3U, 7U, 100U}) {
    IntEdge edge(capacity, OverflowPolicy::block, kMakeInt);
    EXPECT_EQ(edge.capacity(), capacity);
    std::size_t taken = 0;
    while (offer(edge, static_cast<int>(taken))) { ++taken; }
    EXPECT_EQ(taken, capacity);
    EXPECT_FALSE(offer(edge, 1000));  // asking again changes nothing
    expect_counts(edge, capacity, 0, 0, capacity);
    for (std::size_t i = 0; i < capacity; ++i) { EXPECT_EQ(take(edge), static_cast<int>(i)); }
    EXPECT_EQ(take(edge), -1);
    expect_counts(edge, capacity, capacity, 0, 0);
  }
}

TEST(Edge, UnderBlockHasRoomAgainWhileTheConsumerStillHoldsABuffer) {
  IntEdge edge(2, OverflowPolicy::block, kMakeInt);
  EXPECT_TRUE(offer(edge, 1));
  EXPECT_TRUE(offer(edge, 2));
  int* const held = edge.try_pop();
  ASSERT_NE(held, nullptr);
  EXPECT_TRUE(offer(edge, 3));
  EXPECT_FALSE(offer(edge, 4));
  EXPECT_EQ(*held, 1);  // untouched by the blocks that came after it
  edge.release(held);
  EXPECT_EQ(take(edge), 2);
  EXPECT_EQ(take(edge), 3);
}

TEST(Edge, UnderDropOldestKeepsTheNewest) {
  IntEdge edge(3, OverflowPolicy::drop_oldest, kMakeInt);
  for (int i = 0; i < 10; ++i) { EXPECT_TRUE(offer(edge, i)); }
  expect_counts(edge, 10, 0, 7, 3);
  EXPECT_EQ(take(edge), 7);
  EXPECT_EQ(take(edge), 8);
  EXPECT_EQ(take(edge), 9);
  EXPECT_EQ(take(edge), -1);
  expect_counts(edge, 10, 3, 7, 0);
}

TEST(Edge, UnderDropOldestAlwaysHasABufferThoughTheConsumerHoldsOne) {
  IntEdge edge(1, OverflowPolicy::drop_oldest, kMakeInt);
  EXPECT_TRUE(offer(edge, 0));
  int* const held = edge.try_pop();
  ASSERT_NE(held, nullptr);
  for (int i = 1; i < 100; ++i) { EXPECT_TRUE(offer(edge, i)); }
  EXPECT_EQ(*held, 0);
  edge.release(held);
  EXPECT_EQ(take(edge), 99);
  expect_counts(edge, 100, 2, 98, 0);
}

TEST(Edge, UnderDropBufferRestartsWithTheBlockThatDoesNotFit) {
  IntEdge edge(3, OverflowPolicy::drop_buffer, kMakeInt);
  for (int i = 0; i < 3; ++i) { EXPECT_TRUE(offer(edge, i)); }
  expect_counts(edge, 3, 0, 0, 3);
  EXPECT_TRUE(offer(edge, 3));
  expect_counts(edge, 4, 0, 3, 1);
  EXPECT_TRUE(offer(edge, 4));
  EXPECT_EQ(take(edge), 3);
  EXPECT_EQ(take(edge), 4);
  EXPECT_EQ(take(edge), -1);
  expect_counts(edge, 5, 2, 3, 0);
}

TEST(Edge, UnderDropBufferAlwaysHasABufferThoughTheConsumerHoldsOne) {
  IntEdge edge(3, OverflowPolicy::drop_buffer, kMakeInt);
  EXPECT_TRUE(offer(edge, 0));
  int* const held = edge.try_pop();
  ASSERT_NE(held, nullptr);
  for (int i = 1; i <= 100; ++i) { EXPECT_TRUE(offer(edge, i)); }
  EXPECT_EQ(*held, 0);
  edge.release(held);
  EXPECT_EQ(take(edge), 100);  // 1 to 3 were dropped for 4, and so on: 100 = 3 x 33 + 1 is alone
  expect_counts(edge, 101, 2, 99, 0);
}

TEST(Edge, UnderLatestHoldsOneBlockWhateverCapacityIsAskedFor) {
  IntEdge edge(16, OverflowPolicy::latest, kMakeInt);
  EXPECT_EQ(edge.capacity(), 1U);
  for (int i = 0; i < 5; ++i) { EXPECT_TRUE(offer(edge, i)); }
  EXPECT_EQ(take(edge), 4);
  EXPECT_EQ(take(edge), -1);
  expect_counts(edge, 5, 1, 4, 0);
}

TEST(Edge, UnderDropNewestKeepsTheOldest) {
  IntEdge edge(3, OverflowPolicy::drop_newest, kMakeInt);
  for (int i = 0; i < 10; ++i) { EXPECT_EQ(offer(edge, i), i < 3); }
  expect_counts(edge, 10, 0, 7, 3);
  for (int i = 0; i < 3; ++i) { EXPECT_EQ(take(edge), i); }
  expect_counts(edge, 10, 3, 7, 0);
  EXPECT_FALSE(edge.failed());
}

TEST(Edge, UnderFailIsMarkedByTheFirstBlockThatDoesNotFit) {
  IntEdge edge(2, OverflowPolicy::fail, kMakeInt);
  EXPECT_TRUE(offer(edge, 0));
  EXPECT_TRUE(offer(edge, 1));
  EXPECT_FALSE(edge.failed());
  EXPECT_FALSE(offer(edge, 2));
  EXPECT_TRUE(edge.failed());
  expect_counts(edge, 3, 0, 1, 2);
  EXPECT_EQ(take(edge), 0);
  EXPECT_TRUE(edge.failed());
}

TEST(Edge, OwnsCapacityAndTwoBuffersMadeByTheFactory) {
  int made = 0;
  IntEdge edge(5, OverflowPolicy::block, [&] { return 100 + made++; });
  EXPECT_EQ(made, 7);
  int* const buffer = edge.acquire();
  ASSERT_NE(buffer, nullptr);
  EXPECT_GE(*buffer, 100);
}

TEST(Edge, CarriesBuffersThatCannotBeMoved) {
  struct Fixed {
    explicit Fixed(int v) : value(v) {}
    Fixed(const Fixed&) = delete;
    Fixed& operator=(const Fixed&) = delete;
    int value;
  };
  Edge<Fixed> edge(1, OverflowPolicy::block, [] { return Fixed(7); });
  Fixed* const buffer = edge.acquire();
  ASSERT_NE(buffer, nullptr);
  EXPECT_EQ(buffer->value, 7);
}

TEST(Edge, GivesAnAbandonedBufferAgain) {
  IntEdge edge(1, OverflowPolicy::block, kMakeInt);
  std::set<int*> seen;
  for (int i = 0; i < 20; ++i) {
    int* const buffer = edge.acquire();
    ASSERT_NE(buffer, nullptr);
    EXPECT_EQ(edge.acquire(), buffer);  // not a second one
    seen.insert(buffer);
    edge.abandon(buffer);
  }
  EXPECT_EQ(seen.size(), 1U);
  expect_counts(edge, 0, 0, 0, 0);
  EXPECT_TRUE(offer(edge, 1));
  EXPECT_EQ(take(edge), 1);
}

TEST(Edge, EndsAfterTheLastBlockThatWasCommittedBeforeTheMark) {
  IntEdge edge(4, OverflowPolicy::block, kMakeInt);
  EXPECT_FALSE(edge.ended());
  EXPECT_TRUE(offer(edge, 1));
  EXPECT_TRUE(offer(edge, 2));
  ASSERT_NE(edge.acquire(), nullptr);  // under way when the end comes: not a block
  edge.close();
  edge.close();
  EXPECT_FALSE(edge.ended());
  EXPECT_EQ(take(edge), 1);
  EXPECT_FALSE(edge.ended());
  EXPECT_EQ(take(edge), 2);
  EXPECT_TRUE(edge.ended());
  expect_counts(edge, 2, 2, 0, 0);
}

TEST(Edge, EndsAtOnceWhenClosedEmpty) {
  IntEdge edge(4, OverflowPolicy::drop_oldest, kMakeInt);
  edge.close();
  EXPECT_TRUE(edge.ended());
  EXPECT_EQ(edge.try_pop(), nullptr);
}

TEST(Edge, RemembersTheMostBlocksItEverHeld) {
  IntEdge edge(8, OverflowPolicy::block, kMakeInt);
  EXPECT_EQ(edge.high_water(), 0U);
  EXPECT_TRUE(offer(edge, 1));
  EXPECT_EQ(take(edge), 1);
  EXPECT_TRUE(offer(edge, 2));
  EXPECT_EQ(edge.high_water(), 1U);
  for (int i = 0; i < 4; ++i) { EXPECT_TRUE(offer(edge, i)); }
  EXPECT_EQ(edge.high_water(), 5U);
  while (take(edge) != -1) {}
  for (int i = 0; i < 3; ++i) { EXPECT_TRUE(offer(edge, i)); }
  EXPECT_EQ(edge.high_water(), 5U);
}

// The edge as a list, with the promise of each policy written down once more.
class Model {
 public:
  Model(std::size_t capacity, OverflowPolicy policy)
      : capacity_(policy == OverflowPolicy::latest ? 1 : capacity), policy_(policy) {}

  bool offer(int value) {
    if (queue.size() < capacity_) {
      ++pushed;
      queue.push_back(value);
      return true;
    }
    if (policy_ == OverflowPolicy::block) { return false; }
    ++pushed;
    ++dropped;
    if (policy_ == OverflowPolicy::drop_newest) { return false; }
    if (policy_ == OverflowPolicy::fail) {
      failed = true;
      return false;
    }
    queue.pop_front();
    while (policy_ == OverflowPolicy::drop_buffer && !queue.empty()) {
      queue.pop_front();
      ++dropped;
    }
    queue.push_back(value);
    return true;
  }

  std::deque<int> queue;
  std::uint64_t pushed = 0;
  std::uint64_t delivered = 0;
  std::uint64_t dropped = 0;
  bool failed = false;

 private:
  std::size_t capacity_;
  OverflowPolicy policy_;
};

TEST(Edge, BehavesLikeItsModelUnderAnySequenceOfCalls) {
  for (const auto name : kOverflowPolicyNames) {
    const OverflowPolicy policy = *parse_overflow_policy(name);
    EXPECT_TRUE(rc::check(std::string(name), [&] {
      const auto capacity = *rc::gen::inRange<std::size_t>(1, 9);
      IntEdge edge(capacity, policy, kMakeInt);
      Model model(capacity, policy);
      int* held = nullptr;  // by the consumer
      int held_value = 0;
      int next = 0;
      // More offers than pops, so that the edge is often full.
      for (const int call : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 6))) {
        if (call <= 2) {
          const int value = next++;
          RC_ASSERT(offer(edge, value) == model.offer(value));
        } else if (call == 3) {
          if (int* const buffer = edge.acquire(); buffer != nullptr) {
            *buffer = -2;
            edge.abandon(buffer);
          } else if (policy != OverflowPolicy::block) {
            ++model.pushed;
            ++model.dropped;
            model.failed = policy == OverflowPolicy::fail;
          }
        } else if (call == 4 && held == nullptr) {
          held = edge.try_pop();
          RC_ASSERT((held != nullptr) == !model.queue.empty());
          if (held != nullptr) {
            held_value = model.queue.front();
            model.queue.pop_front();
            ++model.delivered;
          }
        } else if (call == 5 && held != nullptr) {
          edge.release(held);
          held = nullptr;
        }
        if (held != nullptr) { RC_ASSERT(*held == held_value); }
        const EdgeCounters now = edge.counters();
        RC_ASSERT(now.pushed == model.pushed);
        RC_ASSERT(now.delivered == model.delivered);
        RC_ASSERT(now.dropped == model.dropped);
        RC_ASSERT(now.in_queue == model.queue.size());
        RC_ASSERT(edge.failed() == model.failed);
      }
    })) << name;
  }
}

}  // namespace
}  // namespace streamlab
