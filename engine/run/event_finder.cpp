// engine/run/event_finder.cpp
#include "engine/run/event_finder.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "engine/core/stream_format.hpp"

namespace streamlab {

std::string to_string(EngineEvent::Kind kind) {
  constexpr const char* kNames[EngineEvent::kKinds] = {
      "device_lost", "device_back", "unconnected", "connected", "xrun",    "gap",
      "drop",        "underrun",    "change",      "reload",    "failure", "end"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string port_text(const DeviceFormat& device, const PortConnection& port) {
  const auto& own = port.is_input ? device.input_names : device.output_names;
  const auto names = default_channel_names(static_cast<std::uint32_t>(own.size()));
  return fmt::format("{} {}", port.is_input ? "input" : "output",
                     port.channel < names.size() ? names[port.channel] : std::to_string(port.channel + 1));
}

std::int64_t stream_position(const EngineStatus& status) {
  return static_cast<std::int64_t>(status.frames + (status.driver ? status.driver->lost_frames : 0));
}

std::vector<Gap> GapMarks::take() {
  std::vector<Gap> gaps;
  while (auto gap = ring_.try_pop()) { gaps.push_back(*gap); }
  const std::uint64_t count = gaps_.load(std::memory_order_acquire);  // (2)
  const std::uint64_t frames = frames_.load(std::memory_order_relaxed);
  if (count == taken_gaps_) { return gaps; }
  gaps.push_back({position_.load(std::memory_order_relaxed), frames - taken_frames_, count - taken_gaps_});
  taken_gaps_ = count;
  taken_frames_ = frames;
  return gaps;
}

EngineEvent& EventFinder::add(EngineEvent::Kind kind) {
  EngineEvent& event = found_.emplace_back();
  event.kind = kind;
  event.position = position_;
  event.timestamp_us = now_us_;
  return event;
}

std::vector<EngineEvent> EventFinder::find(const EngineView& view, std::int64_t now_us, bool is_last) {
  using Kind = EngineEvent::Kind;
  const EngineStatus& status = view.status;
  found_.clear();
  now_us_ = now_us;
  position_ = stream_position(status);
  if (status.driver) { find_device(view, is_last); }
  find_drops(status);
  if (status.underrun_frames > underrun_frames_) {
    add(Kind::underrun).frames = status.underrun_frames - underrun_frames_;
    underrun_frames_ = status.underrun_frames;
  }
  for (const Error& failure : status.failures) {
    if (!failures_.insert(to_string(failure)).second) { continue; }
    EngineEvent& event = add(Kind::failure);
    event.where = failure.where;
    event.what = to_string(failure);
  }
  return std::move(found_);
}

void EventFinder::find_device(const EngineView& view, bool is_last) {
  using Kind = EngineEvent::Kind;
  const DriverStatus& driver = *view.status.driver;
  // Between two looks it may have gone and come back, more than once.
  for (; reopened_ < driver.reopened; ++reopened_) {
    if (!is_lost_) { add(Kind::device_lost); }
    add(Kind::device_back);
    is_lost_ = false;
  }
  if (driver.state == DriverState::lost && !is_lost_) {
    add(Kind::device_lost);
    is_lost_ = true;
  }
  find_ports(view.status);
  const std::uint64_t without_gap = std::min(driver.xruns_without_gap, driver.xruns);
  if (driver.xruns > xruns_) {
    EngineEvent& event = add(Kind::xrun);
    event.position = view.xrun_position;
    event.count = driver.xruns - xruns_;
    event.without_gap = without_gap - std::min(without_gap, xruns_without_gap_);
    xruns_ = driver.xruns;
    xruns_without_gap_ = std::max(xruns_without_gap_, without_gap);
  }
  const auto add_gap = [this](const Gap& gap) {
    EngineEvent& event = add(Kind::gap);
    event.position = gap.position;
    event.count = gap.count;
    event.frames = gap.frames;
    gaps_ += gap.count;
    gap_frames_ += gap.frames;
  };
  for (const Gap& gap : view.gaps) { add_gap(gap); }
  // A device that did not come back has given no block after its gap.
  if (!is_last || driver.gaps <= gaps_) { return; }
  const std::uint64_t frames = driver.lost_frames - std::min(driver.lost_frames, gap_frames_);
  add_gap({position_ - static_cast<std::int64_t>(frames), frames, driver.gaps - gaps_});
}

// Between two looks a cable may have been pulled and plugged in again, more than once.
void EventFinder::find_ports(const EngineStatus& status) {
  using Kind = EngineEvent::Kind;
  for (const PortConnection& port : status.driver->ports) {
    const std::string name = port_text(*status.device, port);
    Port& told = ports_[name];
    const auto tell = [&](Kind kind) {
      EngineEvent& event = add(kind);
      event.where = name;
      event.what = port.peer;
      told.is_connected = kind == Kind::connected;
    };
    for (; told.interruptions < port.interruptions; ++told.interruptions) {
      if (!told.is_connected) { tell(Kind::connected); }
      tell(Kind::unconnected);
    }
    if (port.connected && !told.is_connected) { tell(Kind::connected); }
  }
}

// By name: there may be several subscribers of one output, and some that have left. What was given up is told at the end, and what a
// reader may lose is told to that reader.
void EventFinder::find_drops(const EngineStatus& status) {
  std::map<std::string, std::uint64_t> drops;
  for (const EdgeReport& edge : status.edges) {
    if (edge.reader_may_lose) { continue; }
    drops[edge.of_link.empty() ? edge.name : edge.of_link] += edge.counters.dropped - edge.given_up;
  }
  for (const auto& [edge, dropped] : drops) {
    std::uint64_t& told = drops_[edge];
    if (dropped <= told) { continue; }
    EngineEvent& event = add(EngineEvent::Kind::drop);
    event.where = edge;
    event.count = dropped - told;
    told = dropped;
  }
}

}  // namespace streamlab
