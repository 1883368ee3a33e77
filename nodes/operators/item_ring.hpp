// nodes/operators/item_ring.hpp
//
// ItemRing: the last frames of a stream, each with its flags and times, for nodes that assemble new blocks.
// Items are counted from 0; item u stays until item u + capacity comes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "engine/core/data_frame.hpp"
#include "engine/core/time_at.hpp"

namespace streamlab {

class ItemRing {
 public:
  ItemRing() = default;
  // Control thread. Allocates.
  ItemRing(const StreamFormat& format, std::uint32_t capacity)
      : audio_(format.kind == StreamKind::audio),
        sample_rate_hz_(format.sample_rate_hz),
        capacity_(capacity),
        samples_(std::size_t{format.channel_count()} * capacity),
        items_(capacity) {}

  // --- real-time safe
  void clear() noexcept { end_ = 0; }
  std::int64_t end() const noexcept { return end_; }  // number of the item that comes next

  // Appends `count` frames of `block` from frame `first` on, each with its flags, except gap and
  // end_of_stream.
  void append(const DataFrame& block, std::uint32_t first, std::uint32_t count) noexcept {
    const FrameHeader& header = block.header();
    constexpr std::uint32_t kKept = kFlagsOfFrames | flag_bit(FrameFlag::xrun);
    const bool flagged = (header.flags & kKept) != 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      Item& item = items_[slot(end_ + i)];
      item.position = header.position + (audio_ ? first + i : 0);
      item.block_position = header.position;
      item.block_time_us = header.timestamp_us;
      item.length_frames = header.length_frames;
      item.flags = flagged ? block.flags_of(first + i, 1) & kKept : 0;
    }
    for (std::uint32_t c = 0; c < block.channel_count(); ++c) {
      const double* from = block.channel_data(c) + first;
      double* const to = samples_.data() + std::size_t{c} * capacity_;
      for_each_run(end_, count, [&](std::size_t at, std::uint32_t run) {
        std::copy_n(from, run, to + at);
        from += run;
      });
    }
    end_ += count;
  }

  // The items first … first + count - 1, with position, time and flags, as a new block.
  void copy_to(DataFrame& y, std::int64_t first, std::uint32_t count) const noexcept {
    const Item& begin = items_[slot(first)];
    y.set_header({});
    FrameHeader& header = y.header();
    header.position = begin.position;
    FrameHeader block;
    block.position = begin.block_position;
    block.timestamp_us = begin.block_time_us;
    header.timestamp_us = time_at(begin.position, block, sample_rate_hz_);
    y.set_frame_count(count);
    const Item& last = items_[slot(first + count - 1)];
    const std::int64_t end = last.position + static_cast<std::int64_t>(last.length_frames);
    if (!audio_ && last.length_frames > 0 && end > begin.position) {
      header.length_frames = static_cast<std::uint64_t>(end - begin.position);
    }
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint32_t flags = items_[slot(first + i)].flags;
      if (flags == 0) { continue; }
      header.flags |= flags & flag_bit(FrameFlag::xrun);
      for (const FrameFlag flag : {FrameFlag::clipped, FrameFlag::not_finite, FrameFlag::incomplete}) {
        if ((flags & flag_bit(flag)) != 0) { y.flag_frames(flag, i, 1); }
      }
    }
    for (std::uint32_t c = 0; c < y.channel_count(); ++c) {
      const double* const from = samples_.data() + std::size_t{c} * capacity_;
      double* to = y.channel_data(c);
      for_each_run(first, count, [&](std::size_t at, std::uint32_t run) {
        std::copy_n(from + at, run, to);
        to += run;
      });
    }
  }
  // As by moment_of().
  std::int64_t moment(std::int64_t item) const noexcept {
    const Item& at = items_[slot(item)];
    return at.position + std::max<std::int64_t>(0, static_cast<std::int64_t>(at.length_frames) - 1);
  }

 private:
  struct Item {
    std::int64_t position = 0;
    std::int64_t block_position = 0;  // position of its block, whose time is
    std::int64_t block_time_us = 0;
    std::uint64_t length_frames = 0;  // of values
    std::uint32_t flags = 0;
  };

  std::size_t slot(std::int64_t item) const noexcept { return static_cast<std::size_t>(item) % capacity_; }
  // Calls take(place, run) for the one or two contiguous runs that hold these items.
  template <class Take>
  void for_each_run(std::int64_t first, std::uint32_t count, Take take) const noexcept {
    const std::size_t at = slot(first);
    const auto run = static_cast<std::uint32_t>(std::min<std::size_t>(count, capacity_ - at));
    take(at, run);
    if (run < count) { take(0, count - run); }
  }

  bool audio_ = true;
  double sample_rate_hz_ = 1.0;
  std::size_t capacity_ = 1;
  std::vector<double> samples_;  // channel after channel
  std::vector<Item> items_;
  std::int64_t end_ = 0;
};

}  // namespace streamlab
