// nodes/flow/reduce.cpp
//
// Reduce: every channel to one number over a stretch of the stream: so many samples or blocks, an interval,
// one block, or the whole stream.
//
//   in   audio, spectra or values
//   out  of audio and values: values, "<channel>.<operation>"; of spectra: spectra, bin by bin
//
// A result's position, time and length are those of its stretch; of an interval, whose grid begins at sample
// 0, those of the interval, as far as the stream has it.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "engine/core/node.hpp"
#include "engine/core/overlap.hpp"
#include "nodes/analysis/flag_trail.hpp"
#include "nodes/analysis/interval_grid.hpp"
#include "nodes/analysis/level_unit.hpp"
#include "nodes/analysis/time_at.hpp"
#include "nodes/flow/reduction.hpp"

namespace streamlab {
namespace reduce_node {
namespace {

constexpr std::string_view kOperations[] = {"mean", "power_mean", "max", "min", "sum"};
constexpr ParamInfo kParams[] = {
    param::choice(
        "operation", kOperations, "mean",
        "mean, power_mean (of samples the rms), max, min or sum; of levels mean and sum are those of "
        "the energy."),
    param::integer("count", "", {1.0, 9e15}, Need::optional,
                   "One result for so many: frames of audio, values, spectra."),
    param::number("interval_s", "s", {1e-6, 86400.0 * 366}, Need::optional, "One result for each interval."),
    param::boolean("per_block", false, "One result for each block that comes in, such as those of Window."),
};
constexpr auto kOperation = param::at(kParams, "operation");
constexpr auto kCount = param::at(kParams, "count");
constexpr auto kIntervalS = param::at(kParams, "interval_s");
constexpr auto kPerBlock = param::at(kParams, "per_block");
constexpr std::string_view kStretches[] = {"count", "interval_s", "per_block"};
constexpr ParamRule kRules[] = {{ParamRule::Kind::at_most_one, kStretches}};
constexpr PortInfo kOutPort[] = {
    {"out", mask(StreamKind::values) | mask(StreamKind::spectrum), "The results."}};
constexpr NodeInfo kInfo{
    .name = "Reduce",
    .description = "Reduces a stretch of the stream to its mean, power mean, maximum, minimum or sum.",
    .inputs = kAnyInPort,
    .outputs = kOutPort,
    .params = kParams,
    .rules = kRules,
    .rt_safe = RtSafe::yes,
    .at_gap =
        "Reduces what is there, says how many frames are missing and flags the result gap and, where they "
        "are missing "
        "inside, incomplete.",
    .details =
        "At most one of count, interval_s and per_block; without them one result at the end of the stream. "
        "Channels are reduced one by one, spectra bin by bin. Channels whose "
        "unit is a level (dB…, LU…) are averaged and added as powers: mean and power_mean are 10 lg mean "
        "10^(x/10), sum is 10 lg Σ 10^(x/10), and silence, -infinity (null in JSON), is a power of 0. So the "
        "mean of rms_db is Leq. power_mean of powers (units with ²) is their mean, of all others √ mean x². "
        "In means of values and spectra each counts by its length, so that a shorter last one counts less. "
        "Other numbers that are not finite are left out. Metadata: count, how many there were; used, how many "
        "were not left out, of the channel or bin with the fewest; missing_frames. A channel of which all were "
        "left out gives null. The grid of "
        "intervals begins at sample 0; a value or spectrum belongs to the interval in which its last frame "
        "lies. The "
        "last, shorter stretch is given with the flag incomplete; of values and spectra an interval is whole "
        "when the next one, at the distance of the last two, would lie behind it. Sums are compensated "
        "(Neumaier): the same, bit for bit, for every block size.",
    .example = R"({"id": "leq", "type": "Reduce", "config": {"operation": "power_mean", "interval_s": 10}})",
    .cost_ns_per_frame = 8.0,
};

class Reduce final : public Node {
 public:
  explicit Reduce(const ParamValues& params) : params_(params) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    const StreamFormat& in = *context.inputs[0];
    kind_ = in.kind;
    sample_rate_hz_ = in.sample_rate_hz;
    if (auto read = read_stretch(); !read) { return tl::unexpected(read.error()); }
    if (over_ != Over::block) {
      if (auto fits = refuse_overlap(in, "a stretch would count them more than once"); !fits) {
        return tl::unexpected(fits.error());
      }
    }
    const auto operation = static_cast<Operation>(params_.choice(kOperation));
    bins_ = kind_ == StreamKind::spectrum ? in.max_frames : 1;
    reductions_.clear();
    full_scale_.clear();
    for (const ChannelInfo& channel : in.channels) {
      full_scale_.push_back(is_full_scale(channel.unit));
      reductions_.insert(reductions_.end(), bins_, Reduction(operation, power_scale_of(channel.unit)));
    }
    reset();

