// engine/core/in_force.hpp
//
// InForce: what a node works with and a change replaces as a whole: a condition, a set of coefficients. plan_change()
// makes the new one, apply() swaps a pointer, and the one that it replaced goes back with the change. reset() returns to
// the one that the node began with, which is therefore kept.
#pragma once

#include <memory>
#include <utility>

namespace streamlab {

template <class T>
class InForce {
 public:
  // Control thread, in prepare().
  void prepare(std::unique_ptr<T> initial) noexcept {
    initial_ = std::move(initial);
    changed_.reset();
    now_ = initial_.get();
  }

  // --- real-time safe
  // Takes what the change brings, and leaves there what is no longer needed.
  void take(std::unique_ptr<T>& brought) noexcept {
    changed_.swap(brought);
    now_ = changed_.get();
  }
  void reset() noexcept { now_ = initial_.get(); }

  T& operator*() noexcept { return *now_; }
  const T& operator*() const noexcept { return *now_; }
  T* operator->() noexcept { return now_; }
  const T* operator->() const noexcept { return now_; }

 private:
  std::unique_ptr<T> initial_;
  std::unique_ptr<T> changed_;  // in force, or not yet destroyed
  T* now_ = nullptr;
};

}  // namespace streamlab
