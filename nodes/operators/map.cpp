// nodes/operators/map.cpp
//
// Map: new channels from formulas over the channels of the input.
//
//   in   audio, spectra or values
//   out  one channel per formula, with `keep` after those of the input; latency 0 frames
//
//   y[k][n] = expression_k(x[0][n], x[1][n], …, t, n, fs)
//
// New formulas for audio take over along a cross-fade of N = 10 ms (nodes/processors/cross_fade.hpp): where the old ones
// give a sine of complex amplitude A and the new ones B, no second difference is above
//
//   4 sin²(w/2) max(|A|, |B|) + max(1, 2 sin w) |B - A| / N,   w = 2π f / rate
#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/base/json_pointer.hpp"
#include "engine/base/nearest_name.hpp"
#include "engine/core/node.hpp"
#include "nodes/analysis/level_unit.hpp"
#include "nodes/dsp/ramp.hpp"
#include "nodes/operators/stream_variables.hpp"
#include "nodes/processors/cross_fade.hpp"

namespace streamlab {
namespace map_node {
namespace {

constexpr ParamInfo kParams[] = {
    param::live(
        param::json("channels", Need::required,
                    "The new channels: {\"name\": \"expression\", …}, in output order. While the graph runs "
                    "formulas may change, names may not.")),
    param::of_format(
        param::json("units", Need::optional,
                    "Units of the new channels: {\"name\": \"unit\", …}; left out: for audio the unit "
                    "shared by all channels, else none.")),
    param::of_format(
        param::boolean("keep", false, "Also pass on the channels of the input, before the new ones.")),
};
constexpr auto kChannels = param::at(kParams, "channels");
constexpr auto kUnits = param::at(kParams, "units");
constexpr auto kKeep = param::at(kParams, "keep");
constexpr PortInfo kOutPort[] = {{"out", kAnyKind, "The new channels."}};
constexpr NodeInfo kInfo{
    .name = "Map",
    .description = "Computes new channels by formulas from the input channels.",
    .inputs = kAnyInPort,
    .outputs = kOutPort,
    .params = kParams,
    .rt_safe = RtSafe::yes,
    .at_gap = "Carries on; t and n count the missing frames.",
    .details =
        "Names: each channel as ch1, ch2, … and by its name, if that begins with a letter or _ and consists "
        "of letters, digits, _ and dots; t, the time in s (position / sample rate); n, the position; fs, the "
        "sample rate in Hz; in spectra f, the frequency of the bin. t and n are those of the sample in "
        "audio, of the block in spectra and values. Channel names take precedence. "
        "Operators + - * / ^, comparisons, &&, ||, a ? b : c; constants _pi and _e; functions abs, sign, "
        "rint, floor, ceil, mod, sqrt, exp, ln, log (natural), log2, log10, sin, cos, tan and their inverse "
        "(asin …, atan2) and hyperbolic forms, in radians, min, max, sum, avg, db (20 lg |x|), "
        "from_db, isnan. Numbers are taken as they are: of levels in decibels avg and sum are "
        "not those of their energy. A block with a result that is not a finite number is flagged not_finite; "
        "-infinity in a channel whose unit is a level (dB…, LU…) is silence and does not count. New formulas of audio "
        "take over along a cross-fade of N = 10 ms: a tone that becomes B instead of A has no second difference "
        "above 4 sin²(w/2) max(|A|, |B|) + max(1, 2 sin w) |B - A| / N, w = 2π f / rate. A sample of which one side is not "
        "finite is that of the new formula. Spectra and values have the new formulas from the next block on.",
    .example =
        R"({"id": "mid_side", "type": "Map", "config": {"channels": {"mid": "(ch1 + ch2) / 2", "side": "(ch1 - ch2) / 2"}}})",
    .cost_ns_per_frame = 15.0,
};

// The members of a JSON object of strings, in their order.
struct NamedText {
  std::string name;
  std::string text;
  std::string where;
};
Result<std::vector<NamedText>> read_texts(const std::string& json, const std::string& where,
                                          const std::string& expected) {
  const auto document = nlohmann::ordered_json::parse(json, nullptr, false);
  if (!document.is_object()) {
    return refused(where, fmt::format("{} is not valid here", json.substr(0, 40)), expected);
  }
  std::vector<NamedText> texts;
  for (const auto& item : document.items()) {
    const std::string place = where + "/" + pointer_token(item.key());
    if (item.key().empty()) { return refused(where, "a channel without a name", expected); }
    if (!item.value().is_string()) {
      return refused(place, fmt::format("{} is not valid here", item.value().dump().substr(0, 40)),
                     "text in quotes");
    }
    texts.push_back({item.key(), item.value().get<std::string>(), place});
  }
  return texts;
}

class Map final : public Node {
 public:
  explicit Map(const ParamValues& params)
      : channels_json_(params.text(kChannels)),
        units_json_(params.given(kUnits) ? params.text(kUnits) : "{}"),
        keep_(params.flag(kKeep)) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    in_ = *context.inputs[0];
    const auto formulas = read_formulas(channels_json_);
    if (!formulas) { return tl::unexpected(formulas.error()); }
    kept_ = keep_ ? in_.channel_count() : 0;
    // The unit of a formula is not known. For audio, assume the one that all channels have.
    std::string common_unit;
    if (in_.kind == StreamKind::audio && !in_.channels.empty()) {
      const std::string& unit = in_.channels[0].unit;
      const bool same = std::all_of(in_.channels.begin(), in_.channels.end(),
                                    [&](const ChannelInfo& channel) { return channel.unit == unit; });
      if (same) { common_unit = unit; }
    }
    OutputFormat out{in_};
    if (!keep_) { out.format.channels.clear(); }
    auto compiled = std::make_unique<Formulas>(in_);
    names_.clear();
    for (const NamedText& formula : *formulas) {
      const bool is_taken =
          std::any_of(out.format.channels.begin(), out.format.channels.end(),
                      [&](const ChannelInfo& channel) { return channel.name == formula.name; });
      if (is_taken) {
        return refused(formula.where, fmt::format("the input already has a channel \"{}\"", formula.name),
                       "another name", "without \"keep\" it may have this name");
      }
      if (auto added = compiled->add(formula); !added) { return tl::unexpected(added.error()); }
      names_.push_back(formula.name);
      out.format.channels.push_back({formula.name, common_unit});
    }
    if (auto named = set_units(out.format, *formulas); !named) { return tl::unexpected(named.error()); }
    levels_.clear();
    for (std::size_t k = 0; k < formulas->size(); ++k) {
      levels_.push_back(is_level(out.format.channels[kept_ + k].unit));
    }
    // Between blocks of results there is nothing to fade.
    formulas_.prepare(std::move(compiled),
                      in_.kind == StreamKind::audio ? dsp::change_frames(in_.sample_rate_hz) : 1);
    return std::vector{std::move(out)};
  }
  void reset() noexcept override { formulas_.reset(); }

