// engine/stream/stages/concat.hpp
//
// concat(other): the items of one stream, then those of the other.
#pragma once

#include <utility>

#include "engine/stream/stages/two.hpp"

namespace streamlab::stages {

// The other is not asked before the first has ended.
template <class T>
class Concat final : public TwoInputs<T, T, T> {
 public:
  Concat(StagePtr<T> first, StagePtr<T> second)
      : TwoInputs<T, T, T>("concat", std::move(first), std::move(second)) {}
  Result<void> save(ByteWriter& to) const override {
    to.put(first_over_);
    return {};
  }
  Result<void> load(ByteReader& from) override { return from.get_to(first_over_); }

 protected:
  Poll poll(StreamRun& run, T*& item) override {
    if (!first_over_) {
      const Poll answer = this->left_->next(run, item);
      if (answer != Poll::ended) { return answer; }
      first_over_ = true;
    }
    return this->right_->next(run, item);
  }

 private:
  bool first_over_ = false;
};

}  // namespace streamlab::stages
