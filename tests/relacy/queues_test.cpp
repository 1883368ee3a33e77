// tests/relacy/queues_test.cpp
//
// The queues of engine/rt themselves, under the model checker relacy: it runs two threads through random
// schedules and lets each load return whatever the C++ memory model permits, not only what this processor
// does. Each model is also run with atomics that are broken on purpose: a checker that finds nothing there
// would prove nothing here.
#include <gtest/gtest.h>

#include "tests/relacy/model_checks.hpp"

#include "engine/rt/edge.hpp"
#include "engine/rt/latest.hpp"
#include "engine/rt/spsc_ring.hpp"

namespace streamlab::relacy {
namespace {

constexpr int kProducer = 0;

// ---- SpscRing: five values through a ring of two, with stale counters, full, empty and wrapped.

template <class Atomics>
struct RingModel : rl::test_suite<RingModel<Atomics>, 2> {
  static constexpr int kValues = 5;
  std::unique_ptr<SpscRing<int, Atomics>> ring = std::make_unique<SpscRing<int, Atomics>>(2);

  void thread(unsigned index) {
    for (int value = 1; value <= kValues; ++value) {
      if (index == kProducer) {
        while (!ring->try_push(value)) { rl::yield(1, $); }
      } else {
        int popped = 0;
        while (!ring->try_pop(popped)) { rl::yield(1, $); }
        RL_ASSERT(popped == value);
      }
    }
  }
};

// The same, several at a time, through a ring of three in storage of four.
template <class Atomics>
struct RingSpanModel : rl::test_suite<RingSpanModel<Atomics>, 2> {
  static constexpr std::size_t kValues = 6;
  std::unique_ptr<SpscRing<int, Atomics>> ring = std::make_unique<SpscRing<int, Atomics>>(3);

  void thread(unsigned index) {
    const std::array<int, kValues> values{1, 2, 3, 4, 5, 6};
    std::array<int, kValues> popped{};
    for (std::size_t done = 0; done < kValues;) {
      std::size_t moved = 0;
      if (index == kProducer) {
        moved = ring->try_push_n(std::span(values).subspan(done));
      } else {
        moved = ring->try_pop_n(std::span(popped).subspan(done, std::min<std::size_t>(2, kValues - done)));
        for (std::size_t i = done; i < done + moved; ++i) { RL_ASSERT(popped[i] == values[i]); }
      }
      if (moved == 0) { rl::yield(1, $); }
      done += moved;
    }
  }
};

// ---- Edge: blocks offered, lost and delivered; every buffer back in the right hands.

struct Block {
  CheckedSlot<int> number;
};

template <class Atomics, OverflowPolicy policy, std::size_t capacity>
struct EdgeModel : rl::test_suite<EdgeModel<Atomics, policy, capacity>, 2> {
  static constexpr int kBlocks = 4;
  using BlockEdge = Edge<Block, Atomics>;
  std::unique_ptr<BlockEdge> edge =
      std::make_unique<BlockEdge>(capacity, policy, std::function<Block()>([] { return Block{}; }));
  int received = 0;
  int last = 0;

  void thread(unsigned index) {
    if (index == kProducer) {
      produce();
    } else {
      consume();
    }
  }

  void produce() {
    for (int number = 1; number <= kBlocks; ++number) {
      Block* block = edge->acquire();
      while (block == nullptr && policy == OverflowPolicy::block) {
        rl::yield(1, $);
        block = edge->acquire();
      }
      if (block == nullptr) { continue; }
      block->number.write(number);
      edge->commit(block);
    }
    edge->close();
  }

  void consume() {
    while (true) {
      Block* const block = edge->try_pop();
      if (block != nullptr) {
        const int number = block->number.take();
        RL_ASSERT(number > last);  // in order, and none twice
        last = number;
        ++received;
        edge->release(block);
      } else if (edge->ended()) {
        return;
      } else {
        rl::yield(1, $);
      }
    }
  }

