// nodes/operators/window.cpp
//
// Window: cuts a stream into windows that slide, tumble or follow its sessions.
//
//   in   audio or values
//   out  as `in`, one block a window
//
// By count (frames of audio, values): window k holds the items round(k·hop) … round(k·hop + size) - 1 since
// the beginning or the last gap; hop and size that are given in seconds are seconds times the rate, not
// rounded before. By time, of values: those whose last frame lies in [k·hop_s, k·hop_s + size_s) from there
// on, with the same rounding. By session: blocks between which no more than session_gap_s is missing. A
// window that holds nothing that no window before held is not given.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "engine/core/node.hpp"
#include "engine/core/overlap.hpp"
#include "nodes/operators/item_ring.hpp"

namespace streamlab {
namespace window_node {
namespace {

constexpr std::string_view kShortChoices[] = {"give", "leave_out"};
constexpr Range kSizes{1.0, 1U << 28U};
constexpr Range kTimes{1e-6, 86400.0 * 366};
constexpr double kMaxMemoryBytes = 1073741824.0;  // of the window and its copies
constexpr ParamInfo kParams[] = {
    param::of_format(
        param::integer("size", "frames", kSizes, Need::optional,
                       "Size of a window in frames, of values in values; of a session the largest.")),
    param::of_format(param::number(
        "size_s", "s", kTimes, Need::optional,
        "The same in time; where that is no whole number of frames, windows have one more or less.")),
    param::of_format(
        param::integer("hop", "frames", kSizes, Need::optional,
                       "From the beginning of a window to that of the next; without it and hop_s the size.")),
    param::of_format(param::number("hop_s", "s", kTimes, Need::optional, "The same in time.")),
    param::number(
        "session_gap_s", "s", {0.0, 86400.0 * 366}, Need::optional,
        "Windows are sessions: one ends where more than this is missing between two blocks of audio, or lies "
        "between the beginnings of two blocks of values."),
    param::integer("max_values", "", {1.0, 1U << 24U}, 4096.0,
                   "Of values by time: most values of a window; more are left out and counted as lost."),
    param::boolean("allow_loss", false, "Accept a hop above the size, which leaves out what lies between."),
    param::choice("short_windows", kShortChoices, "give",
                  "What becomes of a window that a gap or the end cuts short: given with the flag "
                  "incomplete, or left out."),
};
constexpr auto kSize = param::at(kParams, "size");
constexpr auto kSizeS = param::at(kParams, "size_s");
constexpr auto kHop = param::at(kParams, "hop");
constexpr auto kHopS = param::at(kParams, "hop_s");
constexpr auto kSessionGapS = param::at(kParams, "session_gap_s");
constexpr auto kMaxValues = param::at(kParams, "max_values");
constexpr auto kAllowLoss = param::at(kParams, "allow_loss");
constexpr auto kShortWindows = param::at(kParams, "short_windows");
constexpr std::string_view kSizeNames[] = {"size", "size_s"};
constexpr std::string_view kHopNames[] = {"hop", "hop_s"};
constexpr std::string_view kSessionOrHop[] = {"session_gap_s", "hop"};
constexpr std::string_view kSessionOrHopS[] = {"session_gap_s", "hop_s"};
constexpr ParamRule kRules[] = {
    {ParamRule::Kind::at_least_one, kSizeNames},
    {ParamRule::Kind::at_most_one, kSizeNames},
    {ParamRule::Kind::at_most_one, kHopNames},
    {ParamRule::Kind::at_most_one, kSessionOrHop, {}, {}, "sessions have no hop"},
    {ParamRule::Kind::at_most_one, kSessionOrHopS, {}, {}, "sessions have no hop"},
};
constexpr KindMask kTaken = kAudioOnly | mask(StreamKind::values);
constexpr PortInfo kInPort[] = {{"in", kTaken, "Audio or values."}};
constexpr PortInfo kOutPort[] = {{"out", kTaken, "Windows, one a block."}};
constexpr NodeInfo kInfo{
    .name = "Window",
    .description = "Cuts a stream into windows by count, time or sessions.",
    .inputs = kInPort,
    .outputs = kOutPort,
    .params = kParams,
    .rules = kRules,
    .rt_safe = RtSafe::yes,
    .at_gap =
        "Ends the current window, flagged incomplete, and starts a new one after the gap, flagged gap; a "
        "session continues over gaps up to session_gap_s and reports how much is missing inside. Audio that is "
        "in no window (allow_loss, short_windows) is a gap before the next one.",
    .details =
        "One of size and size_s, and at most one of hop and hop_s. A window has position and time of its "
        "first frame; metadata frames: how many it has. Windows that overlap (hop below size) are no "
        "continuous sound any more: what looks at each block by itself may follow (Map, Filter, Reduce with "
        "per_block, sinks of text), what goes on from block to block is refused (filters, meters, files). "
        "A window that holds no frame which no window before held is "
        "not given, so that a stream of one size gives one window. A window has the flags of its own frames. "
        "Window k begins at frame round(k hop_s rate) since the beginning or the last gap, so that windows "
        "do not drift against intervals. "
        "Values have no rate: by time, a value belongs where its last frame lies, a "
        "window is given when a later value comes, and at the end it counts as whole if the next value, at "
        "the distance of the last two, would lie behind it. A session is given when it ends or is as large "
        "as size (metadata session and part, counted from 0; missing_frames, inside); only then is the time "
        "between two blocks known, so that the last one comes when the next begins. With session_gap_s of 0 "
        "every gap ends a session; above 0 sessions of audio may have gaps inside, and what refuses windows that "
        "overlap refuses them, too.",
    .example = R"({"id": "frames", "type": "Window", "config": {"size_s": 0.4, "hop_s": 0.1}})",
    .cost_ns_per_frame = 5.0,
};

class Window final : public Node {
 public:
  explicit Window(const ParamValues& params) : params_(params) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    const StreamFormat& in = *context.inputs[0];
    if (auto fits = refuse_overlap(in, "windows would be cut across them"); !fits) {
      return tl::unexpected(fits.error());
    }
    in_ = in;
    if (auto read = read_sizes(); !read) { return tl::unexpected(read.error()); }
    const auto capacity =
        static_cast<std::uint32_t>(mode_ == Mode::time ? params_.integer(kMaxValues) : most_items());
    OutputFormat out{in};
    out.format.max_frames = capacity;
    out.format.overlapping = hop_ < size_;
    out.format.gaps_inside = in.kind == StreamKind::audio && session_gap_ > 0;
    out.max_blocks = 2;
    if (mode_ == Mode::count) {
      out.max_blocks += static_cast<std::uint32_t>(in.max_frames / std::floor(hop_));
    }
    if (mode_ == Mode::session) {
      out.max_blocks += static_cast<std::uint32_t>(in.max_frames / most_items());
    }
    if (in.kind == StreamKind::audio) {
      out.held_frames = capacity;
      out.gathers = true;
    }
    const double bytes = 8.0 * capacity * (4.0 + in.channel_count() * (1.0 + out.max_blocks));
    if (bytes > kMaxMemoryBytes) {
      return refused(
          size_where(),
          fmt::format("windows of {} frames on {} channels, up to {} for a block, would take {:.1f} "
                      "GiB of memory",
                      capacity, in.channel_count(), out.max_blocks, bytes / kMaxMemoryBytes),
          "at most 1 GiB", "use a smaller size, a larger hop or smaller blocks");
    }
    ring_ = ItemRing(in, capacity);
    reset();
    return std::vector{std::move(out)};
  }

