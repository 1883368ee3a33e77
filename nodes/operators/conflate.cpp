// nodes/operators/conflate.cpp
//
// Conflate: combines the results of each interval into one.
//
//   in   spectra or values
//   out  as `in`, one block per interval that had any
//
//   y[c][n] = mean, max, min or last of x[c][n] over the blocks whose last frame lies in the interval
//
// The mean of levels (dB…, LU…), effective values and amplitudes is that of their powers; channels of which a mean
// says nothing (means.hpp) are left out.
//
// NaN stands for an undefined value and is ignored; if all are undefined, the result is NaN. The grid of
// intervals begins at frame 0 of the stream. A result is emitted at the first block of a later interval, or
// at the end; it has position and time of the interval's first block, extends to the end of the last one, and
// has the flags of all of them, and the metadata of the last one plus `blocks`, their number.
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include <fmt/format.h>

#include "engine/core/node.hpp"
#include "engine/core/overlap.hpp"
#include "engine/core/time_at.hpp"
#include "nodes/analysis/interval_grid.hpp"
#include "nodes/analysis/level_unit.hpp"
#include "nodes/operators/means.hpp"

namespace streamlab {
namespace conflate_node {
namespace {

constexpr std::string_view kMethods[] = {"mean", "max", "min", "last"};
enum Method : std::size_t { kMean, kMax, kMin, kLast };

constexpr ParamInfo kParams[] = {
    param::live(param::number("interval_s", "s", {1e-6, 86400.0}, Need::required, "Length of an interval.")),
    param::of_format(param::choice("method", kMethods, "mean", "How to combine the values of an interval.")),
};
constexpr auto kIntervalS = param::at(kParams, "interval_s");
constexpr auto kMethod = param::at(kParams, "method");
constexpr KindMask kResults = mask(StreamKind::spectrum) | mask(StreamKind::values);
constexpr PortInfo kInPort[] = {{"in", kResults, "Spectra or values."}};
constexpr PortInfo kOutPort[] = {{"out", kResults, "One block per interval."}};
constexpr NodeInfo kInfo{
    .name = "Conflate",
    .description = "Combines the spectra or values of each interval into one block: mean, max, min or last.",
    .inputs = kInPort,
    .outputs = kOutPort,
    .params = kParams,
    .rt_safe = RtSafe::yes,
    .at_gap = "Combines what is there; the result is flagged gap and has the sum of the missing frames.",
    .details =
        "Value by value, bin by bin, over the blocks whose last frame lies in the interval. The mean of a "
        "channel whose unit is a level (dB…, LU…) is that of the powers, 10 lg mean 10^(x/10); silence, "
        "-infinity, is a power of 0. That of rms values and of amplitudes of a Spectrum is √ mean x². Peaks, crest "
        "factors and counts of LevelMeter have no mean, and are left out. Reduce does the same with more to choose from. NaN, which stands for an "
        "undefined value, is left out; a result of nothing but NaN is NaN. The metadata say in blocks "
        "how many were joined. A new interval_s holds from the end of the interval under way on, and its grid begins at "
        "frame 0 of the stream, too; the notes of the stream tell the first one.",
    .example = R"({"id": "slow", "type": "Conflate", "config": {"interval_s": 1, "method": "max"}})",
    .cost_ns_per_frame = 1.0,
};

// What is added up for a mean.
enum class Scale : std::uint8_t { number, level, amplitude };

Scale scale_of(const ChannelInfo& channel) {
  if (is_level(channel.unit)) { return Scale::level; }
  return channel.mean == Mean::energy ? Scale::amplitude : Scale::number;
}
double to_summand(double x, Scale scale) noexcept {
  if (scale == Scale::number) { return x; }
  return scale == Scale::level ? std::pow(10.0, 0.1 * x) : x * x;
}
double from_mean(double mean, Scale scale) noexcept {
  if (scale == Scale::number) { return mean; }
  return scale == Scale::level ? 10.0 * std::log10(mean) : std::sqrt(mean);
}

class Conflate final : public Node {
 public:
  explicit Conflate(const ParamValues& params) : params_(params) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    const StreamFormat& in = *context.inputs[0];
    if (auto fits = refuse_overlap(in, "an interval would count them more than once"); !fits) {
      return tl::unexpected(fits.error());
    }
    auto grid = IntervalGrid::make(params_[kIntervalS], in.sample_rate_hz);
    if (!grid) { return tl::unexpected(grid.error()); }
    sample_rate_hz_ = in.sample_rate_hz;
    initial_ = *grid;
    method_ = 0;
    while (kMethods[method_] != params_.text(kMethod)) { ++method_; }
    auto kept = method_ == kMean ? channels_with_a_mean(in, "/config/method") : all_channels(in);
    if (!kept) { return tl::unexpected(kept.error()); }
    kept_ = *std::move(kept);
    OutputFormat out{in};
    out.format.channels.clear();
    for (const std::uint32_t c : kept_) { out.format.channels.push_back(in.channels[c]); }
    scales_.clear();
    for (const ChannelInfo& channel : out.format.channels) {
      scales_.push_back(method_ == kMean ? scale_of(channel) : Scale::number);
    }
    joined_ = DataFrame(std::make_shared<const StreamFormat>(out.format));
    weights_.assign(std::size_t{in.channel_count()} * in.max_frames, 0.0);
    reset();
    out.format.notes["conflated"] = fmt::format("{} over {} s", kMethods[method_], params_[kIntervalS]);
    return std::vector{std::move(out)};
  }
  void reset() noexcept override {
    grid_ = next_grid_ = initial_;
    blocks_ = 0;
    results_ = 0;
  }
  Result<std::unique_ptr<NodeChange>> plan_change(const ParamValues& now) const override {
    const auto grid = IntervalGrid::make(now[kIntervalS], sample_rate_hz_);
    if (!grid) { return tl::unexpected(grid.error()); }
    return make_change(*grid);
  }
  void apply(NodeChange& change) noexcept override { next_grid_ = value_of<IntervalGrid>(change); }

  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept override {
    const DataFrame& x = *in[0];
    if (blocks_ > 0 && grid_.index_of(moment_of(x)) != interval_) { give(out[0]); }
    if (blocks_ == 0) { grid_ = next_grid_; }
    interval_ = grid_.index_of(moment_of(x));
    if (blocks_ == 0) {
      begin(x);
    } else {
      joined_.header().flags |= x.header().flags;
      joined_.header().gap_frames += x.header().gap_frames;
      reach_to_the_end_of(x.header());
      joined_.metadata().copy_from(x.metadata());
    }
    add(x);
    ++blocks_;
    return Status::ok;
  }
  Status finish(std::span<OutputPort> out) noexcept override {
    if (blocks_ == 0) { return Status::done; }
    give(out[0]);
    return Status::ok;
  }
  std::vector<NodeNote> notes() const override {
    if (without_count_ == 0) { return {}; }
    return {{fmt::format("{} results have no metadata \"blocks\": all entries were used", without_count_),
             without_count_, false}};
  }

