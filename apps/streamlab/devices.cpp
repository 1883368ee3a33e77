// apps/streamlab/devices.cpp
//
// streamlab devices: what can stand in "device" here and now.
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/streamlab/commands.hpp"
#include "apps/streamlab/console.hpp"
#include "engine/base/printable.hpp"
#include "hal/backends.hpp"

namespace streamlab::app {
namespace {

std::string text_of(const DeviceEntry& entry) {
  std::string text = fmt::format("{}\n  {}\n  {} in, {} out", printable(entry.device),
                                 printable(entry.description), entry.inputs, entry.outputs);
  if (entry.sample_rates_hz.empty()) {
    text += ", any rate";
  } else {
    text += fmt::format(", {} Hz", fmt::join(entry.sample_rates_hz, ", "));
  }
  if (!entry.sample_formats.empty()) { text += fmt::format(", {}", fmt::join(entry.sample_formats, ", ")); }
  if (entry.period_frames > 0) { text += fmt::format(", periods of {} frames", entry.period_frames); }
  text += "\n";
  if (!entry.available) {
    text += entry.note.empty() ? "  not available\n"
                               : fmt::format("  not available: {}\n", printable(entry.note));
  } else if (!entry.note.empty()) {
    text += fmt::format("  {}\n", printable(entry.note));
  }
  if (!entry.ports.empty()) {
    text += fmt::format("  ports: {}\n", printable(fmt::format("{}", fmt::join(entry.ports, ", "))));
  }
  return text;
}

Document document_of(const DeviceEntry& entry) {
  return {{"type", "device"},
          {"device", entry.device},
          {"description", entry.description},
          {"available", entry.available},
          {"note", entry.note},
          {"inputs", entry.inputs},
          {"outputs", entry.outputs},
          {"sample_rates_hz", entry.sample_rates_hz},
          {"sample_formats", entry.sample_formats},
          {"period_frames", entry.period_frames},
          {"ports", entry.ports}};
}

}  // namespace

ExitCode devices_command(bool json) {
  const DeviceList list = list_devices();
  for (const DeviceEntry& entry : list.devices) {
    if (json) {
      print_json_line(document_of(entry));
    } else {
      to_stdout(text_of(entry));
    }
  }
  for (const std::string& note : list.notes) {
    if (json) {
      print_json_line({{"type", "note"}, {"text", note}});
    } else {
      to_stdout(fmt::format("not found: {}\n", printable(note)));
    }
  }
  return ExitCode::success;
}

}  // namespace streamlab::app