  void reset() noexcept override {
    started_ = false;
    results_ = 0;
    next_ = 0;
    step_ = 0;
    session_ = 0;
    skipped_ = short_ = lost_ = 0;
    gap_frames_ = 0;
    given_until_.reset();
    restart();
  }

  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept override {
    const DataFrame& x = *in[0];
    if (x.frame_count() == 0) { return Status::ok; }
    account_for_gap(x, out[0]);
    switch (mode_) {
      case Mode::count:
        add_by_count(x, out[0]);
        break;
      case Mode::time:
        add_by_time(x, out[0]);
        break;
      case Mode::session:
        add_to_session(x, out[0]);
        break;
    }
    next_ = in_.kind == StreamKind::audio ? x.position() + x.frame_count() : moment_of(x);
    return Status::ok;
  }

  Status finish(std::span<OutputPort> out) noexcept override {
    if (new_items() == 0) { return Status::done; }
    const bool whole = mode_ == Mode::session ||
                       (mode_ == Mode::time && step_ > 0 && next_ + step_ >= origin_ + grid_end(window_));
    end_window(out[0], whole);
    restart();
    return Status::ok;
  }

  std::vector<NodeNote> notes() const override {
    std::vector<NodeNote> notes;
    const auto note = [&](std::uint64_t count, std::string_view what, bool lost) {
      if (count > 0) { notes.push_back({fmt::format("{} frames {}", count, what), count, lost}); }
    };
    note(skipped_, "left out between windows, as asked", false);
    note(short_, "left out with short windows, as asked", false);
    note(lost_, "left out: a window had more than max_values", true);
    return notes;
  }

