// engine/run/workers.hpp
//
// Workers: the threads of an engine; how many still run, and whether one of them failed.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/rt/thread.hpp"
#include "engine/rt/wake_signal.hpp"
#include "engine/run/domain.hpp"

namespace streamlab {

// Control thread, unless it says otherwise.
class Workers {
 public:
  // Runs `body` on a thread of its own.
  Result<void> start(const std::string& name, std::function<Domain::Round()> body);
  // Waits until all have ended.
  void join() { threads_.clear(); }

  // Any thread.
  std::size_t left() const noexcept { return left_.load(std::memory_order_acquire); }
  bool any_failed() const noexcept { return failed_.load(std::memory_order_acquire); }
  // Notified whenever one has ended.
  WakeSignal& ended() const noexcept { return *ended_; }

 private:
  std::atomic<std::size_t> left_{0};
  std::atomic<bool> failed_{false};
  std::shared_ptr<WakeSignal> ended_ = std::make_shared<WakeSignal>();
  std::vector<Thread> threads_;  // declared last: they end before what they use is destroyed
};

}  // namespace streamlab
