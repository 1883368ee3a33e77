// nodes/analysis/interval_measurement.cpp
#include "nodes/analysis/interval_measurement.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "engine/core/overlap.hpp"
#include "engine/core/time_at.hpp"
#include "nodes/analysis/flag_overflow.hpp"

namespace streamlab {

Result<void> IntervalMeasurement::prepare_stretches(const StreamFormat& in, const Stretches& stretches,
                                                    OutputFormat& out) {
  stretches_ = stretches;
  kind_ = in.kind;
  sample_rate_hz_ = in.sample_rate_hz;
  if (stretches.over != Over::block) {
    if (auto fits = refuse_overlap(in, stretches.why_no_overlap); !fits) { return fits; }
  }
  if (stretches.over == Over::count) {
    const std::uint32_t most = kind_ == StreamKind::spectrum ? 1 : in.max_frames;
    out.max_blocks = static_cast<std::uint32_t>(most / stretches.count + 2);
    out.held_frames = static_cast<std::uint32_t>(std::min<std::int64_t>(stretches.count, UINT32_MAX));
  }
  if (stretches.over != Over::interval) { return {}; }
  auto grid = IntervalGrid::make(stretches.interval_s, sample_rate_hz_);
  if (!grid) { return tl::unexpected(grid.error()); }
  initial_grid_ = *grid;
  max_frames_ = in.max_frames;
  out.max_blocks = max_blocks_ = blocks_per_input(*grid);
  out.held_frames = static_cast<std::uint32_t>(std::min(std::ceil(grid->interval_frames()), 4294967295.0));
  return {};
}

// A block of audio can end an interval at each of its frames' boundaries, and one more where a gap precedes it.
std::uint32_t IntervalMeasurement::blocks_per_input(const IntervalGrid& grid) const noexcept {
  const double ends = kind_ == StreamKind::audio ? max_frames_ / std::floor(grid.interval_frames()) : 0.0;
  return static_cast<std::uint32_t>(ends) + 2;
}

Result<IntervalGrid> IntervalMeasurement::plan_interval(double interval_s) const {
  auto grid = IntervalGrid::make(interval_s, sample_rate_hz_);
  if (!grid || blocks_per_input(*grid) <= max_blocks_) { return grid; }
  // The shortest with as many results a block; that of the configuration is one of them.
  const double shortest =
      std::min(std::floor(max_frames_ / (max_blocks_ - 1.0)) + 1.0, initial_grid_.interval_frames());
  return refused(
      "/config/interval_s",
      fmt::format("{} s would give more results for a block of {} frames than the graph has room for",
                  interval_s, max_frames_),
      fmt::format("at least {} s while the graph runs", shortest / sample_rate_hz_));
}

void IntervalMeasurement::apply_interval(const IntervalGrid& grid) noexcept {
  next_grid_ = grid;
  if (kind_ == StreamKind::audio && measured_ == 0) {
    open(next_);
  }  // an interval has ended with the last block
}

StreamFormat IntervalMeasurement::values_format(const StreamFormat& in) {
  StreamFormat format;
  format.kind = StreamKind::values;
  format.sample_rate_hz = in.sample_rate_hz;
  format.max_frames = 1;
  return format;
}

void IntervalMeasurement::set_metadata(const Stretch& stretch, DataFrame& y) noexcept {
  y.metadata().set("interval_frames", static_cast<double>(stretch.interval_frames));
  y.metadata().set("frames", static_cast<double>(stretch.measured));
  y.metadata().set("missing_frames", static_cast<double>(stretch.missing_frames));
}

void IntervalMeasurement::reset() noexcept {
  started_ = false;
  results_ = 0;
  last_end_ = 0;
  step_ = 0;
  trail_.reset();
  grid_ = next_grid_ = initial_grid_;
  open(0);
}

Status IntervalMeasurement::process(std::span<const DataFrame* const> in,
                                    std::span<OutputPort> out) noexcept {
  const DataFrame& x = *in[0];
  if (x.frame_count() == 0) { return Status::ok; }
  if (kind_ == StreamKind::audio) {
    add_audio(x, out[0]);
  } else {
    add_results(x, out[0]);
  }
  if (stretches_.over == Over::block) {
    // A window may say that frames are missing inside it: it is longer than its frames by so many.
    if (kind_ == StreamKind::audio) {
      const auto inside = static_cast<std::int64_t>(x.metadata().get("missing_frames").value_or(0.0));
      missing_ += inside;
      next_ += inside;
    }
    end_stretch(out[0], true);
    open(next_);
  }
  return Status::ok;
}

Status IntervalMeasurement::finish(std::span<OutputPort> out) noexcept {
  if (measured_ == 0) { return Status::done; }
  // An interval of values is whole when the next one, at the distance of the last two, would lie behind it.
  const bool is_filled =
      stretches_.over == Over::interval && kind_ != StreamKind::audio && step_ > 0 && next_ + step_ >= end_;
  end_stretch(out[0], stretches_.over == Over::stream || is_filled);
  measured_ = 0;
  return Status::ok;
}

void IntervalMeasurement::add_audio(const DataFrame& x, OutputPort& out) noexcept {
  const FrameHeader& header = x.header();
  if (!started_) {
    begin_stream(header);
  } else if (header.position != next_) {
    go_to(header.position, out);
  }
  for (std::uint32_t done = 0; done < x.frame_count();) {
    if (measured_ == 0) { timestamp_us_ = time_at(first_, header, sample_rate_hz_); }
    std::int64_t part = x.frame_count() - done;
    if (stretches_.over == Over::count) { part = std::min(part, stretches_.count - measured_); }
    if (stretches_.over == Over::interval) { part = std::min(part, end_ - next_); }
    const auto count = static_cast<std::uint32_t>(part);
    measure(x, done, count);
    trail_.add(x, done, count);
    done += count;
    measured_ += part;
    next_ += part;
    const bool is_full = (stretches_.over == Over::count && measured_ == stretches_.count) ||
                         (stretches_.over == Over::interval && next_ == end_);
    if (is_full) {
      end_stretch(out, true);
      open(next_);
    }
  }
}

void IntervalMeasurement::begin_stream(const FrameHeader& header) noexcept {
  started_ = true;
  open(header.position);
  const auto missing = static_cast<std::int64_t>(header.has(FrameFlag::gap) ? header.gap_frames : 0);
  missing_ = std::min(header.position - begin_, missing);
  first_ = header.position - missing_;
  const bool tell_all = stretches_.entered_late == Stretches::EnteredLate::accepted;
  last_end_ = header.position - (tell_all ? missing : missing_);
}

// Accounts for what lies between the last block of audio and one that does not follow it.
void IntervalMeasurement::go_to(std::int64_t position, OutputPort& out) noexcept {
  const bool forward = position > next_;
  const bool same_stretch = stretches_.over == Over::interval
                                ? forward && position < end_
                                : measured_ > 0 && (forward || stretches_.over == Over::stream);
  if (same_stretch) {
    if (forward) { missing_ += position - next_; }
    next_ = position;
    return;
  }
  if (measured_ > 0) {
    if (forward) {
      missing_ += end_ - next_;
      next_ = end_;
    }
    end_stretch(out, false);
  }
  open(position);
  if (forward) {
    missing_ = position - first_;
  } else {
    first_ = last_end_ = position;  // the stream restarts its count
    trail_.reset();
  }
}

// As many values as the block holds, or one spectrum, all where the block ends.
void IntervalMeasurement::add_results(const DataFrame& x, OutputPort& out) noexcept {
  const std::int64_t moment = moment_of(x);
  if (stretches_.over == Over::interval && measured_ > 0 && (moment >= end_ || moment < begin_)) {
    end_stretch(out, moment >= end_);
    measured_ = 0;
  }
  if (started_ && moment > next_) { step_ = moment - next_; }
  started_ = true;
  next_ = moment;
  const std::uint32_t items = kind_ == StreamKind::spectrum ? 1 : x.frame_count();
  for (std::uint32_t i = 0; i < items; ++i) {
    add_result(x, i, moment);
    if (stretches_.over == Over::count && measured_ == stretches_.count) {
      end_stretch(out, true);
      measured_ = 0;
    }
  }
}

void IntervalMeasurement::add_result(const DataFrame& x, std::uint32_t index, std::int64_t moment) noexcept {
  const FrameHeader& header = x.header();
  if (measured_ == 0) {
    open(moment);
    if (stretches_.over != Over::interval) { begin_ = header.position; }
    // A value may begin before the interval that it belongs to: the result is about what its values cover.
    if (stretches_.over != Over::interval || header.length_frames > 0) {
      first_ = covered_ = header.position;
    }
    last_end_ = first_;
    timestamp_us_ = time_at(first_, header, sample_rate_hz_);
  }
  covered_ = std::max(covered_, header.position + static_cast<std::int64_t>(header.length_frames));
  length_known_ = length_known_ && header.length_frames > 0;
  if (index == 0 && header.has(FrameFlag::gap)) {
    gap_ = true;
    missing_ += static_cast<std::int64_t>(header.gap_frames);
  }
  flags_ |= header.flags;
  measure(x, index, 1);
  ++measured_;
}

// Begins a stretch at `position`; of intervals, the one that holds it.
void IntervalMeasurement::open(std::int64_t position) noexcept {
  begin_ = first_ = end_ = next_ = position;
  if (stretches_.over == Over::interval) {
    const bool is_new = next_grid_.interval_frames() != grid_.interval_frames();
    grid_ = next_grid_;
    const std::int64_t interval = grid_.index_of(position);
    begin_ = first_ = grid_.begin(interval);
    end_ = grid_.begin(interval + 1);
    if (is_new && started_ && last_end_ <= position) { first_ = std::max(begin_, last_end_); }
  }
  covered_ = first_;
  length_known_ = true;
  measured_ = 0;
  missing_ = 0;
  gap_ = false;
  flags_ = 0;
  restart();
}

// Where what a result is about ends; of values whose own length is not known, the interval's end or where it began.
std::int64_t IntervalMeasurement::end_of_result(bool whole) const noexcept {
  if (kind_ == StreamKind::audio) { return next_; }
  if (length_known_) { return covered_; }
  return stretches_.over == Over::interval && whole ? end_ : first_;
}

// Gives the result. `whole`: the stretch came to its end.
void IntervalMeasurement::end_stretch(OutputPort& out, bool whole) noexcept {
  DataFrame& y = out.emit();
  y.set_header({});
  FrameHeader& header = y.header();
  header.position = first_;
  header.length_frames = static_cast<std::uint64_t>(std::max<std::int64_t>(0, end_of_result(whole) - first_));
  header.timestamp_us = timestamp_us_;
  header.sequence_id = results_++;
  header.flags = flags_ | trail_.since(stretches_.over == Over::stream ? FlagTrail::kStart : first_);
  header.clear(FrameFlag::gap);
  header.clear(FrameFlag::end_of_stream);
  const std::int64_t skipped = std::max<std::int64_t>(0, first_ - last_end_);  // whole stretches
  if (gap_ || missing_ + skipped > 0) {
    header.set(FrameFlag::gap);
    header.gap_frames = static_cast<std::uint64_t>(missing_ + skipped);
  }
  const bool cut_in = kind_ == StreamKind::audio && first_ > begin_ &&
                      stretches_.entered_late == Stretches::EnteredLate::incomplete;
  if (!whole || cut_in || gap_ || missing_ > 0) { header.set(FrameFlag::incomplete); }
  last_end_ = stretches_.over == Over::interval ? end_ : next_;

  y.metadata().clear();
  give({end_ - begin_, measured_, missing_}, y);
  flag_overflow(y);
}

}  // namespace streamlab
