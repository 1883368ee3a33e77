// engine/run/reblock.cpp
#include "engine/run/reblock.hpp"

#include <algorithm>

#include "engine/base/assert.hpp"

namespace streamlab {
namespace {

std::shared_ptr<const StreamFormat> resized(const StreamFormat& format, std::uint32_t max_frames) {
  StreamFormat changed = format;
  changed.max_frames = max_frames;
  return std::make_shared<const StreamFormat>(std::move(changed));
}

}  // namespace

Reblock::Reblock(const StreamFormat& format, std::uint32_t max_block_frames)
    : held_frame_(resized(format, format.max_frames + max_block_frames)),
      out_(resized(format, max_block_frames)) {}

void Reblock::push(const DataFrame& block) noexcept {
  SL_ASSERT(held_ + block.frame_count() <= held_frame_.max_frames(),
            "a block arrives before there is room for it");
  for (std::uint32_t c = 0; c < block.channel_count(); ++c) {
    std::copy_n(block.channel_data(c), block.frame_count(), held_frame_.channel_data(c) + held_);
  }
  held_frame_.set_frame_count(held_ + block.frame_count());
  held_frame_.add_flags(block, 0, block.frame_count(), held_);
  held_frame_.header().flags &= kFlagsOfFrames;
  held_ += block.frame_count();
  has_begun_ = has_begun_ || block.frame_count() > 0;
}

DataFrame& Reblock::pull(const FrameHeader& header, std::uint32_t frame_count, bool at_end) noexcept {
  const std::uint32_t there = std::min(held_, frame_count);
  out_.set_header(header);
  out_.set_frame_count(frame_count);
  out_.header().flags &= ~kFlagsOfFrames;  // they describe what the device recorded
  out_.add_flags(held_frame_, 0, there);
  for (std::uint32_t c = 0; c < out_.channel_count(); ++c) {
    double* held = held_frame_.channel_data(c);
    std::copy_n(held, there, out_.channel_data(c));
    std::fill_n(out_.channel_data(c) + there, frame_count - there, 0.0);
    std::copy(held + there, held + held_, held);
  }
  held_ -= there;
  held_frame_.move_flags_up(there);
  if (has_begun_ && !at_end) { underrun_frames_ += frame_count - there; }
  return out_;
}

void Reblock::reset() noexcept {
  held_ = 0;
  has_begun_ = false;
  held_frame_.set_header({});
  underrun_frames_ = 0;
}

}  // namespace streamlab
