// apps/streamlab/run_events.cpp
#include "apps/streamlab/run_events.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/streamlab/console.hpp"
#include "engine/core/stream_format.hpp"

namespace streamlab::app {

std::string port_text(const DeviceFormat& device, const PortConnection& port) {
  const auto& own = port.is_input ? device.input_names : device.output_names;
  const auto names = default_channel_names(static_cast<std::uint32_t>(own.size()));
  return fmt::format("{} {}", port.is_input ? "input" : "output",
                     port.channel < names.size() ? names[port.channel] : std::to_string(port.channel + 1));
}

std::string xruns_text(std::uint64_t xruns, std::uint64_t without_gap) {
  if (without_gap == 0) { return counted(xruns, "xrun"); }
  if (without_gap >= xruns) { return counted(xruns, "xrun") + " that cost no frames"; }
  return fmt::format("{} ({} cost no frames)", counted(xruns, "xrun"), without_gap);
}

std::string to_string(RunEvent::Kind kind) {
  constexpr const char* kNames[] = {"device_lost", "device_back", "unconnected", "connected",
                                    "xrun",        "gap",         "drop",        "underrun"};
  return kNames[static_cast<std::size_t>(kind)];
}

// `event`: the totals so far.
void RunEvents::add(std::vector<RunEvent>& events, RunEvent event, double now_s, Hold hold) {
  Told& told = told_[{event.kind, event.edge}];
  if (event.count <= told.count && event.frames <= told.frames) { return; }
  if (hold == Hold::yes && now_s - told.at_s < kTogetherS) { return; }
  const Told totals{event.count, event.frames, event.without_gap, now_s};
  event.count -= std::min(event.count, told.count);
  event.frames -= std::min(event.frames, told.frames);
  event.without_gap -= std::min(event.without_gap, told.without_gap);
  told = totals;
  events.push_back(std::move(event));
}

// Between two looks a cable may have been pulled and plugged in again, more than once.
void RunEvents::take_ports(std::vector<RunEvent>& events, const EngineStatus& status) {
  for (const PortConnection& port : status.driver->ports) {
    const std::string name = port_text(*status.device, port);
    ToldPort& told = told_ports_[name];
    const auto tell = [&](RunEvent::Kind kind) {
      RunEvent event{kind, {}};
      event.port = name;
      event.peer = port.peer;
      events.push_back(std::move(event));
      told.is_connected = kind == RunEvent::Kind::connected;
    };
    for (; told.interruptions < port.interruptions; ++told.interruptions) {
      if (!told.is_connected) { tell(RunEvent::Kind::connected); }
      tell(RunEvent::Kind::unconnected);
    }
    if (port.connected && !told.is_connected) { tell(RunEvent::Kind::connected); }
  }
}

std::vector<RunEvent> RunEvents::take(const EngineStatus& status, double now_s, Hold hold) {
  using Kind = RunEvent::Kind;
  std::vector<RunEvent> events;
  if (status.driver) {
    const DriverStatus& driver = *status.driver;
    // Between two looks it may have gone and come back, more than once.
    for (; reopened_ < driver.reopened; ++reopened_) {
      if (!is_lost_) { events.push_back({Kind::device_lost, {}, 1, 0}); }
      events.push_back({Kind::device_back, {}, 1, 0});
      is_lost_ = false;
    }
    if (driver.state == DriverState::lost && !is_lost_) {
      events.push_back({Kind::device_lost, {}, 1, 0});
      is_lost_ = true;
    }
    take_ports(events, status);
    const std::uint64_t without_gap = std::min(driver.xruns_without_gap, driver.xruns);
    add(events, {Kind::xrun, {}, driver.xruns, 0, without_gap}, now_s, hold);
    if (!is_lost_ || hold == Hold::no) {
      add(events, {Kind::gap, {}, driver.gaps, driver.lost_frames}, now_s, hold);
    }
  }
  for (const EdgeReport& edge : status.edges) {
    add(events, {Kind::drop, edge.name, edge.counters.dropped - edge.given_up, 0}, now_s, hold);
  }
  add(events, {Kind::underrun, {}, status.underrun_frames > 0 ? 1U : 0U, status.underrun_frames}, now_s,
      hold);
  return events;
}

std::uint64_t stream_position(const EngineStatus& status) {
  return status.frames + (status.driver ? status.driver->lost_frames : 0);
}

Document event_document(const RunEvent& event, std::int64_t timestamp_us, double seconds) {
  Document document{{"type", "event"},
                    {"event", to_string(event.kind)},
                    {"timestamp_us", timestamp_us},
                    {"seconds", seconds}};
  switch (event.kind) {
    case RunEvent::Kind::xrun:
      document["count"] = event.count;
      document["without_gap"] = event.without_gap;
      break;
    case RunEvent::Kind::unconnected:
    case RunEvent::Kind::connected:
      document["port"] = event.port;
      document["peer"] = event.peer;
      break;
    case RunEvent::Kind::gap:
      document["count"] = event.count;
      document["frames"] = event.frames;
      break;
    case RunEvent::Kind::drop:
      document["edge"] = event.edge;
      document["blocks"] = event.count;
      break;
    case RunEvent::Kind::underrun:
      document["frames"] = event.frames;
      break;
    case RunEvent::Kind::device_lost:
    case RunEvent::Kind::device_back:
      break;
  }
  return document;
}

std::string event_text(const RunEvent& event) {
  switch (event.kind) {
    case RunEvent::Kind::device_lost:
      return "the device is gone; waiting for it";
    case RunEvent::Kind::device_back:
      return "the device is back";
    case RunEvent::Kind::unconnected:
      return fmt::format("{}: nothing is connected any more; it was \"{}\"", event.port, event.peer);
    case RunEvent::Kind::connected:
      return event.port + ": connected again";
    case RunEvent::Kind::xrun:
      return xruns_text(event.count, event.without_gap);
    case RunEvent::Kind::gap:
      return fmt::format("{}: {} missing", counted(event.count, "gap"), counted(event.frames, "frame"));
    case RunEvent::Kind::drop:
      return fmt::format("{}: {} dropped", event.edge, counted(event.count, "block"));
    case RunEvent::Kind::underrun:
      return fmt::format("{} of silence played, because blocks came too late",
                         counted(event.frames, "frame"));
  }
  return {};
}

}  // namespace streamlab::app
