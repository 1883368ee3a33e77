// engine/run/steps/source_step.cpp
#include "engine/run/steps/source_step.hpp"

#include <utility>

namespace streamlab {
namespace {

void count_frames(Loop& loop, const FrameLimit& limit) noexcept {
  const std::int64_t most = std::max(loop.source_frames.load(std::memory_order_relaxed), limit.given());
  loop.source_frames.store(most, std::memory_order_relaxed);
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
    call(loop, {}, nullptr);
    ended = finished;
  }
  for (std::size_t o = 0; o < out.size(); ++o) {
    ended = limits_[o].cut(*out[o]) || ended;
    count_frames(loop, limits_[o]);
  }
  if (ended) { end(); }
  return true;
}

void SourceStep::restart() noexcept {
  DomainStep::restart();
  calls_ = 0;
  for (FrameLimit& limit : limits_) { limit.restart(); }
}

void InputCounts::add(const DataFrame& block) noexcept {
  const auto count = [](std::atomic<std::uint64_t>& counter, std::uint64_t by) {
    counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  };
  const FrameHeader& header = block.header();
  count(frames, block.frame_count());
  if (header.has(FrameFlag::gap)) {
    count(gaps, 1);
    count(gap_frames, header.gap_frames);
  }
  if (header.has(FrameFlag::clipped)) { count(clipped_blocks, 1); }
  if (header.has(FrameFlag::not_finite)) { count(not_finite_blocks, 1); }
}

void InputCounts::restart() noexcept {
  for (auto* const counter : {&frames, &gaps, &gap_frames, &clipped_blocks, &not_finite_blocks}) {
    counter->store(0, std::memory_order_relaxed);
  }
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
  if (is_there) { counts_.add(block()); }
  if (!is_there || reached_limit) { end(); }
  loop.send(stream);
  return true;
}

void DeviceInputStep::restart() noexcept {
  DomainStep::restart();
  limit_.restart();
  next_position_ = 0;
  counts_.restart();
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
