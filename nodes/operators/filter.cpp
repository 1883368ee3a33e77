// nodes/operators/filter.cpp
//
// Filter: passes or drops whole blocks, by their level, their metadata, or a formula.
//
//   in   audio, spectra or values
//   out  the blocks that match, unchanged; latency 0 frames
//
// Works by blocks: for audio the result depends on the block size. Dropped blocks are counted, and the next
// block that passes has the flag gap.
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "engine/core/in_force.hpp"
#include "engine/core/node.hpp"
#include "nodes/dsp/level_stats.hpp"
#include "nodes/operators/stream_variables.hpp"
#include "nodes/processors/channel_names.hpp"

namespace streamlab {
namespace filter_node {
namespace {

constexpr std::string_view kDetectors[] = {"rms", "peak"};
constexpr std::string_view kMatches[] = {"any", "all"};
constexpr ParamInfo kParams[] = {
    param::live(param::number("above_db", "dB", {-400.0, 400.0}, Need::optional,
                              "By level: a block matches if its level is this or more.")),
    param::live(
        param::number("below_db", "dB", {-400.0, 400.0}, Need::optional,
                      "By level: a block matches if its level is below this; with above_db, if it is in "
                      "between.")),
    param::live(param::choice("detector", kDetectors, "rms", "By level: which level of the block to use.")),
    param::live(param::list("channels", ParamType::labels, "", {}, Need::optional,
                            "By level: the channels to use, by number from 1 or by name; left out: all.")),
    param::live(
        param::choice("match", kMatches, "any",
                      "Whether any channel (by level) or any sample (by expression) is enough, or all must "
                      "match.")),
    param::live(
        param::text("metadata", Need::optional,
                    "By metadata: the key; a block without it does not match; without min and max any value "
                    "matches.")),
    param::live(param::number("min", "", {}, Need::optional, "By metadata: the smallest matching value.")),
    param::live(param::number("max", "", {}, Need::optional, "By metadata: the largest matching value.")),
    param::live(param::text(
        "expression", Need::optional,
        "By a formula: a block matches if the result is neither 0 nor null; names as in Map, plus "
        "rms_… and peak_… for audio.")),
    param::live(param::boolean("invert", false, "Drop matching blocks and pass the rest.")),
};
constexpr auto kAboveDb = param::at(kParams, "above_db");
constexpr auto kBelowDb = param::at(kParams, "below_db");
constexpr auto kDetector = param::at(kParams, "detector");
constexpr auto kChannels = param::at(kParams, "channels");
constexpr auto kMatch = param::at(kParams, "match");
constexpr auto kMetadata = param::at(kParams, "metadata");
constexpr auto kMin = param::at(kParams, "min");
constexpr auto kMax = param::at(kParams, "max");
constexpr auto kExpression = param::at(kParams, "expression");
constexpr auto kInvert = param::at(kParams, "invert");
constexpr std::string_view kCriteria[] = {"above_db", "below_db", "metadata", "expression"};
constexpr std::string_view kLevels[] = {"above_db", "below_db"};
constexpr std::string_view kLevelOrFormula[] = {"above_db", "below_db", "expression"};
constexpr std::string_view kMetadataName[] = {"metadata"};
constexpr std::string_view kExclusive[][2] = {{"above_db", "metadata"},
                                              {"below_db", "metadata"},
                                              {"above_db", "expression"},
                                              {"below_db", "expression"},
                                              {"metadata", "expression"}};
constexpr std::string_view kOfLevels[] = {"detector", "channels"};
constexpr std::string_view kOfMetadata[] = {"min", "max"};
constexpr std::string_view kMatchName[] = {"match"};
constexpr std::string_view kInARow = "several Filters in a row pass what fits all of them";
constexpr ParamRule kRules[] = {
    {ParamRule::Kind::at_least_one, kCriteria},
    {ParamRule::Kind::at_most_one, kExclusive[0], {}, {}, kInARow},
    {ParamRule::Kind::at_most_one, kExclusive[1], {}, {}, kInARow},
    {ParamRule::Kind::at_most_one, kExclusive[2], {}, {}, kInARow},
    {ParamRule::Kind::at_most_one, kExclusive[3], {}, {}, kInARow},
    {ParamRule::Kind::at_most_one, kExclusive[4], {}, {}, kInARow},
    {ParamRule::Kind::only_with, kOfLevels, kLevels},
    {ParamRule::Kind::only_with, kOfMetadata, kMetadataName},
    {ParamRule::Kind::only_with, kMatchName, kLevelOrFormula},
};
constexpr PortInfo kOutPort[] = {{"out", kAnyKind, "The blocks that pass."}};
constexpr NodeInfo kInfo{
    .name = "Filter",
    .description = "Passes or drops whole blocks by level, metadata or a formula.",
    .inputs = kAnyInPort,
    .outputs = kOutPort,
    .params = kParams,
    .rules = kRules,
    .rt_safe = RtSafe::yes,
    .timeline = Timeline::broken,
    .at_gap = "Carries on; dropped frames are added to the gap of the next block that passes.",
    .details =
        "Exactly one of level (above_db, below_db), metadata and expression. It decides per block, so the "
        "block size matters; put a Window or Batch before it to choose the size. rms and peak are of the "
        "block, in dB re 1.0 (a full-scale sine has -3.01 dB rms); silence is below every level; samples "
        "that are not finite are ignored, and a block with no others matches no level. An expression can use "
        "the names of Map (channels, ch1, …, t, n, fs, f) and, for audio, rms_NAME and peak_NAME of every "
        "channel, re 1.0, as in \"db(rms_left) > -40\". If it uses a channel it is evaluated for each sample "
        "(match: any or all), else once per block. The next block that passes is flagged gap, and gap_frames "
        "is the distance from the end of the last one that passed, so that nothing is averaged across it "
        "unnoticed. Blocks without frames are ignored. Everything may change while the graph runs, from the next block on: "
        "blocks pass unchanged or not at all, so there is no click inside one.",
    .example =
        R"({"id": "speech", "type": "Filter", "config": {"above_db": -40, "detector": "rms", "channels": [1]}})",
    .cost_ns_per_frame = 2.0,
};

// What decides, made from the parameters as a whole.
class Condition {
 public:
  static Result<std::unique_ptr<Condition>> make(const ParamValues& params, const StreamFormat& in) {
    auto condition = std::make_unique<Condition>(params);
    Result<void> prepared;
    if (params.given(kMetadata)) {
      prepared = condition->prepare_metadata(params);
    } else if (params.given(kExpression)) {
      prepared = condition->prepare_expression(params, in);
    } else {
      prepared = condition->prepare_level(params, in);
    }
    if (!prepared) { return tl::unexpected(prepared.error()); }
    return condition;
  }
  explicit Condition(const ParamValues& params)
      : invert_(params.flag(kInvert)),
        all_(params.choice(kMatch) == 1),
        peak_(params.choice(kDetector) == 1) {}

