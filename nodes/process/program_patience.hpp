// nodes/process/program_patience.hpp
//
// ProgramPatience: how long a node waits for its program. While the graph runs: timeout_s without any activity. Once the run
// was stopped: not at all for a block, and for the rest, after the end of the input, a second without activity and five in
// all. Not any more once the run was given up.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>

namespace streamlab::process_node {

class ProgramPatience {
 public:
  using Clock = std::chrono::steady_clock;

  explicit ProgramPatience(double timeout_s)
      : timeout_(std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(timeout_s))) {}

  // Any thread.
  void stop() noexcept { is_stopped_.store(true, std::memory_order_relaxed); }
  void give_up() noexcept { is_given_up_.store(true, std::memory_order_relaxed); }
  bool is_stopped() const noexcept { return is_stopped_.load(std::memory_order_relaxed); }

  // The node's thread.
  void reset() noexcept {
    is_stopped_.store(false, std::memory_order_relaxed);
    is_given_up_.store(false, std::memory_order_relaxed);
    rest_until_.reset();
  }
  // Until when something must move that is waited for since `begin`. Nothing: do not wait, take nothing more.
  // `is_rest`: the input has ended.
  std::optional<Clock::time_point> until(Clock::time_point begin, bool is_rest) {
    if (is_given_up_.load(std::memory_order_relaxed)) { return std::nullopt; }
    if (!is_stopped()) { return begin + timeout_; }
    if (!is_rest) { return begin; }
    const auto now = Clock::now();
    if (!rest_until_) { rest_until_ = now + kLongestRest; }
    if (now >= *rest_until_) { return std::nullopt; }
    return std::min(begin + std::min(timeout_, kQuietRest), *rest_until_);
  }

 private:
  static constexpr Clock::duration kQuietRest = std::chrono::seconds(1);
  static constexpr Clock::duration kLongestRest = std::chrono::seconds(5);

  const Clock::duration timeout_;
  std::atomic<bool> is_stopped_{false};
  std::atomic<bool> is_given_up_{false};
  std::optional<Clock::time_point> rest_until_;
};

}  // namespace streamlab::process_node
