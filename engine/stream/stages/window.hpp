// engine/stream/stages/window.hpp
//
// Window<T>: items that belong together. window(size, hop): windows by count.
//
//   size 4, hop 2      items    0 1 2 3 4 5 6 7 8
//                      windows  [0 1 2 3]
//                                   [2 3 4 5]
//                                       [4 5 6 7]
//                                           [6 7 8]   the last, incomplete
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "engine/stream/stage.hpp"

namespace streamlab {

// What a window whose hop is larger than its size does with the items between two windows.
enum class Loss : std::uint8_t {
  refuse,  // such a window is refused
  allow,   // they are left out and counted as dropped
};

// Items of a stream from `begin` up to, and without, `end`. What these count is said by each kind of window:
// items, the unit of the items' times, or ns.
template <class T>
struct Window {
  std::vector<T> items;
  std::uint64_t index = 0;  // 0, 1, 2, … in the order in which the windows come out
  std::int64_t begin = 0;
  std::int64_t end = 0;
  // False when the stream did not reach from begin to end, as with the last one.
  bool complete = true;
};

template <Storable T>
struct Codec<Window<T>> {
  static void write(ByteWriter& to, const Window<T>& window) {
    to.put(window.items);
    to.put(window.index);
    to.put(window.begin);
    to.put(window.end);
    to.put(window.complete);
  }
  static Result<Window<T>> read(ByteReader& from) {
    Window<T> window;
    auto ok = from.get_to(window.items);
    if (ok) { ok = from.get_to(window.index); }
    if (ok) { ok = from.get_to(window.begin); }
    if (ok) { ok = from.get_to(window.end); }
    if (ok) { ok = from.get_to(window.complete); }
    if (!ok) { return tl::unexpected(ok.error()); }
    return window;
  }
};

namespace stages {

// Why windows of that shape cannot be; what() is empty when they can. `unit`: "items", "units of time".
struct WindowRefusal {
  std::string what;
  std::string expected;
  std::string hint;
};
template <class T>
WindowRefusal window_refusal(std::int64_t size, std::int64_t hop, Loss loss) {
  if (size <= 0) { return {fmt::format("a window of size {}", size), "1 or more", ""}; }
  if (hop <= 0) { return {fmt::format("windows with a hop of {}", hop), "1 or more", ""}; }
  if (hop > size && loss == Loss::refuse) {
    return {fmt::format("windows of {} with a hop of {} lose {} of every {}", size, hop, hop - size, hop),
            fmt::format("a hop of 1 .. {}", size), "Loss::allow leaves out what lies between, and counts it"};
  }
  if (hop < size && !std::copy_constructible<T>) {
    return {"windows that overlap, of items that cannot be copied",
            fmt::format("a hop of {}, the size", size), ""};
  }
  return {};
}

// Moves the first `moved` items of `items` behind those of `window`, and copies the rest.
template <class Iterator, class T>
void move_and_copy(Iterator first, Iterator moved_end, Iterator last, std::vector<T>& window) {
  window.insert(window.end(), std::make_move_iterator(first), std::make_move_iterator(moved_end));
  if constexpr (std::copy_constructible<T>) { window.insert(window.end(), moved_end, last); }
}

// `begin` and `end` are numbers of items, from 0.
template <class T>
class CountWindow final : public Step<T, Window<T>> {
 public:
  CountWindow(StagePtr<T> upstream, std::size_t size, std::size_t hop, Loss loss)
      : Step<T, Window<T>>("window", std::move(upstream)), size_(size), hop_(hop) {
    constexpr std::size_t kMost = std::size_t{1} << 61;
    auto why = window_refusal<T>(static_cast<std::int64_t>(std::min(size, kMost)),
                                 static_cast<std::int64_t>(std::min(hop, kMost)), loss);
    if (!why.what.empty()) {
      this->refuse(std::move(why.what), std::move(why.expected), std::move(why.hint));
    }
  }
  std::string signature() const override { return fmt::format("window({}, {})", size_, hop_); }
  Result<void> save(ByteWriter& to) const override {
    if constexpr (Storable<T>) {
      to.put(index_);
      to.put<std::uint64_t>(to_skip_);
      to.put<std::uint64_t>(shown_);
      to.put(kept_);
      return {};
    } else {
      return this->refuse_to_save("the items");
    }
  }
  Result<void> load(ByteReader& from) override {
    if constexpr (Storable<T>) {
      auto ok = from.get_to(index_);
      if (ok) { ok = from.get_to(to_skip_); }
      if (ok) { ok = from.get_to(shown_); }
      if (ok) { ok = from.get_to(kept_); }
      return ok;
    } else {
      return StageBase::load(from);
    }
  }

 protected:
  Poll poll(StreamRun& run, Window<T>*& window) override {
    while (kept_.size() < size_) {
      T* item = nullptr;
      const Poll answer = this->upstream_->next(run, item);
      if (answer == Poll::ended && kept_.size() > shown_) { return give(kept_.size(), window); }
      if (answer != Poll::item) { return answer; }
      if (to_skip_ > 0) {
        --to_skip_;
        ++this->stats_.dropped;
        continue;
      }
      kept_.push_back(std::move(*item));
    }
    return give(std::min(hop_, size_), window);
  }

 private:
  // The items kept; the first `leaving` of them are in no later window.
  Poll give(std::size_t leaving, Window<T>*& window) {
    window_.complete = kept_.size() == size_;
    window_.index = index_;
    window_.begin = static_cast<std::int64_t>(index_ * hop_);
    window_.end = window_.begin + static_cast<std::int64_t>(kept_.size());
    window_.items.clear();
    if (leaving == kept_.size()) {
      std::swap(window_.items, kept_);
    } else {
      const auto leaving_end = kept_.begin() + static_cast<std::ptrdiff_t>(leaving);
      move_and_copy(kept_.begin(), leaving_end, kept_.end(), window_.items);
      kept_.erase(kept_.begin(), leaving_end);
    }
    shown_ = kept_.size();
    to_skip_ = hop_ > size_ ? hop_ - size_ : 0;
    ++index_;
    window = &window_;
    return Poll::item;
  }

  const std::size_t size_;
  const std::size_t hop_;
  std::vector<T> kept_;        // of the window to come
  std::uint64_t shown_ = 0;    // of these, how many have been in a window already
  std::uint64_t to_skip_ = 0;  // before it begins
  std::uint64_t index_ = 0;
  Window<T> window_;
};

}  // namespace stages
}  // namespace streamlab
