// engine/run/patience.hpp
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <utility>

#include "engine/rt/wake_signal.hpp"

namespace streamlab {

// How long somebody waits for an end that may not come.
struct Patience {
  std::chrono::nanoseconds time;          // without any progress
  const std::function<bool()>& gives_up;  // may be empty
};

// Until `is_done`, about which `signal` wakes. When nothing has moved for the time, or the caller gives up: `abort`, and again.
template <class Done, class Progress, class Abort>
void wait_with(const Patience& patience, WakeSignal& signal, const Done& is_done, const Progress& progress,
               const Abort& abort) {
  auto seen = progress();
  auto since = std::chrono::steady_clock::now();
  while (!is_done()) {
    const std::uint32_t ticket = signal.ticket();
    if (is_done()) { break; }
    signal.wait(ticket, std::chrono::milliseconds(20));
    const auto now = progress();
    if (now != std::exchange(seen, now)) { since = std::chrono::steady_clock::now(); }
    if (std::chrono::steady_clock::now() - since >= patience.time ||
        (patience.gives_up && patience.gives_up())) {
      abort();
      since = std::chrono::steady_clock::now();
    }
  }
}

}  // namespace streamlab
