// engine/run/steps/factor_step.hpp
//
// Neighbours that only multiply by a constant, in one pass over the samples, with the same bits
// (docs/decisions/fused-gains.md). Where one of them does not for a while (a ramp), each is called by itself.
#pragma once

#include "engine/run/steps/each_block_step.hpp"

namespace streamlab {

class FactorStep final : public DomainStep {
 public:
  explicit FactorStep(EachBlockStep& first) : DomainStep(first.node_index, nullptr) {
    in = first.in;
    add(first);
  }
  // Control thread. The next one; its frames are those of the input, too.
  void add(EachBlockStep& member);
  // May this step, or this one behind that one, be in a pass?
  static bool may_hold(const EachBlockStep& step);
  bool is_continued_by(const EachBlockStep& step) const;

  bool run(Loop& loop) noexcept override;
  void notice_change() noexcept override { pass_ = nullptr; }
  void restart() noexcept override;

 private:
  void find_factors() noexcept;

  std::vector<EachBlockStep*> members_;
  std::vector<double> factors_;  // while all of them are constant
  FactorRun pass_ = nullptr;
};

}  // namespace streamlab