  Result<std::unique_ptr<NodeChange>> plan_change(const ParamValues& now) const override {
    const auto formulas = read_formulas(now.text(kChannels));
    if (!formulas) { return tl::unexpected(formulas.error()); }
    const bool same_names = std::equal(formulas->begin(), formulas->end(), names_.begin(), names_.end(),
                                       [](const NamedText& a, const std::string& b) { return a.name == b; });
    if (!same_names) {
      return refused("/config/channels", "the channels of the output would be others",
                     fmt::format("formulas for {}, in this order", fmt::join(names_, ", ")));
    }
    auto compiled = std::make_unique<Formulas>(in_);
    for (const NamedText& formula : *formulas) {
      if (auto added = compiled->add(formula); !added) { return tl::unexpected(added.error()); }
    }
    return make_change(std::move(compiled));
  }
  void apply(NodeChange& change) noexcept override {
    formulas_.take(value_of<std::unique_ptr<Formulas>>(change));
  }

  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept override {
    const DataFrame& x = *in[0];
    DataFrame& y = out[0].emit();
    for (std::uint32_t c = 0; c < kept_; ++c) {
      std::copy_n(x.channel_data(c), x.frame_count(), y.channel_data(c));
    }
    if (formulas_.next() != nullptr && formulas_.mixed_frames() == 0) { formulas_.advance(0); }
    for (std::uint32_t n = 0; n < x.frame_count(); ++n) {
      formulas_.now().load(x, n);
      Formulas* const next = formulas_.next();
      if (next != nullptr) { next->load(x, n); }
      for (std::size_t k = 0; k < names_.size(); ++k) {
        double value = formulas_.now().evaluate(k);
        if (next != nullptr) { value = mixed(value, next->evaluate(k)); }
        put(y, k, n, value);
      }
      if (next != nullptr) { formulas_.advance(1); }
    }
    return Status::ok;
  }

