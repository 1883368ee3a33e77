// engine/stream/pull.hpp
//
// Pull<T>: a stream whose items the caller takes one by one. What Stream::pull() gives.
//
//   auto levels = frames_of(path).map(level_of).pull();
//   for (const Level& level : levels) { show(level); }  // or: while (Level* level = levels.next()) { … }
//   if (!levels.report().ok()) { fmt::print(stderr, "{}", to_string(levels.report())); }
//
// The loop ends when the stream does, well or not: report() says which. A failure whose report nobody has asked for
// by the time the Pull goes is printed to stderr. A Pull that goes before the end gives the rest up, as if it had
// been cancelled.
#pragma once

#include <cstddef>
#include <iterator>
#include <memory>
#include <utility>

#include "engine/stream/stream_loop.hpp"

namespace streamlab {

// Prints the error, if the report has one.
void print_unseen_failure(const StreamReport& report) noexcept;

// Move-only; one thread at a time. One that was moved from gives no items, and a report that says so.
template <class T>
class [[nodiscard]] Pull {
 public:
  Pull(StagePtr<T> last, const RunOptions& options, OnFailure of_stages)
      : stream_(std::make_unique<RunningStream<T>>(std::move(last), options, of_stages)) {}
  Pull(const Pull&) = delete;  // move-only: write std::move(pull)
  Pull& operator=(const Pull&) = delete;
  Pull(Pull&&) noexcept = default;
  Pull& operator=(Pull&& other) noexcept {
    if (this != &other) {
      leave();
      stream_ = std::move(other.stream_);
      is_seen_ = other.is_seen_;
    }
    return *this;
  }
  ~Pull() { leave(); }

  // Waits for the next item, which may be changed and moved from, and is there until the next call; null when the
  // stream is over. The first call starts the stream.
  T* next() {
    if (stream_ == nullptr) { return nullptr; }
    T* const item = stream_->next();
    if (item != nullptr) { stream_->count_item(); }
    return item;
  }
  // After the end: why it ended, and what every stage did. Before: StreamEnd::running, and how far it is.
  StreamReport report() const {
    if (stream_ == nullptr) { return report_of_moved_from(); }
    is_seen_ = stream_->is_over();
    return stream_->report();
  }
  // Gives up what was not taken, if there is anything, and joins the threads of the stages. Then next() gives
  // nothing.
  StreamReport stop() {
    if (stream_ != nullptr) { stream_->end(Poll::cancelled); }
    return report();
  }

  class Iterator {
   public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    explicit Iterator(Pull& pull) : pull_(&pull), item_(pull.next()) {}
    T& operator*() const noexcept { return *item_; }
    T* operator->() const noexcept { return item_; }
    Iterator& operator++() {
      item_ = pull_->next();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& at, std::default_sentinel_t) noexcept {
      return at.item_ == nullptr;
    }

   private:
    Pull* pull_;
    T* item_;
  };
  // Goes on where next() stands: every item is given once.
  Iterator begin() { return Iterator(*this); }
  std::default_sentinel_t end() const noexcept { return {}; }

 private:
  void leave() noexcept {
    if (stream_ == nullptr) { return; }
    stream_->end(Poll::cancelled);
    if (stream_->is_over() && !is_seen_) { print_unseen_failure(stream_->report()); }
    stream_ = nullptr;
  }

  std::unique_ptr<RunningStream<T>> stream_;
  mutable bool is_seen_ = false;  // somebody has asked how it ended
};

}  // namespace streamlab
