// engine/run/steps/each_block_step.hpp
//
// The usual step: one input, one call for each block.
#pragma once

#include "engine/run/steps/step.hpp"

namespace streamlab {

class EachBlockStep final : public NodeStep {
 public:
  EachBlockStep(std::size_t index, Node* its_node, FactorRun its_factor_run)
      : NodeStep(index, its_node), factor_run_(its_factor_run) {}

  bool run(Loop& loop) noexcept override;
  // Only the calls: where it is a member of a FactorStep.
  void call_each(Loop& loop) noexcept;
  // Of a node that only multiplies, else null.
  FactorRun factor_run() const noexcept { return factor_run_; }

 private:
  const FactorRun factor_run_;
};

}  // namespace streamlab