 private:
  // The formulas of all new channels, with their variables.
  class Formulas {
   public:
    explicit Formulas(const StreamFormat& in) : variables_(in) {}
    Result<void> add(const NamedText& formula) {
      auto expression = Expression::compile(formula.text, variables_.names(), formula.where);
      if (!expression) { return tl::unexpected(expression.error()); }
      variables_.watch(*expression);
      expressions_.push_back(std::move(*expression));
      return {};
    }
    // --- real-time safe
    void load(const DataFrame& x, std::uint32_t n) noexcept { variables_.load(x, n); }
    double evaluate(std::size_t k) const noexcept { return expressions_[k].evaluate(); }

   private:
    StreamVariables variables_;
    std::vector<Expression> expressions_;  // by new channel
  };

  static Result<std::vector<NamedText>> read_formulas(const std::string& json) {
    constexpr std::string_view kExpected = R"({"name": "expression", …})";
    auto formulas = read_texts(json, "/config/channels", std::string(kExpected));
    if (formulas && formulas->empty()) {
      return refused("/config/channels", "no new channel is given", std::string(kExpected));
    }
    return formulas;
  }
  double mixed(double before, double after) const noexcept {
    const bool both = std::isfinite(before) && std::isfinite(after);
    return both ? before + (after - before) * formulas_.weight(0) : after;
  }
  void put(DataFrame& y, std::size_t k, std::uint32_t n, double value) noexcept {
    y.channel_data(kept_ + static_cast<std::uint32_t>(k))[n] = value;
    if (std::isfinite(value) || (levels_[k] && value < 0.0)) { return; }
    if (in_.kind == StreamKind::audio) {
      y.flag_frames(FrameFlag::not_finite, n, 1);
    } else {
      y.header().set(FrameFlag::not_finite);
    }
  }
  Result<void> set_units(StreamFormat& format, const std::vector<NamedText>& formulas) const {
    const auto units = read_texts(units_json_, "/config/units", R"({"name": "unit", …})");
    if (!units) { return tl::unexpected(units.error()); }
    std::vector<std::string_view> names;
    for (const NamedText& formula : formulas) { names.push_back(formula.name); }
    for (const NamedText& unit : *units) {
      const auto found = std::find(names.begin(), names.end(), unit.name);
      if (found == names.end()) {
        return refused(unit.where, fmt::format("there is no new channel \"{}\"", unit.name),
                       fmt::format("{}", fmt::join(names, ", ")), did_you_mean(unit.name, names));
      }
      format.channels[kept_ + static_cast<std::size_t>(found - names.begin())].unit = unit.text;
    }
    return {};
  }

  const std::string channels_json_;
  const std::string units_json_;
  const bool keep_;
  StreamFormat in_;                 // fixed by prepare(), as are the next
  std::uint32_t kept_ = 0;          // input channels before the new ones
  std::vector<std::string> names_;  // of the new channels
  std::vector<bool> levels_;        // by new channel: has it a unit of levels?
  CrossFade<Formulas> formulas_;
};

}  // namespace
}  // namespace map_node

extern const NodeEntry kMapEntry{map_node::kInfo, make_node<map_node::Map>};

}  // namespace streamlab
