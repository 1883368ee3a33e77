// engine/stream/stages/window_session.hpp
//
// window_by_session(time_of, gap): a window for every session: items none of which is `gap` or more from all
// the others.
//
// A session is over when an item comes whose time is `gap` or more after the session's newest. Within a
// session the times may come in any order. An item `gap` or more before the session's oldest belongs to what
// is over: it is in no window and is counted as dropped.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "engine/stream/stages/calls.hpp"
#include "engine/stream/stages/window.hpp"

namespace streamlab::stages {

// `begin`: the oldest time; `end`: one after the newest. The last window is not complete: the gap that would
// have ended it was not seen. O(items of one session).
template <class T, class TimeOf>
class SessionWindow final : public Step<T, Window<T>> {
 public:
  SessionWindow(StagePtr<T> upstream, TimeOf time_of, std::int64_t gap)
      : Step<T, Window<T>>("window_by_session", std::move(upstream)),
        time_of_(std::move(time_of)),
        gap_(gap) {
    if (!is_length(gap)) {
      this->refuse(fmt::format("sessions with a gap of {}", gap), fmt::format("1 .. {}", kTimeLimit));
    }
  }
  std::string signature() const override { return fmt::format("window_by_session({})", gap_); }
  Result<void> save(ByteWriter& to) const override {
    if constexpr (Storable<T>) {
      to.put(index_);
      to.put(oldest_);
      to.put(newest_);
      to.put(items_);
      return {};
    } else {
      return StageBase::save(to);
    }
  }
  Result<void> load(ByteReader& from) override {
    if constexpr (Storable<T>) {
      auto ok = from.get_to(index_);
      if (ok) { ok = from.get_to(oldest_); }
      if (ok) { ok = from.get_to(newest_); }
      if (ok) { ok = from.get_to(items_); }
      return ok;
    } else {
      return StageBase::load(from);
    }
  }

 protected:
  Poll poll(StreamRun& run, Window<T>*& window) override {
    while (true) {
      T* item = nullptr;
      const Poll answer = this->upstream_->next(run, item);
      if (answer == Poll::ended && !items_.empty()) { return give(false, window); }
      if (answer != Poll::item) { return answer; }
      const auto time = time_of_item(time_of_, std::as_const(*item), run, this->stats_, this->item_number());
      if (!time) { return Poll::failed; }
      if (!items_.empty() && *time <= oldest_ - gap_) {
        ++this->stats_.dropped;
        continue;
      }
      const bool over = !items_.empty() && *time >= newest_ + gap_;
      if (over) { give(true, window); }
      oldest_ = items_.empty() ? *time : std::min(oldest_, *time);
      newest_ = items_.empty() ? *time : std::max(newest_, *time);
      items_.push_back(std::move(*item));
      if (over) { return Poll::item; }
    }
  }

 private:
  Poll give(bool complete, Window<T>*& window) {
    window_.index = index_++;
    window_.begin = oldest_;
    window_.end = newest_ + 1;
    window_.complete = complete;
    window_.items.clear();
    std::swap(window_.items, items_);
    window = &window_;
    return Poll::item;
  }

  TimeOf time_of_;
  const std::int64_t gap_;
  std::vector<T> items_;  // of the session that goes on
  std::int64_t oldest_ = 0;
  std::int64_t newest_ = 0;
  std::uint64_t index_ = 0;
  Window<T> window_;
};

}  // namespace streamlab::stages
