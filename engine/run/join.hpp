// engine/run/join.hpp
//
// Join: gives a node with several inputs one block of each, aligned: same position, same number of frames.
// Paths with different latency, block size and losses meet here.
//
// A range that one input lacks (it was dropped on the way, or that input has ended) is silence, and the block
// that holds it is flagged `incomplete` unless the input had ended before it. A range that all of them lack is a gap.
// Nothing blocks: a block without a partner is held back. Blocks are numbered in sequence, wherever they were
// cut; only the last one is flagged `end_of_stream`.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/core/data_frame.hpp"

namespace streamlab {

class Join {
 public:
  // Control thread. `blocks`: how many blocks each input can hold back; `frames`: how many frames it must be able to, in
  // however short blocks they come.
  Join(const std::vector<std::shared_ptr<const StreamFormat>>& formats,
       const std::vector<std::uint32_t>& blocks, std::uint64_t frames = 0);

  // The following are real-time safe.

  // Is there room for this many more blocks?
  bool has_room(std::size_t input, std::size_t blocks = 1) const noexcept;
  // Has next() given all that has come?
  bool is_empty() const noexcept;
  // Keeps a copy. False, and nothing kept, if there is no room.
  bool push(std::size_t input, const DataFrame& block) noexcept;
  // This input has ended.
  void end(std::size_t input) noexcept { queues_[input].ended = true; }

  // The next aligned blocks, one per input, valid until the next call; empty while an input lacks its part.
  std::span<const DataFrame* const> next() noexcept;
  // All inputs have ended and next() has reported that nothing is left.
  bool finished() const noexcept;
  void reset() noexcept;
  // Takes what `before` holds, and goes on where it has stopped. `inputs`, by input: its input there, or a number that it
  // has not. A join that takes over holds at least as many blocks.
  void take_over(Join& before, std::span<const std::size_t> inputs) noexcept;

 private:
  struct Queue {
    std::vector<DataFrame> blocks;  // a ring
    std::size_t first = 0;
    std::size_t count = 0;
    std::uint32_t used = 0;  // frames of the first block already handed out
    bool ended = false;
    DataFrame part;  // what next() returns when it is not a whole block

    const DataFrame& head() const noexcept { return blocks[first]; }
    DataFrame& at(std::size_t index) noexcept { return blocks[(first + index) % blocks.size()]; }
    const DataFrame& at(std::size_t index) const noexcept { return blocks[(first + index) % blocks.size()]; }
    bool has_room(std::size_t more) const noexcept { return count + more <= blocks.size(); }
    // After join_short_blocks().
    bool would_have_room(std::size_t more) const noexcept;
    std::uint64_t frames() const noexcept;
    // Room is for so many blocks of the largest size. Where shorter ones come, those behind the first are put together.
    void join_short_blocks() noexcept;
    std::int64_t position() const noexcept { return head().position() + used; }
    std::uint32_t left() const noexcept { return head().frame_count() - used; }
  };

  void take(Queue& queue, std::uint32_t frames) noexcept;
  // One more than the last; where every input has a whole block of one id, at least that.
  std::uint64_t next_sequence_id(std::uint64_t of_earliest, std::int64_t position,
                                 std::uint32_t frames) noexcept;
  // Whether no input has anything behind the `frames` frames at `position`; none: an input may bring more, or end.
  std::optional<bool> is_last_of_all(std::int64_t position, std::uint32_t frames) const noexcept;

  std::vector<Queue> queues_;
  std::vector<const DataFrame*> shown_;
  std::vector<std::uint32_t> taken_;  // frames of each queue's head that are shown now
  std::uint32_t max_frames_ = 0;
  std::uint64_t must_hold_ = 0;                // frames of each input
  std::optional<std::int64_t> next_position_;  // where the blocks given so far end
  std::optional<std::uint64_t> last_sequence_id_;
};

}  // namespace streamlab
