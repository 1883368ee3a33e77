// engine/run/device_request.cpp
//
// What the graph's device nodes ask of the device: their parameters, read by name.
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "engine/run/engine.hpp"

namespace streamlab {
namespace {

class DeviceParams {
 public:
  explicit DeviceParams(const ValidNode& node) : node_(node) {}

  std::string text(std::string_view name) const {
    const auto index = node_.params.find(name);
    return index && node_.params.has_value(*index) ? node_.params.text(*index) : std::string{};
  }
  std::uint32_t integer(std::string_view name) const {
    const auto index = node_.params.find(name);
    return index && node_.params.has_value(*index) ? static_cast<std::uint32_t>(node_.params.integer(*index))
                                                   : 0;
  }
  std::vector<std::string> labels(std::string_view name) const {
    const auto index = node_.params.find(name);
    return index ? node_.params.labels(*index) : std::vector<std::string>{};
  }
  Result<std::vector<std::uint32_t>> connectors() const {
    std::vector<std::uint32_t> numbers;
    for (const std::string& label : labels("channels")) {
      std::uint32_t number = 0;
      const auto [end, error] = std::from_chars(label.data(), label.data() + label.size(), number);
      if (error != std::errc{} || end != label.data() + label.size() || number == 0) {
        return refused(fmt::format("{}/config/channels/{}", node_.pointer, numbers.size()),
                       fmt::format("\"{}\" is not a valid device connector", label), "a number from 1");
      }
      numbers.push_back(number);
    }
    return numbers;
  }

 private:
  const ValidNode& node_;
};

}  // namespace

Result<DeviceRequest> device_request(const ValidGraph& graph) {
  DeviceRequest request;
  request.sample_rate_hz = graph.config().sample_rate_hz;
  request.period_frames = graph.config().block_size;
  const auto input = graph.find(Boundary::device_input);
  const auto output = graph.find(Boundary::device_output);
  for (const auto& node : {output, input}) {  // where both give a value, the input wins
    if (!node) { continue; }
    const DeviceParams params(graph.nodes()[*node]);
    request.device = params.text("device");
    request.sample_format = params.text("sample_format");
    request.access = params.text("access");
    request.periods = params.integer("periods");
    request.sim_script = params.text("sim");
    request.on_device_loss =
        params.text("on_device_loss") == "stop" ? OnDeviceLoss::stop : OnDeviceLoss::wait;
    auto connectors = params.connectors();
    if (!connectors) { return tl::unexpected(connectors.error()); }
    const bool is_input = node == input;
    (is_input ? request.capture : request.playback) = true;
    (is_input ? request.input_channels : request.output_channels) = std::move(*connectors);
    (is_input ? request.input_ports : request.output_ports) = params.labels("ports");
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
  const auto channels = input.params.find("channels");
  const auto labels = channels ? input.params.labels(*channels) : std::vector<std::string>{};
  stream.input_names =
      default_channel_names(static_cast<std::uint32_t>(std::max<std::size_t>(1, labels.size())));
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const bool is_name = labels[i].find_first_not_of("0123456789") != std::string::npos;
    if (is_name) { stream.input_names[i] = labels[i]; }
  }
  return stream;
}

}  // namespace streamlab
