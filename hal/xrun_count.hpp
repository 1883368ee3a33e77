// hal/xrun_count.hpp
//
// XrunCount: the xruns that a device reported, and how many of them cost no frames.
//
// An xrun is counted with the block that carries its flag (TickInfo::xrun), once it is known whether frames are
// missing: a gap may show up to `window` blocks before or after the report.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace streamlab {

class XrunCount {
 public:
  explicit XrunCount(std::uint32_t window = 0) noexcept : window_(window), since_gap_(window + 1) {}

  // The driver's thread, for every block (a driver that cuts its periods: for every period): how many xruns
  // were reported before it, and whether frames are missing before it. Wait-free.
  void tick(std::uint32_t xruns, bool gap) noexcept {
    since_gap_ = gap ? 0 : std::min(since_gap_ + 1, window_ + 1);
    if (xruns > 0) {
      open_ += xruns;
      blocks_left_ = window_;
    }
    if (open_ == 0) { return; }
    if (since_gap_ <= window_) {
      count(xruns_, open_);
      open_ = 0;
    } else if (blocks_left_ == 0) {
      end();
    } else {
      --blocks_left_;
    }
  }
  // When no more blocks come: what is not decided cost no frames. Control thread, no tick() running.
  void end() noexcept {
    count(xruns_, open_);
    count(without_gap_, open_);
    open_ = 0;
  }

  // Any thread. `without_gap` first, where both are asked: it never exceeds the other.
  std::uint64_t xruns() const noexcept { return xruns_.load(std::memory_order_acquire); }
  std::uint64_t without_gap() const noexcept { return without_gap_.load(std::memory_order_acquire); }

 private:
  // One writer.
  static void count(std::atomic<std::uint64_t>& counter, std::uint64_t by) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_release);
  }

  const std::uint32_t window_;
  std::uint32_t since_gap_;        // blocks; window_ + 1: that many or more
  std::uint32_t blocks_left_ = 0;  // until the open ones are decided
  std::uint64_t open_ = 0;         // reported, and not known yet whether frames are missing
  std::atomic<std::uint64_t> xruns_{0};
  std::atomic<std::uint64_t> without_gap_{0};
};

}  // namespace streamlab