 private:
  enum class Mode : std::uint8_t { count, time, session };

  std::string size_where() const { return params_.given(kSizeS) ? "/config/size_s" : "/config/size"; }

  // One of two parameters that say the same in frames and in seconds, in frames; 0 if neither is given.
  Result<double> read_length(std::size_t frames, std::size_t seconds) const {
    if (params_.given(frames)) { return static_cast<double>(params_.integer(frames)); }
    if (!params_.given(seconds)) { return 0.0; }
    double length = params_[seconds] * in_.sample_rate_hz;
    constexpr double kRounding = 4e-16;  // of a product of two doubles
    if (const double whole = std::round(length); std::abs(length - whole) <= kRounding * whole) {
      length = whole;
    }
    if (length < 1.0) {
      return refused(
          fmt::format("/config/{}", kParams[seconds].name),
          fmt::format("{} s is shorter than a frame at {} Hz", params_[seconds], in_.sample_rate_hz),
          fmt::format("at least {} s", 1.0 / in_.sample_rate_hz));
    }
    if (in_.kind == StreamKind::audio && length > kSizes.max) {
      return refused(fmt::format("/config/{}", kParams[seconds].name),
                     fmt::format("{} s are {:.0f} frames", params_[seconds], length),
                     fmt::format("at most {:.0f} frames", kSizes.max));
    }
    return length;
  }

  Result<void> read_sizes() {
    const bool values = in_.kind == StreamKind::values;
    const bool session = params_.given(kSessionGapS);
    const auto size = read_length(kSize, kSizeS);
    if (!size) { return tl::unexpected(size.error()); }
    const auto hop = read_length(kHop, kHopS);
    if (!hop) { return tl::unexpected(hop.error()); }
    const bool by_time = values && params_.given(kSizeS);
    mode_ = session ? Mode::session : (by_time ? Mode::time : Mode::count);
    if (session && by_time) {
      return refused("/config/size_s", "values have no rate", "the largest session as size, in values");
    }
    if (*hop > 0.0 && values && params_.given(kSizeS) != params_.given(kHopS)) {
      return refused(hop_where(), "values have no rate", "size and hop both in values or both in seconds");
    }
    if (params_.given(kMaxValues) && mode_ != Mode::time) {
      return refused("/config/max_values", "means nothing here", "it beside size_s, for values");
    }
    size_ = *size;
    if (session) { size_ = std::round(size_); }
    hop_ = *hop > 0.0 ? *hop : size_;
    session_gap_ = session ? std::llround(params_[kSessionGapS] * in_.sample_rate_hz) : 0;
    if (hop_ > size_ && !params_.flag(kAllowLoss)) {
      return refused(
          hop_where(),
          fmt::format("a hop of {} frames loses {} between windows of {}", hop_, hop_ - size_, size_),
          fmt::format("at most {}", shown_size()), "with \"allow_loss\": true they are left out");
    }
    return {};
  }
  std::string hop_where() const { return params_.given(kHopS) ? "/config/hop_s" : "/config/hop"; }
  std::string shown_size() const {
    return params_.given(kHopS) ? fmt::format("{} s", size_ / in_.sample_rate_hz)
                                : fmt::format("{} frames", size_);
  }

  // Where window k begins and ends, from the beginning or the last gap on. Without a hop of their own they
  // follow each other.
  std::int64_t grid_begin(std::int64_t k) const noexcept {
    return std::llround(static_cast<double>(k) * hop_);
  }
  std::int64_t grid_end(std::int64_t k) const noexcept {
    return hop_ == size_ ? grid_begin(k + 1) : std::llround(static_cast<double>(k) * hop_ + size_);
  }
  std::int64_t most_items() const noexcept {
    return static_cast<std::int64_t>(std::floor(size_)) + (std::floor(size_) == size_ ? 0 : 1);
  }

