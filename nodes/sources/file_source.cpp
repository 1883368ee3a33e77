// nodes/sources/file_source.cpp
//
// FileSource: plays a sound file, or a range of it, once, several times or endlessly.
//
//   out  audio, float64 [channels x frames], at the rate of the file; full scale 1.0, integers divided by
//   2^(bits-1)
//
// The position of a block counts from the start of the file: a range from frame s begins at position s. When
// the range is repeated the position continues to grow, so that the stream has no jump: frame s + (position
// - s) mod (e - s) of the file is at `position`.
#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "engine/core/node.hpp"
#include "nodes/sound_file/sound_file_reader.hpp"

namespace streamlab {
namespace file_source_node {
namespace {

constexpr std::uint32_t kDefaultFrameSize = 1024;
constexpr double kMaxFrame = 9007199254740992.0;  // 2^53

constexpr std::string_view kBeyondEnds[] = {"leave_out", "play"};
constexpr ParamInfo kParams[] = {
    param::as(ParamRole::input_file, param::text("path", Need::required, "The sound file.")),
    param::integer("loop", "", {0.0, 1e9}, 1.0, "How many times to play the range; 0: endlessly."),
    param::number("start_s", "s", {0.0, 1e9}, Need::optional,
                  "Start of the range, rounded to a whole frame; left out: start of the file."),
    param::number("end_s", "s", {0.0, 1e9}, Need::optional,
                  "End of the range, rounded to a whole frame; left out: end of the file."),
    param::integer("start_frame", "frames", {0.0, kMaxFrame}, Need::optional,
                   "First frame of the range; instead of start_s."),
    param::integer("end_frame", "frames", {0.0, kMaxFrame}, Need::optional,
                   "The frame after the last one of the range; instead of end_s."),
    param::integer("frame_size", "frames", {1.0, 65536.0}, Need::optional,
                   "Frames per block; left out: block_size of pipeline_config, else 1024."),
    param::choice(
        "beyond_end", kBeyondEnds, "leave_out",
        "WAV, AIFF, CAF: what to do with bytes after the end given by the header, if they are not a chunk: "
        "skip them and count them as lost, or play them."),
};
constexpr auto kPath = param::at(kParams, "path");
constexpr auto kLoop = param::at(kParams, "loop");
constexpr auto kStartS = param::at(kParams, "start_s");
constexpr auto kEndS = param::at(kParams, "end_s");
constexpr auto kStartFrame = param::at(kParams, "start_frame");
constexpr auto kEndFrame = param::at(kParams, "end_frame");
constexpr auto kFrameSize = param::at(kParams, "frame_size");
constexpr auto kBeyondEnd = param::at(kParams, "beyond_end");
constexpr std::string_view kStarts[] = {"start_s", "start_frame"};
constexpr std::string_view kEnds[] = {"end_s", "end_frame"};
constexpr ParamRule kRules[] = {{ParamRule::Kind::at_most_one, kStarts},
                                {ParamRule::Kind::at_most_one, kEnds}};
constexpr NodeInfo kInfo{
    .name = "FileSource",
    .description = "Plays a sound file, or a range of it.",
    .inputs = {},
    .outputs = kAudioOutPort,
    .params = kParams,
    .rules = kRules,
    .rt_safe = RtSafe::no,
    .at_gap =
        "Has no input. Where a file is damaged, marks the next block with the number of missing frames, if "
        "the file tells it (FLAC).",
    .details =
        "Reads WAV, RF64, BW64, W64, FLAC, AIFF, AU, CAF, Ogg and MP3. Full scale is 1; integers are divided by "
        "2^(bits-1), floats of 32 and 64 bits are exact, except that denormals (below 1.2e-38 and 2.2e-308) "
        "are 0. The channel of a mono file is main_channel, those "
        "of a stereo file left and right, else ch1, ch2, … Positions count from the start of the file and "
        "continue to grow when the range is repeated. If the header states no length, or one too large for "
        "32 bits, the samples are played to the end of the file. What cannot be played because the file is "
        "damaged or shorter than its header says, or what follows the end given by its header, counts as "
        "lost: exit code 3. NaN and infinities are passed on, flagged and counted.",
    .example = R"({"id": "voice", "type": "FileSource", "config": {"path": "voice.wav", "start_s": 1.5}})",
    .cost_ns_per_frame = 0.5,
};

class FileSource final : public Node {
 public:
  explicit FileSource(const ParamValues& params) : params_(params), path_(params.text(kPath)) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    auto reader = SoundFileReader::open(
        path_, params_.choice(kBeyondEnd) == 0 ? BeyondEnd::leave_out : BeyondEnd::play);
    if (!reader) {
      Error error = reader.error();
      error.where = "/config/path";
      error.what = fmt::format("\"{}\" {}", path_, error.what);
      return tl::unexpected(error);
    }
    reader_ = std::move(*reader);
    const SoundFileInfo& info = reader_->info();
    sample_rate_hz_ = info.sample_rate_hz;
    if (auto agreed = check_rate(context); !agreed) { return tl::unexpected(agreed.error()); }
    if (auto range = find_range(info); !range) { return tl::unexpected(range.error()); }
    frame_size_ = context.block_size > 0 ? context.block_size : kDefaultFrameSize;
    if (params_.given(kFrameSize)) { frame_size_ = static_cast<std::uint32_t>(params_.integer(kFrameSize)); }
    planar_.resize(info.channels);
    reset();
    if (failure_) { return tl::unexpected(*failure_); }
    OutputFormat output{
        audio_format(sample_rate_hz_, default_channel_names(info.channels), frame_size_, info.clip_level)};
    const bool is_end_known = info.length_known || params_.given(kEndS) || params_.given(kEndFrame);
    const double length = static_cast<double>(end_ - start_) * params_[kLoop];
    if (is_end_known && !is_endless() && length <= kMaxFrame) {
      output.length_frames = static_cast<std::uint64_t>(length);
    }
    return std::vector{std::move(output)};
  }

