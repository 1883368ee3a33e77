// nodes/operators/merge.cpp
//
// Merge: merges several streams of one format into one, block by block in order of arrival.
//
//   in1 …  audio, spectra or values of one format
//   out    every block of every input; those of one input in their order
//
// Sequence ids are renumbered. Audio gets new, consecutive positions, including the gap of each block;
// spectra and values keep theirs. Times are kept. The metadata say where a block came from.
#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "engine/core/node.hpp"
#include "engine/core/overlap.hpp"

namespace streamlab {
namespace merge_node {
namespace {

constexpr PortInfo kInPorts[] = {{.name = "in",
                                  .kinds = kAnyKind,
                                  .description = "Audio, spectra or values, all of one format.",
                                  .max_repeat = 64}};
constexpr PortInfo kOutPorts[] = {
    {.name = "out", .kinds = kAnyKind, .description = "The blocks of all inputs."}};
constexpr NodeInfo kInfo{
    .name = "Merge",
    .description = "Merges several streams of one format into one stream.",
    .inputs = kInPorts,
    .outputs = kOutPorts,
    .rt_safe = RtSafe::yes,
    .input_mode = InputMode::separate,
    .timeline = Timeline::broken,
    .at_gap = "Carries on; a gap before a block is kept.",
    .details =
        "Blocks come in order of arrival; those of one input keep their order. When several threads feed it, "
        "the interleaving can differ from run to run, unlike with Join. Sequence ids are renumbered, and so "
        "are positions of audio, so that the nodes after it see one stream. Metadata \"origin\" is the "
        "number of the input, \"origin_sequence_id\" and \"origin_position\" are those of the block in that "
        "input.",
    .example = R"({"id": "any", "type": "Merge"})",
    .cost_ns_per_frame = 0.2,
};

class Merge final : public Node {
 public:
  explicit Merge(const ParamValues& /*params*/) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    const auto& inputs = context.inputs;
    if (inputs.size() < 2) { return refused("", "a merge with one input", "also a connection to in2"); }
    OutputFormat out{*inputs[0]};
    for (const StreamFormat* in : inputs) {
      if (auto fits = refuse_overlap(*in, "merged windows have no common positions"); !fits) {
        return tl::unexpected(fits.error());
      }
    }
    for (std::size_t i = 1; i < inputs.size(); ++i) {
      if (const std::string other = difference(*inputs[0], *inputs[i]); !other.empty()) {
        return refused("", fmt::format("in1 and in{} differ in {}: they cannot be one stream", i + 1, other),
                       "inputs of the same format");
      }
      out.format.max_frames = std::max(out.format.max_frames, inputs[i]->max_frames);
      for (std::uint32_t c = 0; c < out.format.channel_count(); ++c) {
        double& level = out.format.channels[c].clip_level;
        level = std::max(level, inputs[i]->channels[c].clip_level);
      }
    }
    is_audio_ = out.format.kind == StreamKind::audio;
    reset();
    return std::vector{std::move(out)};
  }

  void reset() noexcept override {
    given_ = 0;
    position_ = 0;
    unnamed_ = 0;
  }

  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept override {
    std::size_t i = 0;
    while (in[i] == nullptr) { ++i; }
    const DataFrame& x = *in[i];
    DataFrame& y = out[0].emit();
    for (std::uint32_t c = 0; c < x.channel_count(); ++c) {
      std::copy_n(x.channel_data(c), x.frame_count(), y.channel_data(c));
    }
    FrameHeader& header = y.header();
    header.clear(FrameFlag::end_of_stream);  // other inputs may continue
    header.sequence_id = given_++;
    if (is_audio_) {
      position_ += static_cast<std::int64_t>(header.gap_frames);
      header.position = position_;
      position_ += x.frame_count();
    }
    const bool named = y.metadata().set("origin", static_cast<double>(i + 1)) &&
                       y.metadata().set("origin_sequence_id", static_cast<double>(x.sequence_id())) &&
                       y.metadata().set("origin_position", static_cast<double>(x.position()));
    if (!named) { ++unnamed_; }
    return Status::ok;
  }

  std::vector<NodeNote> notes() const override {
    if (unnamed_ == 0) { return {}; }
    return {{"blocks whose metadata had no room for their origin", unnamed_}};
  }

 private:
  // The first property that must be equal and is not; empty if none.
  static std::string difference(const StreamFormat& a, const StreamFormat& b) {
    if (a.kind != b.kind) { return fmt::format("kind ({}, {})", to_string(a.kind), to_string(b.kind)); }
    if (a.sample_rate_hz != b.sample_rate_hz) {
      return fmt::format("sample rate ({} Hz, {} Hz)", a.sample_rate_hz, b.sample_rate_hz);
    }
    if (a.channel_count() != b.channel_count()) {
      return fmt::format("number of channels ({}, {})", a.channel_count(), b.channel_count());
    }
    for (std::uint32_t c = 0; c < a.channel_count(); ++c) {
      ChannelInfo other = b.channels[c];
      other.clip_level = a.channels[c].clip_level;  // the larger one holds
      if (a.channels[c] != other) {
        return fmt::format("channel {} (\"{}\" [{}], \"{}\" [{}])", c + 1, a.channels[c].name,
                           a.channels[c].unit, b.channels[c].name, b.channels[c].unit);
      }
    }
    if (!(a.axis == b.axis)) { return "axis"; }
    return {};
  }

  bool is_audio_ = false;  // fixed by prepare()
  std::uint64_t given_ = 0;
  std::int64_t position_ = 0;  // of the next block of audio
  std::uint64_t unnamed_ = 0;
};

}  // namespace
}  // namespace merge_node

extern const NodeEntry kMergeEntry{merge_node::kInfo, make_node<merge_node::Merge>};

}  // namespace streamlab
