// nodes/operators/channel_source.cpp
//
// ChannelSource: receives blocks that the program, or another graph, sends to a named channel.
//
//   out  audio or values of the format that the configuration declares
//
// It subscribes when it is prepared, and senders wait for it while the channel is full. A process() waits for
// a block for 20 ms at most, so that a graph can always be stopped.
#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "engine/core/node.hpp"
#include "nodes/operators/frame_channel.hpp"
#include "nodes/processors/channel_names.hpp"

namespace streamlab {
namespace channel_source_node {
namespace {

constexpr std::chrono::milliseconds kLongestWait{20};
constexpr std::string_view kKinds[] = {"audio", "values"};

constexpr ParamInfo kParams[] = {
    param::text("channel", Need::required,
                "Name of the channel in the registry; created if it does not "
                "exist."),
    param::choice("kind", kKinds, "audio", "Audio, or one value per block on each channel."),
    param::number("sample_rate", "Hz", {1.0, 1e7}, Need::optional,
                  "Sample rate of the block positions; left out: that of pipeline_config."),
    param::names("channels", Need::required, "Names of the channels of a block, in order."),
    param::text("unit", "FS", "Unit of every channel."),
    param::integer("max_frames", "frames", {1.0, 1048576.0}, Need::optional,
                   "Largest block of audio; left out: block_size of pipeline_config."),
    param::integer("capacity", "blocks", {1.0, 65536.0}, 16.0,
                   "Capacity of the channel, if it is created here."),
};
constexpr auto kChannel = param::at(kParams, "channel");
constexpr auto kKind = param::at(kParams, "kind");
constexpr auto kRate = param::at(kParams, "sample_rate");
constexpr auto kNames = param::at(kParams, "channels");
constexpr auto kUnit = param::at(kParams, "unit");
constexpr auto kFrames = param::at(kParams, "max_frames");
constexpr auto kCapacity = param::at(kParams, "capacity");
constexpr PortInfo kOutPorts[] = {{.name = "out",
                                   .kinds = mask(StreamKind::audio) | mask(StreamKind::values),
                                   .description = "The blocks from the channel."}};
constexpr NodeInfo kInfo{
    .name = "ChannelSource",
    .description = "Receives the blocks that are sent to a named channel.",
    .outputs = kOutPorts,
    .params = kParams,
    .at_gap = "A block whose position is after the end of the previous one has a gap before it.",
    .details =
        "The channel is a broadcast<DataFrame> in the registry passed to the engine, or in the engine's own "
        "(Engine::channels()). Senders wait while it is full. The source ends when the channel is closed. "
        "Blocks that do not match the declared format are rejected and counted. An audio block whose "
        "position is before the end of the previous one, as in blocks made by hand, continues where that "
        "ended. While it waits for a block, up to 20 ms per call, other nodes on its thread wait too.",
    .example =
        R"({"id": "in", "type": "ChannelSource", "config": {"channel": "voice", "sample_rate": 48000, "channels": ["mic"]}})",
    .cost_ns_per_frame = 30.0,
};

class ChannelSource final : public Node {
 public:
  explicit ChannelSource(const ParamValues& params) : params_(params) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    StreamFormat format;
    format.kind = params_.choice(kKind) == 0 ? StreamKind::audio : StreamKind::values;
    is_audio_ = format.kind == StreamKind::audio;
    format.sample_rate_hz = params_.given(kRate) ? params_[kRate] : context.sample_rate_hz;
    if (format.sample_rate_hz <= 0.0) {
      return refused("/config", "no sample rate is given", "\"sample_rate\" here or in pipeline_config");
    }
    const auto& names = params_.labels(kNames);
    if (auto fine = check_channel_names(names, names.size(), "/config/channels"); !fine) {
      return tl::unexpected(fine.error());
    }
    for (const std::string& name : names) { format.channels.push_back({name, params_.text(kUnit)}); }
    const bool has_frames = params_.given(kFrames);
    if (!is_audio_ && has_frames) {
      return refused("/config/max_frames", "a block of values has one frame", "no max_frames");
    }
    format.max_frames = !is_audio_   ? 1
                        : has_frames ? static_cast<std::uint32_t>(params_.integer(kFrames))
                                     : context.block_size;
    sample_rate_hz_ = format.sample_rate_hz;
    format_ = format;
    if (context.channels != nullptr) {
      auto blocks = subscribe_to_frames(*context.channels, params_.text(kChannel),
                                        static_cast<std::size_t>(params_.integer(kCapacity)));
      if (!blocks) { return tl::unexpected(blocks.error()); }
      blocks_.emplace(std::move(*blocks));
    }
    return std::vector{OutputFormat{std::move(format)}};
  }
  Result<void> start() override {
    if (blocks_) { return {}; }
    return failed("", "there is no channel registry here", "an engine, or NodeHost::channels");
  }
  void reset() noexcept override {
    next_.reset();
    refused_ = 0;
  }

  Status process(std::span<const DataFrame* const> /*in*/, std::span<OutputPort> out) noexcept override {
    const auto block = blocks_->receive_for(kLongestWait);
    if (!block) { return block.why() == Why::closed ? Status::done : Status::ok; }
    if (!fits(*block)) {
      ++refused_;
      return Status::ok;
    }
    give(*block, out[0]);
    return Status::ok;
  }

  std::vector<NodeNote> notes() const override {
    if (refused_ == 0) { return {}; }
    return {{fmt::format("{} blocks of \"{}\" did not match the declared format", refused_,
                         params_.text(kChannel)),
             refused_, true}};
  }

 private:
  bool fits(const DataFrame& block) const noexcept {
    const auto& channels = block.format().channels;
    const bool same_names =
        std::equal(channels.begin(), channels.end(), format_.channels.begin(), format_.channels.end(),
                   [](const auto& a, const auto& b) { return a.name == b.name; });
    const std::uint32_t frames = block.frame_count();
    return same_names && frames <= format_.max_frames && (is_audio_ || frames == 1);
  }
  void give(const DataFrame& block, OutputPort& out) noexcept {
    DataFrame& y = out.emit_at(block.position(), block.frame_count(), sample_rate_hz_);
    y.copy_from(block);
    if (!is_audio_) { return; }
    FrameHeader& header = y.header();
    if (next_ && header.position < *next_) { header.position = *next_; }
    if (next_ && header.position > *next_) {
      header.set(FrameFlag::gap);
      header.gap_frames = static_cast<std::uint64_t>(header.position - *next_);
    }
    next_ = header.position + block.frame_count();
  }

  const ParamValues params_;
  StreamFormat format_;  // fixed by prepare(), like the next two
  double sample_rate_hz_ = 0.0;
  bool is_audio_ = true;
  std::optional<BroadcastReceiver<DataFrame>> blocks_;
  std::optional<std::int64_t> next_;  // position after the last block of audio
  std::uint64_t refused_ = 0;
};

}  // namespace
}  // namespace channel_source_node

extern const NodeEntry kChannelSourceEntry{channel_source_node::kInfo,
                                           make_node<channel_source_node::ChannelSource>};

}  // namespace streamlab
