// engine/stream/stages/window_time.hpp
//
// window_by(time_of, size, hop, lateness): windows by the times that the items carry.
//
// Window k holds the items with k hop <= time < k hop + size, in the order of their times, whatever the order
// they come in. The watermark is the newest time seen less `lateness`: a window is given once the watermark
// has reached its end, and an item that comes with a time before the watermark is late: it is in no window
// and is counted as dropped. So every item that is not late is in all the windows that it belongs to. Windows
// without items do not come out. (Watermarks: T. Akidau and others, The Dataflow Model, VLDB 2015.)
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "engine/stream/fifo.hpp"
#include "engine/stream/stages/calls.hpp"
#include "engine/stream/stages/window.hpp"

namespace streamlab::stages {

// O(items whose time is within size + lateness of the newest).
template <class T, class TimeOf>
class TimeWindow final : public Step<T, Window<T>> {
 public:
  TimeWindow(StagePtr<T> upstream, TimeOf time_of, std::int64_t size, std::int64_t hop, std::int64_t lateness,
             Loss loss)
      : Step<T, Window<T>>("window_by", std::move(upstream)),
        time_of_(std::move(time_of)),
        size_(size),
        hop_(hop),
        lateness_(lateness) {
    auto why = window_refusal<T>(size, hop, loss);
    if (!why.what.empty()) {
      this->refuse(std::move(why.what), std::move(why.expected), std::move(why.hint));
    }
    if (size > kTimeLimit || hop > kTimeLimit || lateness < 0 || lateness > kTimeLimit) {
      this->refuse(fmt::format("window_by() with size {}, hop {} and lateness {}", size, hop, lateness),
                   fmt::format("size and hop of 1 .. {}, lateness of 0 .. {}", kTimeLimit, kTimeLimit));
    }
  }
  std::string signature() const override {
    return fmt::format("window_by({}, {}, {})", size_, hop_, lateness_);
  }
  Result<void> save(ByteWriter& to) const override {
    if constexpr (Storable<T>) {
      to.put(index_);
      to.put(next_);
      to.put(oldest_);
      to.put(newest_);
      to.put<std::uint64_t>(kept_.size());
      for (std::size_t i = 0; i < kept_.size(); ++i) {
        to.put(kept_[i].time);
        to.put<T>(kept_[i].item);
      }
      return {};
    } else {
      return this->refuse_to_save("the items");
    }
  }
  Result<void> load(ByteReader& from) override {
    if constexpr (Storable<T>) {
      std::uint64_t count = 0;
      auto ok = from.get_to(index_);
      if (ok) { ok = from.get_to(next_); }
      if (ok) { ok = from.get_to(oldest_); }
      if (ok) { ok = from.get_to(newest_); }
      if (ok) { ok = from.get_to(count); }
      for (; ok && count > 0; --count) {
        auto time = from.get<std::int64_t>();
        if (!time) { return tl::unexpected(time.error()); }
        auto item = from.get<T>();
        if (!item) { return tl::unexpected(item.error()); }
        kept_.push_back({*time, std::move(*item)});
      }
      return ok;
    } else {
      return StageBase::load(from);
    }
  }

 protected:
  Poll poll(StreamRun& run, Window<T>*& window) override {
    while (true) {
      if (!kept_.empty()) {
        // The first window that holds the oldest item and was not given.
        const std::int64_t first = std::max(first_window_of(kept_.front().time), next_.value_or(INT64_MIN));
        if (over_ || first * hop_ + size_ <= *newest_ - lateness_) { return give(first, window); }
      }
      if (over_) { return Poll::ended; }
      T* item = nullptr;
      const Poll answer = this->upstream_->next(run, item);
      if (answer == Poll::ended) {
        over_ = true;
        continue;
      }
      if (answer != Poll::item) { return answer; }
      const auto time = time_of_item(time_of_, std::as_const(*item), run, this->stats_, this->item_number());
      if (!time) { return Poll::failed; }
      keep(*time, *item);
    }
  }

 private:
  struct Kept {
    std::int64_t time;
    T item;
  };

  // The least k with time < k hop + size.
  std::int64_t first_window_of(std::int64_t time) const {
    const std::int64_t before = time - size_;
    std::int64_t quotient = before / hop_;
    if (before % hop_ < 0) { --quotient; }  // rounds down, not towards 0
    return quotient + 1;
  }

  void keep(std::int64_t time, T& item) {
    const bool late = newest_ && time < *newest_ - lateness_;
    const bool between_windows = first_window_of(time) * hop_ > time;
    if (!newest_ || time > *newest_) { newest_ = time; }
    if (late || between_windows) {
      ++this->stats_.dropped;
      return;
    }
    if (!oldest_ || time < *oldest_) { oldest_ = time; }
    std::size_t place = kept_.size();
    while (place > 0 && kept_[place - 1].time > time) { --place; }
    if (place == kept_.size()) {
      kept_.push_back({time, std::move(item)});
    } else {
      kept_.insert(place, {time, std::move(item)});
    }
  }

  Poll give(std::int64_t k, Window<T>*& window) {
    window_.index = index_++;
    window_.begin = k * hop_;
    window_.end = window_.begin + size_;
    window_.complete = *oldest_ <= window_.begin && window_.end <= *newest_ + 1;
    window_.items.clear();
    std::size_t leaving = 0;
    for (std::size_t i = 0; i < kept_.size() && kept_[i].time < window_.end; ++i) {
      if (kept_[i].time < window_.begin + hop_) {  // in no later window
        window_.items.push_back(std::move(kept_[i].item));
        ++leaving;
      } else if constexpr (std::copy_constructible<T>) {
        window_.items.push_back(kept_[i].item);
      }
    }
    kept_.drop_front(leaving);
    next_ = k + 1;
    window = &window_;
    return Poll::item;
  }

  TimeOf time_of_;
  const std::int64_t size_;
  const std::int64_t hop_;
  const std::int64_t lateness_;
  bool over_ = false;  // upstream has ended
  Fifo<Kept> kept_;    // by time, then as they came
  std::optional<std::int64_t> oldest_;
  std::optional<std::int64_t> newest_;
  std::optional<std::int64_t> next_;  // number of the next window, at least
  std::uint64_t index_ = 0;
  Window<T> window_;
};

}  // namespace streamlab::stages
