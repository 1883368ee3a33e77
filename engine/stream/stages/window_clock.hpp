// engine/stream/stages/window_clock.hpp
//
// window_for(duration): windows by the clock of the run.
//
// Time runs from the first question. Window k holds what came in the time k duration … (k + 1) duration, and
// comes out when that is over, also while nothing comes. Windows without items do not come out.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "engine/stream/stages/calls.hpp"
#include "engine/stream/stages/window.hpp"

namespace streamlab::stages {

// `begin` and `end` in ns since the first question. O(items of one window).
template <class T>
class ClockWindow final : public Step<T, Window<T>> {
 public:
  ClockWindow(StagePtr<T> upstream, std::chrono::nanoseconds duration)
      : Step<T, Window<T>>("window_for", std::move(upstream)), duration_(duration) {
    if (!is_length(duration.count())) {
      this->refuse(fmt::format("window_for() of {} ns", duration.count()),
                   fmt::format("1 .. {} ns", kTimeLimit));
    }
  }
  // What came when cannot be had again.
  Result<void> save(ByteWriter& to) const override { return StageBase::save(to); }
  Result<void> load(ByteReader& from) override { return StageBase::load(from); }

 protected:
  Poll poll(StreamRun& run, Window<T>*& window) override {
    if (!began_) { began_ = run.now(); }
    while (true) {
      const std::int64_t now = window_at(run);
      if (!items_.empty() && now > number_) { return give(true, window); }
      number_ = now;
      if (held_ != nullptr) {
        items_.push_back(std::move(*held_));
        held_ = nullptr;
        continue;
      }
      if (over_) { return items_.empty() ? Poll::ended : give(false, window); }
      const Poll answer = this->upstream_->next(run, held_);
      if (answer == Poll::item) { continue; }  // time may have passed over it
      held_ = nullptr;
      if (answer == Poll::ended) {
        over_ = true;
        continue;
      }
      if (answer == Poll::pending && !items_.empty()) { run.wake_at(*began_ + (number_ + 1) * duration_); }
      return answer;
    }
  }

 private:
  std::int64_t window_at(const StreamRun& run) const { return (run.now() - *began_) / duration_; }

  Poll give(bool complete, Window<T>*& window) {
    window_.index = index_++;
    window_.begin = (number_ * duration_).count();
    window_.end = window_.begin + duration_.count();
    window_.complete = complete;
    window_.items.clear();
    std::swap(window_.items, items_);
    window = &window_;
    return Poll::item;
  }

  const std::chrono::nanoseconds duration_;
  std::optional<StreamRun::TimePoint> began_;
  std::int64_t number_ = 0;  // of the window that items_ belong to
  std::vector<T> items_;
  T* held_ = nullptr;  // came, and is in no window yet
  bool over_ = false;  // upstream has ended
  std::uint64_t index_ = 0;
  Window<T> window_;
};

}  // namespace streamlab::stages
