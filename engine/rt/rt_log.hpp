// engine/rt/rt_log.hpp
//
// RtLog: messages of a real-time thread, as records of fixed size that another thread turns into text.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/rt/spsc_ring.hpp"

namespace streamlab {

struct RtLogRecord {
  std::uint32_t code = 0;     // what happened; the owner of the log gives the numbers their meaning
  std::int64_t position = 0;  // where in the stream, in frames
  double value = 0.0;         // how much, in the unit that the code implies

  friend bool operator==(const RtLogRecord&, const RtLogRecord&) = default;
};

// One real-time thread writes, one other thread reads.
class RtLog {
 public:
  explicit RtLog(std::size_t capacity = 256) : ring_(capacity) {}

  // The real-time thread; wait-free. If the log is full, the record is lost and counted.
  void record(std::uint32_t code, std::int64_t position, double value) noexcept {
    if (!ring_.try_push(RtLogRecord{code, position, value})) {
      lost_.store(lost_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);  // one writer
    }
  }

  // The reading thread. Fills the front of `records` with the oldest ones and returns how many.
  [[nodiscard]] std::size_t drain(std::span<RtLogRecord> records) noexcept {
    return ring_.try_pop_n(records);
  }

  // Any thread.
  std::uint64_t lost() const noexcept { return lost_.load(std::memory_order_relaxed); }

 private:
  SpscRing<RtLogRecord> ring_;
  std::atomic<std::uint64_t> lost_{0};
};

}  // namespace streamlab
