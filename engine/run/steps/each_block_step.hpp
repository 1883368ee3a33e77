// engine/run/steps/each_block_step.hpp
//
// The usual step: one input, one call for each block.
#pragma once

#include "engine/run/steps/step.hpp"

namespace streamlab {

class EachBlockStep final : public NodeStep {
 public:
  EachBlockStep(std::size_t index, Node* its_node) : NodeStep(index, its_node) {}

  bool run(Loop& loop) noexcept override;
  // Only the calls: where it is a member of a FactorStep.
  void call_each(Loop& loop) noexcept;
};

}  // namespace streamlab
