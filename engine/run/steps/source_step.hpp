// engine/run/steps/source_step.hpp
//
// The steps that bring blocks in: a node without inputs, and the device's input.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>

#include "engine/run/steps/step.hpp"

namespace streamlab {

// Counts the frames of one output of a source, gaps included, and ends it after so many.
class FrameLimit {
 public:
  explicit FrameLimit(std::int64_t frames = std::numeric_limits<std::int64_t>::max()) : limit_(frames) {}

  // Cuts the blocks of this round. True when the end is reached.
  bool cut(BlockStream& stream) noexcept;
  std::int64_t given() const noexcept { return given_; }
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

 private:
  bool give(Loop& loop) noexcept;

  std::vector<FrameLimit> limits_;
  std::uint64_t calls_ = 0;  // the number of its next block
};

// What came in from the device, up to the end of the graph. The domain's thread adds; any thread reads.
struct InputCounts {
  std::atomic<std::uint64_t> frames{0};
  std::atomic<std::uint64_t> gaps{0};
  std::atomic<std::uint64_t> gap_frames{0};
  std::atomic<std::uint64_t> clipped_blocks{0};
  std::atomic<std::uint64_t> not_finite_blocks{0};

  void add(const DataFrame& block) noexcept;
  void restart() noexcept;
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
  DataFrame& block() noexcept { return *out[0]->frames[0]; }
  const InputCounts& counts() const noexcept { return counts_; }
  // Flags the block `gap` if frames are missing before it. Its stream begins at 0: missing frames at the start are a gap.
  void mark_gap() noexcept;

 private:
  FrameLimit limit_;
  std::int64_t next_position_ = 0;
  InputCounts counts_;
};

}  // namespace streamlab
