// engine/run/join.cpp
#include "engine/run/join.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "engine/core/time_at.hpp"

namespace streamlab {

namespace {

// Flags that hold for every frame of a block.
std::uint32_t flags_of_all_frames(const DataFrame& block) noexcept {
  return block.header().flags & ~block.flagged() & kFlagsOfFrames;
}

// Is `next` one block with `block`, but for its length?
bool can_be_one(const DataFrame& block, const DataFrame& next) noexcept {
  const std::uint32_t between = flag_bit(FrameFlag::gap) | flag_bit(FrameFlag::xrun);
  return next.position() == block.position() + block.frame_count() && (next.header().flags & between) == 0 &&
         !block.header().has(FrameFlag::end_of_stream) &&
         flags_of_all_frames(block) == flags_of_all_frames(next) && block.metadata().entries().empty() &&
         next.metadata().entries().empty();
}

void append(DataFrame& block, const DataFrame& from, std::uint32_t frames) noexcept {
  const std::uint32_t there = block.frame_count();
  block.set_frame_count(there + frames);
  const auto marks = block.set_flagged(block.flagged());
  std::fill(marks.begin() + std::min<std::ptrdiff_t>(there, std::ssize(marks)), marks.end(), std::uint8_t{0});
  block.add_flags(from, 0, frames, there);
  for (std::uint32_t c = 0; c < block.channel_count(); ++c) {
    std::copy_n(from.channel_data(c), frames, block.channel_data(c) + there);
  }
}

void remove_front(DataFrame& block, std::uint32_t frames) noexcept {
  const std::uint32_t left = block.frame_count() - frames;
  for (std::uint32_t c = 0; c < block.channel_count(); ++c) {
    std::copy_n(block.channel_data(c) + frames, left, block.channel_data(c));
  }
  block.header().timestamp_us =
      time_at(block.position() + frames, block.header(), block.format().sample_rate_hz);
  block.header().position += frames;
  block.move_flags_up(frames);
}

}  // namespace

std::uint64_t Join::Queue::frames() const noexcept {
  std::uint64_t frames = 0;
  for (std::size_t b = 0; b < count; ++b) { frames += at(b).frame_count(); }
  return frames - used;
}

bool Join::Queue::would_have_room(std::size_t more) const noexcept {
  std::size_t joined = std::min<std::size_t>(count, 1);  // the first may be shown
  std::uint64_t in_last = 0;
  for (std::size_t b = 1; b < count; ++b) {
    const bool is_one = b > 1 && can_be_one(at(b - 1), at(b));
    in_last = is_one ? in_last + at(b).frame_count() : at(b).frame_count();
    if (!is_one) { ++joined; }
    if (in_last > at(b).max_frames()) {
      in_last -= at(b).max_frames();
      ++joined;
    }
  }
  return joined + more <= blocks.size();
}

void Join::Queue::join_short_blocks() noexcept {
  std::size_t last = 0;
  for (std::size_t b = 1; b < count; ++b) {
    DataFrame& block = at(b);
    std::uint32_t moved = 0;
    if (last > 0 && can_be_one(at(last), block)) {
      DataFrame& to = at(last);
      moved = std::min(to.max_frames() - to.frame_count(), block.frame_count());
      const bool is_whole = moved == block.frame_count();
      const bool ends = block.header().has(FrameFlag::end_of_stream);
      append(to, block, moved);
      if (ends && !is_whole) { to.header().clear(FrameFlag::end_of_stream); }
      if (is_whole) { continue; }
      if (moved > 0) { remove_front(block, moved); }
    }
    if (++last < b) { std::swap(at(last), block); }
  }
  count = std::min(count, last + 1);
}

Join::Join(const std::vector<std::shared_ptr<const StreamFormat>>& formats,
           const std::vector<std::uint32_t>& blocks, std::uint64_t frames)
    : must_hold_(frames) {
  for (const auto& format : formats) { max_frames_ = std::max(max_frames_, format->max_frames); }
  for (std::size_t i = 0; i < formats.size(); ++i) {
    Queue queue;
    // One more than it must hold: a part that may be the last waits until that is known.
    for (std::uint32_t b = 0; b <= blocks[i]; ++b) { queue.blocks.emplace_back(formats[i]); }
    StreamFormat part = *formats[i];
    part.max_frames = max_frames_;
    queue.part = DataFrame(std::make_shared<const StreamFormat>(std::move(part)));
    queues_.push_back(std::move(queue));
  }
  shown_.resize(formats.size());
  taken_.resize(formats.size());
}

bool Join::has_room(std::size_t input, std::size_t blocks) const noexcept {
  const Queue& queue = queues_[input];
  if (queue.has_room(blocks)) { return true; }
  // What is full of blocks of the expected sizes holds enough: their sender waits, and they are cut where they always are.
  return queue.frames() < must_hold_ && queue.would_have_room(blocks);
}

bool Join::is_empty() const noexcept {
  for (std::size_t i = 0; i < queues_.size(); ++i) {
    if (queues_[i].frames() > taken_[i]) { return false; }
  }
  return true;
}

bool Join::push(std::size_t input, const DataFrame& block) noexcept {
  Queue& queue = queues_[input];
  if (!queue.has_room(1)) { queue.join_short_blocks(); }
  if (!queue.has_room(1)) { return false; }
  if (block.frame_count() == 0) { return true; }
  // An input that joins a running graph may begin before the part that was given last.
  const std::int64_t late = next_position_ ? *next_position_ - block.position() : 0;
  if (late > 0 && queue.count == 0) {
    if (late >= block.frame_count()) { return true; }
    queue.used = static_cast<std::uint32_t>(late);
  }
  queue.blocks[(queue.first + queue.count) % queue.blocks.size()].copy_from(block);
  ++queue.count;
  return true;
}

void Join::take_over(Join& before, std::span<const std::size_t> inputs) noexcept {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] >= before.queues_.size()) { continue; }
    Queue& from = before.queues_[inputs[i]];
    Queue& to = queues_[i];
    // What next() showed last goes when it is called again.
    if (before.taken_[inputs[i]] > 0) { take(from, std::exchange(before.taken_[inputs[i]], 0)); }
    to.count = static_cast<std::size_t>(std::min(from.count, to.blocks.size()));
    for (std::size_t b = 0; b < to.count; ++b) {
      std::swap(to.blocks[b], from.blocks[(from.first + b) % from.blocks.size()]);
    }
    to.used = from.used;
    to.ended = from.ended;
  }
  next_position_ = before.next_position_;
  last_sequence_id_ = before.last_sequence_id_;
}

