// nodes/operators/join.cpp
//
// Join: combines the channels of several inputs, block by block.
//
//   in1 …  audio (one rate, one block size) or values; any number of blocks, at any pace
//   out    one block for each block of in1 that has its partners: channels of in1, then of in2, …;
//          time, position, sequence id and metadata are those of in1
//
// The partner in input j of a block a of in1, with T the time of a block and id its sequence id:
//
//   sequence   the block b with id(b) = id(a)
//   time       the b that makes |T(b) - T(a)| least, the earlier of two; at most tolerance_s
//   latest     the b with the largest T(b) <= T(a); with tolerance_s at most that old
//
// Within an input keys never decrease. So b is decided as soon as every other input has a key of at least
// that of a, or has ended, and no later block can change it: the output depends only on the blocks, not on
// when they arrived. Only the limits max_waiting and lateness_s depend on arrival; their losses are counted
// separately.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "engine/core/node.hpp"
#include "nodes/operators/left_out.hpp"
#include "nodes/operators/side_by_side.hpp"
#include "nodes/operators/waiting_blocks.hpp"

namespace streamlab {
namespace join_node {
namespace {

constexpr std::string_view kBys[] = {"sequence", "time", "latest"};
constexpr std::string_view kUnmatched[] = {"drop", "pass", "fail"};
enum class By : std::size_t { sequence, time, latest };
enum class Unmatched : std::size_t { drop, pass, fail };

constexpr ParamInfo kParams[] = {
    param::choice(
        "by", kBys, "sequence",
        "How to find partners: same sequence id, nearest time, or newest block that is not later than that "
        "of in1."),
    param::number(
        "tolerance_s", "s", {0.0, 1e6}, Need::optional,
        "By time: how far apart partners may be. By latest: how old a partner may be; left out, any age."),
    param::choice(
        "unmatched", kUnmatched, "drop",
        "What to do with a block of in1 without a partner: drop it; pass it with silence (audio) or NaN "
        "(values) in place of the partner, flagged incomplete; or end the run."),
    param::integer(
        "max_waiting", "blocks", {1.0, 65536.0}, Need::optional,
        "Most blocks that wait per input; above that, the oldest is dropped. Left out: as many as edges and "
        "nodes on the paths from a common source can hold, at least 64; as many as come where no device paces the run."),
    param::number("lateness_s", "s", {1e-6, 1e6}, Need::optional,
                  "A block of in1 stops waiting for partners once any input is this far past it; left out: "
                  "it waits until its partners must have come."),
    param::list(
        "prefixes", ParamType::labels, "", {}, Need::optional,
        "One for each input, added to channel names that several inputs have; left out: \"in1.\", \"in2.\", "
        "…"),
};
constexpr auto kBy = param::at(kParams, "by");
constexpr auto kTolerance = param::at(kParams, "tolerance_s");
constexpr auto kUnmatchedIndex = param::at(kParams, "unmatched");
constexpr auto kMaxWaiting = param::at(kParams, "max_waiting");
constexpr auto kLateness = param::at(kParams, "lateness_s");
constexpr auto kPrefixes = param::at(kParams, "prefixes");
constexpr std::string_view kToleranceName[] = {"tolerance_s"};
constexpr std::string_view kByTime[] = {"time"};
constexpr std::string_view kByTimes[] = {"time", "latest"};
constexpr ParamRule kRules[] = {
    {ParamRule::Kind::needed_if, kToleranceName, kByTime, "by"},
    {ParamRule::Kind::only_if, kToleranceName, kByTimes, "by"},
};
constexpr KindMask kAudioOrValues = mask(StreamKind::audio) | mask(StreamKind::values);
constexpr PortInfo kInPorts[] = {{.name = "in",
                                  .kinds = kAudioOrValues,
                                  .description = "Audio or values; in1 determines the output.",
                                  .max_repeat = 64}};
constexpr PortInfo kOutPorts[] = {
    {.name = "out", .kinds = kAudioOrValues, .description = "The channels of all inputs."}};
constexpr NodeInfo kInfo{
    .name = "Join",
    .description = "Combines the channels of several inputs, matched by sequence id or time.",
    .inputs = kInPorts,
    .outputs = kOutPorts,
    .params = kParams,
    .rules = kRules,
    .rt_safe = RtSafe::yes,
    .input_mode = InputMode::separate,
    .at_gap =
        "Carries on; a block whose partner was lost is unmatched, and a gap before a block of in1 is kept. Blocks "
        "of in1 that are dropped are a gap too.",
    .details =
        "Partners are found by sequence id or time, not by order of arrival: a block of in1 waits until "
        "every other input has a block that is not before it, or has ended. So the result is the same for "
        "any distribution over threads; with \"latest\" it is as late as the slowest input. Only max_waiting "
        "and lateness_s depend on arrival; what they drop is counted separately, as lost. Inputs without a "
        "common source wait for each other instead. A partner of different length is cut or padded with "
        "silence, and the block flagged incomplete. Flags of partners are kept, except gaps. With \"time\" "
        "and \"latest\" one block may be the partner of several. \"time\" needs blocks of one duration: a "
        "tolerance below half of it could miss every block and is refused.",
    .example = R"({"id": "both", "type": "Join", "config": {"by": "time", "tolerance_s": 0.05}})",
    .cost_ns_per_frame = 0.5,
};

constexpr std::uint32_t kRowsPerCall = 4;  // most blocks emitted per input block
constexpr std::size_t kLeastWaiting = 64;

class Join final : public Node {
 public:
  explicit Join(const ParamValues& params)
      : params_(params), by_(By{params.choice(kBy)}), unmatched_(Unmatched{params.choice(kUnmatchedIndex)}) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    if (auto possible = check(context); !possible) { return tl::unexpected(possible.error()); }
    const StreamFormat& first = *context.inputs[0];
    auto format = side_by_side(context.inputs, params_.labels(kPrefixes), params_.given(kPrefixes));
    if (!format) { return tl::unexpected(format.error()); }
    may_grow_ = context.lossless && !params_.given(kMaxWaiting);
    for (std::size_t i = 0; i < context.inputs.size(); ++i) {
      std::size_t waiting = kLeastWaiting;
      if (params_.given(kMaxWaiting)) {
        waiting = static_cast<std::size_t>(params_.integer(kMaxWaiting));
      } else if (!may_grow_ && !context.ahead_blocks.empty()) {
        waiting = std::max<std::size_t>(waiting, context.ahead_blocks[i]);
      }
      // One more, for a partner that has arrived and may be used again.
      inputs_.emplace_back(std::make_shared<const StreamFormat>(*context.inputs[i]), waiting + 1);
    }
    counts_.resize(inputs_.size());
    missing_ = first.kind == StreamKind::values ? std::numeric_limits<double>::quiet_NaN() : 0.0;
    reset();
    OutputFormat out{*std::move(format)};
    out.max_blocks = kRowsPerCall;
    if (first.kind == StreamKind::audio) {
      out.held_frames = 2 * first.max_frames;
      out.gathers = true;
    }
    return std::vector{std::move(out)};
  }

