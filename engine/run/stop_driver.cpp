// engine/run/stop_driver.cpp
#include "engine/run/stop_driver.hpp"

#include <atomic>
#include <new>
#include <optional>
#include <utility>

#include "engine/rt/thread.hpp"

namespace streamlab {
namespace {

// None: there is no memory, or no thread, left.
std::optional<Thread> start_stopping(std::function<void()> body) noexcept {
  try {
    auto thread = Thread::start("sl-stop", std::move(body));
    return thread ? std::optional(*std::move(thread)) : std::nullopt;
  } catch (const std::bad_alloc&) { return std::nullopt; }
}

}  // namespace

void stop_driver(Driver& driver, const Patience* patience, const std::function<std::uint64_t()>& progress,
                 const std::function<void()>& abort) noexcept {
  if (patience == nullptr || driver.format().real_time) { return driver.stop(); }
  struct Stop {
    Driver& driver;
    std::atomic<bool> is_done = false;
    WakeSignal signal = {};
  } stop{driver};
  const auto thread = start_stopping([&stop] {
    stop.driver.stop();
    stop.is_done.store(true, std::memory_order_release);
    stop.signal.notify();
  });
  if (!thread) { return driver.stop(); }
  wait_with(
      *patience, stop.signal, [&stop] { return stop.is_done.load(std::memory_order_acquire); }, progress,
      abort);
}

}  // namespace streamlab
