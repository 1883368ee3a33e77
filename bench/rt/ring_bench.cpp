// bench/rt/ring_bench.cpp
//
// SpscRing beside the limit (the best loop we can write by hand for the same job) and its peers, two threads:
//
//   One        one 8-byte value at a time, values per second
//   Batch      256 values at a time, values per second
//   RoundTrip  one value there and one back, time of a round
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

#include <benchmark/benchmark.h>

#include "bench/rt/two_threads.hpp"
#include "engine/rt/spsc_ring.hpp"

#ifdef SL_BENCH_BOOST
#include <boost/lockfree/spsc_queue.hpp>
#endif
#ifdef SL_BENCH_READERWRITERQUEUE
#include <readerwriterqueue.h>
#endif

namespace streamlab::bench {
namespace {

constexpr std::size_t kCapacity = 4096;
constexpr std::size_t kBatch = 256;
constexpr std::uint64_t kValues = 1U << 21;
constexpr std::uint64_t kRounds = 1U << 15;

// What a ring costs at least: everything that one thread needs is in its registers, the capacity is a
// constant and a power of two, and the other thread's counter is looked at only when there is nothing left to
// do.
class HandWritten {
 public:
  void produce(std::uint64_t count) {
    std::uint64_t seen = head_.load(std::memory_order_acquire);
    for (std::uint64_t i = 0; i < count; ++i) {
      while (i - seen == kCapacity) { seen = head_.load(std::memory_order_acquire); }
      values_[i % kCapacity] = i;
      tail_.store(i + 1, std::memory_order_release);
    }
  }
  std::uint64_t consume(std::uint64_t count) {
    std::uint64_t seen = 0;
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
      while (i == seen) { seen = tail_.load(std::memory_order_acquire); }
      sum += values_[i % kCapacity];
      head_.store(i + 1, std::memory_order_release);
    }
    return sum;
  }
  void produce_batches(std::uint64_t count) {
    std::array<std::uint64_t, kBatch> from{};
    std::uint64_t seen = 0;
    for (std::uint64_t i = 0; i < count; i += kBatch) {
      from[0] = i;
      while (i - seen > kCapacity - kBatch) { seen = head_.load(std::memory_order_acquire); }
      std::memcpy(&values_[i % kCapacity], from.data(), sizeof from);
      tail_.store(i + kBatch, std::memory_order_release);
    }
  }
  std::uint64_t consume_batches(std::uint64_t count) {
    std::array<std::uint64_t, kBatch> to{};
    std::uint64_t seen = 0;
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < count; i += kBatch) {
      while (seen - i < kBatch) { seen = tail_.load(std::memory_order_acquire); }
      std::memcpy(to.data(), &values_[i % kCapacity], sizeof to);
      head_.store(i + kBatch, std::memory_order_release);
      sum += to[0];
    }
    return sum;
  }

 private:
  alignas(128) std::array<std::uint64_t, kCapacity> values_{};
  alignas(128) std::atomic<std::uint64_t> tail_{0};
  alignas(128) std::atomic<std::uint64_t> head_{0};
};

// Our ring and the peers behind one face.
struct Ours {
  explicit Ours(std::size_t capacity) : ring(capacity) {}
  bool push(std::uint64_t value) { return ring.try_push(value); }
  bool pop(std::uint64_t& value) { return ring.try_pop(value); }
  std::size_t push_n(const std::uint64_t* from, std::size_t n) { return ring.try_push_n({from, n}); }
  std::size_t pop_n(std::uint64_t* to, std::size_t n) { return ring.try_pop_n({to, n}); }
  SpscRing<std::uint64_t> ring;
};

#ifdef SL_BENCH_BOOST
struct Boost {
  explicit Boost(std::size_t capacity) : queue(capacity) {}
  bool push(std::uint64_t value) { return queue.push(value); }
  bool pop(std::uint64_t& value) { return queue.pop(value); }
  std::size_t push_n(const std::uint64_t* from, std::size_t n) { return queue.push(from, n); }
  std::size_t pop_n(std::uint64_t* to, std::size_t n) { return queue.pop(to, n); }
  boost::lockfree::spsc_queue<std::uint64_t> queue;
};
#endif

#ifdef SL_BENCH_READERWRITERQUEUE
struct Moodycamel {
  explicit Moodycamel(std::size_t capacity) : queue(capacity) {}
  bool push(std::uint64_t value) { return queue.try_enqueue(value); }
  bool pop(std::uint64_t& value) { return queue.try_dequeue(value); }
  moodycamel::ReaderWriterQueue<std::uint64_t> queue;
};
#endif

// Runs both bodies until the benchmark has enough, with the time of both.
template <class First, class Second>
void measure(benchmark::State& state, std::uint64_t items, First first, Second second) {
  if (usable_processors().size() < 2) {
    state.SkipWithError("needs two processors");
    return;
  }
  for (auto iteration : state) {
    const TwoThreadsRun run = run_two_threads(first, second);
    state.SetIterationTime(run.seconds);
    state.SetLabel(run.scheduling);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * items));
}

