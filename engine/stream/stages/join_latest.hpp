// engine/stream/stages/join_latest.hpp
//
// join_latest(other): every item of the left with the newest item of the right that has come.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <utility>

#include "engine/stream/stages/two.hpp"

namespace streamlab::stages {

// An item of the left waits until the first of the right has come; ends with the left, or when the right ends
// without having given anything. The right is asked until it has nothing at the moment, and no more than
// kMostAtOnce times for each of the left, so that a right that always has something does not hold it up.
// Items of the right that came with none of the left, and one of the left that waited in vain, are counted as
// dropped.
template <class T, class U>
class JoinLatest final : public TwoInputs<T, U, std::pair<T, U>> {
 public:
  static constexpr int kMostAtOnce = 1024;
  static_assert(std::copy_constructible<U>, "an item of the right may come with several of the left");

  JoinLatest(StagePtr<T> left, StagePtr<U> right)
      : TwoInputs<T, U, std::pair<T, U>>("join_latest", std::move(left), std::move(right)) {}

 protected:
  Poll poll(StreamRun& run, std::pair<T, U>*& pair) override {
    if (held_ == nullptr) {
      const Poll answer = this->left_->next(run, held_);
      if (answer != Poll::item) { held_ = nullptr; }
      if (answer == Poll::ended) { forget_latest(); }
      if (answer != Poll::item && answer != Poll::pending) { return answer; }
    }
    // Also while the left has nothing: whatever feeds the right is not held up.
    for (int asked = 0; !right_over_ && asked < kMostAtOnce; ++asked) {
      U* item = nullptr;
      const Poll answer = this->right_->next(run, item);
      if (this->is_fatal(answer)) { return answer; }
      right_over_ = answer == Poll::ended;
      if (answer != Poll::item) { break; }
      forget_latest();
      latest_.emplace(std::move(*item));
      used_ = false;
    }
    if (!latest_ && right_over_) {
      this->stats_.dropped += held_ != nullptr ? 1 : 0;
      return Poll::ended;
    }
    if (held_ == nullptr || !latest_) { return Poll::pending; }
    slot_.emplace(std::move(*held_), *latest_);
    held_ = nullptr;
    used_ = true;
    pair = &*slot_;
    return Poll::item;
  }

 private:
  void forget_latest() {
    this->stats_.dropped += latest_ && !used_ ? 1 : 0;
    latest_.reset();
  }

  T* held_ = nullptr;  // of the left, taken and not given yet
  std::optional<U> latest_;
  bool used_ = false;  // has latest_ come with an item of the left?
  bool right_over_ = false;
  std::optional<std::pair<T, U>> slot_;
};

}  // namespace streamlab::stages
