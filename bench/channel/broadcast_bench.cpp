// bench/channel/broadcast_bench.cpp
//
// broadcast with 1 to 64 subscribers, on one thread, so that what is measured is the work and not the number
// of processors:
//
//   Send     sends to so many subscribers, per second; the time of the subscribers is left out. Flat: the
//            cost does not grow with their number
//   Deliver  values received by all subscribers together, per second, sends included. Flat or growing: the
//            cost per subscriber does not grow
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>

#include "engine/channel/broadcast.hpp"

namespace streamlab::bench {
namespace {

constexpr std::size_t kCapacity = 1024;

std::vector<BroadcastReceiver<std::uint64_t>> subscribe(const BroadcastSender<std::uint64_t>& sender,
                                                        std::int64_t count, OnLag on_lag) {
  std::vector<BroadcastReceiver<std::uint64_t>> receivers;
  for (std::int64_t i = 0; i < count; ++i) { receivers.push_back(sender.subscribe(on_lag)); }
  return receivers;
}

void receive_all(std::vector<BroadcastReceiver<std::uint64_t>>& receivers) {
  std::uint64_t sum = 0;
  for (auto& receiver : receivers) {
    while (const auto value = receiver.try_receive()) { sum += *value; }
  }
  benchmark::DoNotOptimize(sum);
}

void send_all(const BroadcastSender<std::uint64_t>& sender) {
  for (std::uint64_t i = 0; i < kCapacity; ++i) {
    benchmark::DoNotOptimize(static_cast<bool>(sender.try_send(i)));
  }
}

// Locks are free in a program that has never had a second thread, and so would flatter us.
void have_had_a_thread() {
  std::thread([] {}).join();
}

template <OnLag on_lag>
void BM_Send(benchmark::State& state) {
  using Clock = std::chrono::steady_clock;
  have_had_a_thread();
  const auto sender = broadcast<std::uint64_t>(kCapacity);
  auto receivers = subscribe(sender, state.range(0), on_lag);
  for (auto iteration : state) {
    const auto begin = Clock::now();
    send_all(sender);
    state.SetIterationTime(std::chrono::duration<double>(Clock::now() - begin).count());
    receive_all(receivers);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kCapacity));
}

template <OnLag on_lag>
void BM_Deliver(benchmark::State& state) {
  have_had_a_thread();
  const auto sender = broadcast<std::uint64_t>(kCapacity);
  auto receivers = subscribe(sender, state.range(0), on_lag);
  for (auto iteration : state) {
    send_all(sender);
    receive_all(receivers);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kCapacity) * state.range(0));
}

BENCHMARK_TEMPLATE(BM_Send, OnLag::wait)->RangeMultiplier(2)->Range(1, 64)->UseManualTime();
BENCHMARK_TEMPLATE(BM_Send, OnLag::lose)->RangeMultiplier(8)->Range(1, 64)->UseManualTime();
BENCHMARK_TEMPLATE(BM_Deliver, OnLag::wait)->RangeMultiplier(2)->Range(1, 64);
BENCHMARK_TEMPLATE(BM_Deliver, OnLag::lose)->RangeMultiplier(8)->Range(1, 64);

}  // namespace
}  // namespace streamlab::bench

BENCHMARK_MAIN();
