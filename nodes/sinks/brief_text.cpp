// nodes/sinks/brief_text.cpp
#include "nodes/sinks/brief_text.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <numbers>
#include <sstream>

#include <fmt/format.h>

#include "engine/base/printable.hpp"
#include "nodes/analysis/level_unit.hpp"
#include "nodes/dsp/level_stats.hpp"
#include "nodes/sinks/flag_names.hpp"

namespace streamlab {
namespace {

constexpr std::uint32_t kBarCells = 30;  // 2 dB each
constexpr std::size_t kMostPeaks = 3;
constexpr double kPeakRange = 1000.0;  // 60 dB below the largest nothing is worth a look

// A hundredth of a decibel is the least that anybody looks at, of 114 dB too.
std::string digits_of(double value, std::string_view unit) {
  if (std::isnan(value)) { return "--"; }
  if (!is_level(unit)) { return three_digits(value); }
  const std::string text = fmt::format("{:.2f}", value);
  return text == "-0.00" ? "0.00" : text;
}

// As wide as "-121.93", so that columns of levels stay columns.
std::string padded(double value, std::string_view unit) {
  return fmt::format("{:>{}}", digits_of(value, unit), is_level(unit) ? 7 : 6);
}

std::string in_unit(double value, std::string_view unit) {
  const std::string number = padded(value, unit);
  return unit.empty() || std::isnan(value) ? number : fmt::format("{} {}", number, unit);
}

// "peak_db" in dBFS is "peak", "rms_db_spl" in dB SPL "rms": the unit says the rest.
std::string without_unit(const std::string& name, const std::string& unit) {
  std::string ending = "_";
  for (const char c : unit) {
    ending += c == ' ' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  for (const std::string& end : {ending, std::string(unit.starts_with("dB") ? "_db" : ending)}) {
    if (name.size() > end.size() && name.ends_with(end)) { return name.substr(0, name.size() - end.size()); }
  }
  return name;
}

std::string before_dot(const std::string& name) {
  const std::size_t dot = name.rfind('.');
  return dot == std::string::npos ? name : name.substr(0, dot);
}
std::string behind_dot(const std::string& name) {
  const std::size_t dot = name.rfind('.');
  return dot == std::string::npos ? std::string() : name.substr(dot + 1);
}

std::string note_of(const StreamFormat& format, const std::string& note) {
  const auto found = format.notes.find(note);
  return found == format.notes.end() ? std::string() : found->second;
}

// "left.rms_db" of "left.rms_db.mean": a Reduce has put its operation behind the name.
std::string without_operation(const std::string& name, const std::string& operation) {
  const std::string end = "." + operation;
  if (operation.empty() || !name.ends_with(end)) { return name; }
  const std::string rest = name.substr(0, name.size() - end.size());
  return behind_dot(rest).empty() ? name : rest;  // of sound: "left.mean"
}

std::vector<std::string> words_of(const StreamFormat& format, const std::string& note) {
  std::istringstream text(note_of(format, note));
  std::vector<std::string> words;
  for (std::string word; text >> word;) { words.push_back(word); }
  return words;
}

std::optional<std::uint32_t> channel_of(const StreamFormat& format, const std::string& name) {
  for (std::uint32_t c = 0; c < format.channel_count(); ++c) {
    if (format.channels[c].name == name) { return c; }
  }
  return std::nullopt;
}

// Knows where peaks lie between bins if the spectrum says which window made it. The peaks of a density are not those of
// tones, and lie where their bins are.
dsp::TonePeaks peaks_for(const StreamFormat& format) {
  if (note_of(format, "scaling") == "psd") { return {}; }
  const std::vector<std::string> window = words_of(format, "window");
  const std::vector<std::string> size = words_of(format, "fft_size");
  if (format.kind != StreamKind::spectrum || window.empty() || size.size() != 1) { return {}; }
  const auto type = dsp::window_type(window[0]);
  const std::size_t frames = std::strtoull(size[0].c_str(), nullptr, 10);
  if (!type || frames < 2) { return {}; }
  return {{*type, window.size() > 1 ? std::strtod(window[1].c_str(), nullptr) : 0.0}, frames};
}

std::string remarks_of(const FrameHeader& header) {
  std::string remarks;
  for_each_flag(header, [&](std::string_view flag) {
    remarks += remarks.empty() ? "  (" : ", ";
    remarks += flag == "gap" ? fmt::format("gap of {} frames", header.gap_frames) : std::string(flag);
  });
  return remarks.empty() ? remarks : remarks + ")";
}

}  // namespace

std::string three_digits(double value) {
  if (std::isnan(value)) { return "null"; }
  if (!std::isfinite(value) || value == 0.0) { return fmt::format("{:g}", value == 0.0 ? 0.0 : value); }
  const std::string rounded = fmt::format("{:.2e}", value);  // 9.996 is 10.0, not 10.00
  const int exponent = std::atoi(rounded.c_str() + rounded.find('e') + 1);
  constexpr int kSmallest = -4;
  constexpr int kLargest = 6;
  if (exponent < kSmallest || exponent > kLargest) { return rounded; }
  return fmt::format("{:.{}f}", std::strtod(rounded.c_str(), nullptr), std::max(0, 2 - exponent));
}

bool is_time_of_day(std::int64_t timestamp_us) {
  // In µs: 2001-09-09 01:46:40 UTC. No stream is 31 years long.
  constexpr std::int64_t kFirstDate = 1'000'000'000'000'000;
  return timestamp_us >= kFirstDate;
}

std::string clock_text(std::int64_t timestamp_us) {
  constexpr std::int64_t kMs = 1000;
  const std::int64_t ms = (timestamp_us < 0 ? -timestamp_us : timestamp_us) / kMs;
  const std::int64_t seconds = ms / 1000;
  if (is_time_of_day(timestamp_us)) {
    const auto time = static_cast<std::time_t>(seconds);
    std::tm local{};
    ::localtime_r(&time, &local);
    return fmt::format("{:02}:{:02}:{:02}.{:03}", local.tm_hour, local.tm_min, local.tm_sec, ms % 1000);
  }
  const char* const sign = timestamp_us < 0 ? "-" : "";
  const std::int64_t minutes = seconds / 60;
  if (minutes < 60) { return fmt::format("{}{}:{:02}.{:03}", sign, minutes, seconds % 60, ms % 1000); }
  return fmt::format("{}{}:{:02}:{:02}.{:03}", sign, minutes / 60, minutes % 60, seconds % 60, ms % 1000);
}

BriefText::BriefText(const StreamFormat& format, std::string label, Bars bars)
    : label_(std::move(label)), bars_(bars), scaling_(note_of(format, "scaling")), peaks_(peaks_for(format)) {
  if (format.kind == StreamKind::values) {
    list_values(format);
    if (bars_ == Bars::yes) { find_bars(format); }
  } else {
    for (const ChannelInfo& channel : format.channels) { lines_.push_back({channel.name, {}, {}, {}}); }
  }
  pad_names();
  reset();
}

// "left.peak_db", "left.rms_db", … are one line, and so are "left.peak_db.max", "left.rms_db.max", … of a Reduce. Of
// them are shown those that the note "brief" names, in its order, or else all; counts where there is something to count.
void BriefText::list_values(const StreamFormat& format) {
  const std::vector<std::string> brief = words_of(format, "brief");
  const std::string operation = note_of(format, "reduced");
  for (std::uint32_t c = 0; c < format.channel_count(); ++c) {
    const ChannelInfo& info = format.channels[c];
    const std::string reduced = without_operation(info.name, operation);
    const std::string name = before_dot(reduced);
    const std::string quantity = behind_dot(reduced);
    if (quantity.empty() || lines_.empty() || lines_.back().name != name) {
      lines_.push_back({name, {}, {}, {}});
    }
    lines_.back().quantities.push_back({quantity, info.unit, c, info.unit == "samples"});
    lines_.back().prefix = reduced == info.name ? "" : operation + " ";
  }
  for (Line& line : lines_) {
    const auto place_of = [&](const Quantity& q) { return std::find(brief.begin(), brief.end(), q.name); };
    const auto is_brief = [&](const Quantity& q) { return place_of(q) != brief.end(); };
    if (std::any_of(line.quantities.begin(), line.quantities.end(), is_brief)) {
      std::erase_if(line.quantities, [&](const Quantity& q) { return !q.is_count && !is_brief(q); });
      std::stable_sort(line.quantities.begin(), line.quantities.end(),
                       [&](const Quantity& a, const Quantity& b) { return place_of(a) < place_of(b); });
    }
    for (Quantity& q : line.quantities) { q.name = line.prefix + without_unit(q.name, q.unit); }
  }
}

void BriefText::find_bars(const StreamFormat& format) {
  const std::vector<std::string> bar = words_of(format, "bar");
  if (bar.size() != 2) { return; }
  const std::string operation = note_of(format, "reduced");
  for (Line& line : lines_) {
    const std::string end = line.prefix.empty() ? "" : "." + operation;
    line.level = channel_of(format, fmt::format("{}.{}{}", line.name, bar[0], end));
    line.peak = channel_of(format, fmt::format("{}.{}{}", line.name, bar[1], end));
  }
}

void BriefText::pad_names() {
  std::size_t longest = 0;
  for (Line& line : lines_) {
    line.name = printable(line.name);
    longest = std::max(longest, line.name.size());
  }
  for (Line& line : lines_) { line.name.resize(longest, ' '); }
}

std::string BriefText::operator()(const DataFrame& frame) {
  const FrameHeader& header = frame.header();
  const std::string remarks = remarks_of(header);
  std::string text;
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    const auto channel = static_cast<std::uint32_t>(i);
    std::string line = fmt::format("[{}] {}  {}", label_, clock_text(header.timestamp_us), lines_[i].name);
    switch (frame.format().kind) {
      case StreamKind::values:
        line += values_of(frame, lines_[i], holds_[i]);
        break;
      case StreamKind::spectrum:
        line += peaks_of(frame, channel);
        break;
      default:
        line += audio_of(frame, channel);
    }
    text += printable(line + remarks) + "\n";
  }
  return text;
}

std::string BriefText::values_of(const DataFrame& frame, Line& line, PeakHold& hold) const {
  const auto value = [&](std::uint32_t c) {
    const auto data = frame.channel(c);
    return data.empty() ? std::nan("") : data[0];
  };
  std::string text;
  if (line.level && line.peak) {
    const double held = hold.hold(value(*line.peak), 1e-6 * static_cast<double>(frame.header().timestamp_us));
    text += "  " + level_bar(value(*line.level), held, kBarCells);
  }
  for (const Quantity& q : line.quantities) {
    if (q.is_count && value(q.channel) == 0.0) { continue; }
    text += "  ";
    if (!q.name.empty()) { text += q.name + " "; }
    text += q.is_count && std::isfinite(value(q.channel)) ? fmt::format("{:.0f} {}", value(q.channel), q.unit)
                                                          : in_unit(value(q.channel), q.unit);
  }
  return text;
}

// The level of a tone by its amplitude in the spectrum (of powers: its root). In FS it is dBFS where the spectrum gives
// the peak of a sine, which reads 0 dBFS at full scale. In every other unit it is that of the rms, which is what dB SPL,
// dBV and dB re 1 of a unit mean.
BriefText::Level BriefText::level_of(double amplitude, const std::string& unit) const {
  constexpr double kPressure0 = 20e-6;  // Pa: 0 dB SPL
  const auto level = [](double ratio) { return 20.0 * std::log10(ratio); };
  if (is_level(unit)) { return {level(amplitude), unit}; }
  const bool is_peak = scaling_ == "amplitude" && !unit.empty() && !is_power(unit);
  if (is_peak && is_full_scale(unit)) { return {level(amplitude), "dBFS"}; }
  const double rms = is_peak ? amplitude / std::numbers::sqrt2 : amplitude;
  if (scaling_.empty()) { return {level(rms), level_unit(unit)}; }
  if (unit == "Pa" || unit == "Pa²") { return {level(rms / kPressure0), "dB SPL"}; }
  if (unit == "Pa²/Hz") { return {level(rms / kPressure0), "dB re (20 µPa)²/Hz"}; }
  return {level(rms), level_unit(unit)};
}

std::string BriefText::peaks_of(const DataFrame& frame, std::uint32_t channel) const {
  const StreamFormat& format = frame.format();
  const std::string& unit = format.channels[channel].unit;
  std::vector<double> amplitudes(frame.channel(channel).begin(), frame.channel(channel).end());
  for (double& bin : amplitudes) {
    bin = is_level(unit) ? std::pow(10.0, bin / 20.0) : is_power(unit) ? std::sqrt(bin) : bin;
  }
  const double step = format.axis.step;
  const int decimals =
      step > 0.0 ? std::clamp(static_cast<int>(std::ceil(-std::log10(step / 100.0))), 0, 6) : 3;
  std::string text;
  for (const dsp::TonePeak& peak : peaks_.find(amplitudes, kMostPeaks, kPeakRange)) {
    const Level level = level_of(peak.amplitude, unit);
    text += text.empty() ? "  " + padded(level.value, level.unit) : ", " + digits_of(level.value, level.unit);
    text += fmt::format(" {} at {:.{}f} {}", level.unit, format.axis.start + peak.bin * step, decimals,
                        format.axis.unit);
  }
  return text.empty() ? "  no peak" : text;
}

std::string BriefText::audio_of(const DataFrame& frame, std::uint32_t channel) {
  dsp::LevelStats stats;
  stats.add(frame.channel(channel));
  const dsp::Levels levels = stats.levels();
  const std::string& unit = frame.format().channels[channel].unit;
  std::string text = fmt::format("  rms {}  mean {}", in_unit(levels.rms, unit), in_unit(levels.dc, unit));
  if (levels.not_finite > 0) { text += fmt::format("  not_finite {} samples", levels.not_finite); }
  return text;
}

}  // namespace streamlab