  void reset() noexcept override {
    position_ = start_;
    rounds_left_ = params_.integer(kLoop) == 0 ? -1 : params_.integer(kLoop);
    if (start_ == end_) { rounds_left_ = 0; }
    not_finite_ = 0;
    failure_.reset();
    rewind();
  }

  Status process([[maybe_unused]] std::span<const DataFrame* const> in,
                 std::span<OutputPort> out) noexcept override {
    if (failure_) { return Status::fault; }
    if (rounds_left_ == 0) { return Status::done; }
    const std::uint64_t missing = skip_missing();
    if (failure_) { return Status::fault; }
    if (rounds_left_ == 0) { return Status::done; }
    position_ += missing;
    DataFrame& y = out[0].emit_at(static_cast<std::int64_t>(position_), frame_size_, sample_rate_hz_);
    if (missing > 0) {
      y.header().set(FrameFlag::gap);
      y.header().gap_frames = missing;
    }
    DecodeCounts counts;
    const std::uint32_t count = fill(y, counts);
    not_finite_ += counts.not_finite;
    if (failure_) { return Status::fault; }
    y.set_frame_count(count);
    if (!counts.all_below) { flag_bad_samples(y); }
    if (rounds_left_ == 1 && has_no_more()) { rounds_left_ = 0; }
    if (rounds_left_ == 0) { y.header().set(FrameFlag::end_of_stream); }
    position_ += count;
    return Status::ok;
  }

  bool is_endless() const override { return params_.integer(kLoop) == 0; }
  Error failure() const override { return failure_.value_or(Node::failure()); }

  std::vector<NodeNote> notes() const override {
    std::vector<NodeNote> notes;
    if (!reader_) { return notes; }
    for (const std::string& warning : reader_->info().warnings) {
      notes.push_back({fmt::format("{}: {}", path_, warning), 1, false});
    }
    for (const std::string& loss : reader_->losses()) {
      notes.push_back({fmt::format("{}: {}", path_, loss), 1, true});
    }
    if (not_finite_ > 0) {
      notes.push_back(
          {fmt::format("{}: samples that are NaN or infinite: {}", path_, not_finite_), not_finite_, false});
    }
    return notes;
  }

 private:
  Result<void> check_rate(const PrepareContext& context) const {
    const auto contradiction = [&](std::string_view other, double other_hz) {
      return refused("/config/path",
                     fmt::format("\"{}\" has {} Hz, which contradicts {} of {} Hz", path_, sample_rate_hz_,
                                 other, other_hz),
                     "the same rate");
    };
    if (context.sample_rate_hz > 0.0 && context.sample_rate_hz != sample_rate_hz_) {
      return contradiction("/pipeline_config/sample_rate", context.sample_rate_hz);
    }
    if (context.device != nullptr && context.device->sample_rate_hz != sample_rate_hz_) {
      return contradiction("the sample rate of the device", context.device->sample_rate_hz);
    }
    return {};
  }

  // Frame number that the user gave in seconds or frames; `fallback` where neither was given.
  std::uint64_t frame_param(std::size_t seconds, std::size_t frame, std::uint64_t fallback) const {
    if (params_.given(frame)) { return static_cast<std::uint64_t>(params_.integer(frame)); }
    if (params_.given(seconds)) {
      return static_cast<std::uint64_t>(std::llround(params_[seconds] * sample_rate_hz_));
    }
    return fallback;
  }

