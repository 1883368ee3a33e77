// nodes/operators/reduce.cpp
//
// Reduce: every channel to one number over a stretch of the stream: so many samples or blocks, an interval,
// one block, or the whole stream.
//
//   in   audio, spectra or values
//   out  of audio and values: values, "<channel>.<operation>"; of spectra: spectra, bin by bin
//
// nodes/analysis/interval_measurement.hpp says what a stretch holds, and what position, time, length and
// flags of a result are.
#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "nodes/analysis/interval_measurement.hpp"
#include "nodes/analysis/level_unit.hpp"
#include "nodes/operators/means.hpp"
#include "nodes/operators/reduction.hpp"

namespace streamlab {
namespace reduce_node {
namespace {

constexpr std::string_view kOperations[] = {"mean", "power_mean", "max", "min", "sum"};
constexpr ParamInfo kParams[] = {
    param::of_format(param::choice(
        "operation", kOperations, "mean",
        "mean, power_mean (of samples the rms), max, min or sum; of levels, effective values and spectra mean "
        "is that of the energy, and so is sum of levels.")),
    param::integer("count", "", {1.0, 9e15}, Need::optional,
                   "One result for so many: frames of audio, values, spectra."),
    param::live(param::number("interval_s", "s", {1e-6, 86400.0 * 366}, Need::optional,
                              "One result for each interval.")),
    param::boolean("per_block", false, "One result for each block that comes in, such as those of Window."),
};
constexpr auto kOperation = param::at(kParams, "operation");
constexpr auto kCount = param::at(kParams, "count");
constexpr auto kIntervalS = param::at(kParams, "interval_s");
constexpr auto kPerBlock = param::at(kParams, "per_block");
constexpr std::string_view kStretches[] = {"count", "interval_s", "per_block"};
constexpr ParamRule kRules[] = {{ParamRule::Kind::at_most_one, kStretches}};
constexpr PortInfo kOutPort[] = {
    {"out", mask(StreamKind::values) | mask(StreamKind::spectrum), "The results."}};
constexpr NodeInfo kInfo{
    .name = "Reduce",
    .description = "Reduces a stretch of the stream to its mean, power mean, maximum, minimum or sum.",
    .inputs = kAnyInPort,
    .outputs = kOutPort,
    .params = kParams,
    .rules = kRules,
    .rt_safe = RtSafe::yes,
    .at_gap =
        "Reduces what is there, says how many frames are missing and flags the result gap and, where they "
        "are missing "
        "inside, incomplete.",
    .details =
        "At most one of count, interval_s and per_block; without them one result at the end of the stream. "
        "Channels are reduced one by one, spectra bin by bin. Channels whose "
        "unit is a level (dB…, LU…) are averaged and added as powers: mean and power_mean are 10 lg mean "
        "10^(x/10), sum is 10 lg Σ 10^(x/10), and silence, -infinity (null in JSON), is a power of 0. So the "
        "mean of rms_db is Leq. The mean of rms values of LevelMeter and of amplitudes of Spectrum is √ mean x², "
        "so that it agrees with that of their levels. A mean of peaks, crest factors and counts of samples says "
        "nothing: mean and power_mean leave these channels of LevelMeter out; take max, min, or the sum of "
        "counts. power_mean of powers (FS², Pa²/Hz, 1/Hz) is their mean, of all others √ mean x². "
        "In means of values and spectra each counts by its length, so that a shorter last one counts less. "
        "Other numbers that are not finite are left out. Metadata: count, how many there were; used, how many "
        "were not left out, of the channel or bin with the fewest; missing_frames. A channel of which all were "
        "left out gives null. The grid of "
        "intervals begins at sample 0; a value or spectrum belongs to the interval in which its last frame "
        "lies. The "
        "last, shorter stretch is given with the flag incomplete; of values and spectra an interval is whole "
        "when the next one, at the distance of the last two, would lie behind it. Sums are compensated "
        "(Neumaier): the same, bit for bit, for every block size. A new interval_s, in place of another one, holds from the "
        "end of the interval under way on.",
    .example = R"({"id": "leq", "type": "Reduce", "config": {"operation": "power_mean", "interval_s": 10}})",
    .cost_ns_per_frame = 8.0,
};

class Reduce final : public IntervalMeasurement {
 public:
  explicit Reduce(const ParamValues& params) : params_(params) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    const StreamFormat& in = *context.inputs[0];
    OutputFormat out{in};
    if (auto cut = prepare_stretches(in, stretches(), out); !cut) { return tl::unexpected(cut.error()); }
    kind_ = in.kind;
    const auto operation = static_cast<Operation>(params_.choice(kOperation));
    const bool averages = operation == Operation::mean || operation == Operation::power_mean;
    auto kept = averages ? channels_with_a_mean(in, "/config/operation") : all_channels(in);
    if (!kept) { return tl::unexpected(kept.error()); }
    kept_ = *std::move(kept);
    bins_ = kind_ == StreamKind::spectrum ? in.max_frames : 1;
    reductions_.clear();
    full_scale_.clear();
    for (const ChannelInfo& channel : in.channels) {
      full_scale_.push_back(is_full_scale(channel.unit));
      const bool of_energy = operation == Operation::mean && channel.mean == Mean::energy;
      reductions_.insert(reductions_.end(), bins_,
                         {of_energy ? Operation::power_mean : operation, power_scale_of(channel.unit)});
    }
    reset();