    OutputFormat out{in};
    out.format.overlapping = false;  // one result a window
    const std::string name(kOperations[params_.choice(kOperation)]);
    if (kind_ != StreamKind::spectrum) {
      out.format.kind = StreamKind::values;
      out.format.max_frames = 1;
      for (ChannelInfo& channel : out.format.channels) { channel.name += "." + name; }
    }
    out.format.notes["reduced"] = name;
    const std::uint32_t items = kind_ == StreamKind::spectrum ? 1 : in.max_frames;
    if (over_ == Over::count) {
      out.max_blocks = static_cast<std::uint32_t>(items / count_ + 2);
      out.held_frames = static_cast<std::uint32_t>(std::min<std::int64_t>(count_, UINT32_MAX));
    } else if (over_ == Over::interval) {
      const double blocks =
          kind_ == StreamKind::audio ? in.max_frames / std::floor(grid_.interval_frames()) : 0.0;
      out.max_blocks = static_cast<std::uint32_t>(blocks) + 2;
      out.held_frames =
          static_cast<std::uint32_t>(std::min(std::ceil(grid_.interval_frames()), 4294967295.0));
    }
    return std::vector{std::move(out)};
  }

  void reset() noexcept override {
    started_ = false;
    results_ = 0;
    last_end_ = 0;
    step_ = 0;
    trail_.reset();
    open(0);
  }

  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept override {
    const DataFrame& x = *in[0];
    if (x.frame_count() == 0) { return Status::ok; }
    if (kind_ == StreamKind::audio) {
      add_audio(x, out[0]);
    } else {
      add_block(x, out[0]);
    }
    if (over_ == Over::block) {
      // A window may say that frames are missing inside it: it is longer than its frames by so many.
      if (kind_ == StreamKind::audio) {
        const auto inside = static_cast<std::int64_t>(x.metadata().get("missing_frames").value_or(0.0));
        missing_ += inside;
        next_ += inside;
      }
      give(out[0], true);
      open(next_);
    }
    return Status::ok;
  }

  Status finish(std::span<OutputPort> out) noexcept override {
    if (items_ == 0) { return Status::done; }
    const bool whole = over_ == Over::stream || (over_ == Over::interval && kind_ != StreamKind::audio &&
                                                 step_ > 0 && next_ + step_ >= end_);
    give(out[0], whole);
    items_ = 0;
    return Status::ok;
  }

 private:
  enum class Over : std::uint8_t { stream, count, interval, block };

  Result<void> read_stretch() {
    over_ = params_.given(kCount)       ? Over::count
            : params_.given(kIntervalS) ? Over::interval
            : params_.flag(kPerBlock)   ? Over::block
                                        : Over::stream;
    if (over_ == Over::count) { count_ = params_.integer(kCount); }
    if (over_ != Over::interval) { return {}; }
    auto grid = IntervalGrid::make(params_[kIntervalS], sample_rate_hz_);
    if (!grid) { return tl::unexpected(grid.error()); }
    grid_ = *grid;
    return {};
  }

