// engine/run/loss_marker.hpp
//
// LossMarker: marks in a block from an edge what was lost before it: the flag `gap`, and the number of
// missing frames. Every consumer of an edge passes each block through one.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/core/data_frame.hpp"

namespace streamlab {

class LossMarker {
 public:
  // `first_position`: where the stream began; used for its first block. Real-time safe, like the others.
  void mark(DataFrame& frame, std::int64_t first_position) noexcept;
  // Where the last block ended: the next one in a continuous stream begins there.
  std::optional<std::int64_t> next_position() const noexcept { return next_; }
  // The first block goes on with a stream that ended there: what lies between is missing.
  void join_at(std::int64_t position) noexcept {
    next_ = position;
    is_join_ = true;
  }
  // A new stream begins.
  void reset() noexcept {
    number_.reset();
    next_.reset();
    is_join_ = false;
  }

 private:
  std::optional<std::uint64_t> number_ = 0;  // of the next block, if none is dropped; not known after reset()
  std::optional<std::int64_t> next_;         // end position of the last block
  bool is_join_ = false;                     // that was another stream's
};

}  // namespace streamlab
