// engine/stream/stages/two.hpp
//
// TwoInputs<T, U, V>: a stage behind two others. What it holds while one of them is waited for lies between
// their items, so that no checkpoint can be made of it.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "engine/stream/stage.hpp"

namespace streamlab::stages {

template <class T, class U, class V>
class TwoInputs : public Stage<V> {
 public:
  TwoInputs(std::string name, StagePtr<T> left, StagePtr<U> right)
      : Stage<V>(std::move(name)), left_(std::move(left)), right_(std::move(right)) {}
  void for_each_upstream(const std::function<void(StageBase&)>& visit) override {
    visit(*left_);
    visit(*right_);
  }

 protected:
  // Did the stage that answered end the run, by failing or being cancelled?
  static bool is_fatal(Poll answer) noexcept { return answer == Poll::failed || answer == Poll::cancelled; }

  StagePtr<T> left_;
  StagePtr<U> right_;
};

}  // namespace streamlab::stages
