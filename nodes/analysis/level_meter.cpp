// nodes/analysis/level_meter.cpp
//
// LevelMeter: peak, rms, DC and crest of every channel over intervals.
//
//   in   audio, float64 [channels x frames], any rate
//   out  values, one block per interval: for each channel "<channel>.peak", "<channel>.rms_db", …
//   (kQuantities)
//
// Interval k holds the frames round(k · interval_s · rate) … round((k + 1) · interval_s · rate) - 1 of the
// stream, counted from sample 0, for any block size. A result's position, time and length are those of its
// interval, clipped to the stream; its metadata say how many frames the interval has, how many were measured
// and how many are missing. Flags: `incomplete` when not all of it was measured (a gap, the end of the
// stream), `gap` when frames are missing since the end of the last result, and those of the measured frames
// (`clipped`, `not_finite`, `incomplete`, `xrun`). An interval that is entirely missing gives no result. The
// level of silence is -infinity; NaN stands for an undefined value: of an interval without a finite sample,
// and the crest of silence.
#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "engine/core/node.hpp"
#include "engine/core/overlap.hpp"
#include "nodes/analysis/flag_trail.hpp"
#include "nodes/analysis/interval_grid.hpp"
#include "nodes/analysis/level_unit.hpp"
#include "nodes/analysis/time_at.hpp"
#include "nodes/dsp/level_stats.hpp"

namespace streamlab {
namespace level_meter_node {
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

// A quantity added by a calibration or by the unit of a channel: a level in that unit, or in decibels re
// `reference`.
struct CalibratedQuantity {
  std::string_view name;
  std::string_view unit;
  double dsp::Levels::*level;
  double reference;  // 0: the level itself
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

constexpr ParamInfo kParams[] = {
    param::number("interval_s", "s", {0.001, 86400.0}, 1.0, Live::no, "Length of an interval."),
    param::list("pa_per_full_scale", ParamType::numbers, "Pa", {1e-12, 1e12}, Need::optional,
                "Microphone calibration: sound pressure of a sample of 1; one number, or one per channel."),
    param::list("v_per_full_scale", ParamType::numbers, "V", {1e-12, 1e12}, Need::optional,
                "Input calibration: voltage of a sample of 1; one number, or one per channel."),
};
constexpr auto kIntervalS = param::at(kParams, "interval_s");
constexpr auto kPaPerFullScale = param::at(kParams, "pa_per_full_scale");
constexpr auto kVPerFullScale = param::at(kParams, "v_per_full_scale");
constexpr std::string_view kCalibrations[] = {"pa_per_full_scale", "v_per_full_scale"};
constexpr ParamRule kRules[] = {
    {ParamRule::Kind::at_most_one, kCalibrations, {}, {}, "use two LevelMeters for both kinds of input"}};
constexpr PortInfo kOutPort[] = {{"out", mask(StreamKind::values), "Levels, one block per interval."}};
constexpr NodeInfo kInfo{
    .name = "LevelMeter",
    .description = "Measures peak, rms, DC and crest of every channel over intervals.",
    .inputs = kAudioInPort,
    .outputs = kOutPort,
    .params = kParams,
    .rules = kRules,
    .rt_safe = RtSafe::yes,
    .at_gap =
        "Flags the interval and reports the number of missing frames; levels are of the remaining frames. An "
        "interval that is entirely missing gives no result.",
    .details =
        "Full scale is 1.0. peak_db and rms_db are re 1.0; rms_db_aes17 = rms_db + 3.0103 dB, so a "
        "full-scale sine reads 0 dBFS (AES17), like its peak_db. crest_db = peak_db - rms_db. ac_rms is "
        "the rms without DC. clipped counts samples at or beyond full scale: |x| >= 1 or, for unprocessed "
        "samples of an integer format, |x| at or above the largest code, 1 - 2^(1-bits). Units are those of "
        "the channel: a channel not in FS has no rms_db_aes17 and no clipped, and its levels are re 1 of its "
        "unit; channels in Pa also get dB SPL, channels in V also dBu. NaN and infinite samples are counted "
        "in not_finite and otherwise ignored. pa_per_full_scale adds dB SPL re 20 µPa; v_per_full_scale adds "
        "dBV re 1 V and dBu re 0.7746 V. The level of silence is -infinity, which JSON shows as null; without "
        "a finite sample all values are null, rms and peak too. Intervals are counted from sample 0; a "
        "shorter last interval is flagged incomplete.",
    .example = R"({"id": "level", "type": "LevelMeter", "config": {"interval_s": 0.5}})",
    .cost_ns_per_frame = 0.6,
};

class LevelMeter final : public Node {
 public:
  explicit LevelMeter(const ParamValues& params) : params_(params) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    const StreamFormat& in = *context.inputs[0];
    if (auto fits = refuse_overlap(in, "an interval would count them more than once"); !fits) {
      return tl::unexpected(fits.error());
    }
    sample_rate_hz_ = in.sample_rate_hz;
    auto grid = IntervalGrid::make(params_[kIntervalS], sample_rate_hz_);
    if (!grid) { return tl::unexpected(grid.error()); }
    grid_ = *grid;
    const double interval_frames = grid_.interval_frames();
    if (auto calibrated = calibrate(in); !calibrated) { return tl::unexpected(calibrated.error()); }
    stats_.clear();
    for (const ChannelInfo& channel : in.channels) {
      stats_.emplace_back(dsp::cpu_path(), channel.clip_level);
    }
    reset();

