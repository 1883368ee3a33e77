// tests/run/live_engine.hpp
//
// Live: an engine on a card that ticks on a thread of its own. Listener: what one of its outputs gives.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "engine/run/engine.hpp"
#include "tests/support/virtual_driver.hpp"

namespace streamlab::test {

// What the card hears.
inline double counting_input(std::int64_t n, std::uint32_t c) {
  return static_cast<double>(n % 100000) * 1e-6 + 0.25 * c;
}

// An engine on a card that ticks on a thread of its own, as fast as it can.
class Live {
 public:
  explicit Live(const ValidGraph& graph, VirtualDriver::Card card = {},
                const std::function<double(std::int64_t, std::uint32_t)>& input = counting_input)
      : card_(card) {
    card_.set_input(input);
    EngineOptions options;
    options.open_device = card_.opener();
    auto made = Engine::create(graph, std::move(options));
    if (!made) { throw std::runtime_error(to_string(made.error(), "")); }
    engine = std::move(*made);
  }
  ~Live() { stop(); }

  void start() {
    ASSERT_TRUE(engine->start());
    clock_ = std::jthread([this](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        card_.tick(64);
        ticks_.fetch_add(1);
        ticks_.notify_all();
        std::this_thread::sleep_for(std::chrono::microseconds(50));  // else a slow machine fills its memory
      }
    });
  }
  // Until the card has ticked so often from now on.
  void pass(int ticks) {
    const int until = ticks_.load() + ticks;
    for (int now = ticks_.load(); now < until; now = ticks_.load()) { ticks_.wait(now); }
  }
  ReloadPlan reload(const ValidGraph& graph) {
    auto done = engine->reload(graph);
    EXPECT_TRUE(done) << to_string(done.error(), "");
    return done ? *done : ReloadPlan{};
  }
  void stand_still() { clock_ = {}; }
  void stop() {
    stand_still();
    engine->stop();
  }
  VirtualDriver& card() { return card_; }

 private:
  VirtualDriver card_;  // outlives the engine

 public:
  std::unique_ptr<Engine> engine;

 private:
  std::atomic<int> ticks_{0};
  std::jthread clock_;
};

// Receives on a thread of its own until the stream ends; every block follows the one before.
class Listener {
 public:
  Listener(Live& live, std::string_view output) : live_(live) {
    auto receiver = live.engine->subscribe(output, 1000, OverflowPolicy::block);
    EXPECT_TRUE(receiver);
    thread_ = std::jthread([this, receiver = std::move(*receiver)]() mutable {
      while (const auto block = receiver.receive()) {
        if (block->position() != static_cast<std::int64_t>(samples_.size())) { ++jumps_; }
        if (block->header().has(FrameFlag::gap)) { ++gaps_; }
        const auto x = block->channel(0U);
        samples_.insert(samples_.end(), x.begin(), x.end());
      }
    });
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() { live_.stop(); }
  // After the end of the graph.
  const std::vector<double>& samples() {
    if (thread_.joinable()) { thread_.join(); }
    EXPECT_EQ(jumps_, 0);
    EXPECT_EQ(gaps_, 0);
    return samples_;
  }

 private:
  Live& live_;
  std::vector<double> samples_;
  int jumps_ = 0;
  int gaps_ = 0;
  std::jthread thread_;
};

}  // namespace streamlab::test