void Join::take(Queue& queue, std::uint32_t frames) noexcept {
  queue.used += frames;
  if (queue.used == queue.head().frame_count()) {
    queue.used = 0;
    queue.first = (queue.first + 1) % queue.blocks.size();
    --queue.count;
  }
}

std::span<const DataFrame* const> Join::next() noexcept {
  for (std::size_t i = 0; i < queues_.size(); ++i) {
    if (taken_[i] > 0) { take(queues_[i], std::exchange(taken_[i], 0)); }
  }
  // The earliest position available; an input that has not ended must have delivered first.
  std::int64_t position = std::numeric_limits<std::int64_t>::max();
  const Queue* earliest = nullptr;
  for (const Queue& queue : queues_) {
    if (queue.count == 0) {
      if (!queue.ended) { return {}; }
      continue;
    }
    if (queue.position() < position) {
      position = queue.position();
      earliest = &queue;
    }
  }
  if (earliest == nullptr) { return {}; }
  std::uint32_t frames = max_frames_;
  for (const Queue& queue : queues_) {
    if (queue.count == 0) { continue; }
    const auto limit =
        queue.position() == position ? static_cast<std::int64_t>(queue.left()) : queue.position() - position;
    frames = static_cast<std::uint32_t>(std::min<std::int64_t>(frames, limit));
  }

  const std::optional<bool> is_last = is_last_of_all(position, frames);
  const auto ends_here = [&](const Queue& queue) {
    return queue.count > 0 && queue.position() == position &&
           (queue.head().flags_of(queue.used, frames) & flag_bit(FrameFlag::end_of_stream)) != 0;
  };
  // Only the last part of all is flagged, and which one that is must not depend on when an input says that it has ended.
  if (!is_last && std::any_of(queues_.begin(), queues_.end(), ends_here)) { return {}; }

  FrameHeader header = earliest->head().header();
  header.timestamp_us = time_at(position, header, earliest->head().format().sample_rate_hz);
  header.position = position;
  if (next_position_) {  // what only one input lacks is not a gap in the result
    header.clear(FrameFlag::gap);
    header.gap_frames = static_cast<std::uint64_t>(std::max<std::int64_t>(0, position - *next_position_));
    if (header.gap_frames > 0) { header.set(FrameFlag::gap); }
  }
  next_position_ = position + frames;
  header.sequence_id = next_sequence_id(header.sequence_id, position, frames);
  header.flags &= flag_bit(FrameFlag::gap);
  std::uint32_t of_all_frames = ~kFlagsOfFrames;
  for (const Queue& queue : queues_) {
    const bool is_there = queue.count > 0 && queue.position() == position;
    if (is_there) { header.flags |= queue.head().flags_of(queue.used, frames) & ~flag_bit(FrameFlag::gap); }
    if (is_there || (queue.ended && queue.count == 0)) { continue; }
    header.set(FrameFlag::incomplete);
    of_all_frames |= flag_bit(FrameFlag::incomplete);
  }
  if (is_last != true) { header.clear(FrameFlag::end_of_stream); }
  for (std::size_t i = 0; i < queues_.size(); ++i) {
    Queue& queue = queues_[i];
    const bool is_there = queue.count > 0 && queue.position() == position;
    if (is_there) { taken_[i] = frames; }
    if (is_there && queue.left() == frames && queue.used == 0 && queue.head().header() == header) {
      shown_[i] = &queue.head();
      continue;
    }
    queue.part.set_frame_count(frames);
    queue.part.set_header(header);
    queue.part.header().flags &= of_all_frames;
    for (const Queue& other : queues_) {
      if (other.count == 0 || other.position() != position) { continue; }
      queue.part.add_flags(other.head(), other.used, frames);
    }
    if (is_last != true) { queue.part.header().clear(FrameFlag::end_of_stream); }
    queue.part.metadata().copy_from(earliest->head().metadata());
    for (std::uint32_t c = 0; c < queue.part.channel_count(); ++c) {
      double* to = queue.part.channel_data(c);
      if (is_there) {
        std::copy_n(queue.head().channel_data(c) + queue.used, frames, to);
      } else {
        std::fill_n(to, frames, 0.0);
      }
    }
    shown_[i] = &queue.part;
  }
  return shown_;
}