  // Real-time safe.
  bool passes(const DataFrame& x) noexcept { return fits(x) != invert_; }

 private:
  enum class Criterion : std::uint8_t { level, metadata, expression };

  Result<void> prepare_level(const ParamValues& params, const StreamFormat& in) {
    criterion_ = Criterion::level;
    if (in.kind != StreamKind::audio) {
      return refused(params.given(kAboveDb) ? "/config/above_db" : "/config/below_db",
                     fmt::format("there is no level of {}", to_string(in.kind)), "audio",
                     "use an expression over the channels");
    }
    above_db_ = params.given(kAboveDb) ? params[kAboveDb] : -std::numeric_limits<double>::infinity();
    below_db_ = params.given(kBelowDb) ? params[kBelowDb] : std::numeric_limits<double>::infinity();
    if (above_db_ >= below_db_) {
      return refused("/config/below_db",
                     fmt::format("no level is both above {} dB and below {} dB", above_db_, below_db_),
                     fmt::format("more than {}", above_db_));
    }
    if (!params.given(kChannels)) {
      for (std::uint32_t c = 0; c < in.channel_count(); ++c) { measured_.push_back(c); }
      return {};
    }
    const auto& labels = params.labels(kChannels);
    for (std::size_t i = 0; i < labels.size(); ++i) {
      const auto channel = find_channel(in, labels[i], fmt::format("/config/channels/{}", i));
      if (!channel) { return tl::unexpected(channel.error()); }
      measured_.push_back(*channel);
    }
    return {};
  }

