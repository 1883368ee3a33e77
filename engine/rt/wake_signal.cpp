// engine/rt/wake_signal.cpp
#include "engine/rt/wake_signal.hpp"

#include <cerrno>
#include <climits>
#include <ctime>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace streamlab {
namespace {

// The kernel wants the address of a plain 32-bit word.
static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t));
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);

std::uint32_t* word(std::atomic<std::uint32_t>& value) noexcept {
  return reinterpret_cast<std::uint32_t*>(&value);
}

}  // namespace

void WakeSignal::wake_all_sleepers() noexcept {
  syscall(SYS_futex, word(epoch_), FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

bool WakeSignal::wait(std::uint32_t ticket, Clock::time_point deadline) noexcept {
  // libstdc++'s steady_clock is CLOCK_MONOTONIC, the clock of an absolute futex time-out.
  const auto since_boot =
      std::chrono::duration_cast<std::chrono::nanoseconds>(deadline.time_since_epoch()).count();
  const timespec until = {.tv_sec = static_cast<time_t>(since_boot / 1'000'000'000),
                          .tv_nsec = static_cast<long>(since_boot % 1'000'000'000)};
  const timespec* const limit = deadline == Clock::time_point::max() ? nullptr : &until;
  waiters_.fetch_add(1, std::memory_order_seq_cst);  // (2)
  bool notified = true;
  while (epoch_.load(std::memory_order_seq_cst) == ticket) {  // (2)
    const long result = syscall(SYS_futex, word(epoch_), FUTEX_WAIT_BITSET_PRIVATE, ticket, limit, nullptr,
                                FUTEX_BITSET_MATCH_ANY);  // (3)
    if (result != 0 && errno == ETIMEDOUT) {
      notified = epoch_.load(std::memory_order_seq_cst) != ticket;
      break;
    }
  }
  waiters_.fetch_sub(1, std::memory_order_seq_cst);
  return notified;
}

bool WakeSignal::wait(std::uint32_t ticket, std::chrono::nanoseconds timeout) noexcept {
  const auto now = Clock::now();
  if (timeout > Clock::time_point::max() - now) {
    wait(ticket);
    return true;
  }
  return wait(ticket, now + timeout);
}

}  // namespace streamlab