  // --- what lies between the last block and this one
  void account_for_gap(const DataFrame& x, OutputPort& out) noexcept {
    const FrameHeader& header = x.header();
    const std::int64_t begin = in_.kind == StreamKind::audio ? header.position : moment_of(x);
    const bool first = !started_;
    started_ = true;
    const std::int64_t jump = first ? 0 : begin - next_;
    const auto told = static_cast<std::int64_t>(header.has(FrameFlag::gap) ? header.gap_frames : 0);
    const bool audio = in_.kind == StreamKind::audio;
    const std::int64_t missing = audio && !first ? std::max<std::int64_t>(0, jump) : told;
    if (!audio && jump > 0) { step_ = jump; }
    if (mode_ == Mode::session) {
      const std::int64_t apart = audio && first ? 0 : jump;
      if (apart <= session_gap_ && apart >= 0) {
        (new_items() > 0 ? missing_inside_ : gap_frames_) += missing;
        gap_inside_ = gap_inside_ || (new_items() > 0 && header.has(FrameFlag::gap));
        return;
      }
      if (new_items() > 0) { end_window(out, true); }
      restart();
      session_ += any_part_ ? 1 : 0;
      part_ = 0;
      any_part_ = false;
      gap_frames_ = missing;
      return;
    }
    const bool broken = audio && !first ? jump != 0 : header.has(FrameFlag::gap) || jump < 0;
    if (!broken) { return; }
    if (new_items() > 0) { end_window(out, false); }
    restart();
    gap_frames_ = missing;
    gap_ = missing > 0 || header.has(FrameFlag::gap);
  }

  void restart() noexcept {
    ring_.clear();
    begin_ = given_ = 0;
    window_ = 0;
    to_skip_ = skipped_since_ = 0;
    is_open_ = false;
    missing_inside_ = 0;
    gap_inside_ = false;
    lost_until_ = std::numeric_limits<std::int64_t>::min();
  }

  // Items of the window under way, if it has one that no window had before.
  std::int64_t new_items() const noexcept {
    return ring_.end() > std::max(begin_, given_) ? ring_.end() - begin_ : 0;
  }

  void add_by_count(const DataFrame& x, OutputPort& out) noexcept {
    for (std::uint32_t done = 0; done < x.frame_count();) {
      const std::int64_t left = x.frame_count() - done;
      if (to_skip_ > 0) {
        const std::int64_t part = std::min(left, to_skip_);
        to_skip_ -= part;
        skipped_ += static_cast<std::uint64_t>(part);
        done += static_cast<std::uint32_t>(part);
        continue;
      }
      const std::int64_t size = grid_end(window_) - grid_begin(window_);
      const auto part = static_cast<std::uint32_t>(std::min(left, begin_ + size - ring_.end()));
      ring_.append(x, done, part);
      done += part;
      if (ring_.end() < begin_ + size) { continue; }
      give(out, begin_, size, true);
      to_skip_ = std::max<std::int64_t>(0, grid_begin(window_ + 1) - grid_end(window_));
      skipped_since_ += to_skip_;
      ++window_;
      begin_ = grid_begin(window_) - skipped_since_;
    }
  }

  void add_by_time(const DataFrame& x, OutputPort& out) noexcept {
    const std::int64_t position = moment_of(x);
    if (!is_open_) {
      is_open_ = true;
      origin_ = position;
    }
    if (position >= origin_ + grid_end(window_)) {
      if (new_items() > 0) { end_window(out, true); }
      // The first that has not ended.
      const auto passed = static_cast<std::int64_t>((static_cast<double>(position - origin_) - size_) / hop_);
      window_ = std::max(window_ + 1, passed - 1);
      while (position >= origin_ + grid_end(window_)) { ++window_; }
      while (begin_ < ring_.end() && ring_.moment(begin_) < origin_ + grid_begin(window_)) { ++begin_; }
    }
    if (position < origin_ + grid_begin(window_)) {
      skipped_ += x.frame_count();
      return;
    }
    const std::int64_t room = max_values_ - (ring_.end() - begin_);
    const auto part = static_cast<std::uint32_t>(std::min<std::int64_t>(room, x.frame_count()));
    if (part > 0) { ring_.append(x, 0, part); }
    lost_ += x.frame_count() - part;
    if (part < x.frame_count()) { lost_until_ = position; }
  }