  void add_audio(const DataFrame& x, OutputPort& out) noexcept {
    const FrameHeader& header = x.header();
    go_to(header, out);
    for (std::uint32_t done = 0; done < x.frame_count();) {
      if (items_ == 0) { timestamp_us_ = time_at(first_, header, sample_rate_hz_); }
      std::int64_t part = x.frame_count() - done;
      if (over_ == Over::count) { part = std::min(part, count_ - items_); }
      if (over_ == Over::interval) { part = std::min(part, end_ - next_); }
      for (std::uint32_t c = 0; c < x.channel_count(); ++c) {
        const double clip_level = x.format().channels[c].clip_level;
        for (const double sample : x.channel(c).subspan(done, static_cast<std::size_t>(part))) {
          reductions_[c].add(sample);
          clipped_ = clipped_ || (full_scale_[c] && std::abs(sample) >= clip_level);
        }
      }
      trail_.add(x, done, static_cast<std::uint32_t>(part));
      done += static_cast<std::uint32_t>(part);
      items_ += part;
      next_ += part;
      if ((over_ == Over::count && items_ == count_) || (over_ == Over::interval && next_ == end_)) {
        give(out, true);
        open(next_);
      }
    }
  }

  // Accounts for what lies between the last block of audio and the one that begins here.
  void go_to(const FrameHeader& header, OutputPort& out) noexcept {
    const std::int64_t position = header.position;
    if (!started_) {
      started_ = true;
      open(position);
      const auto missing = static_cast<std::int64_t>(header.has(FrameFlag::gap) ? header.gap_frames : 0);
      missing_ = std::min(position - begin_, missing);
      first_ = position - missing_;
      last_end_ = position - missing;
      return;
    }
    if (position == next_) { return; }
    const bool forward = position > next_;
    const bool same_stretch = over_ == Over::interval ? forward && position < end_
                                                      : items_ > 0 && (forward || over_ == Over::stream);
    if (same_stretch) {
      if (forward) { missing_ += position - next_; }
      next_ = position;
      return;
    }
    if (items_ > 0) {
      if (forward) {
        missing_ += end_ - next_;
        next_ = end_;
      }
      give(out, false);
    }
    open(position);
    if (forward) {
      missing_ = position - begin_;
    } else {
      first_ = last_end_ = position;  // counting restarts here
      trail_.reset();
    }
  }

  // Values and spectra: as many items as the block holds, all where the block begins.
  void add_block(const DataFrame& x, OutputPort& out) noexcept {
    const FrameHeader& header = x.header();
    const std::int64_t position = moment_of(x);
    if (over_ == Over::interval && items_ > 0 && (position >= end_ || position < begin_)) {
      give(out, position >= end_);
      items_ = 0;
    }
    if (started_ && position > next_) { step_ = position - next_; }
    started_ = true;
    next_ = position;
    const std::uint32_t items = kind_ == StreamKind::spectrum ? 1 : x.frame_count();
    for (std::uint32_t i = 0; i < items; ++i) {
      if (items_ == 0) {
        open(position);
        if (over_ != Over::interval) { begin_ = first_ = covered_ = header.position; }
        last_end_ = first_;
        timestamp_us_ = time_at(first_, header, sample_rate_hz_);
      }
      covered_ = std::max(covered_, header.position + static_cast<std::int64_t>(header.length_frames));
      length_known_ = length_known_ && header.length_frames > 0;
      if (i == 0 && header.has(FrameFlag::gap)) {
        gap_ = true;
        missing_ += static_cast<std::int64_t>(header.gap_frames);
      }
      flags_ |= header.flags;
      if (items_ == 0) { unit_length_ = header.length_frames; }
      const bool weighted = unit_length_ > 0 && header.length_frames > 0;
      const double weight =
          weighted ? static_cast<double>(header.length_frames) / static_cast<double>(unit_length_) : 1.0;
      for (std::uint32_t c = 0; c < x.channel_count(); ++c) {
        const double* from = x.channel_data(c) + i;
        for (std::uint32_t k = 0; k < bins_of(x); ++k) { reductions_[c * bins_ + k].add(from[k], weight); }
      }
      ++items_;
      if (over_ == Over::count && items_ == count_) {
        give(out, true);
        items_ = 0;
      }
    }
  }
  std::uint32_t bins_of(const DataFrame& x) const noexcept {
    return kind_ == StreamKind::spectrum ? x.frame_count() : 1;
  }

  // Begins a stretch at `position`; of intervals, with the one that holds it.
  void open(std::int64_t position) noexcept {
    begin_ = first_ = end_ = next_ = position;
    if (over_ == Over::interval) {
      const std::int64_t interval = grid_.index_of(position);
      begin_ = first_ = grid_.begin(interval);
      end_ = grid_.begin(interval + 1);
    }
    covered_ = first_;
    length_known_ = true;
    items_ = 0;
    missing_ = 0;
    gap_ = clipped_ = false;
    flags_ = 0;
    for (Reduction& reduction : reductions_) { reduction.restart(); }
  }

