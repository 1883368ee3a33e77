// engine/run/steps/join_step.hpp
//
// A node with joined inputs: it is called with one block of each, aligned by Join.
#pragma once

#include "engine/run/join.hpp"
#include "engine/run/steps/step.hpp"

namespace streamlab {

class JoinStep final : public NodeStep {
 public:
  JoinStep(std::size_t index, Node* its_node, const std::vector<std::shared_ptr<const StreamFormat>>& formats,
           const std::vector<std::uint32_t>& blocks, std::uint64_t frames)
      : NodeStep(index, its_node), join_(formats, blocks, frames) {}

  bool run(Loop& loop) noexcept override;
  bool has_room(std::size_t input, std::size_t blocks) const noexcept override {
    return join_.has_room(input, blocks);
  }
  bool holds_blocks() const noexcept override { return true; }
  bool is_empty() const noexcept { return join_.is_empty(); }
  void restart() noexcept override;
  void take_over(DomainStep& before, std::span<const std::size_t> inputs) noexcept override;
  // The blocks that it holds, for a join that begins again with other inputs.
  void take_blocks(JoinStep& before, std::span<const std::size_t> inputs) noexcept {
    join_.take_over(before.join_, inputs);
  }

 private:
  bool work(Loop& loop) noexcept;

  Join join_;
};

}  // namespace streamlab
