// nodes/process/output_timeline.hpp
//
// OutputTimeline: computes the stream position of the frames that a program returns for its input. The
// program itself only tells how many there are.
//
// Output frame m belongs to input frame m / r, where r is the ratio of the rates, out to in. A gap of the
// input is one of the output, before the same frame.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <deque>
#include <optional>

#include "engine/core/data_frame.hpp"
#include "engine/core/time_at.hpp"

namespace streamlab {

class OutputTimeline {
 public:
  OutputTimeline(double ratio, double out_rate_hz) : ratio_(ratio), out_rate_hz_(out_rate_hz) {}

  // The next input block.
  void add_input(const FrameHeader& header, std::uint32_t frame_count) {
    const bool follows = next_position_ && header.position == *next_position_ && !header.has(FrameFlag::gap);
    if (!follows) {
      const std::uint64_t gap = header.has(FrameFlag::gap) ? header.gap_frames : 0;
      marks_.push_back({static_cast<std::uint64_t>(scaled(frames_in_)), scaled(header.position),
                        header.timestamp_us, static_cast<std::uint64_t>(scaled(gap))});
    }
    next_position_ = header.position + frame_count;
    frames_in_ += frame_count;
  }

  // How many of the next `count` output frames are contiguous.
  std::uint32_t frames_together(std::uint32_t count) {
    while (marks_.size() > 1 && marks_[1].out_frame <= frames_out_) { marks_.pop_front(); }
    if (marks_.size() < 2) { return count; }
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(count, marks_[1].out_frame - frames_out_));
  }
  // Header of a block of output frames that begins now; call frames_together() first. Does not set sequence
  // ids.
  FrameHeader header() const {
    FrameHeader header;
    if (marks_.empty()) {  // output before any input
      header.position = static_cast<std::int64_t>(frames_out_);
      return header;
    }
    const Mark& mark = marks_.front();
    const auto since = static_cast<std::int64_t>(frames_out_ - mark.out_frame);
    header.position = mark.position + since;
    FrameHeader marked;
    marked.position = mark.position;
    marked.timestamp_us = mark.timestamp_us;
    header.timestamp_us = time_at(header.position, marked, out_rate_hz_);
    if (since == 0 && mark.gap_frames > 0) {
      header.set(FrameFlag::gap);
      header.gap_frames = mark.gap_frames;
    }
    return header;
  }
  void add_output(std::uint32_t frame_count) {
    frames_out_ += frame_count;
    most_held_ = std::max(most_held_, held_frames());
  }

  std::uint64_t frames_in() const { return frames_in_; }
  std::uint64_t frames_out() const { return frames_out_; }
  // Input frames whose output has not arrived; below 0 if more arrived than expected.
  double held_frames() const { return static_cast<double>(frames_in_) - frames_back(); }
  // The largest held_frames() when output arrived.
  std::uint64_t most_held_frames() const { return static_cast<std::uint64_t>(most_held_); }
  // Output frames that belong to all input except the last `without` frames.
  std::uint64_t frames_expected(std::uint64_t without) const {
    return static_cast<std::uint64_t>(scaled(frames_in_ - without));
  }
  // As frames_out(), in input frames.
  double frames_back() const { return static_cast<double>(frames_out_) / ratio_; }

 private:
  struct Mark {
    std::uint64_t out_frame = 0;  // the first output frame that it applies to
    std::int64_t position = 0;    // of that frame, in output frames
    std::int64_t timestamp_us = 0;
    std::uint64_t gap_frames = 0;  // before it, in output frames
  };
  template <class Count>
  std::int64_t scaled(Count count) const {
    return std::llround(static_cast<double>(count) * ratio_);
  }

  double ratio_;
  double out_rate_hz_;
  std::deque<Mark> marks_;  // the first applies to frames_out_
  std::optional<std::int64_t> next_position_;
  std::uint64_t frames_in_ = 0;
  std::uint64_t frames_out_ = 0;
  double most_held_ = 0.0;
};

}  // namespace streamlab