std::uint64_t Join::next_sequence_id(std::uint64_t of_earliest, std::int64_t position,
                                     std::uint32_t frames) noexcept {
  const auto is_whole = [&](const Queue& queue) {
    return queue.count > 0 && queue.position() == position && queue.used == 0 && queue.left() == frames &&
           queue.head().sequence_id() == of_earliest;
  };
  std::uint64_t id = last_sequence_id_ ? *last_sequence_id_ + 1 : of_earliest;
  if (std::all_of(queues_.begin(), queues_.end(), is_whole)) { id = std::max(id, of_earliest); }
  last_sequence_id_ = id;
  return id;
}

std::optional<bool> Join::is_last_of_all(std::int64_t position, std::uint32_t frames) const noexcept {
  bool is_known = true;
  for (const Queue& queue : queues_) {
    if (queue.count == 0) { continue; }  // it has ended
    if (queue.count > 1 || queue.position() != position || queue.left() != frames) { return false; }
    is_known = is_known && (queue.ended || queue.head().header().has(FrameFlag::end_of_stream));
  }
  return is_known ? std::optional(true) : std::nullopt;
}

bool Join::finished() const noexcept {
  return std::all_of(queues_.begin(), queues_.end(),
                     [](const Queue& queue) { return queue.ended && queue.count == 0; });
}

void Join::reset() noexcept {
  for (Queue& queue : queues_) {
    queue.first = queue.count = 0;
    queue.used = 0;
    queue.ended = false;
  }
  std::fill(taken_.begin(), taken_.end(), 0U);
  next_position_.reset();
  last_sequence_id_.reset();
}

}  // namespace streamlab
