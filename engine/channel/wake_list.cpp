// engine/channel/wake_list.cpp
#include "engine/channel/wake_list.hpp"

#include <algorithm>
#include <utility>

namespace streamlab {

void WakeList::arm(std::shared_ptr<WakeSignal> signal) {
  {
    const std::lock_guard lock(mutex_);
    if (std::find(signals_.begin(), signals_.end(), signal) == signals_.end()) {
      signals_.push_back(std::move(signal));
      armed_.store(static_cast<std::uint32_t>(signals_.size()), std::memory_order_relaxed);  // (2)
    }
  }
  full_fence();  // (2)
}

void WakeList::disarm(const WakeSignal& signal) noexcept {
  std::shared_ptr<WakeSignal> last_owner;  // destroyed outside of the lock
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(signals_.begin(), signals_.end(),
                                  [&](const auto& armed) { return armed.get() == &signal; });
  if (found == signals_.end()) { return; }
  last_owner = std::move(*found);
  signals_.erase(found);
  armed_.store(static_cast<std::uint32_t>(signals_.size()), std::memory_order_relaxed);
}

void WakeList::notify(std::size_t count) noexcept {
  const std::lock_guard lock(mutex_);
  const auto end = signals_.begin() + static_cast<std::ptrdiff_t>(std::min(count, signals_.size()));
  for (auto signal = signals_.begin(); signal != end; ++signal) { (*signal)->notify(); }
  signals_.erase(signals_.begin(), end);
  armed_.store(static_cast<std::uint32_t>(signals_.size()), std::memory_order_relaxed);
}

const std::shared_ptr<WakeSignal>& this_thread_signal() {
  thread_local const auto signal = std::make_shared<WakeSignal>();
  return signal;
}

}  // namespace streamlab
