// engine/stream/stages/merge.hpp
//
// merge(others…): the items of several streams as they are ready.
#pragma once

#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "engine/stream/stage.hpp"

namespace streamlab::stages {

// Fair: after an item the next stream is asked first. Ends when all have ended; one that fails fails all.
template <class T>
class Merge final : public Stage<T> {
 public:
  explicit Merge(std::vector<StagePtr<T>> upstreams)
      : Stage<T>("merge"), upstreams_(std::move(upstreams)), over_(upstreams_.size(), 0) {
    if (upstreams_.empty()) { this->refuse("merge() of no streams", "1 or more"); }
  }
  void for_each_upstream(const std::function<void(StageBase&)>& visit) override {
    for (auto& upstream : upstreams_) { visit(*upstream); }
  }

 protected:
  Poll poll(StreamRun& run, T*& item) override {
    bool all_over = true;
    for (std::size_t asked = 0; asked < upstreams_.size(); ++asked) {
      const std::size_t at = turn_;
      turn_ = turn_ + 1 == upstreams_.size() ? 0 : turn_ + 1;
      if (over_[at] != 0) { continue; }
      const Poll answer = upstreams_[at]->next(run, item);
      if (answer == Poll::ended) {
        over_[at] = 1;
        continue;
      }
      if (answer != Poll::pending) { return answer; }
      all_over = false;
    }
    return all_over ? Poll::ended : Poll::pending;
  }

 private:
  std::vector<StagePtr<T>> upstreams_;
  std::vector<char> over_;  // whether each has ended
  std::size_t turn_ = 0;    // who is asked first
};

}  // namespace streamlab::stages