  Result<void> prepare_metadata(const ParamValues& params) {
    criterion_ = Criterion::metadata;
    key_ = params.text(kMetadata);
    if (key_.empty() || key_.size() > Metadata::kMaxKeyLength) {
      return refused("/config/metadata", fmt::format("a key never has {} characters", key_.size()),
                     fmt::format("1 .. {} characters", Metadata::kMaxKeyLength));
    }
    min_ = params.given(kMin) ? params[kMin] : -std::numeric_limits<double>::infinity();
    max_ = params.given(kMax) ? params[kMax] : std::numeric_limits<double>::infinity();
    if (min_ > max_) {
      return refused("/config/max", fmt::format("no value is between {} and {}", min_, max_),
                     fmt::format("at least {}", min_));
    }
    return {};
  }

  Result<void> prepare_expression(const ParamValues& params, const StreamFormat& in) {
    criterion_ = Criterion::expression;
    variables_ = StreamVariables(in);
    const bool audio = in.kind == StreamKind::audio;
    levels_.assign(audio ? in.channel_count() : 0, {});
    for (std::uint32_t c = 0; c < levels_.size(); ++c) {
      for (const std::string& name : {in.channels[c].name, fmt::format("ch{}", c + 1)}) {
        variables_.add("rms_" + name, levels_[c].rms);
        variables_.add("peak_" + name, levels_[c].peak);
      }
    }
    auto expression = Expression::compile(params.text(kExpression), variables_.names(), "/config/expression");
    if (!expression) { return tl::unexpected(expression.error()); }
    expression_.emplace(std::move(*expression));
    by_sample_ = variables_.watch(*expression_);
    if (params.given(kMatch) && !by_sample_) {
      return refused("/config/match", "the expression is the same for every sample of a block",
                     "it together with an expression that uses a channel");
    }
    for (std::uint32_t c = 0; c < levels_.size(); ++c) {
      if (expression_->uses(&levels_[c].rms) || expression_->uses(&levels_[c].peak)) {
        measured_.push_back(c);
      }
    }
    return {};
  }

  bool fits(const DataFrame& x) noexcept {
    switch (criterion_) {
      case Criterion::level:
        return fits_level(x);
      case Criterion::metadata: {
        const auto value = x.metadata().get(key_);
        return value && *value >= min_ && *value <= max_;
      }
      case Criterion::expression:
        return fits_expression(x);
    }
    return false;
  }

  bool fits_level(const DataFrame& x) noexcept {
    const auto channel_fits = [&](std::uint32_t c) {
      const dsp::Levels levels = measure(x, c);
      const double level = peak_ ? levels.peak : levels.rms;
      const double level_db = 20.0 * std::log10(level);  // -inf for silence, NaN without a finite sample
      return level_db >= above_db_ && level_db < below_db_;
    };
    return all_ ? std::all_of(measured_.begin(), measured_.end(), channel_fits)
                : std::any_of(measured_.begin(), measured_.end(), channel_fits);
  }

  bool fits_expression(const DataFrame& x) noexcept {
    for (const std::uint32_t c : measured_) {
      const dsp::Levels levels = measure(x, c);
      levels_[c] = {levels.rms, levels.peak};
    }
    const std::uint32_t samples = by_sample_ ? x.frame_count() : 1;
    for (std::uint32_t n = 0; n < samples; ++n) {
      variables_.load(x, n);
      const double value = expression_->evaluate();
      const bool is_true = value != 0.0 && !std::isnan(value);
      if (is_true != all_) { return is_true; }
    }
    return all_;
  }

