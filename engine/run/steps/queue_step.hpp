// engine/run/steps/queue_step.hpp
//
// A node that stores blocks until those after it have room: it takes all that come, and gives as many as there is room for.
#pragma once

#include "engine/run/steps/step.hpp"

namespace streamlab {

class QueueStep final : public NodeStep {
 public:
  QueueStep(std::size_t index, Node* its_node) : NodeStep(index, its_node) {}

  bool run(Loop& loop) noexcept override;
  bool has_room(std::size_t input, std::size_t blocks) const noexcept override {
    return node->has_room(input, blocks);
  }
  bool holds_blocks() const noexcept override { return true; }

 private:
  bool work(Loop& loop) noexcept;
};

}  // namespace streamlab
