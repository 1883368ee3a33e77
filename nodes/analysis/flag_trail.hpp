// nodes/analysis/flag_trail.hpp
//
// FlagTrail: the flags of the most recent frames of a stream, from any position on. A result takes its flags
// from here, so that they are those of its own frames for any block size.
#pragma once

#include <array>
#include <cstdint>
#include <limits>

#include "engine/core/data_frame.hpp"

namespace streamlab {

class FlagTrail {
 public:
  static constexpr std::int64_t kStart = std::numeric_limits<std::int64_t>::min() + 1;  // for since(): all

  // Real-time safe, like the others. `count` frames of `block` from `first` on.
  void add(const DataFrame& block, std::uint32_t first, std::uint32_t count) noexcept {
    if ((block.header().flags & kKept) == 0) { return; }
    for (std::size_t i = 0; i < kFlags.size(); ++i) {
      if (const auto last = block.last_with(kFlags[i], first, count)) { last_[i] = block.position() + *last; }
    }
  }
  // Flags of the frames from `position` on.
  std::uint32_t since(std::int64_t position) const noexcept {
    std::uint32_t flags = 0;
    for (std::size_t i = 0; i < kFlags.size(); ++i) {
      if (last_[i] >= position) { flags |= flag_bit(kFlags[i]); }
    }
    return flags;
  }
  void reset() noexcept { last_.fill(kNever); }

 private:
  static constexpr std::array<FrameFlag, 4> kFlags{FrameFlag::xrun, FrameFlag::clipped, FrameFlag::not_finite,
                                                   FrameFlag::incomplete};
  static constexpr std::uint32_t kKept = kFlagsOfFrames | flag_bit(FrameFlag::xrun);

  static constexpr std::int64_t kNever = kStart - 1;

  // By flag: position of the last frame that had it.
  std::array<std::int64_t, kFlags.size()> last_{kNever, kNever, kNever, kNever};
};

}  // namespace streamlab
