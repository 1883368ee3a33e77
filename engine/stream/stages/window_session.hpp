// engine/stream/stages/window_session.hpp
//
// window_by_session(time_of, gap, lateness): a window for every session.
//
// A session goes on over gaps of up to `gap`: it ends where more than that lies between two times, in whatever order
// the items come. (The node Window has the same rule.) The watermark is that of window_by(): the newest time seen less
// `lateness`. A session is given once the watermark is more than `gap` behind its newest item, so that nothing can
// join it any more; an item that comes with a time before the watermark is late: it is in no window and is counted as
// dropped. So every item that is not late is in the session that it belongs to; one that lies between two makes one of
// them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "engine/stream/stages/calls.hpp"
#include "engine/stream/stages/window.hpp"

namespace streamlab::stages {

// The items of a window in the order of their times, `begin`: the oldest time; `end`: one after the newest. The last
// window is not complete: the gap that would have ended it was not seen. O(items whose session can still go on).
template <class T, class TimeOf>
class SessionWindow final : public Step<T, Window<T>> {
 public:
  SessionWindow(StagePtr<T> upstream, TimeOf time_of, std::int64_t gap, std::int64_t lateness)
      : Step<T, Window<T>>("window_by_session", std::move(upstream)),
        time_of_(std::move(time_of)),
        gap_(gap),
        lateness_(lateness) {
    if (gap < 0 || gap > kTimeLimit || lateness < 0 || lateness > kTimeLimit) {
      this->refuse(fmt::format("window_by_session() with a gap of {} and lateness {}", gap, lateness),
                   fmt::format("both in 0 .. {}", kTimeLimit));
    }
  }
  std::string signature() const override { return fmt::format("window_by_session({}, {})", gap_, lateness_); }
  Result<void> save(ByteWriter& to) const override {
    if constexpr (Storable<T>) {
      to.put(index_);
      to.put(newest_);
      to.put<std::uint64_t>(sessions_.size());
      for (const Session& session : sessions_) {
        to.put(session.times);
        to.put(session.items);
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
      if (ok) { ok = from.get_to(newest_); }
      if (ok) { ok = from.get_to(count); }
      for (; ok && count > 0; --count) {
        Session session;
        ok = from.get_to(session.times);
        if (ok) { ok = from.get_to(session.items); }
        if (ok) { sessions_.push_back(std::move(session)); }
      }
      return ok;
    } else {
      return StageBase::load(from);
    }
  }

 protected:
  Poll poll(StreamRun& run, Window<T>*& window) override {
    while (true) {
      if (!sessions_.empty() && (over_ || has_ended(sessions_.front()))) { return give(window); }
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
      if (newest_ && *time < *newest_ - lateness_) {
        ++this->stats_.dropped;
        continue;
      }
      newest_ = std::max(newest_.value_or(*time), *time);
      keep(*time, *item);
    }
  }

 private:
  struct Session {
    std::vector<std::int64_t> times;  // rising; of the items
    std::vector<T> items;
    std::int64_t oldest() const { return times.front(); }
    std::int64_t newest() const { return times.back(); }
    void add(std::int64_t time, T item) {
      auto place = times.end();
      while (place != times.begin() && *std::prev(place) > time) { --place; }
      items.insert(items.begin() + (place - times.begin()), std::move(item));
      times.insert(place, time);
    }
  };

  bool has_ended(const Session& session) const { return *newest_ - lateness_ > session.newest() + gap_; }

  void keep(std::int64_t time, T& item) {
    // The last session that does not lie wholly behind the item, and more than the gap.
    auto at = sessions_.end();
    while (at != sessions_.begin() && std::prev(at)->oldest() > time + gap_) { --at; }
    if (at == sessions_.begin() || std::prev(at)->newest() + gap_ < time) {
      sessions_.insert(at, Session{{time}, {}})->items.push_back(std::move(item));
      return;
    }
    auto session = std::prev(at);
    session->add(time, std::move(item));
    // It may have closed the gap to the session before.
    if (session == sessions_.begin()) { return; }
    auto before = std::prev(session);
    if (before->newest() + gap_ < session->oldest()) { return; }
    before->times.insert(before->times.end(), session->times.begin(), session->times.end());
    std::move(session->items.begin(), session->items.end(), std::back_inserter(before->items));
    sessions_.erase(session);
  }

  Poll give(Window<T>*& window) {
    Session& first = sessions_.front();
    window_.index = index_++;
    window_.begin = first.oldest();
    window_.end = first.newest() + 1;
    window_.complete = !over_ || sessions_.size() > 1;
    window_.items.clear();
    std::swap(window_.items, first.items);
    sessions_.erase(sessions_.begin());
    window = &window_;
    return Poll::item;
  }

  TimeOf time_of_;
  const std::int64_t gap_;
  const std::int64_t lateness_;
  bool over_ = false;              // upstream has ended
  std::vector<Session> sessions_;  // that can still go on, by their times, and none within the gap of another
  std::optional<std::int64_t> newest_;
  std::uint64_t index_ = 0;
  Window<T> window_;
};

}  // namespace streamlab::stages
