// engine/run/steps/source_step.hpp
//
// The steps that bring blocks in: a node without inputs, and the device's input.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "engine/run/steps/step.hpp"

namespace streamlab {

// Counts the frames of one output of a source, gaps included, and ends it after so many.
class FrameLimit {
 public:
  explicit FrameLimit(std::int64_t frames = std::numeric_limits<std::int64_t>::max()) : limit_(frames) {}

  // Cuts the blocks of this round. True when the end is reached.
  bool cut(BlockStream& stream) noexcept;
  std::int64_t given() const noexcept { return given_; }
  // Of a source that joins a stream there.
  void begin_at(std::int64_t position) noexcept { given_ = position; }
  void restart() noexcept { given_ = 0; }

 private:
  std::int64_t limit_;
  std::int64_t given_ = 0;
};

class SourceStep final : public NodeStep {
 public:
  SourceStep(std::size_t index, Node* source) : NodeStep(index, source) {}
  void set_limits(std::vector<FrameLimit> limits) { limits_ = std::move(limits); }  // by output

  bool run(Loop& loop) noexcept override;
  void restart() noexcept override;
  void take_over(DomainStep& before, std::span<const std::size_t> inputs) noexcept override;
  // A source that joins a running graph: its first frame has the position that the others of its domain have come to, or
  // `position` if that is later. Control thread.
  void join_at(std::int64_t position) noexcept { joins_at_ = position; }

 private:
  bool give(Loop& loop) noexcept;
  void join(Loop& loop) noexcept;

  std::vector<FrameLimit> limits_;
  std::uint64_t calls_ = 0;  // the number of its next block
  std::optional<std::int64_t> joins_at_;
  std::int64_t first_position_ = 0;  // of its first frame in the graph
};

// The driver, or the caller, fills its block.
class DeviceInputStep final : public DomainStep {
 public:
  DeviceInputStep(std::size_t index, Node* its_node, BlockStream* stream, FrameLimit limit)
      : DomainStep(index, its_node), limit_(limit) {
    out = {stream};
  }

  bool run(Loop& loop) noexcept override;
  void restart() noexcept override;
  void take_over(DomainStep& before, std::span<const std::size_t> inputs) noexcept override;
  DataFrame& block() noexcept { return *out[0]->frames[0]; }
  // Flags the block `gap` if frames are missing before it. Its stream begins at 0: missing frames at the start are a gap.
  void mark_gap() noexcept;

 private:
  FrameLimit limit_;
  std::int64_t next_position_ = 0;
};

}  // namespace streamlab