  Result<void> find_range(const SoundFileInfo& info) {
    constexpr auto kToTheEnd = static_cast<std::uint64_t>(kMaxFrame);
    const std::uint64_t length = info.length_known ? info.frames : kToTheEnd;
    const std::uint64_t start = frame_param(kStartS, kStartFrame, 0);
    const std::uint64_t end = frame_param(kEndS, kEndFrame, length);
    const auto where = [&](std::size_t seconds, std::size_t frame) {
      return fmt::format("/config/{}", kParams[params_.given(frame) ? frame : seconds].name);
    };
    if (start > length) {
      return refused(where(kStartS, kStartFrame),
                     fmt::format("frame {} lies behind the end of \"{}\"", start, path_),
                     fmt::format("0 .. {} frames ({:.3f} s)", length, duration_s(info)));
    }
    if (end > length) {
      return refused(where(kEndS, kEndFrame),
                     fmt::format("frame {} lies behind the end of \"{}\"", end, path_),
                     fmt::format("0 .. {} frames ({:.3f} s)", length, duration_s(info)));
    }
    const bool limited = params_.given(kEndS) || params_.given(kEndFrame);
    if (end < start || (limited && end == start)) {
      return refused(where(kEndS, kEndFrame),
                     fmt::format("the range ends at frame {} but begins at frame {}", end, start),
                     "an end after the start");
    }
    start_ = start;
    end_ = end;
    return {};
  }

  void rewind() noexcept {
    if (reader_->position() == start_) { return; }
    if (const auto sought = reader_->seek(start_); !sought) { failure_ = sought.error(); }
  }

  // Skips missing frames where the next block would begin; returns how many. A range that ends among them is
  // over.
  std::uint64_t skip_missing() noexcept {
    std::uint64_t missing = 0;
    while (rounds_left_ != 0) {
      const std::uint64_t from = reader_->position();
      const auto skipped = reader_->skip_missing();
      if (!skipped) {
        failure_ = skipped.error();
        break;
      }
      if (*skipped == 0) { break; }
      missing += std::min(*skipped, end_ - from);
      if (reader_->position() < end_) { break; }
      if (from == start_) { rounds_left_ = 1; }  // no frame of the range exists
      end_round();
    }
    return missing;
  }

  // A damaged file may end before its range does: its last block is flagged, whatever its size.
  bool has_no_more() noexcept {
    const auto next = reader_->next_frame();
    return next && (!*next || **next >= end_);
  }

  void end_round() noexcept {
    if (rounds_left_ > 0) { --rounds_left_; }
    if (rounds_left_ != 0) { rewind(); }
  }

  // Fills up to frame_size_ frames, repeating the range as often as requested. Stops before missing frames.
  // Returns the number of frames; adds what was seen of them to `counts`.
  std::uint32_t fill(DataFrame& y, DecodeCounts& counts) noexcept {
    std::uint32_t count = 0;
    while (count < frame_size_ && rounds_left_ != 0) {
      const std::uint64_t left = end_ - reader_->position();
      const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(frame_size_ - count, left));
      for (std::uint32_t c = 0; c < y.channel_count(); ++c) { planar_[c] = y.channel_data(c) + count; }
      const auto block = reader_->read(planar_.data(), wanted);
      if (!block) {
        failure_ = block.error();
        return count;
      }
      count += static_cast<std::uint32_t>(block->frames);
      counts += block->counts;
      if (reader_->position() < end_) {
        if (block->frames == wanted) { continue; }
        if (!reader_->at_end()) { return count; }  // frames are missing here
      }
      // The header promised frames that do not exist.
      if (reader_->position() == start_) { rounds_left_ = 1; }
      end_round();
      if (failure_) { return count; }
    }
    return count;
  }

  const ParamValues params_;
  const std::string path_;
  std::optional<SoundFileReader> reader_;  // made by prepare(), like the next five
  double sample_rate_hz_ = 0.0;
  std::uint32_t frame_size_ = kDefaultFrameSize;
  std::uint64_t start_ = 0;      // first frame of the range
  std::uint64_t end_ = 0;        // the frame after it
  std::vector<double*> planar_;  // one per channel
  std::uint64_t position_ = 0;   // of the next block
  // How often the range is still to be played, including now; < 0: endlessly.
  std::int64_t rounds_left_ = 0;
  std::uint64_t not_finite_ = 0;
  std::optional<Error> failure_;
};

}  // namespace
}  // namespace file_source_node

extern const NodeEntry kFileSourceEntry{file_source_node::kInfo, make_node<file_source_node::FileSource>};

}  // namespace streamlab
