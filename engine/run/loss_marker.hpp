// engine/run/loss_marker.hpp
//
// LossMarker: says in a block that comes out of an edge what was lost before it: the flag `gap`, and how many
// frames are missing. Whoever takes blocks out of an edge leads each of them through one.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/core/data_frame.hpp"

namespace streamlab {

class LossMarker {
 public:
  // `first_position`: where the stream began, if this is its first block that came out. Real-time safe, as
  // the others.
  void mark(DataFrame& frame, std::int64_t first_position) noexcept;
  // Another stream comes.
  void reset() noexcept {
    number_.reset();
    next_.reset();
  }

 private:
  std::optional<std::uint64_t> number_ = 0;  // of the next block, if none is dropped; not known after reset()
  std::optional<std::int64_t> next_;         // position behind the last block
};

}  // namespace streamlab
