// nodes/operators/batch.cpp
//
// Batch: combines several blocks into one.
//
//   in   audio or values
//   out  as `in`, one block per batch
//
// Works by blocks: the contents of a batch depend on the block size. Window cuts by frames or time.
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "engine/core/node.hpp"
#include "engine/core/overlap.hpp"
#include "nodes/operators/item_ring.hpp"

namespace streamlab {
namespace batch_node {
namespace {

constexpr double kMaxMemoryBytes = 1073741824.0;  // of a batch and its copies
constexpr ParamInfo kParams[] = {
    param::of_format(
        param::integer("blocks", "", {1.0, 1U << 20U}, Need::required, "Number of blocks per batch.")),
};
constexpr auto kBlocks = param::at(kParams, "blocks");
constexpr KindMask kTaken = kAudioOnly | mask(StreamKind::values);
constexpr PortInfo kInPort[] = {{"in", kTaken, "Audio or values."}};
constexpr PortInfo kOutPort[] = {{"out", kTaken, "Batches, one per block."}};
constexpr NodeInfo kInfo{
    .name = "Batch",
    .description = "Combines several blocks into one.",
    .inputs = kInPort,
    .outputs = kOutPort,
    .params = kParams,
    .rt_safe = RtSafe::yes,
    .at_gap =
        "Ends the current batch, flagged incomplete, and starts a new one after the gap, flagged gap: no "
        "batch has a gap inside.",
    .details =
        "A batch has the position and time of its first block and the flags of all its blocks; the metadata "
        "blocks and frames count them. A shorter last batch is flagged incomplete. Blocks without frames do "
        "not count.",
    .example = R"({"id": "larger", "type": "Batch", "config": {"blocks": 8}})",
    .cost_ns_per_frame = 1.0,
};

class Batch final : public Node {
 public:
  explicit Batch(const ParamValues& params) : blocks_(params.integer(kBlocks)) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    const StreamFormat& in = *context.inputs[0];
    if (auto fits = refuse_overlap(in, "a batch is one continuous part of the stream"); !fits) {
      return tl::unexpected(fits.error());
    }
    audio_ = in.kind == StreamKind::audio;
    OutputFormat out{in};
    out.max_blocks = 2;
    const double frames = static_cast<double>(blocks_) * in.max_frames;
    const double bytes = 8.0 * frames * (4.0 + 3.0 * in.channel_count());
    if (bytes > kMaxMemoryBytes) {
      return refused(
          "/config/blocks",
          fmt::format("{} blocks of up to {} frames on {} channels would need {:.1f} GiB of memory", blocks_,
                      in.max_frames, in.channel_count(), bytes / kMaxMemoryBytes),
          "at most 1 GiB", "use fewer or smaller blocks");
    }
    out.format.max_frames = static_cast<std::uint32_t>(frames);
    if (audio_) {
      out.held_frames = out.format.max_frames;
      out.gathers = true;
    }
    ring_ = ItemRing(in, out.format.max_frames);
    reset();
    return std::vector{std::move(out)};
  }

  void reset() noexcept override {
    ring_.clear();
    held_ = 0;
    started_ = false;
    next_ = last_ = 0;
    results_ = 0;
    gap_ = false;
    gap_frames_ = 0;
  }

  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept override {
    const DataFrame& x = *in[0];
    if (x.frame_count() == 0) { return Status::ok; }
    const FrameHeader& header = x.header();
    const std::int64_t position = header.position;
    const bool jumped = started_ && ((audio_ && position > next_) || position < last_);
    if (header.has(FrameFlag::gap) || jumped) {
      if (held_ > 0) { give(out[0], false); }
      const std::int64_t missing = jumped && audio_ ? position - next_ : 0;
      gap_frames_ =
          std::max(header.gap_frames, static_cast<std::uint64_t>(std::max<std::int64_t>(0, missing)));
      gap_ = header.has(FrameFlag::gap) || gap_frames_ > 0;
    }
    started_ = true;
    last_ = position;
    next_ = position + x.frame_count();
    ring_.append(x, 0, x.frame_count());
    if (++held_ == blocks_) { give(out[0], true); }
    return Status::ok;
  }

  Status finish(std::span<OutputPort> out) noexcept override {
    if (held_ == 0) { return Status::done; }
    give(out[0], false);
    return Status::ok;
  }

 private:
  void give(OutputPort& out, bool whole) noexcept {
    DataFrame& y = out.emit();
    ring_.copy_to(y, 0, static_cast<std::uint32_t>(ring_.end()));
    FrameHeader& header = y.header();
    header.sequence_id = results_++;
    if (gap_) {
      header.set(FrameFlag::gap);
      header.gap_frames = gap_frames_;
    }
    if (!whole) { header.set(FrameFlag::incomplete); }
    y.metadata().clear();
    y.metadata().set("blocks", static_cast<double>(held_));
    y.metadata().set("frames", static_cast<double>(ring_.end()));
    ring_.clear();
    held_ = 0;
    gap_ = false;
    gap_frames_ = 0;
  }

  const std::int64_t blocks_;
  bool audio_ = true;  // fixed by prepare()
  ItemRing ring_;
  std::int64_t held_ = 0;  // blocks in the ring
  bool started_ = false;
  std::int64_t next_ = 0;  // position after the last block
  std::int64_t last_ = 0;  // position of the last block
  std::uint64_t results_ = 0;
  bool gap_ = false;  // before the current batch
  std::uint64_t gap_frames_ = 0;
};

}  // namespace
}  // namespace batch_node

extern const NodeEntry kBatchEntry{batch_node::kInfo, make_node<batch_node::Batch>};

}  // namespace streamlab
