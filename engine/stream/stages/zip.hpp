// engine/stream/stages/zip.hpp
//
// zip(other): the first item of both, the second of both, …; ends with the shorter. It takes no more of one than of the
// other: two streams of one source that cannot wait (outputs of a graph, of a tee with block) come one for one, or it
// waits for ever.
#pragma once

#include <optional>
#include <utility>

#include "engine/stream/stages/two.hpp"

namespace streamlab::stages {

// An item whose partner will not come is counted as dropped; the left is asked first, so that this can be one
// of the left.
template <class T, class U>
class Zip final : public TwoInputs<T, U, std::pair<T, U>> {
 public:
  Zip(StagePtr<T> left, StagePtr<U> right)
      : TwoInputs<T, U, std::pair<T, U>>("zip", std::move(left), std::move(right)) {}
  // Between two items nothing is held.
  Result<void> save(ByteWriter&) const override { return {}; }
  Result<void> load(ByteReader&) override { return {}; }

 protected:
  Poll poll(StreamRun& run, std::pair<T, U>*& pair) override {
    if (a_ == nullptr) {
      const Poll answer = this->left_->next(run, a_);
      if (answer != Poll::item) { a_ = nullptr; }
      if (answer == Poll::ended) { this->stats_.dropped += b_ != nullptr ? 1 : 0; }
      if (answer != Poll::item && answer != Poll::pending) { return answer; }
    }
    if (b_ == nullptr) {
      const Poll answer = this->right_->next(run, b_);
      if (answer != Poll::item) { b_ = nullptr; }
      if (answer == Poll::ended) { this->stats_.dropped += a_ != nullptr ? 1 : 0; }
      if (answer != Poll::item) { return answer; }
    }
    if (a_ == nullptr) { return Poll::pending; }
    slot_.emplace(std::move(*a_), std::move(*b_));
    a_ = nullptr;
    b_ = nullptr;
    pair = &*slot_;
    return Poll::item;
  }

 private:
  T* a_ = nullptr;  // taken, and not given yet
  U* b_ = nullptr;
  std::optional<std::pair<T, U>> slot_;
};

}  // namespace streamlab::stages
