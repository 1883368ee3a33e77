// engine/run/steps/separate_step.hpp
//
// A node with separate inputs: it is called with one block of one input, and told when an input has ended.
#pragma once

#include "engine/run/steps/step.hpp"

namespace streamlab {

class SeparateStep final : public NodeStep {
 public:
  SeparateStep(std::size_t index, Node* its_node, std::size_t inputs)
      : NodeStep(index, its_node), shown_(inputs, nullptr), told_end_(inputs, false) {}

  bool run(Loop& loop) noexcept override;
  bool has_room(std::size_t input, std::size_t blocks) const noexcept override {
    return node->has_room(input, blocks);
  }
  void restart() noexcept override;
  void take_over(DomainStep& before, std::span<const std::size_t> inputs) noexcept override;

 private:
  bool work(Loop& loop) noexcept;

  std::vector<const DataFrame*> shown_;  // what process() gets: all null but one
  std::vector<bool> told_end_;           // by input
};

}  // namespace streamlab
