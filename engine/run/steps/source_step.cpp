// engine/run/steps/source_step.cpp
#include "engine/run/steps/source_step.hpp"

#include <cmath>
#include <utility>

namespace streamlab {
namespace {

void count_frames(Loop& loop, const FrameLimit& limit) noexcept {
  const std::int64_t most = std::max(loop.source_frames.load(std::memory_order_relaxed), limit.given());
  loop.source_frames.store(most, std::memory_order_relaxed);
}

// By so many frames, to where the graph is.
void move_blocks(std::span<BlockStream* const> streams, std::int64_t frames) noexcept {
  for (BlockStream* const stream : streams) {
    for (std::uint32_t b = 0; b < stream->count; ++b) {
      FrameHeader& header = stream->frames[b]->header();
      header.position += frames;
      header.timestamp_us +=
          std::llround(static_cast<double>(frames) * 1e6 / stream->frames[b]->format().sample_rate_hz);
    }
  }
}

void mark_end(BlockStream& stream) noexcept {
  if (stream.count > 0) { stream.frames[stream.count - 1]->header().set(FrameFlag::end_of_stream); }
}

}  // namespace

bool FrameLimit::cut(BlockStream& stream) noexcept {
  for (std::uint32_t b = 0; b < stream.count; ++b) {
    DataFrame& frame = *stream.frames[b];
    FrameHeader& header = frame.header();
    const auto until_end = static_cast<std::uint64_t>(limit_ - given_);
    if (header.gap_frames > until_end) {  // only a part of it was asked for
      header.position -= static_cast<std::int64_t>(header.gap_frames - until_end);
      header.gap_frames = until_end;
      if (until_end == 0) { header.clear(FrameFlag::gap); }
    }
    given_ += static_cast<std::int64_t>(header.gap_frames);
    const std::int64_t left = limit_ - given_;
    if (left <= frame.frame_count()) {
      frame.set_frame_count(static_cast<std::uint32_t>(left));
      given_ += left;
      stream.count = b + 1;
      return true;
    }
    given_ += frame.frame_count();
  }
  return false;
}

bool SourceStep::run(Loop& loop) noexcept {
  return run_round(loop, [&] { return give(loop); });
}

bool SourceStep::give(Loop& loop) noexcept {
  bool ended = loop.sources_end.load(std::memory_order_acquire);
  if (!ended) {
    if (loop.pace == SourcePace::triggered && !loop.triggered) { return false; }
    if (!ways.have_room()) { return false; }
    for (OutputPort& port : ports()) {
      if (loop.triggered) {
        port.trigger(loop.trigger.sequence_id, loop.trigger.timestamp_us);
      } else {
        port.trigger(calls_, std::nullopt);
      }
    }
    ++calls_;
    if (joins_at_) [[unlikely]] { join(loop); }
    call(loop, {}, nullptr);
    ended = finished;
  }
  if (first_position_ != 0) { move_blocks(out, first_position_); }
  bool reached_limit = false;
  for (std::size_t o = 0; o < out.size(); ++o) {
    reached_limit = limits_[o].cut(*out[o]) || reached_limit;
    count_frames(loop, limits_[o]);
  }
  if (reached_limit) {
    for (BlockStream* const stream : out) { mark_end(*stream); }
  }
  if (ended || reached_limit) { end(); }
  return true;
}

void SourceStep::join(Loop& loop) noexcept {
  first_position_ = std::max(*joins_at_, loop.source_frames.load(std::memory_order_relaxed));
  joins_at_.reset();
  for (FrameLimit& limit : limits_) { limit.begin_at(first_position_); }
}

void SourceStep::take_over(DomainStep& before, std::span<const std::size_t> inputs) noexcept {
  DomainStep::take_over(before, inputs);
  auto& source = static_cast<SourceStep&>(before);
  calls_ = source.calls_;
  joins_at_ = source.joins_at_;
  first_position_ = source.first_position_;
  limits_.swap(source.limits_);
}

void DeviceInputStep::take_over(DomainStep& before, std::span<const std::size_t> inputs) noexcept {
  DomainStep::take_over(before, inputs);
  auto& input = static_cast<DeviceInputStep&>(before);
  limit_ = input.limit_;
  next_position_ = input.next_position_;
  std::swap(block(), input.block());  // the driver has filled it
}

void SourceStep::restart() noexcept {
  DomainStep::restart();
  calls_ = 0;
  first_position_ = 0;
  for (FrameLimit& limit : limits_) { limit.restart(); }
}

bool DeviceInputStep::run(Loop& loop) noexcept {
  BlockStream& stream = *out[0];
  stream.count = 0;
  if (finished) { return false; }
  const bool is_there = std::exchange(loop.device_block_is_there, false);
  if (!is_there && !loop.sources_end.load(std::memory_order_acquire)) { return false; }
  stream.count = is_there ? 1 : 0;
  const bool reached_limit = limit_.cut(stream);
  count_frames(loop, limit_);
  if (reached_limit) { mark_end(stream); }
  if (is_there) { loop.input_counts.add(block()); }
  if (!is_there || reached_limit) { end(); }
  loop.send(stream);
  return true;
}

void DeviceInputStep::restart() noexcept {
  DomainStep::restart();
  limit_.restart();
  next_position_ = 0;
}

void DeviceInputStep::mark_gap() noexcept {
  DataFrame& frame = block();
  FrameHeader& header = frame.header();
  if (header.position > next_position_) {
    header.set(FrameFlag::gap);
    header.gap_frames = static_cast<std::uint64_t>(header.position - next_position_);
  }
  next_position_ = header.position + frame.frame_count();
}

}  // namespace streamlab
