// nodes/processors/mixer.cpp
//
// Mixer: weighted sums of the channels of all its inputs.
//
//   in1 …  audio, float64 [channels x frames], one rate
//   out    one channel per row of the matrix; latency 0 frames
//
//   y[r][n] = sum over c of matrix[r][c] x[c][n],   c: the channels of in1, then of in2, …
//
// Without a matrix the inputs have the same number of channels and are summed channel by channel.
//
// Each factor goes to its new value along a straight line of N = 10 ms (nodes/dsp/mix.hpp). With sines of one frequency,
// each of amplitude 1 or less, at the inputs, no second difference of channel r is above
//
//   4 sin²(w/2) max(Σ |old|, Σ |new|) + max(1, 2 sin w) Σ |new - old| / N,   Σ over the factors of row r
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "engine/core/in_force.hpp"
#include "engine/core/node.hpp"
#include "engine/core/overlap.hpp"
#include "nodes/dsp/mix.hpp"
#include "nodes/processors/channel_names.hpp"

namespace streamlab {
namespace mixer_node {
namespace {

constexpr ParamInfo kParams[] = {
    param::live(
        param::list("matrix", ParamType::matrix, "ratio", {-1e6, 1e6}, Need::optional,
                    "One row per output channel, with one factor per input channel: those of in1, then of "
                    "in2, … New factors, of as many channels, are reached over 10 ms.")),
    param::of_format(param::names("names", Need::optional, "Names of the output channels.")),
};
constexpr auto kMatrix = param::at(kParams, "matrix");
constexpr auto kNames = param::at(kParams, "names");
constexpr PortInfo kInPorts[] = {{"in", kAudioOnly, "Audio; as many as are connected.", 64}};
constexpr NodeInfo kInfo{
    .name = "Mixer",
    .description = "Mixes the channels of all inputs with a matrix.",
    .inputs = kInPorts,
    .outputs = kAudioOutPort,
    .params = kParams,
    .rt_safe = RtSafe::yes,
    .at_gap =
        "Carries on; where all inputs have a gap, so has the output. Where one lacks frames, it counts as silence, and the "
        "block is flagged incomplete.",
    .details =
        "Sums are computed in the order of the columns. A factor of 0 excludes its channel entirely, so that "
        "a NaN in it cannot reach the output; a row with a single 1 copies its channel bit for bit. Without "
        "\"matrix\" the inputs must have the same number of channels and are added channel by channel, each "
        "with factor 1. Each factor goes to its new value along a straight line of N = 10 ms: a tone with w = 2π f / rate "
        "has, on the way, second differences of at most max(1, 2 sin w) Σ |new - old| / N more than before or behind it. "
        "A factor is in the sum until it has reached 0.",
    .example = R"({"id": "mono", "type": "Mixer", "config": {"matrix": [[0.5, 0.5]], "names": ["mono"]}})",
    .cost_ns_per_frame = 0.3,
};

class Mixer final : public Node {
 public:
  explicit Mixer(const ParamValues& params) : params_(params) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    const StreamFormat& first = *context.inputs[0];
    OutputFormat out{with_new_values(first)};
    std::size_t columns = 0;
    for (std::size_t i = 0; i < context.inputs.size(); ++i) {
      const StreamFormat& in = *context.inputs[i];
      if (context.inputs.size() > 1) {
        if (auto fits = refuse_overlap(in, "streams are added position by position"); !fits) {
          return tl::unexpected(fits.error());
        }
      }
      if (in.sample_rate_hz != first.sample_rate_hz) {
        return refused(
            "",
            fmt::format("in{} runs at {} Hz, in1 at {} Hz", i + 1, in.sample_rate_hz, first.sample_rate_hz),
            "the same sample rate", "resample one of them first");
      }
      columns += in.channel_count();
      out.format.max_frames = std::max(out.format.max_frames, in.max_frames);
    }
    input_channels_.clear();
    for (const StreamFormat* in : context.inputs) { input_channels_.push_back(in->channels); }
    auto matrix = params_.given(kMatrix) ? given_matrix(params_, columns) : sum_of_inputs(columns);
    if (!matrix) { return tl::unexpected(matrix.error()); }
    const auto units = units_of_rows(params_, *matrix, columns);
    if (!units) { return tl::unexpected(units.error()); }
    units_ = *units;
    if (auto named = name_channels(out.format); !named) { return tl::unexpected(named.error()); }
    mix_.prepare(std::make_unique<dsp::MatrixMix>(units_.size(), columns, *matrix));
    ramp_ = dsp::MixRamp(matrix->size(), dsp::change_frames(first.sample_rate_hz));
    in_.resize(columns);
    rest_.resize(units_.size());
    reset();
    return std::vector{std::move(out)};
  }
  void reset() noexcept override {
    mix_.reset();
    ramp_.reset();
  }