  void reset() noexcept override {
    for (WaitingBlocks& input : inputs_) { input.clear(); }
    std::fill(counts_.begin(), counts_.end(), Counts{});
    newest_us_ = std::numeric_limits<std::int64_t>::min();
    decided_ = std::numeric_limits<std::int64_t>::min();
    given_up_ = 0;
    cut_ = 0;
    left_out_.reset();
    failed_.reset();
  }

  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept override {
    std::size_t i = 0;
    while (in[i] == nullptr) { ++i; }
    rows_left_ = kRowsPerCall;
    give_decided(out[0], 1);
    take(i, *in[i], out[0]);
    newest_us_ = std::max(newest_us_, in[i]->timestamp_us());
    give_decided(out[0], 0);
    while (rows_left_ > 0 && is_late()) { give_up_first(out[0]); }
    if (is_through()) { leave_partners(); }
    return failed_ ? Status::fault : Status::ok;
  }

  void input_ended(std::size_t input) noexcept override {
    inputs_[input].end();
    if (is_through()) { leave_partners(); }
  }
  bool has_room(std::size_t input, std::size_t blocks) const noexcept override {
    const std::size_t kept = input == 0 ? 0 : 1;  // a partner that may be used again
    const WaitingBlocks& waiting = inputs_[input];
    if (is_through()) { return true; }
    // An input that brings more blocks at once than can wait here must be admitted at some time.
    return waiting.size() <= kept || waiting.has_room(blocks + 1 - kept) || (input == 0 && is_decided());
  }

