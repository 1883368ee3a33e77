// tests/relacy/mpmc_ring_test.cpp
//
// The queue of mpsc channels under the model checker relacy: two threads push, one or more pop, and one
// closes. See queues_test.cpp.
#include <gtest/gtest.h>

#include "tests/relacy/model_checks.hpp"

#include "engine/channel/mpmc_ring.hpp"

namespace streamlab::relacy {
namespace {

constexpr unsigned kPushing = 2;  // threads; their values are 10, 11, … and 20, 21, …

// Pops `alone` as an mpsc channel does under block, else as under drop_oldest.
template <class Atomics, std::size_t capacity, bool alone>
struct PushModel : rl::test_suite<PushModel<Atomics, capacity, alone>, kPushing + 1> {
  static constexpr int kValues = 2;  // of each thread
  using Ring = MpmcRing<int, Atomics>;
  std::unique_ptr<Ring> ring = std::make_unique<Ring>(capacity);
  std::array<int, kPushing> last{};

  void thread(unsigned index) {
    if (index < kPushing) {
      for (int i = 0; i < kValues; ++i) {
        int value = (static_cast<int>(index) + 1) * 10 + i;
        while (ring->try_push(value) != Push::done) { rl::yield(1, $); }
      }
      return;
    }
    for (int popped = 0; popped < kValues * static_cast<int>(kPushing);) {
      const auto take = [this](int&& value) noexcept { check(value); };
      if (alone ? ring->try_pop_alone(take) : ring->try_pop(take)) {
        ++popped;
      } else {
        rl::yield(1, $);
      }
    }
  }
  void check(int value) {
    const auto sender = static_cast<std::size_t>(value / 10 - 1);
    RL_ASSERT(sender < kPushing);
    RL_ASSERT(value % 10 == last[sender]);  // in order, each once
    ++last[sender];
  }
  void after() {
    RL_ASSERT(ring->size() == 0);
    ring.reset();
  }
};

// One thread pushes, and takes back the oldest if there is no room, like a sender under drop_oldest; the
// other pops too.
template <class Atomics>
struct DropOldestModel : rl::test_suite<DropOldestModel<Atomics>, 2> {
  static constexpr int kValues = 4;
  using Ring = MpmcRing<int, Atomics>;
  std::unique_ptr<Ring> ring = std::make_unique<Ring>(2);
  int last = 0;
  int received = 0;
  int dropped = 0;

  void thread(unsigned index) {
    if (index == 0) {
      for (int i = 1; i <= kValues; ++i) {
        int value = i;
        while (ring->try_push(value) != Push::done) {
          if (ring->try_pop([](int&&) noexcept {})) {
            ++dropped;
          } else {
            rl::yield(1, $);
          }
        }
      }
      ring->close();
      return;
    }
    const auto take = [this](int&& value) noexcept {
      RL_ASSERT(value > last);
      last = value;
      ++received;
    };
    while (true) {
      if (!ring->try_pop(take)) {
        if (ring->ended()) { return; }
        rl::yield(1, $);
      }
    }
  }
  void after() {
    RL_ASSERT(received + dropped == kValues);
    RL_ASSERT(last == kValues);  // the newest always arrives
    ring.reset();
  }
};

// Two threads push until the third has closed the queue and taken what is in it: what was accepted arrives.
template <class Atomics>
struct CloseModel : rl::test_suite<CloseModel<Atomics>, kPushing + 1> {
  using Ring = MpmcRing<int, Atomics>;
  std::unique_ptr<Ring> ring = std::make_unique<Ring>(3);
  std::array<int, kPushing> accepted{};
  int received = 0;

  void thread(unsigned index) {
    int value = 1;
    if (index < kPushing) {
      for (int i = 0; i < 2; ++i) {
        const Push push = ring->try_push(value);
        if (push == Push::closed) { return; }
        accepted[index] += push == Push::done ? 1 : 0;
      }
      return;
    }
    const auto take = [this](int&&) noexcept { ++received; };
    static_cast<void>(ring->try_pop_alone(take));
    ring->close();
    while (!ring->ended()) {
      if (!ring->try_pop_alone(take)) { rl::yield(1, $); }
    }
  }
  void after() {
    RL_ASSERT(accepted[0] + accepted[1] == received);
    ring.reset();
  }
};

TEST(RelacyMpmcRing, FindsNoErrorWhereOneThreadPops) {
  expect_correct<PushModel<CheckedAtomics, 1, true>>();
  expect_correct<PushModel<CheckedAtomics, 2, true>>();
  expect_correct<PushModel<CheckedAtomics, 3, true>>();
}

TEST(RelacyMpmcRing, FindsNoErrorWhereSeveralMayPop) {
  expect_correct<PushModel<CheckedAtomics, 2, false>>();
  expect_correct<DropOldestModel<CheckedAtomics>>();
}

TEST(RelacyMpmcRing, FindsNoValueLostByClosing) { expect_correct<CloseModel<CheckedAtomics>>(); }

TEST(RelacyMpmcRing, FindsWeakenedOrders) {
  expect_error_found<PushModel<WithoutRelease, 2, true>>();
  expect_error_found<PushModel<WithoutAcquire, 2, true>>();
  expect_error_found<DropOldestModel<WithoutRelease>>();
  expect_error_found<DropOldestModel<WithoutAcquire>>();
}

TEST(RelacyMpmcRing, FindsThePushAndThePopThatTakeTheirPositionsWithoutAnExchange) {
  expect_error_found<PushModel<TornExchange, 2, true>>();
  expect_error_found<DropOldestModel<TornExchange>>();
  expect_error_found<CloseModel<TornExchange>>();
}

}  // namespace
}  // namespace streamlab::relacy