void BM_One_limit(benchmark::State& state) {
  for (auto iteration : state) {
    const auto ring = std::make_unique<HandWritten>();
    const TwoThreadsRun run = run_two_threads([&] { ring->produce(kValues); },
                                              [&] { benchmark::DoNotOptimize(ring->consume(kValues)); });
    state.SetIterationTime(run.seconds);
    state.SetLabel(run.scheduling);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kValues));
}

void BM_Batch_limit(benchmark::State& state) {
  for (auto iteration : state) {
    const auto ring = std::make_unique<HandWritten>();
    const TwoThreadsRun run =
        run_two_threads([&] { ring->produce_batches(kValues); },
                        [&] { benchmark::DoNotOptimize(ring->consume_batches(kValues)); });
    state.SetIterationTime(run.seconds);
    state.SetLabel(run.scheduling);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kValues));
}

template <class Queue>
void BM_One(benchmark::State& state) {
  const auto queue = std::make_unique<Queue>(kCapacity);
  measure(
      state, kValues,
      [&] {
        for (std::uint64_t i = 0; i < kValues; ++i) {
          while (!queue->push(i)) {}
        }
      },
      [&] {
        std::uint64_t sum = 0;
        std::uint64_t value = 0;
        for (std::uint64_t i = 0; i < kValues; ++i) {
          while (!queue->pop(value)) {}
          sum += value;
        }
        benchmark::DoNotOptimize(sum);
      });
}

template <class Queue>
void BM_Batch(benchmark::State& state) {
  const auto queue = std::make_unique<Queue>(kCapacity);
  measure(
      state, kValues,
      [&] {
        std::array<std::uint64_t, kBatch> from{};
        for (std::uint64_t i = 0; i < kValues; i += kBatch) {
          from[0] = i;
          for (std::size_t done = 0; done < kBatch;) {
            done += queue->push_n(from.data() + done, kBatch - done);
          }
        }
      },
      [&] {
        std::array<std::uint64_t, kBatch> to{};
        std::uint64_t sum = 0;
        for (std::uint64_t i = 0; i < kValues; i += kBatch) {
          for (std::size_t done = 0; done < kBatch;) {
            done += queue->pop_n(to.data() + done, kBatch - done);
          }
          sum += to[0];
        }
        benchmark::DoNotOptimize(sum);
      });
}

// The limit of a round trip: two cache lines, each written by one thread.
void BM_RoundTrip_limit(benchmark::State& state) {
  struct Lines {
    alignas(128) std::atomic<std::uint64_t> there{0};
    alignas(128) std::atomic<std::uint64_t> back{0};
  };
  for (auto iteration : state) {
    const auto lines = std::make_unique<Lines>();
    const TwoThreadsRun run = run_two_threads(
        [&] {
          for (std::uint64_t i = 1; i <= kRounds; ++i) {
            lines->there.store(i, std::memory_order_release);
            while (lines->back.load(std::memory_order_acquire) != i) {}
          }
        },
        [&] {
          for (std::uint64_t i = 1; i <= kRounds; ++i) {
            while (lines->there.load(std::memory_order_acquire) != i) {}
            lines->back.store(i, std::memory_order_release);
          }
        });
    state.SetIterationTime(run.seconds);
    state.SetLabel(run.scheduling);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kRounds));
}

template <class Queue>
void BM_RoundTrip(benchmark::State& state) {
  const auto there = std::make_unique<Queue>(kCapacity);
  const auto back = std::make_unique<Queue>(kCapacity);
  measure(
      state, kRounds,
      [&] {
        std::uint64_t value = 0;
        for (std::uint64_t i = 0; i < kRounds; ++i) {
          while (!there->push(i)) {}
          while (!back->pop(value)) {}
        }
      },
      [&] {
        std::uint64_t value = 0;
        for (std::uint64_t i = 0; i < kRounds; ++i) {
          while (!there->pop(value)) {}
          while (!back->push(value)) {}
        }
      });
}

BENCHMARK(BM_One_limit)->UseManualTime();
BENCHMARK_TEMPLATE(BM_One, Ours)->UseManualTime();
BENCHMARK(BM_Batch_limit)->UseManualTime();
BENCHMARK_TEMPLATE(BM_Batch, Ours)->UseManualTime();
BENCHMARK(BM_RoundTrip_limit)->UseManualTime();
BENCHMARK_TEMPLATE(BM_RoundTrip, Ours)->UseManualTime();
#ifdef SL_BENCH_BOOST
BENCHMARK_TEMPLATE(BM_One, Boost)->UseManualTime();
BENCHMARK_TEMPLATE(BM_Batch, Boost)->UseManualTime();
BENCHMARK_TEMPLATE(BM_RoundTrip, Boost)->UseManualTime();
#endif
#ifdef SL_BENCH_READERWRITERQUEUE
BENCHMARK_TEMPLATE(BM_One, Moodycamel)->UseManualTime();
BENCHMARK_TEMPLATE(BM_RoundTrip, Moodycamel)->UseManualTime();
#endif

}  // namespace
}  // namespace streamlab::bench

BENCHMARK_MAIN();
