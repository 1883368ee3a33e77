// tests/run/live_engine.hpp
//
// Live: an engine on a card that ticks on a thread of its own.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>

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

}  // namespace streamlab::test
