// tests/stream/timeline.hpp
//
// timeline(): a stream whose items come at given times after its first question, by the clock of the run.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "engine/stream/stream.hpp"

namespace streamlab {

template <class T>
class TimelineSource final : public Source<T> {
 public:
  using Items = std::vector<std::pair<std::chrono::milliseconds, T>>;
  explicit TimelineSource(Items items) : Source<T>("timeline"), items_(std::move(items)) {}

 protected:
  Poll produce(StreamRun& run, T*& item) override {
    if (!began_) { began_ = run.now(); }
    if (next_ == items_.size()) { return Poll::ended; }
    const auto due = *began_ + items_[next_].first;
    if (run.now() < due) {
      run.wake_at(due);
      return Poll::pending;
    }
    item = &items_[next_++].second;
    return Poll::item;
  }

 private:
  Items items_;
  std::optional<StreamRun::TimePoint> began_;
  std::size_t next_ = 0;
};

template <class T>
Stream<T> timeline(std::vector<std::pair<std::chrono::milliseconds, T>> items) {
  return Stream<T>(std::make_unique<TimelineSource<T>>(std::move(items)));
}

}  // namespace streamlab