  Result<std::unique_ptr<NodeChange>> plan_change(const ParamValues& now) const override {
    const std::size_t columns = in_.size();
    auto matrix = now.given(kMatrix) ? given_matrix(now, columns) : sum_of_inputs(columns);
    if (!matrix) { return tl::unexpected(matrix.error()); }
    if (matrix->size() != units_.size() * columns) {
      return refused(
          "/config/matrix",
          fmt::format("{} rows would make another number of output channels", matrix->size() / columns),
          fmt::format("{} rows while the graph runs", units_.size()));
    }
    const auto units = units_of_rows(now, *matrix, columns);
    if (!units) { return tl::unexpected(units.error()); }
    for (std::size_t row = 0; row < units->size(); ++row) {
      const bool is_silent = std::all_of(matrix->begin() + static_cast<std::ptrdiff_t>(row * columns),
                                         matrix->begin() + static_cast<std::ptrdiff_t>((row + 1) * columns),
                                         [](double factor) { return factor == 0.0; });
      if (is_silent || (*units)[row] == units_[row]) { continue; }
      return refused(fmt::format("/config/matrix/{}", row),
                     fmt::format("the unit of the output channel would become \"{}\"", (*units)[row]),
                     fmt::format("channels in \"{}\" while the graph runs", units_[row]));
    }
    return make_change(std::make_unique<dsp::MatrixMix>(units_.size(), columns, *matrix));
  }
  void apply(NodeChange& change) noexcept override {
    ramp_.leave(*mix_);
    mix_.take(value_of<std::unique_ptr<dsp::MatrixMix>>(change));
  }

  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept override {
    DataFrame& y = out[0].emit();
    std::size_t column = 0;
    for (const DataFrame* x : in) {
      for (std::uint32_t c = 0; c < x->channel_count(); ++c) { in_[column++] = x->channel_data(c); }
      y.add_flags(*x, 0, x->frame_count());
      if (x->header().has(FrameFlag::gap)) { y.header().set(FrameFlag::gap); }
      y.header().gap_frames = std::max(y.header().gap_frames, x->header().gap_frames);
    }
    const std::uint32_t ramped = std::min(ramp_.frames_left(), y.frame_count());
    if (ramped == 0) {
      mix_->process(in_, y.channel_pointers(), y.frame_count());
    } else {
      ramp_.process(*mix_, in_, y.channel_pointers(), ramped);
      for (const double*& x : in_) { x += ramped; }
      for (std::uint32_t r = 0; r < y.channel_count(); ++r) { rest_[r] = y.channel_data(r) + ramped; }
      mix_->process(in_, rest_, y.frame_count() - ramped);
    }
    return Status::ok;
  }

 private:
  // [rows x columns], row after row.
  Result<std::vector<double>> given_matrix(const ParamValues& params, std::size_t columns) const {
    const Matrix& matrix = params.matrix(kMatrix);
    if (matrix.front().size() != columns) {
      std::string inputs;
      for (std::size_t i = 0; i < input_channels_.size(); ++i) {
        inputs += fmt::format("{}in{} has {}", i == 0 ? "" : ", ", i + 1, input_channels_[i].size());
      }
      return refused("/config/matrix",
                     fmt::format("rows of {} factors for {} input channels ({})", matrix.front().size(),
                                 columns, inputs),
                     fmt::format("{} factors in each row", columns));
    }
    std::vector<double> values;
    for (const auto& row : matrix) { values.insert(values.end(), row.begin(), row.end()); }
    return values;
  }
  Result<std::vector<double>> sum_of_inputs(std::size_t columns) const {
    const std::size_t rows = input_channels_[0].size();
    std::vector<double> values(rows * columns);
    for (std::size_t i = 0; i < input_channels_.size(); ++i) {
      if (input_channels_[i].size() != rows) {
        return refused(
            "/config/matrix",
            fmt::format("in{} has {} channels, in1 has {}: they cannot be added channel by channel", i + 1,
                        input_channels_[i].size(), rows),
            fmt::format("a matrix with {} factors in each row", columns));
      }
      for (std::size_t c = 0; c < rows; ++c) { values[c * columns + i * rows + c] = 1.0; }
    }
    return values;
  }
  // By output channel: the unit of its inputs. A channel of zeros has the unit of the first.
  Result<std::vector<std::string>> units_of_rows(const ParamValues& params, const std::vector<double>& matrix,
                                                 std::size_t columns) const {
    std::vector<const ChannelInfo*> channels;
    for (const auto& input : input_channels_) {
      for (const ChannelInfo& channel : input) { channels.push_back(&channel); }
    }
    std::vector<std::string> units;
    for (std::size_t row = 0; row < matrix.size() / columns; ++row) {
      const ChannelInfo* first = nullptr;
      for (std::size_t column = 0; column < columns; ++column) {
        if (matrix[row * columns + column] == 0.0) { continue; }
        const ChannelInfo* const channel = channels[column];
        if (first == nullptr) { first = channel; }
        if (channel->unit == first->unit) { continue; }
        const bool given = params.given(kMatrix);
        return refused(given ? fmt::format("/config/matrix/{}", row) : "",
                       fmt::format("\"{}\" [{}] and \"{}\" [{}] cannot be added", first->name, first->unit,
                                   channel->name, channel->unit),
                       "channels of one unit");
      }
      units.push_back(first == nullptr ? channels[0]->unit : first->unit);
    }
    return units;
  }
  Result<void> name_channels(StreamFormat& format) const {
    const std::size_t rows = units_.size();
    std::vector<std::string> names = params_.labels(kNames);
    if (params_.given(kNames)) {
      if (auto checked = check_channel_names(names, rows, "/config/names"); !checked) { return checked; }
    } else if (format.channel_count() == rows) {
      for (const ChannelInfo& channel : format.channels) {
        names.push_back(channel.name);
      }  // of the first input
    } else {
      names = default_channel_names(static_cast<std::uint32_t>(rows));
    }
    format.channels.clear();
    for (std::size_t row = 0; row < rows; ++row) {
      format.channels.push_back({std::move(names[row]), units_[row]});
    }
    return {};
  }

  const ParamValues params_;
  std::vector<std::vector<ChannelInfo>> input_channels_;  // fixed by prepare(), as is the next
  std::vector<std::string> units_;                        // by output channel
  InForce<dsp::MatrixMix> mix_;
  dsp::MixRamp ramp_;
  std::vector<const double*> in_;  // channels of the current blocks
  std::vector<double*> rest_;      // of the output, behind a line that ends in the block
};

}  // namespace
}  // namespace mixer_node

extern const NodeEntry kMixerEntry{mixer_node::kInfo, make_node<mixer_node::Mixer>};

}  // namespace streamlab