  Status finish(std::span<OutputPort> out) noexcept override {
    rows_left_ = kRowsPerCall;
    give_decided(out[0], 0);
    if (failed_) { return Status::fault; }
    if (!inputs_[0].empty()) { return Status::ok; }
    leave_partners();
    return rows_left_ < kRowsPerCall ? Status::ok : Status::done;
  }

  Error failure() const override {
    return {ErrorCode::failed, "",
            fmt::format("the block of in1 with sequence id {} at {} µs has no partner", failed_->sequence_id,
                        failed_->timestamp_us),
            "", "\"unmatched\": \"drop\" or \"pass\" continues"};
  }

  std::vector<NodeNote> notes() const override {
    std::vector<NodeNote> notes;
    const auto add = [&](std::uint64_t count, const std::string& text, bool lost) {
      if (count > 0) { notes.push_back({fmt::format("{}: {}", text, count), count, lost}); }
    };
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      add(counts_[i].unmatched, fmt::format("blocks of in{} without a partner", i + 1), false);
      add(counts_[i].overflowed, fmt::format("blocks of in{} dropped: more than max_waiting", i + 1), true);
      add(counts_[i].disordered, fmt::format("blocks of in{} earlier than the block before them", i + 1),
          true);
    }
    add(given_up_, "blocks of in1 that stopped waiting after lateness_s", true);
    add(cut_, "partners of different length, cut or padded", true);
    return notes;
  }

 private:
  struct Counts {
    std::uint64_t unmatched = 0;
    std::uint64_t overflowed = 0;
    std::uint64_t disordered = 0;
  };

  Result<void> check(const PrepareContext& context) const {
    const auto& inputs = context.inputs;
    if (inputs.size() < 2) { return refused("", "a join with one input", "also a connection to in2"); }
    const StreamFormat& first = *inputs[0];
    const bool is_audio = first.kind == StreamKind::audio;
    for (std::size_t i = 1; i < inputs.size(); ++i) {
      const StreamFormat& in = *inputs[i];
      if (in.kind != first.kind) {
        return refused("",
                       fmt::format("in1 is {}, in{} is {}: their blocks cannot be combined",
                                   to_string(first.kind), i + 1, to_string(in.kind)),
                       "inputs of the same kind");
      }
      if (is_audio && in.sample_rate_hz != first.sample_rate_hz) {
        return refused(
            "",
            fmt::format("in1 runs at {} Hz, in{} at {} Hz", first.sample_rate_hz, i + 1, in.sample_rate_hz),
            "the same sample rate", "resample one of them first");
      }
      if (is_audio && in.max_frames != first.max_frames) {
        return refused("",
                       fmt::format("blocks of in1 have up to {} frames, those of in{} up to {}",
                                   first.max_frames, i + 1, in.max_frames),
                       "blocks of the same size");
      }
    }
    return check_times(first);
  }
  Result<void> check_times(const StreamFormat& first) const {
    const bool has_tolerance = params_.given(kTolerance);
    if (by_ == By::time && first.kind == StreamKind::audio) {
      const double half_s = 0.5 * first.max_frames / first.sample_rate_hz;
      if (params_[kTolerance] < half_s) {
        return refused(
            "/config/tolerance_s",
            fmt::format("{} s is less than half a block, {:.6g} s: streams that do not start together would "
                        "never match",
                        params_[kTolerance], half_s),
            fmt::format("at least {:.6g} s", half_s),
            "for streams that split from one source use \"by\": "
            "\"sequence\"");
      }
    }
    if (has_tolerance && params_.given(kLateness) && params_[kLateness] < params_[kTolerance]) {
      return refused(
          "/config/lateness_s",
          fmt::format("{} s is less than tolerance_s: partners would not be waited for", params_[kLateness]),
          fmt::format("at least {} s", params_[kTolerance]));
    }
    return {};
  }

