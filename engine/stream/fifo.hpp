// engine/stream/fifo.hpp
//
// Fifo<T>: a queue of items that wait in a stage. In the steady state it does not allocate; std::deque does,
// again and again, as it moves along.
//
// The items lie one behind another in a vector whose front part has been taken. It is closed up when half of
// it is gap, so that taking costs one move per item in the long run.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "engine/base/assert.hpp"

namespace streamlab {

// One thread. T can be moved and assigned to.
template <class T>
class Fifo {
 public:
  bool empty() const noexcept { return head_ == items_.size(); }
  std::size_t size() const noexcept { return items_.size() - head_; }
  // 0 is the oldest.
  T& operator[](std::size_t i) noexcept { return items_[head_ + i]; }
  const T& operator[](std::size_t i) const noexcept { return items_[head_ + i]; }
  T& front() noexcept { return items_[head_]; }
  T& back() noexcept { return items_.back(); }

  void push_back(T item) {
    if (head_ > 0 && items_.size() == items_.capacity()) { close_up(); }
    items_.push_back(std::move(item));
  }
  // As if it had come before those from `i` on. Costs a move for each of them.
  void insert(std::size_t i, T item) {
    items_.insert(items_.begin() + static_cast<std::ptrdiff_t>(head_ + i), std::move(item));
  }
  T pop_front() {
    SL_ASSERT(!empty(), "an item is taken from a queue that has one");
    T item = std::move(items_[head_]);
    drop_front(1);
    return item;
  }
  // Takes the oldest `count` out; what they hold is freed at the latest when as many more have gone.
  void drop_front(std::size_t count) {
    head_ += count;
    if (2 * head_ >= items_.size()) { close_up(); }
  }
  void clear() noexcept {
    items_.clear();
    head_ = 0;
  }

 private:
  void close_up() {
    items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }

  std::vector<T> items_;
  std::size_t head_ = 0;  // taken already
};

}  // namespace streamlab
