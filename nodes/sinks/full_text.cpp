// nodes/sinks/full_text.cpp
#include "nodes/sinks/full_text.hpp"

#include <cmath>
#include <span>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/base/printable.hpp"
#include "nodes/dsp/level_stats.hpp"
#include "nodes/sinks/brief_text.hpp"
#include "nodes/sinks/flag_names.hpp"

namespace streamlab {
namespace {

struct SpectrumPeak {
  double value = std::nan("");  // NaN when no bin has a value
  double at = std::nan("");
};

SpectrumPeak find_peak(std::span<const double> bins, const Axis& axis) {
  SpectrumPeak peak;
  for (std::size_t k = 0; k < bins.size(); ++k) {
    if (bins[k] > peak.value || (std::isnan(peak.value) && !std::isnan(bins[k]))) {
      peak = {bins[k], axis.start + static_cast<double>(k) * axis.step};
    }
  }
  return peak;
}

// All digits; null where there is no number.
std::string all_digits(double value) { return std::isnan(value) ? "null" : fmt::format("{}", value); }

std::string with_unit(double value, std::string_view unit) {
  if (std::isnan(value) || unit.empty()) { return all_digits(value); }
  return fmt::format("{} {}", value, unit);
}

dsp::Levels levels_of(std::span<const double> samples) {
  dsp::LevelStats stats;
  stats.add(samples);
  return stats.levels();
}

// " (14:03:21.480)" of a live block: nobody reads microseconds since 1970.
std::string time_of_day(std::int64_t timestamp_us) {
  return is_time_of_day(timestamp_us) ? fmt::format(" ({})", clock_text(timestamp_us)) : std::string();
}

}  // namespace

std::string full_text_of(const DataFrame& frame, const std::string& label) {
  const FrameHeader& header = frame.header();
  std::string remarks;
  for_each_flag(header, [&](std::string_view flag) {
    remarks += remarks.empty() ? " (" : ", ";
    remarks += flag == "gap" ? fmt::format("gap of {} frames", header.gap_frames) : std::string(flag);
  });
  if (!remarks.empty()) { remarks += ")"; }
  std::string text = printable(fmt::format("[{}] Frame #{} @ {} µs{}{}", label, header.sequence_id,
                                           header.timestamp_us, time_of_day(header.timestamp_us), remarks));
  const StreamFormat& format = frame.format();
  for (std::uint32_t c = 0; c < frame.channel_count(); ++c) {
    const ChannelInfo& info = format.channels[c];
    const auto data = frame.channel(c);
    std::string line;
    if (format.kind == StreamKind::values) {
      line = fmt::format("  {}: {}", info.name, with_unit(data.empty() ? std::nan("") : data[0], info.unit));
    } else if (format.kind == StreamKind::spectrum) {
      const SpectrumPeak peak = find_peak(data, format.axis);
      line = fmt::format("  {}: bins={}, peak={}", info.name, data.size(), with_unit(peak.value, info.unit));
      if (!std::isnan(peak.value)) { line += " at " + with_unit(peak.at, format.axis.unit); }
    } else {
      const dsp::Levels levels = levels_of(data);
      const std::string_view unit = info.unit == "FS" ? std::string_view() : info.unit;
      line = fmt::format("  {}: len={}, mean={}, rms={}", info.name, data.size(), with_unit(levels.dc, unit),
                         with_unit(levels.rms, unit));
      if (levels.not_finite > 0) { line += fmt::format(", not_finite={}", levels.not_finite); }
    }
    text += "\n" + printable(line);
  }
  return text + "\n";
}

std::string json_line_of(const DataFrame& frame, const std::string& label) {
  using Json = nlohmann::ordered_json;  // NaN becomes null
  const FrameHeader& header = frame.header();
  Json line;
  line["label"] = label;
  line["sequence_id"] = header.sequence_id;
  line["timestamp_us"] = header.timestamp_us;
  line["position"] = header.position;
  if (header.length_frames > 0) { line["length_frames"] = header.length_frames; }
  for_each_flag(header, [&](std::string_view flag) { line["flags"].push_back(flag); });
  if (header.has(FrameFlag::gap)) { line["gap_frames"] = header.gap_frames; }
  for (const Metadata::Entry& entry : frame.metadata().entries()) {
    line["metadata"][entry.name()] = entry.value;
  }
  const StreamFormat& format = frame.format();
  line["kind"] = to_string(format.kind);
  Json& channels = line["channels"] = Json::object();
  for (std::uint32_t c = 0; c < frame.channel_count(); ++c) {
    const ChannelInfo& info = format.channels[c];
    const auto data = frame.channel(c);
    if (format.kind == StreamKind::values) {
      channels[info.name] = {{"value", data.empty() ? std::nan("") : data[0]}, {"unit", info.unit}};
    } else if (format.kind == StreamKind::spectrum) {
      const SpectrumPeak peak = find_peak(data, format.axis);
      channels[info.name] = {{"bins", data.size()},
                             {"peak", peak.value},
                             {"unit", info.unit},
                             {"at", peak.at},
                             {"at_unit", format.axis.unit}};
    } else {
      const dsp::Levels levels = levels_of(data);
      channels[info.name] = {{"len", data.size()},
                             {"mean", levels.dc},
                             {"rms", levels.rms},
                             {"unit", info.unit},
                             {"not_finite", levels.not_finite}};
    }
  }
  return line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace streamlab
