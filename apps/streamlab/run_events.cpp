// apps/streamlab/run_events.cpp
#include "apps/streamlab/run_events.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/streamlab/console.hpp"

namespace streamlab::app {

std::string xruns_text(std::uint64_t xruns, std::uint64_t without_gap) {
  if (without_gap == 0) { return counted(xruns, "xrun"); }
  if (without_gap >= xruns) { return counted(xruns, "xrun") + " that cost no frames"; }
  return fmt::format("{} ({} cost no frames)", counted(xruns, "xrun"), without_gap);
}

std::vector<EngineEvent> RunEvents::take(const std::vector<EngineEvent>& fresh, double now_s, Hold hold) {
  using Kind = EngineEvent::Kind;
  std::vector<EngineEvent> told;
  for (const EngineEvent& event : fresh) {
    switch (event.kind) {
      case Kind::reload:
      case Kind::failure:
      case Kind::end:
        break;
      case Kind::xrun:
      case Kind::gap:
      case Kind::drop:
      case Kind::underrun: {
        auto& held = held_[{event.kind, event.where}].event;
        if (!held) {
          held = event;
          break;
        }
        held->count += event.count;
        held->frames += event.frames;
        held->without_gap += event.without_gap;
        break;
      }
      case Kind::device_lost:
      case Kind::device_back:
      case Kind::unconnected:
      case Kind::connected:
      case Kind::change:
        told.push_back(event);
    }
  }
  for (auto& [of, held] : held_) {
    if (!held.event || (hold == Hold::yes && now_s - held.told_at_s < kTogetherS)) { continue; }
    told.push_back(*std::exchange(held.event, std::nullopt));
    held.told_at_s = now_s;
  }
  return told;
}

Document event_document(const EngineEvent& event, double rate_hz) {
  Document document{{"type", "event"},
                    {"event", to_string(event.kind)},
                    {"timestamp_us", event.timestamp_us},
                    {"position", event.position},
                    {"seconds", rate_hz > 0.0 ? static_cast<double>(event.position) / rate_hz : 0.0}};
  switch (event.kind) {
    case EngineEvent::Kind::xrun:
      document["count"] = event.count;
      document["without_gap"] = event.without_gap;
      break;
    case EngineEvent::Kind::unconnected:
    case EngineEvent::Kind::connected:
      document["port"] = event.where;
      document["peer"] = event.what;
      break;
    case EngineEvent::Kind::gap:
      document["count"] = event.count;
      document["frames"] = event.frames;
      break;
    case EngineEvent::Kind::drop:
      document["edge"] = event.where;
      document["blocks"] = event.count;
      break;
    case EngineEvent::Kind::underrun:
      document["frames"] = event.frames;
      break;
    case EngineEvent::Kind::change:
      document["params"] = Document::parse(event.what);
      break;
    case EngineEvent::Kind::reload:
      document["what"] = event.what;
      break;
    case EngineEvent::Kind::failure:
      document["failure"] = event.what;
      break;
    case EngineEvent::Kind::device_lost:
    case EngineEvent::Kind::device_back:
    case EngineEvent::Kind::end:
      break;
  }
  return document;
}

std::string event_text(const EngineEvent& event) {
  switch (event.kind) {
    case EngineEvent::Kind::device_lost:
      return "the device is gone; waiting for it";
    case EngineEvent::Kind::device_back:
      return "the device is back";
    case EngineEvent::Kind::unconnected:
      return fmt::format("{}: nothing is connected any more; it was \"{}\"", event.where, event.what);
    case EngineEvent::Kind::connected:
      return event.where + ": connected again";
    case EngineEvent::Kind::xrun:
      return xruns_text(event.count, event.without_gap);
    case EngineEvent::Kind::gap:
      return fmt::format("{}: {} missing{} from frame {} on", counted(event.count, "gap"),
                         counted(event.frames, "frame"), event.count > 1 ? ", the first" : "",
                         event.position);
    case EngineEvent::Kind::drop:
      return fmt::format("{}: {} dropped", event.where, counted(event.count, "block"));
    case EngineEvent::Kind::underrun:
      return fmt::format("{} of silence played, because blocks came too late",
                         counted(event.frames, "frame"));
    case EngineEvent::Kind::change:
      return "changed: " + event.what;
    case EngineEvent::Kind::reload:
      return "reloaded: " + event.what;
    case EngineEvent::Kind::failure:
      return event.what;
    case EngineEvent::Kind::end:
      return "the end";
  }
  return {};
}

}  // namespace streamlab::app