    OutputFormat out;
    out.format.kind = StreamKind::values;
    out.format.sample_rate_hz = sample_rate_hz_;
    out.format.max_frames = 1;
    for (std::size_t c = 0; c < in.channels.size(); ++c) {
      const ChannelInfo& channel = in.channels[c];
      for (const Quantity& q : kQuantities) {
        if (const auto unit = unit_of(q, channel.unit)) {
          out.format.channels.push_back({fmt::format("{}.{}", channel.name, q.name), *unit});
        }
      }
      for (const CalibratedQuantity& q : added_[c]) {
        out.format.channels.push_back({fmt::format("{}.{}", channel.name, q.name), std::string(q.unit)});
      }
    }
    out.format.notes = {{"interval_s", fmt::format("{}", params_[kIntervalS])},
                        {"rms_db", "20 lg rms re 1 of the channel's unit"},
                        {"rms_db_aes17", "rms_db + 3.0103 dB: a full-scale sine reads 0 dBFS"},
                        {"brief", brief()}};
    if (std::all_of(full_scale_.begin(), full_scale_.end(), [](bool is) { return is; })) {
      out.format.notes["bar"] = "rms_db peak_db";
    }
    // A block can end an interval at each of its frames' boundaries, and one more where a gap precedes it.
    out.max_blocks = static_cast<std::uint32_t>(in.max_frames / std::floor(interval_frames)) + 2;
    out.held_frames = static_cast<std::uint32_t>(std::min(std::ceil(interval_frames), 4294967295.0));
    return std::vector{std::move(out)};
  }

  void reset() noexcept override {
    started_ = false;
    results_ = 0;
    last_end_ = 0;
    trail_.reset();
    open(0);
  }

  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept override {
    const DataFrame& x = *in[0];
    if (x.frame_count() == 0) { return Status::ok; }
    const FrameHeader& header = x.header();
    go_to(header, out[0]);
    for (std::uint32_t done = 0; done < x.frame_count();) {
      if (measured_ == 0) { timestamp_us_ = time_at(first_, header, sample_rate_hz_); }
      const auto part =
          static_cast<std::uint32_t>(std::min<std::int64_t>(x.frame_count() - done, end_ - next_));
      for (std::uint32_t c = 0; c < x.channel_count(); ++c) {
        stats_[c].add(x.channel(c).subspan(done, part));
      }
      trail_.add(x, done, part);
      done += part;
      measured_ += part;
      next_ += part;
      if (next_ == end_) {
        give(out[0], end_);
        open(next_);
      }
    }
    return Status::ok;
  }

  Status finish(std::span<OutputPort> out) noexcept override {
    if (measured_ == 0) { return Status::done; }
    give(out[0], next_);
    measured_ = 0;
    return Status::ok;
  }

 private:
  Result<void> calibrate(const StreamFormat& in) {
    const bool pressure = params_.given(kPaPerFullScale);
    const bool voltage = params_.given(kVPerFullScale);
    calibration_.assign(in.channel_count(), 1.0);
    full_scale_.clear();
    added_.clear();
    for (const ChannelInfo& channel : in.channels) {
      full_scale_.push_back(is_full_scale(channel.unit));
      added_.push_back(channel.unit == "Pa"  ? std::span<const CalibratedQuantity>(kOfPascals)
                       : channel.unit == "V" ? kOfVolts
                                             : std::span<const CalibratedQuantity>());
    }
    if (!pressure && !voltage) { return {}; }
    const std::string where = pressure ? "/config/pa_per_full_scale" : "/config/v_per_full_scale";
    for (const ChannelInfo& channel : in.channels) {
      if (is_full_scale(channel.unit)) { continue; }
      return refused(where,
                     fmt::format("channel \"{}\" is already in {}", channel.name,
                                 channel.unit.empty() ? "numbers without a unit" : channel.unit),
                     "channels in FS");
    }
    const auto& given = params_.numbers(pressure ? kPaPerFullScale : kVPerFullScale);
    if (given.size() != 1 && given.size() != in.channel_count()) {
      return refused(where, fmt::format("{} numbers for {} channels", given.size(), in.channel_count()),
                     "one number, or one per channel");
    }
    for (std::size_t c = 0; c < calibration_.size(); ++c) {
      calibration_[c] = given[given.size() == 1 ? 0 : c];
    }
    added_.assign(in.channel_count(), pressure ? std::span<const CalibratedQuantity>(kPressures) : kVoltages);
    return {};
  }