  std::int64_t key_of(const DataFrame& frame) const noexcept {
    return by_ == By::sequence ? static_cast<std::int64_t>(frame.sequence_id()) : frame.timestamp_us();
  }
  static std::int64_t as_us(double seconds) noexcept { return std::llround(seconds * 1e6); }

  // The first block of in1 has all partners that it will ever get.
  bool is_decided() const noexcept {
    if (inputs_[0].empty()) { return false; }
    const std::int64_t key = inputs_[0][0].key;
    return std::all_of(inputs_.begin() + 1, inputs_.end(),
                       [key](const WaitingBlocks& input) { return input.has_passed(key); });
  }
  bool is_late() const noexcept {
    return params_.given(kLateness) && !inputs_[0].empty() &&
           newest_us_ - inputs_[0][0].frame.timestamp_us() > as_us(params_[kLateness]);
  }

  // No block of in1 is left: what others still bring has no partner, and must not fill the room in which nobody looks for it.
  bool is_through() const noexcept { return inputs_[0].ended() && inputs_[0].empty(); }
  void leave_partners() noexcept {
    for (std::size_t j = 1; j < inputs_.size(); ++j) {
      while (!inputs_[j].empty()) { pass_by(j); }
    }
  }

  // Accepts a block; drops the oldest if there is no room.
  void take(std::size_t i, const DataFrame& frame, OutputPort& out) noexcept {
    WaitingBlocks& input = inputs_[i];
    const std::int64_t key = key_of(frame);
    if (key < input.seen()) {
      ++counts_[i].disordered;
      return;
    }
    input.set_seen(key);
    if (i > 0 && by_ == By::sequence && key <= decided_) {  // its partner has already been decided
      ++counts_[i].unmatched;
      return;
    }
    const std::size_t room_needed = i == 0 ? 2 : 1;  // in1 keeps no partner for reuse
    if (!input.has_room(room_needed)) {
      if (may_grow_) {
        input.grow();
      } else if (i == 0) {
        ++counts_[0].overflowed;
        give_first(out, true);
      } else {
        counts_[i].overflowed += input[0].used ? 0 : 1;
        input.pop();
      }
    }
    input.push(frame, key);
  }

  void give_decided(OutputPort& out, std::uint32_t spare) noexcept {
    while (rows_left_ > spare && !failed_ && is_decided()) { give_first(out, false); }
  }
  void give_up_first(OutputPort& out) noexcept {
    ++given_up_;
    give_first(out, true);
  }

  void pass_by(std::size_t j) noexcept {
    if (!inputs_[j][0].used && by_ != By::latest) { ++counts_[j].unmatched; }
    inputs_[j].pop();
  }

  // The partner in input j for `key`, among the blocks so far; null if none.
  WaitingBlocks::Block* partner(std::size_t j, std::int64_t key) noexcept {
    WaitingBlocks& input = inputs_[j];
    if (by_ == By::sequence) {
      while (!input.empty() && input[0].key < key) { pass_by(j); }
      return !input.empty() && input[0].key == key ? &input[0] : nullptr;
    }
    // The oldest block to keep is the newest not later than `key`; of several at `key` the first, because the
    // others may not have arrived yet.
    while (input.size() > 1 && input[1].key <= key && input[0].key < key) { pass_by(j); }
    const bool has_before = !input.empty() && input[0].key <= key;
    WaitingBlocks::Block* best = has_before ? &input[0] : nullptr;
    if (by_ == By::time) {
      const std::size_t next = has_before ? 1 : 0;
      WaitingBlocks::Block* after = input.size() > next ? &input[next] : nullptr;
      if (best == nullptr || (after != nullptr && after->key - key < key - best->key)) { best = after; }
    }
    if (best == nullptr || !params_.given(kTolerance)) { return best; }
    return std::abs(best->key - key) <= as_us(params_[kTolerance]) ? best : nullptr;
  }

