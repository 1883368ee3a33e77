// engine/run/device_side.cpp
#include "engine/run/device_side.hpp"

#include <algorithm>
#include <cmath>

#include "engine/run/edge_report.hpp"

namespace streamlab {
namespace {

// When the run is stopped, a shorter silence is enough for its frames to count as missing: they will not come any more.
constexpr std::chrono::milliseconds kSilenceAtTheEnd{100};

void add(std::atomic<std::uint64_t>& counter, std::uint64_t by) noexcept {
  counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}
double as_us(std::uint64_t ns) { return static_cast<double>(ns) * 1e-3; }

}  // namespace

void DeviceSide::tick(const TickInfo& info) noexcept {
  const auto begin = Clock::now();
  count(info);
  const Domain::Round round = domain_.tick(info);
  tick_times_.record(static_cast<std::uint64_t>((Clock::now() - begin).count()));
  last_tick_.store(begin, std::memory_order_relaxed);
  if (round == Domain::Round::worked || round == Domain::Round::idle) { return; }
  domain_is_over_.store(true, std::memory_order_release);
  // What was played last has not reached the connector yet.
  tail_frames_ += info.frame_count;
  if (round == Domain::Round::failed || tail_frames_ > driver_.format().output_latency_frames) {
    over_.store(true, std::memory_order_release);
  }
}

// Up to the end of the graph: a device runs on for a moment after it.
void DeviceSide::count(const TickInfo& info) noexcept {
  if (domain_is_over_.load(std::memory_order_relaxed)) { return; }
  if (info.xrun) {
    xrun_position_.store(info.position, std::memory_order_relaxed);
    add(xruns_, 1);
  }
  const auto limit = limit_frames_ > 0 ? static_cast<std::int64_t>(limit_frames_) : INT64_MAX;
  if (const std::int64_t end = std::min(info.position, limit); end > next_position_) {
    const auto frames = static_cast<std::uint64_t>(end - next_position_);
    add(gaps_, 1);
    add(lost_, frames);
    gap_marks_.leave({next_position_, frames});
  }
  next_position_ = info.position + info.frame_count;
  add(frames_, info.frame_count);
}

bool DeviceSide::has_ended() const {
  const DriverState state = driver_.status().state;
  if (state == DriverState::ended || state == DriverState::failed) { return true; }
  // A device that is away gives no frames to count: then wall-clock time decides.
  return is_away(state, kSilence) && limit_has_passed();
}

bool DeviceSide::is_away(DriverState state, std::chrono::milliseconds patience) const {
  if (state == DriverState::lost) { return true; }
  const DeviceFormat& device = driver_.format();
  const std::chrono::duration<double> silence = Clock::now() - last_tick();
  const double patience_s = std::max(std::chrono::duration<double>(patience).count(),
                                     8.0 * device.period_frames / device.sample_rate_hz);
  return device.real_time && silence.count() > patience_s;
}

DeviceSide::Clock::time_point DeviceSide::last_tick() const {
  return std::max(begun_.load(std::memory_order_relaxed), last_tick_.load(std::memory_order_relaxed));
}

double DeviceSide::frames_since(Clock::time_point begin) const {
  return std::chrono::duration<double>(Clock::now() - begin).count() * driver_.format().sample_rate_hz;
}

bool DeviceSide::limit_has_passed() const {
  return limit_frames_ > 0 &&
         frames_since(begun_.load(std::memory_order_relaxed)) > static_cast<double>(limit_frames_);
}

std::uint64_t DeviceSide::count_missing() const {
  const DriverStatus status = driver_.status();
  if (is_over() || status.state == DriverState::ended || !driver_.format().real_time ||
      !is_away(status.state, kSilenceAtTheEnd)) {
    return 0;
  }
  const std::uint64_t had = status.frames + status.lost_frames;
  const std::uint64_t left = limit_frames_ > 0 ? limit_frames_ - std::min(limit_frames_, had) : UINT64_MAX;
  if (limit_has_passed()) { return left; }
  return std::min(left, static_cast<std::uint64_t>(std::llround(frames_since(last_tick()))));
}

void DeviceSide::report(EngineView& view) {
  view.gaps = gap_marks_.take();
  view.xrun_position = xrun_position_.load(std::memory_order_relaxed);
}

void DeviceSide::report(EngineStatus& status) const {
  status.driver = driver_.status();
  status.device_is_away = is_away(status.driver->state, kSilence);
  status.device = driver_.format();
  for (const std::string& loss : status.device->losses) {
    status.notes.emplace_back("device", NodeNote{loss, 1, true});
  }
  status.tick = TickReport{status.device->period_frames * 1e6 / status.device->sample_rate_hz,
                           as_us(tick_times_.quantile_ns(0.5)), as_us(tick_times_.quantile_ns(0.99)),
                           as_us(tick_times_.worst_ns())};
  const bool graph_is_over = domain_is_over_.load(std::memory_order_acquire);
  if (graph_is_over) {
    status.driver->xruns = xruns_.load(std::memory_order_relaxed);
    status.driver->gaps = gaps_.load(std::memory_order_relaxed);
    status.driver->lost_frames = lost_.load(std::memory_order_relaxed);
  }
  status.frames = frames_.load(std::memory_order_relaxed);
  if (limit_frames_ > 0) { status.frames = std::min(status.frames, limit_frames_); }
  const InputCounts* const input = domain_.input_counts();
  if (input == nullptr) { return; }
  streamlab::report(*input, status);
  // A gap that reaches beyond the end of the graph was lost only up to there.
  if (graph_is_over) { status.driver->lost_frames = status.gap_frames; }
}

}  // namespace streamlab
