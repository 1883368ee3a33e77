// nodes/analysis/level_meter.cpp
//
// LevelMeter: peak, rms, DC and crest of every channel over intervals.
//
//   in   audio, float64 [channels x frames], any rate
//   out  values, one block per interval: for each channel "<channel>.peak", "<channel>.rms_db", …
//
// nodes/analysis/interval_measurement.hpp says which frames an interval holds, and what position, time,
// length and flags of a result are; nodes/analysis/level_quantities.hpp which quantities each channel has.
// Metadata say how many frames the interval has, how many were measured and how many are missing. The level
// of silence is -infinity; NaN stands for an undefined value: of an interval without a finite sample, and the
// crest of silence.
#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "engine/core/in_force.hpp"
#include "nodes/analysis/interval_measurement.hpp"
#include "nodes/analysis/level_quantities.hpp"
#include "nodes/dsp/level_stats.hpp"

namespace streamlab {
namespace level_meter_node {
namespace {

constexpr ParamInfo kParams[] = {
    param::number("interval_s", "s", {0.0, 86400.0}, 1.0, Live::yes,
                  "Length of an interval, 0.001 s or more; 0: one result of the whole stream, at its end."),
    param::live(param::list(
        "pa_per_full_scale", ParamType::numbers, "Pa", {1e-12, 1e12}, Need::optional,
        "Microphone calibration: sound pressure of a sample of 1; one number, or one per channel.")),
    param::live(param::list("v_per_full_scale", ParamType::numbers, "V", {1e-12, 1e12}, Need::optional,
                            "Input calibration: voltage of a sample of 1; one number, or one per channel.")),
};
constexpr auto kIntervalS = param::at(kParams, "interval_s");
constexpr auto kPaPerFullScale = param::at(kParams, "pa_per_full_scale");
constexpr auto kVPerFullScale = param::at(kParams, "v_per_full_scale");
constexpr std::string_view kCalibrations[] = {"pa_per_full_scale", "v_per_full_scale"};
constexpr ParamRule kRules[] = {
    {ParamRule::Kind::at_most_one, kCalibrations, {}, {}, "use two LevelMeters for both kinds of input"}};
constexpr PortInfo kOutPort[] = {{"out", mask(StreamKind::values), "Levels, one block per interval."}};
constexpr ValueInfo kValues[] = {
    {"peak", "FS", "Largest absolute sample."},
    {"peak_db", "dBFS", "Its level; of channels in Pa, V, … dB re 1 of the unit."},
    {"rms", "FS", "Effective value."},
    {"rms_db", "dB re 1 FS",
     "Its level: a full-scale sine reads -3.01. Of channels in Pa, V, … re 1 of the unit."},
    {"rms_db_aes17", "dBFS", "rms_db + 3.01 dB: a full-scale sine reads 0. Only of channels in FS."},
    {"crest_db", "dB", "peak_db - rms_db."},
    {"dc", "FS", "Mean."},
    {"ac_rms", "FS", "Effective value without the mean."},
    {"clipped", "samples", "How many are at or beyond full scale. Only of channels in FS."},
    {"not_finite", "samples", "How many are NaN or infinite."},
    {"peak_pa", "Pa", "Sound pressure of the peak. With pa_per_full_scale."},
    {"peak_db_spl", "dB SPL", "Its level re 20 µPa. With pa_per_full_scale, and of channels in Pa."},
    {"rms_pa", "Pa", "Effective sound pressure. With pa_per_full_scale."},
    {"rms_db_spl", "dB SPL",
     "Sound pressure level, re 20 µPa. With pa_per_full_scale, and of channels in Pa."},
    {"peak_v", "V", "Voltage of the peak. With v_per_full_scale."},
    {"peak_dbv", "dBV", "Its level re 1 V. With v_per_full_scale."},
    {"peak_dbu", "dBu", "Its level re 0.7746 V. With v_per_full_scale, and of channels in V."},
    {"rms_v", "V", "Effective voltage. With v_per_full_scale."},
    {"rms_dbv", "dBV", "Its level re 1 V. With v_per_full_scale."},
    {"rms_dbu", "dBu", "Its level re 0.7746 V. With v_per_full_scale, and of channels in V."},
};
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
        "shorter last interval is flagged incomplete. A new interval_s holds from the end of the interval under way on; the "
        "first of the new ones is flagged incomplete where it begins inside an interval that counts from sample 0. It "
        "may not give more results for a block than the first one could. Another calibration of the same kind holds for the "
        "whole interval under way; one of another kind would change the format. The notes of the stream tell the "
        "interval_s of its beginning, the metadata interval_frames that of the result.",
    .values = kValues,
    .example = R"({"id": "level", "type": "LevelMeter", "config": {"interval_s": 0.5}})",
    .cost_ns_per_frame = 0.6,
};

class LevelMeter final : public IntervalMeasurement {
 public:
  explicit LevelMeter(const ParamValues& params) : params_(params) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    const StreamFormat& in = *context.inputs[0];
    OutputFormat out{values_format(in)};
    const double interval_s = params_[kIntervalS];
    if (auto checked = check_interval(interval_s); !checked) { return tl::unexpected(checked.error()); }
    const Over over = interval_s > 0.0 ? Over::interval : Over::stream;
    if (auto cut = prepare_stretches(in, {.over = over, .interval_s = interval_s}, out); !cut) {
      return tl::unexpected(cut.error());
    }
    in_ = in;
    auto quantities = make_quantities(params_);
    if (!quantities) { return tl::unexpected(quantities.error()); }
    channels_ = quantities->channels();
    out.format.channels = channels_;
    quantities_.prepare(std::make_unique<LevelQuantities>(std::move(*quantities)));
    stats_.clear();
    for (const ChannelInfo& channel : in.channels) {
      stats_.emplace_back(dsp::cpu_path(), channel.clip_level);
    }
    reset();
    out.format.notes = {{"interval_s", fmt::format("{}", interval_s)},
                        {"rms_db", "20 lg rms re 1 of the channel's unit"},
                        {"rms_db_aes17", "rms_db + 3.0103 dB: a full-scale sine reads 0 dBFS"},
                        {"brief", quantities_->brief()}};
    if (quantities_->are_all_full_scale()) { out.format.notes["bar"] = "rms_db peak_db"; }
    return std::vector{std::move(out)};
  }