 private:
  void begin(const DataFrame& x) noexcept {
    joined_.take_header(x);
    for (std::uint32_t c = 0; c < joined_.channel_count(); ++c) {
      std::fill_n(joined_.channel_data(c), joined_.frame_count(), std::numeric_limits<double>::quiet_NaN());
    }
    std::fill(weights_.begin(), weights_.end(), 0.0);
    unit_length_ = static_cast<double>(x.header().length_frames);
  }

  // As long as every block states its length.
  void reach_to_the_end_of(const FrameHeader& header) noexcept {
    FrameHeader& joined = joined_.header();
    if (joined.length_frames == 0 || header.length_frames == 0) {
      joined.length_frames = 0;
      return;
    }
    const std::int64_t end = header.position + static_cast<std::int64_t>(header.length_frames);
    joined.length_frames = std::max(
        joined.length_frames, static_cast<std::uint64_t>(std::max<std::int64_t>(0, end - joined.position)));
  }

  // The mean is kept as a sum until it is given: the order of additions is that of the blocks. A result counts by its
  // length, that of the first one being 1.
  void add(const DataFrame& x) noexcept {
    // A spectrum has as many bins in every block.
    const std::uint32_t frames = std::min(x.frame_count(), joined_.frame_count());
    const auto length = static_cast<double>(x.header().length_frames);
    const double weight =
        method_ == kMean && unit_length_ > 0.0 && length > 0.0 ? length / unit_length_ : 1.0;
    for (std::uint32_t c = 0; c < joined_.channel_count(); ++c) {
      const auto from = x.channel(kept_[c]);
      double* const to = joined_.channel_data(c);
      double* const weights = weights_.data() + std::size_t{c} * joined_.max_frames();
      for (std::uint32_t n = 0; n < frames; ++n) {
        if (std::isnan(from[n])) { continue; }
        const double value = weight * to_summand(from[n], scales_[c]);
        to[n] = weights[n] == 0.0 ? value : with(to[n], value);
        weights[n] += weight;
      }
    }
  }
  double with(double before, double value) const noexcept {
    switch (method_) {
      case kMean:
        return before + value;
      case kMax:
        return std::max(before, value);
      case kMin:
        return std::min(before, value);
      default:
        return value;
    }
  }

  void give(OutputPort& out) noexcept {
    if (method_ == kMean) {
      for (std::uint32_t c = 0; c < joined_.channel_count(); ++c) {
        const auto values = joined_.channel(c);
        const double* const weights = weights_.data() + std::size_t{c} * joined_.max_frames();
        for (std::size_t n = 0; n < values.size(); ++n) {
          if (weights[n] > 0.0) { values[n] /= weights[n]; }
          values[n] = from_mean(values[n], scales_[c]);
        }
      }
    }
    DataFrame& y = out.emit();
    y.copy_from(joined_);
    y.header().sequence_id = results_++;
    if (!y.metadata().set("blocks", blocks_)) { ++without_count_; }
    blocks_ = 0;
  }

  const ParamValues params_;
  double sample_rate_hz_ = 1.0;  // fixed by prepare(), as are the next
  IntervalGrid initial_;
  IntervalGrid grid_;       // of the interval under way
  IntervalGrid next_grid_;  // of those behind it
  std::size_t method_ = kMean;
  std::vector<std::uint32_t> kept_;  // channels of the input that results are given of
  std::vector<Scale> scales_;        // by channel of the output
  DataFrame joined_;                 // of the interval under way
  std::vector<double> weights_;      // sum of the weights in each value of joined_
  double unit_length_ = 0.0;         // of results: length of the first one, which has the weight 1
  std::uint32_t blocks_ = 0;         // in joined_
  std::int64_t interval_ = 0;
  std::uint64_t results_ = 0;
  std::uint64_t without_count_ = 0;
};

}  // namespace
}  // namespace conflate_node

extern const NodeEntry kConflateEntry{conflate_node::kInfo, make_node<conflate_node::Conflate>};

}  // namespace streamlab
