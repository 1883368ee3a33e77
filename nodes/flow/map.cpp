// nodes/flow/map.cpp
//
// Map: new channels from formulas over the channels of the input.
//
//   in   audio, spectra or values
//   out  one channel per formula, with `keep` after those of the input; latency 0 frames
//
//   y[k][n] = expression_k(x[0][n], x[1][n], …, t, n, fs)
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/base/json_pointer.hpp"
#include "engine/base/nearest_name.hpp"
#include "engine/core/node.hpp"
#include "nodes/analysis/level_unit.hpp"
#include "nodes/flow/stream_variables.hpp"

namespace streamlab {
namespace map_node {
namespace {

constexpr ParamInfo kParams[] = {
    param::json("channels", Need::required,
                "The new channels: {\"name\": \"expression\", …}, in output order."),
    param::json("units", Need::optional,
                "Units of the new channels: {\"name\": \"unit\", …}; left out: for audio the unit shared by "
                "all channels, else none."),
    param::boolean("keep", false, "Also pass on the channels of the input, before the new ones."),
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
        "-infinity in a channel whose unit is a level (dB…, LU…) is silence and does not count.",
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
    const StreamFormat& in = *context.inputs[0];
    const auto formulas = read_texts(channels_json_, "/config/channels", R"({"name": "expression", …})");
    if (!formulas) { return tl::unexpected(formulas.error()); }
    if (formulas->empty()) {
      return refused("/config/channels", "no new channel is given", R"({"name": "expression", …})");
    }
    variables_ = StreamVariables(in);
    expressions_.clear();
    kept_ = keep_ ? in.channel_count() : 0;
    // The unit of a formula is not known. For audio, assume the one that all channels have.
    std::string common_unit;
    if (in.kind == StreamKind::audio && !in.channels.empty()) {
      const std::string& unit = in.channels[0].unit;
      const bool same = std::all_of(in.channels.begin(), in.channels.end(),
                                    [&](const ChannelInfo& channel) { return channel.unit == unit; });
      if (same) { common_unit = unit; }
    }
    OutputFormat out{in};
    if (!keep_) { out.format.channels.clear(); }
    for (const NamedText& formula : *formulas) {
      const bool is_taken =
          std::any_of(out.format.channels.begin(), out.format.channels.end(),
                      [&](const ChannelInfo& channel) { return channel.name == formula.name; });
      if (is_taken) {
        return refused(formula.where, fmt::format("the input already has a channel \"{}\"", formula.name),
                       "another name", "without \"keep\" it may have this name");
      }
      auto expression = Expression::compile(formula.text, variables_.names(), formula.where);
      if (!expression) { return tl::unexpected(expression.error()); }
      variables_.watch(*expression);
      expressions_.push_back(std::move(*expression));
      out.format.channels.push_back({formula.name, common_unit});
    }
    if (auto named = set_units(out.format, *formulas); !named) { return tl::unexpected(named.error()); }
    levels_.clear();
    for (std::size_t k = 0; k < formulas->size(); ++k) {
      levels_.push_back(is_level(out.format.channels[kept_ + k].unit));
    }
    return std::vector{std::move(out)};
  }
  void reset() noexcept override {}
  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept override {
    const DataFrame& x = *in[0];
    DataFrame& y = out[0].emit();
    for (std::uint32_t c = 0; c < kept_; ++c) {
      std::copy_n(x.channel_data(c), x.frame_count(), y.channel_data(c));
    }
    const bool by_frame = x.format().kind == StreamKind::audio;
    for (std::uint32_t n = 0; n < x.frame_count(); ++n) {
      variables_.load(x, n);
      for (std::size_t k = 0; k < expressions_.size(); ++k) {
        const double value = expressions_[k].evaluate();
        y.channel_data(kept_ + static_cast<std::uint32_t>(k))[n] = value;
        if (std::isfinite(value) || (levels_[k] && value < 0.0)) { continue; }
        if (by_frame) {
          y.flag_frames(FrameFlag::not_finite, n, 1);
        } else {
          y.header().set(FrameFlag::not_finite);
        }
      }
    }
    return Status::ok;
  }

 private:
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
  std::uint32_t kept_ = 0;  // input channels before the new ones; fixed by prepare()
  StreamVariables variables_;
  std::vector<Expression> expressions_;  // by new channel
  std::vector<bool> levels_;             // by new channel: has it a unit of levels?
};

}  // namespace
}  // namespace map_node

extern const NodeEntry kMapEntry{map_node::kInfo, make_node<map_node::Map>};

}  // namespace streamlab