  void reset() noexcept override {
    quantities_.reset();
    IntervalMeasurement::reset();
  }
  Result<std::unique_ptr<NodeChange>> plan_change(const ParamValues& now) const override {
    const double interval_s = now[kIntervalS];
    if (auto checked = check_interval(interval_s); !checked) { return tl::unexpected(checked.error()); }
    const bool is_whole = params_[kIntervalS] == 0.0;
    if (is_whole != (interval_s == 0.0)) {
      return refused("/config/interval_s",
                     "intervals and the whole stream cannot take each other's place while the graph runs",
                     is_whole ? "0" : "another interval");
    }
    Settings settings;
    if (!is_whole) {
      const auto grid = plan_interval(interval_s);
      if (!grid) { return tl::unexpected(grid.error()); }
      settings.grid = *grid;
    }
    auto quantities = make_quantities(now);
    if (!quantities) { return tl::unexpected(quantities.error()); }
    const auto channels = quantities->channels();
    const bool same = std::equal(channels.begin(), channels.end(), channels_.begin(), channels_.end(),
                                 [](const ChannelInfo& a, const ChannelInfo& b) { return a.name == b.name; });
    if (!same) {
      return refused(now.given(kVPerFullScale) ? "/config/v_per_full_scale" : "/config/pa_per_full_scale",
                     "another kind of calibration would give other quantities",
                     "the kind of the configuration while the graph runs");
    }
    settings.quantities = std::make_unique<LevelQuantities>(std::move(*quantities));
    return make_change(std::move(settings));
  }
  void apply(NodeChange& change) noexcept override {
    Settings& now = value_of<Settings>(change);
    if (now.grid) { apply_interval(*now.grid); }
    quantities_.take(now.quantities);
  }

 private:
  struct Settings {
    std::optional<IntervalGrid> grid;  // none: of the whole stream
    std::unique_ptr<LevelQuantities> quantities;
  };

  static Result<void> check_interval(double interval_s) {
    constexpr double kShortestS = 0.001;
    if (interval_s == 0.0 || interval_s >= kShortestS) { return {}; }
    return refused("/config/interval_s", fmt::format("{} s is too short", interval_s),
                   fmt::format("{} s or more, or 0 for one result of the whole stream", kShortestS));
  }

  Result<LevelQuantities> make_quantities(const ParamValues& params) const {
    using Calibration = LevelQuantities::Calibration;
    if (params.given(kPaPerFullScale)) {
      return LevelQuantities::make(in_, Calibration::pressure, params.numbers(kPaPerFullScale));
    }
    if (params.given(kVPerFullScale)) {
      return LevelQuantities::make(in_, Calibration::voltage, params.numbers(kVPerFullScale));
    }
    return LevelQuantities::make(in_, Calibration::none, {});
  }

  void restart() noexcept override {
    for (dsp::LevelStats& stats : stats_) { stats.restart(); }
  }
  void measure(const DataFrame& x, std::uint32_t first, std::uint32_t count) noexcept override {
    for (std::uint32_t c = 0; c < x.channel_count(); ++c) {
      stats_[c].add(x.channel(c).subspan(first, count));
    }
  }
  void give(const Stretch& stretch, DataFrame& y) noexcept override {
    set_metadata(stretch, y);
    y.set_frame_count(1);
    std::uint32_t index = 0;
    for (std::size_t c = 0; c < stats_.size(); ++c) {
      const dsp::Levels levels = stats_[c].levels();
      if (quantities_->is_full_scale(c) && levels.clipped > 0) { y.header().set(FrameFlag::clipped); }
      if (levels.not_finite > 0) { y.header().set(FrameFlag::not_finite); }
      index = quantities_->write(c, levels, y, index);
    }
  }

  const ParamValues params_;
  StreamFormat in_;                    // fixed by prepare(), as is the next
  std::vector<ChannelInfo> channels_;  // of the results
  InForce<LevelQuantities> quantities_;
  std::vector<dsp::LevelStats> stats_;  // of the interval, by channel
};

}  // namespace
}  // namespace level_meter_node

extern const NodeEntry kLevelMeterEntry{level_meter_node::kInfo, make_node<level_meter_node::LevelMeter>};

}  // namespace streamlab
