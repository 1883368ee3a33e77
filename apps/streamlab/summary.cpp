// apps/streamlab/summary.cpp
#include "apps/streamlab/summary.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/streamlab/console.hpp"
#include "apps/streamlab/run_events.hpp"
#include "engine/base/printable.hpp"

namespace streamlab::app {
namespace {

double signal_seconds(const Summary& summary) {
  return summary.rate_hz > 0.0 ? static_cast<double>(summary.status.frames) / summary.rate_hz : 0.0;
}

// Frames of the device's time that the run did not get.
double missing_frames(const EngineStatus& status) {
  const std::uint64_t lost = status.driver ? status.driver->lost_frames : 0;
  return static_cast<double>(lost + status.missing_frames);
}

std::string latency_phrase(std::string_view name, std::uint32_t frames, double rate_hz) {
  const double ms = 1000.0 * frames / rate_hz;
  const std::string spoken = ms < 999.5 ? fmt::format("{:.3g} ms", ms) : fmt::format("{:.0f} ms", ms);
  return fmt::format("{} latency {} frames ({})", name, frames, spoken);
}

// A line of the summary: what it is about, and what there is to say.
std::string entry(std::string_view name, const std::string& text) {
  return fmt::format("  {:<12} {}\n", name, printable(text));
}

// Of the nodes that took most of their thread's time; what hardly counts is left out.
std::string slowest_nodes(const EngineStatus& status) {
  constexpr std::size_t kShown = 3;
  std::vector<const NodeReport*> nodes;
  for (const NodeReport& node : status.nodes) { nodes.push_back(&node); }
  std::stable_sort(nodes.begin(), nodes.end(),
                   [](const NodeReport* a, const NodeReport* b) { return a->share > b->share; });
  std::string text;
  for (std::size_t n = 0; n < std::min(kShown, nodes.size()); ++n) {
    const NodeReport& node = *nodes[n];
    if (node.share < 0.01) { break; }
    text += (text.empty() ? "" : "; ") + fmt::format("{} {:.3g} µs a block, {:.3g} µs worst", node.id,
                                                     1e-3 * node.mean_ns, 1e-3 * node.worst_ns);
  }
  return text.empty() ? text : entry("slowest", text);
}

std::string device_entries(const EngineStatus& status) {
  const DriverStatus& driver = *status.driver;
  std::string text;
  if (!driver.real_time.empty()) { text += entry("real time", driver.real_time); }
  if (status.tick && status.device->real_time && driver.ticks > 0) {
    text +=
        entry("callback", fmt::format("our part {:.3g} µs p50, {:.3g} µs p99, {:.3g} µs worst, of {:.4g} µs",
                                      status.tick->p50_us, status.tick->p99_us, status.tick->worst_us,
                                      status.tick->period_us));
    text += slowest_nodes(status);
  }
  if (status.device->real_time || driver.xruns > 0 || driver.gaps > 0) {
    text +=
        entry("device", fmt::format("{}, {} ({})", xruns_text(driver.xruns, driver.xruns_without_gap),
                                    counted(driver.gaps, "gap"), counted(driver.lost_frames, "lost frame")));
  }
  for (const PortConnection& port : driver.ports) {
    if (port.interruptions == 0) { continue; }
    const double seconds = static_cast<double>(port.unconnected_frames) / status.device->sample_rate_hz;
    text += entry("unconnected",
                  fmt::format("{}: {} of nothing ({}) instead of \"{}\", {}", port_text(*status.device, port),
                              spoken_time(seconds), counted(port.unconnected_frames, "frame"), port.peer,
                              port.interruptions == 1 ? "once" : counted(port.interruptions, "time")));
  }
  if (status.missing_frames > 0) {
    const double seconds = static_cast<double>(status.missing_frames) / status.device->sample_rate_hz;
    text += entry("missing", fmt::format("{} ({}) at the end: the device was away",
                                         counted(status.missing_frames, "frame"), spoken_time(seconds)));
  }
  if (driver.reopened > 0) { text += entry("reopened", counted(driver.reopened, "time")); }
  return text;
}

}  // namespace

std::string unconnected_text(const EngineStatus& status) {
  std::string text;
  if (!status.driver) { return text; }
  for (const PortConnection& port : status.driver->ports) {
    if (port.connected) { continue; }
    text += (text.empty() ? ", nothing connected: " : ", ") + port_text(*status.device, port);
  }
  return text;
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

std::string device_line(const DeviceFormat& device) {
  std::string text = fmt::format("device: {}, {} Hz, periods of {} frames, {} in, {} out",
                                 printable(device.description), device.sample_rate_hz, device.period_frames,
                                 device.input_names.size(), device.output_names.size());
  if (device.real_time && !device.input_names.empty()) {
    text += ", " + latency_phrase("input", device.input_latency_frames, device.sample_rate_hz);
  }
  if (device.real_time && !device.output_names.empty()) {
    text += ", " + latency_phrase("output", device.output_latency_frames, device.sample_rate_hz);
  }
  if (!device.notice.empty()) { text += fmt::format("\n  {}", printable(device.notice)); }
  return text;
}

Document device_document(const DeviceFormat& device) {
  return {{"type", "device"},
          {"description", device.description},
          {"notice", device.notice},
          {"sample_rate_hz", device.sample_rate_hz},
          {"period_frames", device.period_frames},
          {"inputs", device.input_names},
          {"outputs", device.output_names},
          {"real_time", device.real_time},
          {"input_latency_frames", device.input_latency_frames},
          {"output_latency_frames", device.output_latency_frames}};
}

std::string summary_text(const Summary& summary) {
  const EngineStatus& status = summary.status;
  const double signal_s = signal_seconds(summary);
  const bool live = status.device && status.device->real_time;
  std::string text = printable(summary.headline);
  if (text.empty()) {
    text = summary.interrupted ? "interrupted after " : "ran ";
    const double missing_s = summary.rate_hz > 0.0 ? missing_frames(status) / summary.rate_hz : 0.0;
    text += fmt::format("{} ({} at {} Hz", spoken_time(signal_s + missing_s), counted(status.frames, "frame"),
                        summary.rate_hz);
    text += missing_s > 0.0 ? fmt::format("; {} are missing)", spoken_time(missing_s)) : ")";
    if (!live && summary.wall_s > 0.0) {
      text +=
          fmt::format(" in {}, {}", spoken_time(summary.wall_s), times_real_time(signal_s, summary.wall_s));
    }
  }
  text += "\n";
  if (status.driver) { text += device_entries(status); }
  for (const EdgeReport& edge : status.edges) {
    const std::uint64_t by_policy = edge.counters.dropped - edge.given_up;
    if (by_policy > 0) {
      text += entry("dropped", fmt::format("{}: {} of {} ({}, capacity {})", edge.name, by_policy,
                                           counted(edge.counters.pushed, "block"), to_string(edge.policy),
                                           edge.capacity));
    }
    if (edge.given_up > 0) {
      text +=
          entry("given up", fmt::format("{}: {} of {} were not taken when the run was given up", edge.name,
                                        edge.given_up, counted(edge.counters.pushed, "block")));
    }
    if (edge.discarded > 0) {
      text += entry("discarded", fmt::format("{}: {} after the reader had gone", edge.name,
                                             counted(edge.discarded, "block")));
    }
  }
  if (status.underrun_frames > 0) {
    text += entry("underrun", fmt::format("{} of silence played, because blocks came too late",
                                          counted(status.underrun_frames, "frame")));
  }
  if (status.clipped_blocks > 0) { text += entry("clipped", counted(status.clipped_blocks, "block")); }
  if (status.not_finite_blocks > 0) {
    text += entry("not finite",
                  fmt::format("{} with NaN or infinities", counted(status.not_finite_blocks, "block")));
  }
  for (const auto& [node, note] : status.notes) { text += entry(node, note.text); }
  if (!summary.hint.empty()) { text += entry("silence", summary.hint); }
  return text;
}

std::string loss_text(const Summary& summary) {
  if (summary.exit_code != ExitCode::data_lost) { return {}; }
  return entry("data lost", "as counted above: exit code 3");
}

Document summary_document(const Summary& summary) {
  const EngineStatus& status = summary.status;
  Document document{{"type", "summary"},
                    {"frames", status.frames},
                    {"sample_rate_hz", summary.rate_hz},
                    {"duration_s", signal_seconds(summary)},
                    {"wall_s", summary.wall_s},
                    {"interrupted", summary.interrupted},
                    {"gaps", status.gaps},
                    {"gap_frames", status.gap_frames},
                    {"clipped_blocks", status.clipped_blocks},
                    {"not_finite_blocks", status.not_finite_blocks},
                    {"underrun_frames", status.underrun_frames}};
  if (status.driver) {
    document["device"] = {
        {"xruns", status.driver->xruns},
        {"xruns_without_gap", std::min(status.driver->xruns_without_gap, status.driver->xruns)},
        {"gaps", status.driver->gaps},
        {"lost_frames", status.driver->lost_frames},
        {"missing_frames", status.missing_frames},
        {"reopened", status.driver->reopened},
        {"ticks", status.driver->ticks},
        {"real_time", status.driver->real_time}};
    for (const PortConnection& port : status.driver->ports) {
      if (port.interruptions == 0) { continue; }
      document["device"]["unconnected"].push_back({{"port", port_text(*status.device, port)},
                                                   {"peer", port.peer},
                                                   {"count", port.interruptions},
                                                   {"frames", port.unconnected_frames}});
    }
  }
  if (status.tick) {
    document["callback_us"] = {{"period", status.tick->period_us},
                               {"p50", status.tick->p50_us},
                               {"p99", status.tick->p99_us},
                               {"worst", status.tick->worst_us}};
  }
  if (!summary.file.is_null()) { document["file"] = summary.file; }
  document["edges"] = Document::array();
  for (const EdgeReport& edge : status.edges) {
    document["edges"].push_back({{"name", edge.name},
                                 {"policy", to_string(edge.policy)},
                                 {"capacity", edge.capacity},
                                 {"pushed", edge.counters.pushed},
                                 {"delivered", edge.counters.delivered},
                                 {"dropped", edge.counters.dropped},
                                 {"in_queue", edge.counters.in_queue},
                                 {"discarded", edge.discarded},
                                 {"given_up", edge.given_up},
                                 {"high_water", edge.counters.high_water}});
  }
  document["nodes"] = Document::array();
  for (const NodeReport& node : status.nodes) {
    document["nodes"].push_back({{"name", node.id},
                                 {"measured", node.measured},
                                 {"mean_ns", std::round(10.0 * node.mean_ns) / 10.0},
                                 {"worst_ns", node.worst_ns},
                                 {"share", std::round(1e4 * node.share) / 1e4},
                                 {"in_one_pass", node.in_one_pass}});
  }
  document["params"] = summary.params;
  document["notes"] = Document::array();
  for (const auto& [node, note] : status.notes) {
    document["notes"].push_back(
        {{"node", node}, {"text", note.text}, {"count", note.count}, {"data_lost", note.data_lost}});
  }
  document["failures"] = Document::array();
  for (const Error& error : status.failures) { document["failures"].push_back(to_string(error)); }
  document["data_lost"] = status.data_lost();
  document["exit_code"] = static_cast<int>(summary.exit_code);
  return document;
}

}  // namespace streamlab::app
