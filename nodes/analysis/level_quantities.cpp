// nodes/analysis/level_quantities.cpp
#include "nodes/analysis/level_quantities.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "nodes/analysis/level_unit.hpp"

namespace streamlab {
namespace {

struct Quantity {
  std::string_view name;
  std::string_view full_scale_unit;  // of channels re full scale
  // For other channels: their unit, or its level, if given; else the same. Some quantities are undefined
  // there.
  enum class Elsewhere : std::uint8_t { unit, level, same, nothing } elsewhere;
  double (*value)(const dsp::Levels& levels);
};
using Elsewhere = Quantity::Elsewhere;

constexpr Quantity kQuantities[] = {
    {"peak", "FS", Elsewhere::unit, [](const dsp::Levels& l) { return l.peak; }},
    {"peak_db", "dBFS", Elsewhere::level, [](const dsp::Levels& l) { return l.peak_db; }},
    {"rms", "FS", Elsewhere::unit, [](const dsp::Levels& l) { return l.rms; }},
    {"rms_db", "dB re 1 FS", Elsewhere::level, [](const dsp::Levels& l) { return l.rms_db; }},
    {"rms_db_aes17", "dBFS", Elsewhere::nothing, [](const dsp::Levels& l) { return l.rms_db_aes17; }},
    {"crest_db", "dB", Elsewhere::same, [](const dsp::Levels& l) { return l.crest_db; }},
    {"dc", "FS", Elsewhere::unit, [](const dsp::Levels& l) { return l.dc; }},
    {"ac_rms", "FS", Elsewhere::unit, [](const dsp::Levels& l) { return l.ac_rms; }},
    {"clipped", "samples", Elsewhere::nothing,
     [](const dsp::Levels& l) { return static_cast<double>(l.clipped); }},
    {"not_finite", "samples", Elsewhere::same,
     [](const dsp::Levels& l) { return static_cast<double>(l.not_finite); }},
};

constexpr double kPascal0Db = 20e-6;              // 0 dB SPL
constexpr double kVolt0Dbu = 0.7745966692414834;  // √0.6 V: 1 mW in 600 Ω
constexpr CalibratedQuantity kPressures[] = {
    {"peak_pa", "Pa", &dsp::Levels::peak, 0.0},
    {"peak_db_spl", "dB SPL", &dsp::Levels::peak, kPascal0Db},
    {"rms_pa", "Pa", &dsp::Levels::rms, 0.0},
    {"rms_db_spl", "dB SPL", &dsp::Levels::rms, kPascal0Db},
};
// For channels in Pa or V without a calibration; the rest is in kQuantities.
constexpr CalibratedQuantity kOfPascals[] = {
    {"peak_db_spl", "dB SPL", &dsp::Levels::peak, kPascal0Db},
    {"rms_db_spl", "dB SPL", &dsp::Levels::rms, kPascal0Db},
};
constexpr CalibratedQuantity kOfVolts[] = {
    {"peak_dbu", "dBu", &dsp::Levels::peak, kVolt0Dbu},
    {"rms_dbu", "dBu", &dsp::Levels::rms, kVolt0Dbu},
};
constexpr CalibratedQuantity kVoltages[] = {
    {"peak_v", "V", &dsp::Levels::peak, 0.0},           {"peak_dbv", "dBV", &dsp::Levels::peak, 1.0},
    {"peak_dbu", "dBu", &dsp::Levels::peak, kVolt0Dbu}, {"rms_v", "V", &dsp::Levels::rms, 0.0},
    {"rms_dbv", "dBV", &dsp::Levels::rms, 1.0},         {"rms_dbu", "dBu", &dsp::Levels::rms, kVolt0Dbu},
};

// A mean of effective values is that of their energy; of peaks, crest factors and counts it says nothing.
Mean mean_of(std::string_view quantity) {
  if (quantity == "dc") { return Mean::as_unit; }
  return quantity.find("rms") != std::string_view::npos ? Mean::energy : Mean::none;
}

// Nothing where the quantity has no meaning for a channel of that unit.
std::optional<std::string> unit_of_quantity(const Quantity& q, const std::string& unit) {
  if (streamlab::is_full_scale(unit)) { return std::string(q.full_scale_unit); }
  switch (q.elsewhere) {
    case Elsewhere::unit:
      return unit;
    case Elsewhere::level:
      return level_unit(unit);
    case Elsewhere::same:
      return std::string(q.full_scale_unit);
    case Elsewhere::nothing:
      break;
  }
  return std::nullopt;
}

}  // namespace

Result<LevelQuantities> LevelQuantities::make(const StreamFormat& in, Calibration calibration,
                                              std::span<const double> of_full_scale) {
  LevelQuantities quantities;
  for (const ChannelInfo& channel : in.channels) {
    Channel& own = quantities.channels_.emplace_back();
    own.name = channel.name;
    own.unit = channel.unit;
    own.full_scale = streamlab::is_full_scale(channel.unit);
    if (channel.unit == "Pa") { own.added = kOfPascals; }
    if (channel.unit == "V") { own.added = kOfVolts; }
  }
  if (calibration == Calibration::none) { return quantities; }
  const bool pressure = calibration == Calibration::pressure;
  const std::string where = pressure ? "/config/pa_per_full_scale" : "/config/v_per_full_scale";
  for (const Channel& channel : quantities.channels_) {
    if (channel.full_scale) { continue; }
    return refused(where,
                   fmt::format("channel \"{}\" is already in {}", channel.name,
                               channel.unit.empty() ? "numbers without a unit" : channel.unit),
                   "channels in FS");
  }
  if (of_full_scale.size() != 1 && of_full_scale.size() != in.channel_count()) {
    return refused(where, fmt::format("{} numbers for {} channels", of_full_scale.size(), in.channel_count()),
                   "one number, or one per channel");
  }
  for (std::size_t c = 0; c < quantities.channels_.size(); ++c) {
    Channel& channel = quantities.channels_[c];
    channel.calibration = of_full_scale[of_full_scale.size() == 1 ? 0 : c];
    channel.added = pressure ? std::span<const CalibratedQuantity>(kPressures) : kVoltages;
  }
  return quantities;
}

std::vector<ChannelInfo> LevelQuantities::channels() const {
  std::vector<ChannelInfo> infos;
  for (const Channel& channel : channels_) {
    for (const Quantity& q : kQuantities) {
      if (const auto unit = unit_of_quantity(q, channel.unit)) {
        infos.push_back({fmt::format("{}.{}", channel.name, q.name), *unit, 1.0, mean_of(q.name)});
      }
    }
    for (const CalibratedQuantity& q : channel.added) {
      infos.push_back(
          {fmt::format("{}.{}", channel.name, q.name), std::string(q.unit), 1.0, mean_of(q.name)});
    }
  }
  return infos;
}

std::string LevelQuantities::brief() const {
  const auto has = [&](std::string_view name) {
    return std::any_of(channels_.begin(), channels_.end(), [&](const Channel& channel) {
      return std::any_of(channel.added.begin(), channel.added.end(),
                         [&](const CalibratedQuantity& q) { return q.name == name; });
    });
  };
  const bool any_plain =
      std::any_of(channels_.begin(), channels_.end(), [](const Channel& c) { return c.added.empty(); });
  std::string names;
  if (any_plain) { names += "peak_db rms_db "; }
  if (has("rms_db_spl")) { names += "peak_db_spl rms_db_spl "; }
  if (has("rms_dbu")) { names += "peak_dbu rms_dbu "; }
  return names + "crest_db";
}

bool LevelQuantities::are_all_full_scale() const noexcept {
  return std::all_of(channels_.begin(), channels_.end(), [](const Channel& c) { return c.full_scale; });
}

std::uint32_t LevelQuantities::write(std::size_t channel, const dsp::Levels& levels, DataFrame& y,
                                     std::uint32_t index) const noexcept {
  const Channel& own = channels_[channel];
  for (const Quantity& q : kQuantities) {
    if (!own.full_scale && q.elsewhere == Elsewhere::nothing) { continue; }
    y.channel(index++)[0] = q.value(levels);
  }
  for (const CalibratedQuantity& q : own.added) {
    const double level = levels.*q.level * own.calibration;
    y.channel(index++)[0] = q.reference > 0.0 ? dsp::level_db(level / q.reference) : level;
  }
  return index;
}

}  // namespace streamlab