  // What is looked at first, in the unit that says most: for displays with little room.
  std::string brief() const {
    const auto has = [&](std::string_view name) {
      return std::any_of(added_.begin(), added_.end(), [&](const auto& added) {
        return std::any_of(added.begin(), added.end(), [&](const auto& q) { return q.name == name; });
      });
    };
    const bool any_plain =
        std::any_of(added_.begin(), added_.end(), [](const auto& added) { return added.empty(); });
    std::string names;
    if (any_plain) { names += "peak_db rms_db "; }
    if (has("rms_db_spl")) { names += "peak_db_spl rms_db_spl "; }
    if (has("rms_dbu")) { names += "peak_dbu rms_dbu "; }
    return names + "crest_db";
  }

  // Nothing where the quantity has no meaning for a channel of that unit.
  static std::optional<std::string> unit_of(const Quantity& q, const std::string& unit) {
    if (is_full_scale(unit)) { return std::string(q.full_scale_unit); }
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

  // Begins to measure at `position`: in the interval that contains it.
  void open(std::int64_t position) noexcept {
    const std::int64_t interval = grid_.index_of(position);
    begin_ = first_ = grid_.begin(interval);
    end_ = grid_.begin(interval + 1);
    next_ = position;
    measured_ = 0;
    missing_ = 0;
    for (dsp::LevelStats& stats : stats_) { stats.restart(); }
  }

  // Accounts for the frames between the last block and the one that begins here.
  void go_to(const FrameHeader& header, OutputPort& out) noexcept {
    const std::int64_t position = header.position;
    if (!started_) {
      started_ = true;
      open(position);
      if (header.has(FrameFlag::gap)) {
        missing_ = std::min(position - begin_, static_cast<std::int64_t>(header.gap_frames));
      }
      first_ = last_end_ = position - missing_;
      return;
    }
    if (position == next_) { return; }
    const bool same_interval = position > next_ && position < end_;
    if (same_interval) {
      missing_ += position - next_;
      next_ = position;
      return;
    }
    if (measured_ > 0) {
      if (position > next_) { missing_ += end_ - next_; }
      give(out, position > next_ ? end_ : next_);
    }
    const bool forward = position > next_;
    open(position);
    if (forward) {
      missing_ = position - begin_;
    } else {
      first_ = last_end_ = position;  // the stream restarts its count
      trail_.reset();
    }
  }

  // `end`: the end of what the result covers.
  void give(OutputPort& out, std::int64_t end) noexcept {
    DataFrame& y = out.emit();
    y.set_header({});
    FrameHeader& header = y.header();
    header.position = first_;
    header.length_frames = static_cast<std::uint64_t>(end - first_);
    header.timestamp_us = timestamp_us_;
    header.sequence_id = results_++;
    const std::int64_t skipped = std::max<std::int64_t>(0, first_ - last_end_);  // whole intervals
    if (missing_ + skipped > 0) {
      header.set(FrameFlag::gap);
      header.gap_frames = static_cast<std::uint64_t>(missing_ + skipped);
    }
    if (measured_ < end_ - begin_) { header.set(FrameFlag::incomplete); }
    header.flags |= trail_.since(first_);
    last_end_ = end_;

    y.metadata().clear();
    y.metadata().set("interval_frames", static_cast<double>(end_ - begin_));
    y.metadata().set("frames", static_cast<double>(measured_));
    y.metadata().set("missing_frames", static_cast<double>(missing_));
    y.set_frame_count(1);
    std::uint32_t index = 0;
    for (std::size_t c = 0; c < stats_.size(); ++c) {
      const dsp::Levels levels = stats_[c].levels();
      if (full_scale_[c] && levels.clipped > 0) { header.set(FrameFlag::clipped); }
      if (levels.not_finite > 0) { header.set(FrameFlag::not_finite); }
      for (const Quantity& q : kQuantities) {
        if (!full_scale_[c] && q.elsewhere == Elsewhere::nothing) { continue; }
        y.channel(index++)[0] = q.value(levels);
      }
      for (const CalibratedQuantity& q : added_[c]) {
        const double level = levels.*q.level * calibration_[c];
        y.channel(index++)[0] = q.reference > 0.0 ? dsp::level_db(level / q.reference) : level;
      }
    }
  }

  const ParamValues params_;
  double sample_rate_hz_ = 0.0;  // fixed by prepare(), as are the next four
  IntervalGrid grid_;
  std::vector<double> calibration_;
  std::vector<bool> full_scale_;                            // by channel
  std::vector<std::span<const CalibratedQuantity>> added_;  // likewise

  std::vector<dsp::LevelStats> stats_;  // of the current interval, by channel
  bool started_ = false;                // a block has come
  std::int64_t begin_ = 0;              // of the current interval
  std::int64_t end_ = 0;
  std::int64_t first_ = 0;  // its first frame in the stream, missing or not: the stream may begin inside
  std::int64_t next_ = 0;   // position of the next frame
  std::int64_t measured_ = 0;
  std::int64_t missing_ = 0;  // of the interval, lost to gaps
  std::int64_t timestamp_us_ = 0;
  std::int64_t last_end_ = 0;  // end of the last interval that gave a result, or where the stream began
  std::uint64_t results_ = 0;
  FlagTrail trail_;
};

}  // namespace
}  // namespace level_meter_node

extern const NodeEntry kLevelMeterEntry{level_meter_node::kInfo, make_node<level_meter_node::LevelMeter>};

}  // namespace streamlab
