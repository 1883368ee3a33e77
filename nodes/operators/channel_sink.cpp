// nodes/operators/channel_sink.cpp
//
// ChannelSink: sends every block to a named channel, for the program or another graph.
//
//   in  audio, spectra or values
//
// Waits for subscribers with back-pressure, up to timeout_s per block. The channel is closed at the end of
// the stream.
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "engine/core/node.hpp"
#include "nodes/operators/frame_channel.hpp"

namespace streamlab {
namespace channel_sink_node {
namespace {

constexpr ParamInfo kParams[] = {
    param::text("channel", Need::required,
                "Name of the channel in the registry; created if it does not exist."),
    param::integer("capacity", "blocks", {1.0, 65536.0}, 16.0,
                   "Capacity of the channel, if it is created here."),
    param::number("timeout_s", "s", {0.0, 3600.0}, 1.0, Live::no,
                  "How long a block waits for a slow subscriber; then it is dropped and counted."),
};
constexpr auto kChannel = param::at(kParams, "channel");
constexpr auto kCapacity = param::at(kParams, "capacity");
constexpr auto kTimeout = param::at(kParams, "timeout_s");
constexpr NodeInfo kInfo{
    .name = "ChannelSink",
    .description = "Sends every block to a named channel.",
    .inputs = kAnyInPort,
    .params = kParams,
    .at_gap = "Carries on; the block that is sent has the gap.",
    .details =
        "The channel is a broadcast<DataFrame> in the registry passed to the engine, or in the engine's own "
        "(Engine::channels()). Blocks are copied only while there are subscribers; blocks before the first "
        "subscriber are discarded. Subscribers with OnLag::wait stall the graph, those with OnLag::lose do not.",
    .example = R"({"id": "out", "type": "ChannelSink", "config": {"channel": "levels"}})",
    .cost_ns_per_frame = 1.0,
};

class ChannelSink final : public Node {
 public:
  explicit ChannelSink(const ParamValues& params) : params_(params) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    if (context.channels == nullptr) { return std::vector<OutputFormat>{}; }
    auto channel = frame_channel(*context.channels, params_.text(kChannel),
                                 static_cast<std::size_t>(params_.integer(kCapacity)));
    if (!channel) { return tl::unexpected(channel.error()); }
    channel_.emplace(std::move(*channel));
    return std::vector<OutputFormat>{};
  }
  Result<void> start() override {
    if (channel_) { return {}; }
    return failed("", "there is no channel registry here", "an engine, or NodeHost::channels");
  }
  void reset() noexcept override { dropped_ = closed_ = 0; }

  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> /*out*/) noexcept override {
    if (channel_->closed()) {
      ++closed_;
      return Status::ok;
    }
    if (channel_->subscriber_count() == 0) { return Status::ok; }
    const auto timeout = std::chrono::duration<double>(params_[kTimeout]);
    const Sent sent =
        channel_->send_for(DataFrame(*in[0]), std::chrono::duration_cast<std::chrono::nanoseconds>(timeout));
    if (!sent && sent.why() != Why::closed) { ++dropped_; }
    return Status::ok;
  }
  Status finish(std::span<OutputPort> /*out*/) noexcept override {
    channel_->close();
    return Status::done;
  }

  std::vector<NodeNote> notes() const override {
    std::vector<NodeNote> notes;
    const std::string& name = params_.text(kChannel);
    if (dropped_ > 0) {
      notes.push_back({fmt::format("{} blocks for \"{}\" were not received within {} s", dropped_, name,
                                   params_[kTimeout]),
                       dropped_, true});
    }
    if (closed_ > 0) {
      notes.push_back(
          {fmt::format("{} blocks came after the channel \"{}\" was closed", closed_, name), closed_, true});
    }
    return notes;
  }

 private:
  const ParamValues params_;
  std::optional<BroadcastSender<DataFrame>> channel_;
  std::uint64_t dropped_ = 0;
  std::uint64_t closed_ = 0;
};

}  // namespace
}  // namespace channel_sink_node

extern const NodeEntry kChannelSinkEntry{channel_sink_node::kInfo, make_node<channel_sink_node::ChannelSink>};

}  // namespace streamlab
