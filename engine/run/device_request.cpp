// engine/run/device_request.cpp
//
// What the graph's device nodes ask of the device: their parameters, found by role.
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "engine/run/engine.hpp"

namespace streamlab {
namespace {

std::vector<std::string> labels_of(const ValidNode& node, ParamRole role) {
  const auto index = node.find(role);
  return index ? node.params.labels(*index) : std::vector<std::string>{};
}

// The device's connectors, by number.
Result<std::vector<std::uint32_t>> connectors_of(const ValidNode& node) {
  std::vector<std::uint32_t> numbers;
  for (const std::string& label : labels_of(node, ParamRole::device_channels)) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(label.data(), label.data() + label.size(), number);
    if (error != std::errc{} || end != label.data() + label.size() || number == 0) {
      return refused(
          fmt::format("{}/{}", node.pointer_to(*node.find(ParamRole::device_channels)), numbers.size()),
          fmt::format("\"{}\" is not a valid device connector", label), "a number from 1");
    }
    numbers.push_back(number);
  }
  return numbers;
}

}  // namespace

Result<DeviceRequest> device_request(const ValidGraph& graph) {
  DeviceRequest request;
  request.sample_rate_hz = graph.config().sample_rate_hz;
  request.period_frames = graph.config().block_size;
  const auto input = graph.find(Boundary::device_input);
  const auto output = graph.find(Boundary::device_output);
  // Both describe one device: what either of them gives counts (and no two differ).
  const auto who_says = [&](ParamRole role) -> const ValidNode& {
    for (const auto& node : {input, output}) {
      if (!node) { continue; }
      const ValidNode& asked = graph.nodes()[*node];
      const auto param = asked.find(role);
      if (param && asked.params.given(*param)) { return asked; }
    }
    return graph.nodes()[input ? *input : *output];
  };
  const auto text = [&](ParamRole role) { return who_says(role).text(role).value_or(std::string{}); };
  request.device = text(ParamRole::device);
  request.sample_format = text(ParamRole::device_sample_format);
  request.access = text(ParamRole::device_access);
  const ValidNode& for_periods = who_says(ParamRole::device_periods);
  const auto periods = for_periods.find(ParamRole::device_periods);
  request.periods = periods && for_periods.params.has_value(*periods)
                        ? static_cast<std::uint32_t>(for_periods.params.integer(*periods))
                        : 0;
  request.sim_script = text(ParamRole::device_script);
  request.on_device_loss = text(ParamRole::device_loss) == "stop" ? OnDeviceLoss::stop : OnDeviceLoss::wait;
  for (const auto& node : {input, output}) {
    if (!node) { continue; }
    const ValidNode& asked = graph.nodes()[*node];
    auto connectors = connectors_of(asked);
    if (!connectors) { return tl::unexpected(connectors.error()); }
    const bool is_input = node == input;
    (is_input ? request.capture : request.playback) = true;
    (is_input ? request.input_channels : request.output_channels) = std::move(*connectors);
    (is_input ? request.input_ports : request.output_ports) = labels_of(asked, ParamRole::device_ports);
  }
  return request;
}

Checked<DeviceStream> device_stream_by_hand(const ValidGraph& graph) {
  const auto node = graph.find(Boundary::device_input);
  const ValidNode& input = graph.nodes()[node ? *node : *graph.find(Boundary::device_output)];
  DeviceStream stream;
  stream.sample_rate_hz = graph.config().sample_rate_hz;
  stream.max_block_frames = graph.config().block_size > 0 ? graph.config().block_size : kDefaultBlockSize;
  if (!node || stream.sample_rate_hz == 0.0) {
    return tl::unexpected(
        Errors{{ErrorCode::refused, input.pointer,
                fmt::format("\"{}\" needs a device, and this run has "
                            "none",
                            input.id),
                node ? "\"sample_rate\" in \"pipeline_config\": the rate of the frames that the program "
                       "will pass in"
                     : "a graph that does not end in a device",
                ""}});
  }
  const auto labels = labels_of(input, ParamRole::device_channels);
  stream.input_names =
      default_channel_names(static_cast<std::uint32_t>(std::max<std::size_t>(1, labels.size())));
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const bool is_name = labels[i].find_first_not_of("0123456789") != std::string::npos;
    if (is_name) { stream.input_names[i] = labels[i]; }
  }
  return stream;
}

}  // namespace streamlab