  void after() {
    RL_ASSERT(edge->pushed() == kBlocks);
    RL_ASSERT(edge->delivered() == static_cast<std::uint64_t>(received));
    RL_ASSERT(edge->delivered() + edge->dropped() == kBlocks);
    if (policy == OverflowPolicy::block) { RL_ASSERT(received == kBlocks); }
    if (policy == OverflowPolicy::drop_oldest || policy == OverflowPolicy::drop_buffer ||
        policy == OverflowPolicy::latest) {
      RL_ASSERT(last == kBlocks);  // the newest always arrives
    }
  }
};

// ---- Latest

struct Pair {
  CheckedSlot<int> one;
  CheckedSlot<int> two;
};

template <class Atomics>
struct LatestModel : rl::test_suite<LatestModel<Atomics>, 2> {
  static constexpr int kValues = 4;
  std::unique_ptr<Latest<Pair, Atomics>> latest = std::make_unique<Latest<Pair, Atomics>>();

  void thread(unsigned index) {
    if (index == kProducer) {
      for (int value = 1; value <= kValues; ++value) {
        latest->back().one.write(value);
        latest->back().two.write(value);
        latest->publish();
      }
      return;
    }
    int last = 0;
    while (last != kValues) {
      if (!latest->update()) {
        rl::yield(1, $);
        continue;
      }
      const Pair& front = latest->front();
      const int value = front.one.take();
      RL_ASSERT(value == front.two.take());
      RL_ASSERT(value > last);
      last = value;
    }
  }
};

template <class Atomics, std::size_t capacity = 2>
using DropOldest = EdgeModel<Atomics, OverflowPolicy::drop_oldest, capacity>;
template <class Atomics>
using Blocking = EdgeModel<Atomics, OverflowPolicy::block, 1>;

TEST(Relacy, FindsNoErrorInTheRing) {
  expect_correct<RingModel<CheckedAtomics>>();
  expect_correct<RingSpanModel<CheckedAtomics>>();
}

TEST(Relacy, FindsTheRingWithAWeakenedOrder) {
  expect_error_found<RingModel<WithoutRelease>>();
  expect_error_found<RingModel<WithoutAcquire>>();
  expect_error_found<RingSpanModel<WithoutRelease>>();
  expect_error_found<RingSpanModel<WithoutAcquire>>();
}

TEST(Relacy, FindsNoErrorInTheEdgeUnderAnyPolicy) {
  expect_correct<Blocking<CheckedAtomics>>();
  expect_correct<EdgeModel<CheckedAtomics, OverflowPolicy::block, 2>>();
  expect_correct<DropOldest<CheckedAtomics, 1>>();
  expect_correct<DropOldest<CheckedAtomics, 2>>();
  expect_correct<DropOldest<CheckedAtomics, 3>>();
  expect_correct<EdgeModel<CheckedAtomics, OverflowPolicy::drop_buffer, 1>>();
  expect_correct<EdgeModel<CheckedAtomics, OverflowPolicy::drop_buffer, 2>>();
  expect_correct<EdgeModel<CheckedAtomics, OverflowPolicy::latest, 1>>();
  expect_correct<EdgeModel<CheckedAtomics, OverflowPolicy::drop_newest, 2>>();
  expect_correct<EdgeModel<CheckedAtomics, OverflowPolicy::fail, 2>>();
}

TEST(Relacy, FindsTheEdgeWithAWeakenedOrder) {
  expect_error_found<Blocking<WithoutRelease>>();
  expect_error_found<Blocking<WithoutAcquire>>();
  expect_error_found<DropOldest<WithoutRelease>>();
  expect_error_found<DropOldest<WithoutAcquire>>();
  expect_error_found<DropOldest<WithoutOrderOfExchange>>();
}

TEST(Relacy, FindsTheEdgeThatDropsItsBufferWithAWeakenedOrder) {
  expect_error_found<EdgeModel<WithoutRelease, OverflowPolicy::drop_buffer, 2>>();
  expect_error_found<EdgeModel<WithoutAcquire, OverflowPolicy::drop_buffer, 2>>();
  expect_error_found<EdgeModel<TornExchange, OverflowPolicy::drop_buffer, 2>>();
}

TEST(Relacy, FindsTheEdgeThatTakesItsOldestBlockWithoutAnExchange) {
  expect_error_found<DropOldest<TornExchange>>();
}

TEST(Relacy, FindsNoErrorInTheTripleBuffer) { expect_correct<LatestModel<CheckedAtomics>>(); }

TEST(Relacy, FindsTheTripleBufferWithAWeakenedOrder) {
  expect_error_found<LatestModel<WithoutOrderOfExchange>>();
}

}  // namespace
}  // namespace streamlab::relacy
