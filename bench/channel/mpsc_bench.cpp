// bench/channel/mpsc_bench.cpp
//
// mpsc beside its peer, moodycamel's BlockingConcurrentQueue, with 1 and 4 producers and one consumer, all of
// which wait where there is nothing to do: values per second through the queue. The peer has no bound and so
// never makes its producers wait; mpsc does, with room for kCapacity values.
//
//   Uncontended   one value in and out on one thread: what a value costs with nobody else there
//   RtSender      the same through a real-time sender
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>

#include "engine/channel/mpsc.hpp"

#ifdef SL_BENCH_CONCURRENTQUEUE
#include <blockingconcurrentqueue.h>
#endif

namespace streamlab::bench {
namespace {

constexpr std::size_t kCapacity = 8192;
constexpr std::uint64_t kValues = 1U << 20U;

struct Ours {
  struct Producer {
    MpscSender<std::uint64_t> sender;
    void push(std::uint64_t value) { static_cast<void>(sender.send(std::move(value))); }
  };
  Producer producer() { return {channel.sender.clone()}; }
  std::uint64_t pop() { return *channel.receiver.receive(); }
  MpscChannel<std::uint64_t> channel = mpsc<std::uint64_t>(kCapacity);
};

#ifdef SL_BENCH_CONCURRENTQUEUE
struct Moodycamel {
  using Queue = moodycamel::BlockingConcurrentQueue<std::uint64_t>;
  struct Producer {
    Queue* queue;
    moodycamel::ProducerToken token;
    void push(std::uint64_t value) { queue->enqueue(token, value); }
  };
  Producer producer() { return {&queue, moodycamel::ProducerToken(queue)}; }
  std::uint64_t pop() {
    std::uint64_t value = 0;
    queue.wait_dequeue(token, value);
    return value;
  }
  Queue queue{kCapacity};
  moodycamel::ConsumerToken token{queue};
};
#endif

template <class Queue>
void BM_Producers(benchmark::State& state) {
  using Clock = std::chrono::steady_clock;
  const auto producers = static_cast<std::uint64_t>(state.range(0));
  for (auto iteration : state) {
    Queue queue;
    std::atomic<std::uint64_t> ready{0};
    std::vector<std::thread> threads;
    for (std::uint64_t p = 0; p < producers; ++p) {
      threads.emplace_back([&] {
        auto producer = queue.producer();
        ready.fetch_add(1);
        while (ready.load() != producers + 1) { std::this_thread::yield(); }
        for (std::uint64_t i = 0; i < kValues / producers; ++i) { producer.push(i); }
      });
    }
    while (ready.load() != producers) { std::this_thread::yield(); }
    const auto begin = Clock::now();
    ready.fetch_add(1);
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < kValues; ++i) { sum += queue.pop(); }
    state.SetIterationTime(std::chrono::duration<double>(Clock::now() - begin).count());
    for (auto& thread : threads) { thread.join(); }
    benchmark::DoNotOptimize(sum);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kValues));
}

template <class Queue>
void BM_Uncontended(benchmark::State& state) {
  Queue queue;
  auto producer = queue.producer();
  std::uint64_t i = 0;
  for (auto iteration : state) {
    producer.push(++i);
    benchmark::DoNotOptimize(queue.pop());
  }
  state.SetItemsProcessed(state.iterations());
}

void BM_RtSender(benchmark::State& state) {
  auto channel = mpsc<std::uint64_t>(kCapacity);
  auto rt = channel.sender.rt_sender();
  std::uint64_t i = 0;
  for (auto iteration : state) {
    benchmark::DoNotOptimize(static_cast<bool>(rt.try_send(++i)));
    benchmark::DoNotOptimize(*channel.receiver.try_receive());
  }
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK_TEMPLATE(BM_Producers, Ours)->Arg(1)->Arg(4)->UseManualTime();
#ifdef SL_BENCH_CONCURRENTQUEUE
BENCHMARK_TEMPLATE(BM_Producers, Moodycamel)->Arg(1)->Arg(4)->UseManualTime();
#endif
BENCHMARK_TEMPLATE(BM_Uncontended, Ours);
#ifdef SL_BENCH_CONCURRENTQUEUE
BENCHMARK_TEMPLATE(BM_Uncontended, Moodycamel);
#endif
BENCHMARK(BM_RtSender);

}  // namespace
}  // namespace streamlab::bench

BENCHMARK_MAIN();