  void add_to_session(const DataFrame& x, OutputPort& out) noexcept {
    for (std::uint32_t done = 0; done < x.frame_count();) {
      const std::int64_t room = begin_ + most_items() - ring_.end();
      const auto part = static_cast<std::uint32_t>(std::min<std::int64_t>(room, x.frame_count() - done));
      ring_.append(x, done, part);
      done += part;
      if (ring_.end() == begin_ + most_items()) {
        end_window(out, true);
        begin_ = ring_.end();
      }
    }
  }

  // The window under way ends with what it has.
  void end_window(OutputPort& out, bool whole) noexcept {
    if (!whole && leave_out_) {
      short_ += static_cast<std::uint64_t>(ring_.end() - std::max(begin_, given_));
      given_ = ring_.end();
      return;
    }
    give(out, begin_, ring_.end() - begin_, whole);
  }

  void give(OutputPort& out, std::int64_t first, std::int64_t count, bool whole) noexcept {
    DataFrame& y = out.emit();
    ring_.copy_to(y, first, static_cast<std::uint32_t>(count));
    FrameHeader& header = y.header();
    header.sequence_id = results_++;
    if (in_.kind == StreamKind::audio) {  // what no window holds is missing behind us
      if (given_until_) { gap_frames_ = std::max(gap_frames_, y.position() - *given_until_); }
      given_until_ = y.position() + count + missing_inside_;
    }
    if (gap_ || gap_inside_ || gap_frames_ + missing_inside_ > 0) {
      header.set(FrameFlag::gap);
      header.gap_frames = static_cast<std::uint64_t>(gap_frames_ + missing_inside_);
    }
    const bool lost_inside = mode_ == Mode::time && lost_until_ >= origin_ + grid_begin(window_);
    if (!whole || missing_inside_ > 0 || gap_inside_ || lost_inside) { header.set(FrameFlag::incomplete); }
    y.metadata().clear();
    y.metadata().set("frames", static_cast<double>(count));
    if (mode_ == Mode::session) {
      y.metadata().set("session", static_cast<double>(session_));
      y.metadata().set("part", static_cast<double>(part_++));
      y.metadata().set("missing_frames", static_cast<double>(missing_inside_));
      any_part_ = true;
    }
    given_ = first + count;
    gap_ = gap_inside_ = false;
    gap_frames_ = missing_inside_ = 0;
  }

  const ParamValues params_;
  const bool leave_out_ = params_.choice(kShortWindows) == 1;
  const std::int64_t max_values_ = params_.integer(kMaxValues);

  // Fixed by prepare().
  StreamFormat in_;
  Mode mode_ = Mode::count;
  double size_ = 1.0;  // items; by time, frames of the positions
  double hop_ = 1.0;
  std::int64_t session_gap_ = 0;

  ItemRing ring_;
  bool started_ = false;            // a block has come
  std::int64_t next_ = 0;           // audio: position of the next frame; else of the last block
  std::int64_t step_ = 0;           // of values: between the last two blocks
  std::int64_t begin_ = 0;          // first item of the window under way
  std::int64_t given_ = 0;          // items before this one have been given
  std::int64_t window_ = 0;         // its number since the beginning or the last gap
  std::int64_t to_skip_ = 0;        // items until the next window begins
  std::int64_t skipped_since_ = 0;  // since the beginning or the last gap: items that the ring never had
  bool is_open_ = false;            // by time: origin_ is known
  std::int64_t origin_ = 0;         // by time: where window 0 begins

  std::int64_t gap_frames_ = 0;              // missing before the window under way
  bool gap_ = false;                         // … or their number is not known
  std::optional<std::int64_t> given_until_;  // of audio: where the last window that was given ends
  std::int64_t missing_inside_ = 0;          // of a session
  bool gap_inside_ = false;
  std::int64_t lost_until_ = 0;  // by time: position of the last value beyond max_values
  std::uint64_t session_ = 0;
  std::uint64_t part_ = 0;
  bool any_part_ = false;  // of this session has been given
  std::uint64_t results_ = 0;
  std::uint64_t skipped_ = 0;  // frames between windows
  std::uint64_t short_ = 0;    // frames of short windows that were left out
  std::uint64_t lost_ = 0;
};

}  // namespace
}  // namespace window_node

extern const NodeEntry kWindowEntry{window_node::kInfo, make_node<window_node::Window>};

}  // namespace streamlab
