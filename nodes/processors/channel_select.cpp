// nodes/processors/channel_select.cpp
//
// ChannelSelect: some of the channels, in any order, with repetition.
//
//   in   audio, spectra or values
//   out  the selected channels, bit for bit; latency 0 frames
#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "engine/core/node.hpp"
#include "nodes/processors/channel_names.hpp"

namespace streamlab {
namespace channel_select_node {
namespace {

constexpr ParamInfo kParams[] = {
    param::of_format(param::list("channels", ParamType::labels, "", {}, Need::required,
                                 "Channels to pass on, in this order: numbers from 1, or names.")),
    param::of_format(param::names("names", Need::optional, "New names of the channels, in the same order.")),
};
constexpr auto kChannels = param::at(kParams, "channels");
constexpr auto kNames = param::at(kParams, "names");
constexpr PortInfo kOutPort[] = {{"out", kAnyKind, "The selected channels."}};
constexpr NodeInfo kInfo{
    .name = "ChannelSelect",
    .description = "Passes on some of the channels, in any order.",
    .inputs = kAnyInPort,
    .outputs = kOutPort,
    .params = kParams,
    .rt_safe = RtSafe::yes,
    .at_gap = "Carries on.",
    .details =
        "A channel that is selected twice gets the suffix \"_2\" the second time. A name takes precedence "
        "over a number: if a channel is called \"2\", \"2\" is that channel.",
    .example = R"({"id": "swapped", "type": "ChannelSelect", "config": {"channels": [2, "left"]}})",
    .cost_ns_per_frame = 0.1,
};

class ChannelSelect final : public Node {
 public:
  explicit ChannelSelect(const ParamValues& params)
      : labels_(params.labels(kChannels)),
        names_(params.labels(kNames)),
        names_given_(params.given(kNames)) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    const StreamFormat& in = *context.inputs[0];
    if (names_given_) {
      if (auto checked = check_channel_names(names_, labels_.size(), "/config/names"); !checked) {
        return tl::unexpected(checked.error());
      }
    }
    OutputFormat out{in};
    out.format.channels.clear();
    chosen_.clear();
    for (std::size_t i = 0; i < labels_.size(); ++i) {
      const auto index = find_channel(in, labels_[i], fmt::format("/config/channels/{}", i));
      if (!index) { return tl::unexpected(index.error()); }
      chosen_.push_back(*index);
      ChannelInfo channel = in.channels[*index];
      channel.name = names_given_ ? names_[i] : free_name(out.format, channel.name);
      out.format.channels.push_back(std::move(channel));
    }
    return std::vector{std::move(out)};
  }
  void reset() noexcept override {}
  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept override {
    DataFrame& y = out[0].emit();
    for (std::uint32_t c = 0; c < chosen_.size(); ++c) {
      std::copy_n(in[0]->channel_data(chosen_[c]), y.frame_count(), y.channel_data(c));
    }
    return Status::ok;
  }

 private:
  static std::string free_name(const StreamFormat& format, const std::string& name) {
    const auto taken = [&format](const std::string& candidate) {
      return std::any_of(format.channels.begin(), format.channels.end(),
                         [&](const ChannelInfo& channel) { return channel.name == candidate; });
    };
    std::string candidate = name;
    for (int copy = 2; taken(candidate); ++copy) { candidate = fmt::format("{}_{}", name, copy); }
    return candidate;
  }

  const std::vector<std::string> labels_;
  const std::vector<std::string> names_;
  const bool names_given_;
  std::vector<std::uint32_t> chosen_;  // input channel of each output channel
};

}  // namespace
}  // namespace channel_select_node

extern const NodeEntry kChannelSelectEntry{channel_select_node::kInfo,
                                           make_node<channel_select_node::ChannelSelect>};

}  // namespace streamlab