  // Emits, drops or fails the first block of in1 and removes it. `early`: before all its partners were known.
  void give_first(OutputPort& out, bool early) noexcept {
    const WaitingBlocks::Block& first = inputs_[0][0];
    bool complete = true;
    for (std::size_t j = 1; j < inputs_.size(); ++j) {
      partners_[j] = partner(j, first.key);
      complete = complete && partners_[j] != nullptr;
    }
    decided_ = first.key;
    if (!complete && !early) { ++counts_[0].unmatched; }
    if (!complete && unmatched_ == Unmatched::fail) {
      failed_ = first.frame.header();
    } else if (complete || unmatched_ == Unmatched::pass) {
      give(first.frame, complete, out);
    } else {
      left_out_.add(first.frame);
    }
    inputs_[0].pop();
  }
  void give(const DataFrame& first, bool complete, OutputPort& out) noexcept {
    --rows_left_;
    DataFrame& y = out.emit();
    const std::uint32_t frames = first.frame_count();
    y.take_header(first);
    left_out_.mark(y.header());
    if (!complete) { y.header().set(FrameFlag::incomplete); }
    std::uint32_t to = copy_channels(first, y, 0);
    for (std::size_t j = 1; j < inputs_.size(); ++j) {
      if (partners_[j] == nullptr) {
        for (std::uint32_t c = 0; c < channels_of(j); ++c, ++to) {
          std::fill_n(y.channel_data(to), frames, missing_);
        }
        continue;
      }
      const DataFrame& partner = partners_[j]->frame;
      partners_[j]->used = true;
      const bool ends = y.header().has(FrameFlag::end_of_stream);
      y.add_flags(partner, 0, std::min(frames, partner.frame_count()));
      if (!ends) { y.header().clear(FrameFlag::end_of_stream); }
      if (partner.frame_count() != frames) {
        y.header().set(FrameFlag::incomplete);
        ++cut_;
      }
      to = copy_channels(partner, y, to);
    }
  }
  std::uint32_t channels_of(std::size_t input) const noexcept {
    return inputs_[input].format().channel_count();
  }
  // Writes from channel `to` of `y` on, as many frames as `y` has; returns the channel after the last.
  static std::uint32_t copy_channels(const DataFrame& x, DataFrame& y, std::uint32_t to) noexcept {
    const std::uint32_t there = std::min(x.frame_count(), y.frame_count());
    for (std::uint32_t c = 0; c < x.channel_count(); ++c, ++to) {
      std::copy_n(x.channel_data(c), there, y.channel_data(to));
      std::fill_n(y.channel_data(to) + there, y.frame_count() - there, 0.0);
    }
    return to;
  }

  const ParamValues params_;
  const By by_;
  const Unmatched unmatched_;
  bool may_grow_ = false;              // no device paces the run: nothing is dropped
  double missing_ = 0.0;               // used where a partner is missing; fixed by prepare()
  std::vector<WaitingBlocks> inputs_;  // size fixed by prepare()
  std::array<WaitingBlocks::Block*, 64> partners_{};
  std::vector<Counts> counts_;  // by input
  std::int64_t newest_us_ = 0;  // time of the newest block of any input
  std::int64_t decided_ = 0;    // key of the last decided block of in1
  std::uint32_t rows_left_ = 0;
  std::uint64_t given_up_ = 0;
  std::uint64_t cut_ = 0;
  LeftOut left_out_;  // blocks of in1
  std::optional<FrameHeader> failed_;
};

}  // namespace
}  // namespace join_node

extern const NodeEntry kJoinEntry{join_node::kInfo, make_node<join_node::Join>};

}  // namespace streamlab