  dsp::Levels measure(const DataFrame& x, std::uint32_t channel) noexcept {
    stats_.restart();
    stats_.add(x.channel(channel));
    return stats_.levels();
  }

  struct BlockLevels {
    double rms = 0.0;
    double peak = 0.0;
  };

  const bool invert_;
  const bool all_;
  const bool peak_;

  // Fixed by prepare_….
  Criterion criterion_ = Criterion::level;
  double above_db_ = 0.0;
  double below_db_ = 0.0;
  std::string key_;
  double min_ = 0.0;
  double max_ = 0.0;
  std::vector<std::uint32_t> measured_;  // channels whose level is needed
  std::vector<BlockLevels> levels_;      // by channel; for rms_… and peak_… in the expression
  StreamVariables variables_;
  std::optional<Expression> expression_;
  dsp::LevelStats stats_;  // of one channel of the current block
  bool by_sample_ = false;
};

class Filter final : public Node {
 public:
  explicit Filter(const ParamValues& params) : params_(params) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    in_ = *context.inputs[0];
    auto condition = Condition::make(params_, in_);
    if (!condition) { return tl::unexpected(condition.error()); }
    condition_.prepare(std::move(*condition));
    reset();
    return std::vector{OutputFormat{in_}};
  }
  void reset() noexcept override {
    condition_.reset();
    left_out_since_.reset();
    left_out_blocks_ = 0;
    left_out_frames_ = 0;
  }
  Result<std::unique_ptr<NodeChange>> plan_change(const ParamValues& now) const override {
    auto condition = Condition::make(now, in_);
    if (!condition) { return tl::unexpected(condition.error()); }
    return make_change(std::move(*condition));
  }
  void apply(NodeChange& change) noexcept override {
    condition_.take(value_of<std::unique_ptr<Condition>>(change));
  }

  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept override {
    const DataFrame& x = *in[0];
    if (x.frame_count() == 0) { return Status::ok; }
    if (!condition_->passes(x)) {
      leave_out(x);
      return Status::ok;
    }
    DataFrame& y = out[0].emit();
    for (std::uint32_t c = 0; c < x.channel_count(); ++c) {
      std::copy_n(x.channel_data(c), x.frame_count(), y.channel_data(c));
    }
    if (left_out_since_) {
      FrameHeader& header = y.header();
      header.set(FrameFlag::gap);
      // If the stream restarts its count, only its own gap is known.
      const std::int64_t missing = std::max<std::int64_t>(0, header.position - *left_out_since_);
      header.gap_frames = std::max(header.gap_frames, static_cast<std::uint64_t>(missing));
      left_out_since_.reset();
    }
    return Status::ok;
  }
  std::vector<NodeNote> notes() const override {
    if (left_out_blocks_ == 0) { return {}; }
    return {{fmt::format("dropped {} blocks ({} frames), as configured", left_out_blocks_, left_out_frames_),
             left_out_frames_, false}};
  }

 private:
  void leave_out(const DataFrame& x) noexcept {
    if (!left_out_since_) {
      left_out_since_ = x.position() - static_cast<std::int64_t>(x.header().gap_frames);
    }
    ++left_out_blocks_;
    left_out_frames_ += x.frame_count();
  }

  const ParamValues params_;
  StreamFormat in_;  // fixed by prepare()
  InForce<Condition> condition_;
  std::optional<std::int64_t> left_out_since_;  // position at which the dropped frames begin
  std::uint64_t left_out_blocks_ = 0;
  std::uint64_t left_out_frames_ = 0;
};

}  // namespace
}  // namespace filter_node

extern const NodeEntry kFilterEntry{filter_node::kInfo, make_node<filter_node::Filter>};

}  // namespace streamlab