    out.format.overlapping = out.format.gaps_inside = false;  // one result a window
    out.format.channels.clear();
    for (const std::uint32_t c : kept_) { out.format.channels.push_back(in.channels[c]); }
    const std::string name(kOperations[params_.choice(kOperation)]);
    if (kind_ != StreamKind::spectrum) {
      out.format.kind = StreamKind::values;
      out.format.max_frames = 1;
      for (ChannelInfo& channel : out.format.channels) {
        channel.name += "." + name;
        if (operation == Operation::power_mean) { channel.mean = Mean::energy; }  // of samples an rms
      }
    }
    out.format.notes["reduced"] = name;
    return std::vector{std::move(out)};
  }

  Result<std::unique_ptr<NodeChange>> plan_change(const ParamValues& now) const override {
    if (!params_.given(kIntervalS) || !now.given(kIntervalS)) {
      return refused("/config/interval_s",
                     "intervals and other stretches cannot take each other's place while the graph runs",
                     params_.given(kIntervalS) ? "another interval" : "none");
    }
    auto grid = plan_interval(now[kIntervalS]);
    if (!grid) { return tl::unexpected(grid.error()); }
    return make_change(*grid);
  }
  void apply(NodeChange& change) noexcept override { apply_interval(value_of<IntervalGrid>(change)); }

 private:
  Stretches stretches() const {
    Stretches stretches{.over = Over::stream,
                        .entered_late = Stretches::EnteredLate::accepted,
                        .why_no_overlap = "a stretch would count them more than once"};
    if (params_.flag(kPerBlock)) { stretches.over = Over::block; }
    if (params_.given(kIntervalS)) {
      stretches.over = Over::interval;
      stretches.interval_s = params_[kIntervalS];
    }
    if (params_.given(kCount)) {
      stretches.over = Over::count;
      stretches.count = params_.integer(kCount);
    }
    return stretches;
  }

  void restart() noexcept override {
    clipped_ = false;
    unit_length_.reset();
    for (Reduction& reduction : reductions_) { reduction.restart(); }
  }
  void measure(const DataFrame& x, std::uint32_t first, std::uint32_t count) noexcept override {
    if (kind_ == StreamKind::audio) {
      add_samples(x, first, count);
    } else {
      add_result(x, first);
    }
  }
  void add_samples(const DataFrame& x, std::uint32_t first, std::uint32_t count) noexcept {
    for (std::uint32_t c = 0; c < x.channel_count(); ++c) {
      const double clip_level = x.format().channels[c].clip_level;
      for (const double sample : x.channel(c).subspan(first, count)) {
        reductions_[c].add(sample);
        clipped_ = clipped_ || (full_scale_[c] && std::abs(sample) >= clip_level);
      }
    }
  }
  // Value `index` of every channel, or a whole spectrum. In a mean it counts by its length.
  void add_result(const DataFrame& x, std::uint32_t index) noexcept {
    const auto length = static_cast<double>(x.header().length_frames);
    if (!unit_length_) { unit_length_ = length; }
    const double weight = *unit_length_ > 0.0 && length > 0.0 ? length / *unit_length_ : 1.0;
    const std::uint32_t bins = kind_ == StreamKind::spectrum ? x.frame_count() : 1;
    for (std::uint32_t c = 0; c < x.channel_count(); ++c) {
      const double* from = x.channel_data(c) + index;
      for (std::uint32_t k = 0; k < bins; ++k) { reductions_[c * bins_ + k].add(from[k], weight); }
    }
  }

  void give(const Stretch& stretch, DataFrame& y) noexcept override {
    if (clipped_) { y.header().set(FrameFlag::clipped); }
    y.set_frame_count(bins_);
    std::uint64_t used = UINT64_MAX;
    for (std::uint32_t c = 0; c < y.channel_count(); ++c) {
      for (std::uint32_t k = 0; k < bins_; ++k) {
        const Reduction& reduction = reductions_[kept_[c] * bins_ + k];
        used = std::min(used, reduction.used());
        y.channel_data(c)[k] = reduction.result();
      }
    }
    const auto items = static_cast<std::uint64_t>(stretch.measured);
    if (kind_ == StreamKind::audio && used < items) { y.header().set(FrameFlag::not_finite); }
    y.metadata().set("count", static_cast<double>(items));
    y.metadata().set("used", static_cast<double>(std::min(used, items)));
    y.metadata().set("missing_frames", static_cast<double>(stretch.missing_frames));
  }

  const ParamValues params_;
  StreamKind kind_ = StreamKind::audio;  // fixed by prepare(), as are the next
  std::uint32_t bins_ = 1;
  std::vector<bool> full_scale_;     // by channel
  std::vector<std::uint32_t> kept_;  // channels that results are given of

  std::vector<Reduction> reductions_;  // channel after channel, bin after bin
  bool clipped_ = false;
  std::optional<double>
      unit_length_;  // of values and spectra: length of the first one, which has the weight 1
};

}  // namespace
}  // namespace reduce_node

extern const NodeEntry kReduceEntry{reduce_node::kInfo, make_node<reduce_node::Reduce>};

}  // namespace streamlab
