// nodes/operators/amount.hpp
//
// Amount: how much of the beginning of a stream Take passes and Skip leaves out, and how to cut a block to
// it.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>

#include <fmt/format.h>

#include "engine/core/node.hpp"
#include "engine/core/overlap.hpp"
#include "engine/core/time_at.hpp"

namespace streamlab {

inline constexpr Range kAmountRange{1.0, 9e15};
// The parameters of both, each with its own description.
constexpr std::array<ParamInfo, 3> amount_params(std::string_view frames, std::string_view seconds,
                                                 std::string_view blocks) {
  return {param::integer("frames", "frames", kAmountRange, Need::optional, frames),
          param::number("seconds", "s", {1e-9, 1e9}, Need::optional, seconds),
          param::integer("blocks", "", kAmountRange, Need::optional, blocks)};
}
inline constexpr auto kAmountFrames = param::at(amount_params("", "", ""), "frames");
inline constexpr auto kAmountSeconds = param::at(amount_params("", "", ""), "seconds");
inline constexpr auto kAmountBlocks = param::at(amount_params("", "", ""), "blocks");
inline constexpr std::string_view kAmountNames[] = {"frames", "seconds", "blocks"};
inline constexpr ParamRule kAmountRules[] = {{ParamRule::Kind::at_least_one, kAmountNames},
                                             {ParamRule::Kind::at_most_one, kAmountNames}};
inline constexpr std::string_view kAmountDetails =
    "Exactly one of frames, seconds and blocks. Frames and, for audio, seconds are exact to the frame for "
    "any block size and do not count missing frames; seconds are rounded to whole frames. For spectra and "
    "values, seconds count from the time of the first block, and the time of a block is that of its last "
    "frame. Blocks are input blocks: for audio that depends on the block size. Blocks without frames do not "
    "count. That of Take may change while the graph runs, and counts from the beginning of the stream: less than has "
    "passed ends it with the next block, and a stream that has ended stays so. When a Skip could change, it has skipped.";

class Amount {
 public:
  static Result<Amount> read(const ParamValues& params, const StreamFormat& in) {
    Amount amount;
    if (!params.given(kAmountBlocks)) {
      if (auto fits = refuse_overlap(in, "frames and seconds would be counted more than once"); !fits) {
        return tl::unexpected(fits.error());
      }
    }
    if (params.given(kAmountBlocks)) {
      amount.unit_ = Unit::blocks;
      amount.whole_ = params.integer(kAmountBlocks);
    } else if (params.given(kAmountFrames)) {
      if (in.kind == StreamKind::spectrum) {
        return refused("/config/frames", "the frames of a spectrum are its bins", "blocks or seconds");
      }
      amount.whole_ = params.integer(kAmountFrames);
    } else {
      const double frames = std::round(params[kAmountSeconds] * in.sample_rate_hz);
      if (frames < 1.0) {
        return refused(
            "/config/seconds",
            fmt::format("{} s is shorter than one frame at {} Hz", params[kAmountSeconds], in.sample_rate_hz),
            fmt::format("at least {} s", 1.0 / in.sample_rate_hz));
      }
      amount.unit_ = in.kind == StreamKind::audio ? Unit::frames : Unit::time;
      amount.whole_ = static_cast<std::int64_t>(std::min(frames, kAmountRange.max));
    }
    amount.reset();
    return amount;
  }

  // The most frames it can be, for blocks of at most `max_frames`; UINT32_MAX: that many or more.
  std::uint32_t most_frames(std::uint32_t max_frames) const noexcept {
    const double frames = static_cast<double>(whole_) * (unit_ == Unit::blocks ? max_frames : 1.0);
    return static_cast<std::uint32_t>(std::min(frames, 4294967295.0));
  }

  // --- real-time safe
  void reset() noexcept {
    left_ = whole_;
    started_ = false;
  }
  // How many frames at the beginning of `block` are within the amount.
  std::uint32_t take(const DataFrame& block) noexcept {
    const std::uint32_t frames = block.frame_count();
    if (frames == 0 || left_ == 0) { return 0; }
    switch (unit_) {
      case Unit::frames: {
        const auto part = static_cast<std::uint32_t>(std::min<std::int64_t>(frames, left_));
        left_ -= part;
        return part;
      }
      case Unit::blocks:
        --left_;
        return frames;
      case Unit::time:
        if (!started_) {
          started_ = true;
          begin_ = moment_of(block);
        }
        if (moment_of(block) - begin_ >= whole_) { left_ = 0; }
        return left_ > 0 ? frames : 0;
    }
    return 0;
  }
  bool is_complete() const noexcept { return left_ == 0; }
  // As much of it gone as of `before`, which is in the same unit.
  void continue_from(const Amount& before) noexcept {
    left_ = std::max<std::int64_t>(0, whole_ - (before.whole_ - before.left_));
    started_ = before.started_;
    begin_ = before.begin_;
  }
  bool has_unit_of(const Amount& other) const noexcept { return unit_ == other.unit_; }

  // Control thread, after the run. "3000 of 48000 frames" if the stream was shorter than the amount; else
  // empty.
  std::string shortfall() const {
    if (is_complete()) { return {}; }
    if (unit_ == Unit::time) { return fmt::format("less than {} frames of time", whole_); }
    return fmt::format("{} of {} {}", whole_ - left_, whole_, unit_ == Unit::blocks ? "blocks" : "frames");
  }

 private:
  enum class Unit : std::uint8_t { frames, blocks, time };
  Unit unit_ = Unit::frames;
  std::int64_t whole_ = 0;  // in its unit; for time, in frames
  std::int64_t left_ = 0;
  bool started_ = false;
  std::int64_t begin_ = 0;  // position of the first block
};

// Emits `count` frames of `x` from frame `first` on, with their position and time. Real-time safe.
inline DataFrame& emit_part(OutputPort& out, const DataFrame& x, std::uint32_t first, std::uint32_t count) {
  DataFrame& y = out.emit();
  y.set_frame_count(count);
  y.set_header(x.header());
  FrameHeader& header = y.header();
  header.flags &= first == 0 ? flag_bit(FrameFlag::gap) : 0;  // it precedes the first frame
  if (first > 0) {
    if (x.format().kind == StreamKind::audio) {
      header.position = x.position() + first;
      header.timestamp_us = time_at(header.position, x.header(), x.format().sample_rate_hz);
    }
    header.gap_frames = 0;
  }
  y.add_flags(x, first, count);
  for (std::uint32_t c = 0; c < x.channel_count(); ++c) {
    std::copy_n(x.channel_data(c) + first, count, y.channel_data(c));
  }
  return y;
}

}  // namespace streamlab