  // Where what a result is about ends; of values whose own length is not known, where it began.
  std::int64_t end_of_stretch(bool whole) const noexcept {
    if (kind_ == StreamKind::audio) { return next_; }
    if (over_ == Over::interval && whole) { return end_; }
    return length_known_ ? covered_ : first_;
  }

  void give(OutputPort& out, bool whole) noexcept {
    DataFrame& y = out.emit();
    y.set_header({});
    FrameHeader& header = y.header();
    header.position = first_;
    header.length_frames =
        static_cast<std::uint64_t>(std::max<std::int64_t>(0, end_of_stretch(whole) - first_));
    header.timestamp_us = timestamp_us_;
    header.sequence_id = results_++;
    header.flags = flags_ | trail_.since(over_ == Over::stream ? FlagTrail::kStart : first_);
    header.clear(FrameFlag::gap);
    header.clear(FrameFlag::end_of_stream);
    const std::int64_t skipped = std::max<std::int64_t>(0, first_ - last_end_);  // since the last result
    if (gap_ || missing_ + skipped > 0) {
      header.set(FrameFlag::gap);
      header.gap_frames = static_cast<std::uint64_t>(missing_ + skipped);
    }
    if (!whole || gap_ || missing_ > 0) { header.set(FrameFlag::incomplete); }
    if (clipped_) { header.set(FrameFlag::clipped); }
    last_end_ = over_ == Over::interval ? end_ : next_;

    y.set_frame_count(bins_);
    std::uint64_t used = UINT64_MAX;
    for (std::uint32_t c = 0; c < y.channel_count(); ++c) {
      for (std::uint32_t k = 0; k < bins_; ++k) {
        const Reduction& reduction = reductions_[c * bins_ + k];
        used = std::min(used, reduction.used());
        y.channel_data(c)[k] = reduction.result();
      }
    }
    const auto items = static_cast<std::uint64_t>(items_);
    if (kind_ == StreamKind::audio && used < items) { header.set(FrameFlag::not_finite); }
    y.metadata().clear();
    y.metadata().set("count", static_cast<double>(items));
    y.metadata().set("used", static_cast<double>(std::min(used, items)));
    y.metadata().set("missing_frames", static_cast<double>(missing_));
  }

  const ParamValues params_;
  StreamKind kind_ = StreamKind::audio;  // fixed by prepare(), as are the next
  double sample_rate_hz_ = 1.0;
  Over over_ = Over::stream;
  std::int64_t count_ = 0;
  IntervalGrid grid_;
  std::uint32_t bins_ = 1;
  std::vector<bool> full_scale_;  // by channel

  std::vector<Reduction> reductions_;  // channel after channel, bin after bin
  bool started_ = false;               // a block has come
  std::int64_t begin_ = 0;             // of the stretch under way
  std::int64_t end_ = 0;               // of an interval
  std::int64_t first_ = 0;             // frame of the stretch that the stream has, missing or not
  std::int64_t covered_ = 0;           // of values and spectra: end of the last one
  std::uint64_t unit_length_ = 0;      // likewise: length of the first one, which has the weight 1
  bool length_known_ = true;           // likewise: each said how long it is
  std::int64_t next_ = 0;              // audio: position of the next frame; else of the last block
  std::int64_t step_ = 0;              // between the last two blocks of values or spectra
  std::int64_t items_ = 0;             // in the stretch
  std::int64_t missing_ = 0;           // frames lost inside the stretch
  std::int64_t last_end_ = 0;          // end of the last stretch, or where the stream began
  std::int64_t timestamp_us_ = 0;
  std::uint64_t results_ = 0;
  std::uint32_t flags_ = 0;  // of values and spectra: taken over from the blocks
  FlagTrail trail_;          // of audio
  bool gap_ = false;         // a block of values or spectra had that flag
  bool clipped_ = false;
};

}  // namespace
}  // namespace reduce_node

extern const NodeEntry kReduceEntry{reduce_node::kInfo, make_node<reduce_node::Reduce>};

}  // namespace streamlab
