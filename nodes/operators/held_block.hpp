// nodes/operators/held_block.hpp
//
// HeldBlock: the newest block, kept until it is known whether it passes. One that is replaced was left out,
// and the next that passes says so (nodes/operators/left_out.hpp).
#pragma once

#include <memory>

#include "engine/core/node.hpp"
#include "nodes/operators/left_out.hpp"

namespace streamlab {

class HeldBlock {
 public:
  // Allocates.
  void prepare(const StreamFormat& format) {
    block_ = DataFrame(std::make_shared<const StreamFormat>(format));
  }

  // --- real-time safe
  void reset() noexcept {
    is_held_ = false;
    left_out_.reset();
  }
  bool is_held() const noexcept { return is_held_; }
  // Keeps `x` in place of what is held.
  void hold(const DataFrame& x) noexcept {
    if (is_held_) { left_out_.add(block_); }
    block_.copy_from(x);
    is_held_ = true;
  }
  // Passes on what is held.
  void give(OutputPort& out) noexcept {
    DataFrame& y = out.emit();
    y.copy_from(block_);
    left_out_.mark(y.header());
    is_held_ = false;
  }

  // --- control thread, after the run
  const LeftOut& left_out() const noexcept { return left_out_; }

 private:
  DataFrame block_;
  bool is_held_ = false;
  LeftOut left_out_;
};

}  // namespace streamlab
