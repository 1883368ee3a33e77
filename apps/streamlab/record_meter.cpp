// apps/streamlab/record_meter.cpp
#include "apps/streamlab/record_meter.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "apps/streamlab/console.hpp"

namespace streamlab::app {
namespace {

constexpr std::size_t kMostCells = 30;
constexpr std::size_t kFewestCells = 6;

}  // namespace

void RecordMeter::add(const DataFrame& levels) {
  const auto value = [&](const std::string& name) {
    const auto samples = levels.channel(std::string_view(name));
    return samples.empty() ? std::nan("") : samples[0];
  };
  if (channels_.empty()) {
    constexpr std::string_view kPeak = ".peak_db";
    for (const ChannelInfo& info : levels.format().channels) {
      if (!info.name.ends_with(kPeak)) { continue; }
      channels_.push_back({info.name.substr(0, info.name.size() - kPeak.size()), 0.0, 0.0, {}});
    }
  }
  const double time_s = static_cast<double>(levels.position()) / levels.format().sample_rate_hz;
  for (Channel& channel : channels_) {
    const double peak_db = value(channel.name + ".peak_db");
    channel.rms_db = value(channel.name + ".rms_db");
    channel.held_db = channel.hold.hold(peak_db, time_s);
    if (std::isnan(peak_db_) || peak_db > peak_db_) { peak_db_ = peak_db; }
    const double clipped = value(channel.name + ".clipped");
    if (clipped > 0.0) { clipped_ += static_cast<std::uint64_t>(clipped); }
  }
}

std::string RecordMeter::text_of(const Channel& channel, std::size_t name_width, std::size_t cells) const {
  const std::string peak = std::isnan(channel.held_db) ? "-inf" : fmt::format("{:.1f}", channel.held_db);
  return fmt::format("{:<{}} {} {:>6}", channel.name, name_width,
                     level_bar(channel.rms_db, channel.held_db, static_cast<std::uint32_t>(cells)), peak);
}

std::string RecordMeter::text(std::size_t columns) const {
  if (channels_.empty()) { return {}; }
  const std::string end =
      " dBFS" + (clipped_ > 0 ? fmt::format("  {} clipped", counted(clipped_, "sample")) : std::string());
  std::size_t name_width = 0;
  for (const Channel& channel : channels_) { name_width = std::max(name_width, channel.name.size()); }
  constexpr std::size_t kAround = 12;  // brackets, level, blanks between
  const std::size_t room = columns > end.size() ? columns - end.size() : 0;
  const std::size_t each = room / channels_.size();
  if (each < name_width + kAround + kFewestCells) {
    const auto louder = [](const Channel& a, const Channel& b) {
      return (std::isnan(a.held_db) ? -HUGE_VAL : a.held_db) <
             (std::isnan(b.held_db) ? -HUGE_VAL : b.held_db);
    };
    const Channel& loudest = *std::max_element(channels_.begin(), channels_.end(), louder);
    const std::string begin = channels_.size() > 1 ? fmt::format("loudest of {}: ", channels_.size()) : "";
    return begin + text_of(loudest, 0, kMostCells / 2) + end;
  }
  const std::size_t cells = std::min(kMostCells, each - name_width - kAround);
  std::string text;
  for (const Channel& channel : channels_) {
    if (!text.empty()) { text += "  "; }
    text += text_of(channel, name_width, cells);
  }
  return text + end;
}

}  // namespace streamlab::app
