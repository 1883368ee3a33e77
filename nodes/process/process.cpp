// nodes/process/process.cpp
//
// Process: runs another program as a node: frames go to its standard input and come from its standard output.
//
//   in   audio
//   out  audio, in blocks of frame_size; as much as the program outputs
//
// process() writes its block and at the same time reads the program's output, so that full pipes cannot
// deadlock the two. Frames that the program holds back (filters do) come with later blocks; if more than
// max_held_frames are held back, process() waits for them. What comes back has its place in the stream from
// ProgramOutput.
//
// start() starts the program on its supervisor thread; reset() restarts it if it was used.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/core/node.hpp"
#include "engine/process/child_pipes.hpp"
#include "engine/process/find_program.hpp"
#include "nodes/process/process_command.hpp"
#include "nodes/process/program_output.hpp"
#include "nodes/process/program_patience.hpp"
#include "nodes/process/stream_encoder.hpp"

namespace streamlab {
namespace process_node {
namespace {

using Clock = ChildSupervisor::Clock;

// Default for the input frames that a program may hold back: one second, but at least this many. ffmpeg reads
// about 51,200 frames (50 packets) before its first output, at any rate; and its pipe, still unread then,
// holds 131,072 of the smallest frames (one channel of 16 bits).
constexpr std::uint64_t kHeldByDefault = 262144;
// Bytes that a program may output beyond what it should: until somebody takes them; and in all, beyond twice as much.
constexpr std::size_t kMostUnread = 64U << 20U;

// Without "auto".
constexpr std::span<const std::string_view> kFormats = std::span(kByteFormatNames).subspan(1);
constexpr ParamInfo out_format() {
  ParamInfo info = param::choice("out_format", kFormats, "f64le",
                                 "Format of its standard output; left out: same as "
                                 "format.");
  info.need = Need::optional;
  return info;
}
constexpr ParamInfo kParams[] = {
    process_command::kCommand,
    process_command::kRun,
    process_command::kShell,
    param::choice(
        "format", kFormats, "f64le",
        "Format of its standard input: samples without a header, floats (f) or signed integers (s) of that "
        "many bits, little-endian, interleaved; or wav, framed (both with 64-bit floats)."),
    out_format(),
    param::integer("out_channels", "", {1.0, 1024.0}, Need::optional,
                   "Channels of its output; left out: those of the input."),
    param::number("out_sample_rate", "Hz", {1.0, 1e7}, Need::optional,
                  "Sample rate of its output; left out: that of the input."),
    param::integer("frame_size", "frames", {1.0, 65536.0}, Need::optional,
                   "Frames per output block; left out: same as the input."),
    param::integer(
        "max_held_frames", "frames", {0.0, 1e9}, Need::optional,
        "Input frames that the program may hold back; left out: one second, but at least 262144, which is "
        "enough for ffmpeg. A program that needs all its input before it outputs anything needs the length "
        "of the stream."),
    param::number("timeout_s", "s", {0.001, 1e6}, 10.0, Live::no,
                  "How long the program may neither read nor write anything while we wait for it."),
    process_command::kEnv,
    process_command::kCwd,
};
constexpr auto kCommand = param::at(kParams, "command");
constexpr auto kRun = param::at(kParams, "run");
constexpr auto kShell = param::at(kParams, "shell");
constexpr auto kFormat = param::at(kParams, "format");
constexpr auto kOutFormat = param::at(kParams, "out_format");
constexpr auto kOutChannels = param::at(kParams, "out_channels");
constexpr auto kOutRate = param::at(kParams, "out_sample_rate");
constexpr auto kFrameSize = param::at(kParams, "frame_size");
constexpr auto kMaxHeld = param::at(kParams, "max_held_frames");
constexpr auto kTimeout = param::at(kParams, "timeout_s");
constexpr auto kEnv = param::at(kParams, "env");
constexpr auto kCwd = param::at(kParams, "cwd");
constexpr std::string_view kPrograms[] = {"command", "run"};
constexpr std::string_view kShellName[] = {"shell"};
constexpr std::string_view kRunName[] = {"run"};
constexpr ParamRule kRules[] = {{ParamRule::Kind::at_least_one, kPrograms},
                                {ParamRule::Kind::at_most_one, kPrograms},
                                {ParamRule::Kind::only_with, kShellName, kRunName}};
constexpr NodeInfo kInfo{
    .name = "Process",
    .description = "Sends audio through another program.",
    .inputs = kAudioInPort,
    .outputs = kAudioOutPort,
    .params = kParams,
    .rules = kRules,
    .rt_safe = RtSafe::no,
    .waits = Waits::yes,
    .at_gap = "The program does not see the gap (except with framed); the output has it at the same frame.",
    .details =
        "Full scale is 1; integers are multiplied and divided by 2^(bits-1). If the program fails (by a "
        "status other than 0, a signal, or no activity for timeout_s), the message includes its standard "
        "error. A program that exits with 0 without reading all its input gets no more: the frames that "
        "it did not read are counted, and end the run with exit code 3, as does an incomplete frame at the "
        "end. The summary says how many frames it held back, and how long a block took. Programs often "
        "buffer their output in pipes: see PYTHONUNBUFFERED, stdbuf. After the end of its input a program may "
        "add a tail: as much as the whole stream, and 64 MiB more; beyond that it has no end, and the run fails. "
        "A run that was stopped waits for the rest until nothing came for a second, and 5 s in all. Each run starts the program again, in a "
        "process group that ends with it.",
    .example =
        R"({"id": "eq", "type": "Process", "config": {"command": ["sox", "-t", "f64", "-r", "48000", "-c", "1", "-", "-t", "f64", "-", "equalizer", "1000", "2q", "-6"]}})",
    .cost_ns_per_frame = 50.0,
};

ByteFormat format_at(std::size_t choice) { return static_cast<ByteFormat>(choice + 1); }

class Process final : public Node {
 public:
  explicit Process(const ParamValues& params) : params_(params), patience_(params[kTimeout]) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    const StreamFormat& in = *context.inputs[0];
    auto command = read_process_command(params_, {kCommand, kRun, kShell, kEnv, kCwd});
    if (!command) { return tl::unexpected(command.error()); }
    spec_ = std::move(*command);
    const ByteFormat format = format_at(params_.choice(kFormat));
    const ByteFormat from = params_.given(kOutFormat) ? format_at(params_.choice(kOutFormat)) : format;
    encoder_spec_ = EncoderSpec{.format = format, .samples = SampleFormat::float64_le};
    in_format_ = in;
    auto encoder = StreamEncoder::create(encoder_spec_, in);
    if (!encoder) { return at("/config/format", encoder.error()); }

    const double out_rate_hz = params_.given(kOutRate) ? params_[kOutRate] : in.sample_rate_hz;
    ratio_ = out_rate_hz / in.sample_rate_hz;
    frame_size_ =
        params_.given(kFrameSize) ? static_cast<std::uint32_t>(params_.integer(kFrameSize)) : in.max_frames;
    max_held_ = params_.given(kMaxHeld)
                    ? static_cast<std::uint64_t>(params_.integer(kMaxHeld))
                    : std::max(static_cast<std::uint64_t>(std::ceil(in.sample_rate_hz)), kHeldByDefault);
    const std::uint32_t channels = params_.given(kOutChannels)
                                       ? static_cast<std::uint32_t>(params_.integer(kOutChannels))
                                       : in.channel_count();
    decoder_spec_ = DecoderSpec{.format = from,
                                .channels = channels,
                                .sample_rate_hz = out_rate_hz,
                                .max_frames = frame_size_,
                                .from = fmt::format("\"{}\"", spec_.name)};
    const double level = clip_level(raw_samples(from).value_or(SampleFormat::float64_le));
    OutputFormat out{audio_format(out_rate_hz, default_channel_names(channels), frame_size_, level)};
    if (channels == in.channel_count()) {
      out.format.channels = in.channels;
      for (ChannelInfo& channel : out.format.channels) { channel.clip_level = level; }
    }
    const double blocks = ratio_ * in.max_frames / frame_size_;
    out.max_blocks = static_cast<std::uint32_t>(std::min(4.0 + 2.0 * std::ceil(blocks), 65536.0));
    out.held_frames = static_cast<std::uint32_t>(std::min<std::uint64_t>(
        max_held_ + static_cast<std::uint64_t>(std::ceil(frame_size_ / ratio_)), 0xFFFFFFFFU));
    out.recuts = from != ByteFormat::framed;  // a framed stream has the blocks of the program
    out_format_ = std::make_shared<const StreamFormat>(out.format);
    max_blocks_ = out.max_blocks;
    return std::vector{out};
  }
  Result<void> start() override { return launch(); }

  void reset() noexcept override {
    if (!is_used_) { return; }
    if (auto started = launch(); !started) { failure_ = started.error(); }
  }
  void stop_waiting() noexcept override {
    patience_.stop();
    if (child_) { child_->wake(); }
  }
  void give_up() noexcept override {
    patience_.give_up();
    if (child_) { child_->wake(); }
  }

  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept override {
    if (failure_) { return Status::fault; }
    const DataFrame& x = *in[0];
    is_used_ = true;
    if (child_->input_is_closed()) {
      not_taken_ += x.frame_count();
    } else {
      take(x);
    }
    given_ = 0;
    exchange();
    give(out[0]);
    while (!failure_ && must_wait()) {
      if (!wait_for_output()) { break; }
      give(out[0]);
    }
    return failure_ ? Status::fault : Status::ok;
  }

  // Closes its input and reads everything up to the end of its output.
  Status finish(std::span<OutputPort> out) noexcept override {
    if (failure_) { return Status::fault; }
    is_used_ = true;
    given_ = 0;
    if (!std::exchange(is_finishing_, true)) {
      while (!pending_.empty() && !child_->input_is_closed() && step("take its input")) {}
      if (failure_) { return Status::fault; }
      lose_pending();
      child_->end_input();
    }
    give(out[0]);
    while (!failure_ && given_ == 0 && !child_->output_is_closed()) {
      if (!step("end after the end of its input")) { break; }
      give(out[0]);
    }
    if (!failure_ && given_ == 0 && !gave_up_) {
      check_end();
      ended_with_ = output_->timeline().frames_expected(unread_);
    }
    if (failure_) { return Status::fault; }
    return given_ > 0 ? Status::ok : Status::done;
  }

  Error failure() const override { return failure_.value_or(Node::failure()); }

  void not_needed() noexcept override { is_needed_ = false; }
  Result<void> close() override {
    // If the run was given up, no one asks for the rest.
    if (is_used_ && is_needed_ && !ended_with_ && !failure_) { gave_up_ = true; }
    if (gave_up_ && child_) { count_left_behind(); }
    child_.reset();
    return {};
  }
  std::vector<NodeNote> notes() const override {
    std::vector<NodeNote> notes;
    if (!output_) { return notes; }
    notes = output_->notes(spec_.name);
    const OutputTimeline& timeline = output_->timeline();
    const auto note = [&](std::string text, std::uint64_t count, bool lost) {
      notes.push_back({text, count, lost});
    };
    if (not_taken_ > 0) {
      note(fmt::format("\"{}\" did not read the whole stream: frames not read: {}", spec_.name, not_taken_),
           not_taken_, true);
    }
    if (gave_up_) {
      const auto missing = static_cast<std::uint64_t>(
          std::max(0.0, std::round(timeline.held_frames() - static_cast<double>(not_taken_))));
      note(missing > 0
               ? fmt::format("\"{}\" had not ended when it was stopped: the output of {} frames is missing",
                             spec_.name, missing)
               : fmt::format("\"{}\" had not ended when it was stopped; all frames that it was given had "
                             "come back",
                             spec_.name),
           missing, missing > 0);
    }
    if (const std::uint64_t clipped = encoder_->counts().clipped; clipped > 0) {
      const bool is_lost = encoder_->loses_what_clips();
      note(fmt::format("samples {} to \"{}\": {}",
                       is_lost ? "too large for 32-bit floats, sent as the largest possible one,"
                               : "that clipped on the way",
                       spec_.name, clipped),
           clipped, is_lost);
    }
    if (ended_with_ && *ended_with_ != timeline.frames_out()) {
      note(fmt::format("\"{}\" was given {} frames and returned {} instead of {}", spec_.name,
                       timeline.frames_in() - unread_, timeline.frames_out(), *ended_with_),
           1, false);
    }
    return notes;
  }

 private:
  static tl::unexpected<Error> at(const char* where, Error error) {
    error.where = where;
    return tl::unexpected(std::move(error));
  }

  Result<void> launch() {
    child_.reset();
    auto encoder = StreamEncoder::create(encoder_spec_, in_format_);
    if (!encoder) { return at("/config/format", encoder.error()); }
    encoder_.emplace(std::move(*encoder));
    auto output = ProgramOutput::create(decoder_spec_, out_format_, ratio_);
    if (!output) { return at("/config/out_format", output.error()); }
    output_.emplace(std::move(*output));
    auto child = ChildPipes::start(spec_, kPipeBytes);
    if (!child) { return at("/config/command", child.error()); }
    child_ = std::move(*child);
    pending_.clear();
    encoder_->begin(pending_);
    has_lost_reader_ = is_used_ = is_finishing_ = gave_up_ = false;
    is_needed_ = true;
    ended_with_.reset();
    not_taken_ = unread_ = 0;
    patience_.reset();
    failure_.reset();
    return {};
  }

  void take(const DataFrame& x) {
    encoder_->append(x, pending_);
    output_->add_input(x.header(), x.frame_count());
  }

  // Writes everything pending, and reads what arrives.
  void exchange() {
    while (!failure_ && !pending_.empty() && !child_->input_is_closed()) {
      if (!step("take its input")) { return; }  // the rest goes with the next block
    }
    lose_pending();
    if (pending_.empty()) { move_once(Clock::now()); }
    look_at_end();
  }

  // One move, waiting up to timeout_s. False if nothing moved, which is a failure; or if the run is about to
  // end: then only finish() waits, and not for long.
  bool step(const char* wanted) {
    const auto begin = Clock::now();
    while (true) {
      const bool stops = patience_.is_stopped();
      const auto until = patience_.until(begin, is_finishing_);
      if (!until) {
        gave_up_ = true;
        return false;
      }
      if (move_once(*until)) { return true; }
      if (failure_) { return false; }
      // (stop_waiting() may have been called meanwhile: then check again.)
      if (stops != patience_.is_stopped() || Clock::now() < *until) { continue; }
      if (!stops) {
        fail(fmt::format("\"{}\" did not {} within {} s", spec_.name, wanted, params_[kTimeout]), "",
             "a longer timeout_s, a larger max_held_frames; does it buffer "
             "its output (PYTHONUNBUFFERED, stdbuf)?");
      }
      gave_up_ = gave_up_ || (stops && is_finishing_);
      return false;
    }
  }

  bool move_once(Clock::time_point deadline) {
    const ChildPipes::Moved moved = child_->move(pending_, received_, deadline);
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(moved.written));
    if (!received_.empty()) {
      output_->feed(received_);
      received_.clear();
      check_amount();
    }
    if (child_->output_is_closed()) { output_->end(); }
    return moved.anything;
  }

  // The frames that a program that stopped reading was not given, or had not read when it left.
  void lose_pending() {
    const bool is_lost = child_->input_is_closed() || (is_finishing_ && !pending_.empty());
    if (!is_lost || has_lost_reader_) { return; }
    count_unread(pending_.size() + child_->unread_bytes());
    pending_.clear();
  }
  void count_unread(std::size_t lost_bytes) {
    has_lost_reader_ = true;
    unread_ = frames_in_bytes(lost_bytes);
    not_taken_ += unread_;
  }
  // It will be ended before it reads what is in its pipe, and what has no room there.
  void count_left_behind() {
    if (child_->input_is_closed() && has_lost_reader_ && child_->bytes_waiting() == 0) { return; }
    const std::uint64_t in_all = frames_in_bytes(pending_.size() + child_->bytes_waiting());
    const std::uint64_t frames_in = output_->timeline().frames_in();
    not_taken_ += std::min(in_all, frames_in - std::min(frames_in, unread_));
  }
  // (A header has no frames, but may be part of it.)
  std::uint64_t frames_in_bytes(std::size_t bytes) const {
    return std::min((bytes + encoder_->frame_bytes() - 1) / encoder_->frame_bytes(),
                    output_->timeline().frames_in());
  }

  // A program that outputs far more than the rates imply would fill the memory, and one without an end the disk.
  void check_amount() {
    constexpr const char* kHint = "out_sample_rate and out_channels must match the program";
    if (const std::uint64_t held = output_->bytes_held(); held > kMostUnread) {
      fail(fmt::format("\"{}\" outputs more than expected: {} bytes wait to be passed on", spec_.name, held),
           "", kHint);
    }
    const OutputTimeline& timeline = output_->timeline();
    const std::uint64_t expected = timeline.frames_expected(0);
    const std::uint64_t most = 2 * expected + kMostUnread / (sizeof(double) * decoder_spec_.channels);
    if (!failure_ && is_finishing_ && timeline.frames_out() > most) {
      fail(fmt::format(
               "\"{}\" does not end after the end of its input: it has returned {} frames instead of {}",
               spec_.name, timeline.frames_out(), expected),
           "", kHint);
    }
  }

  bool must_wait() const {
    if (child_->output_is_closed() || child_->input_is_closed() || given_ >= max_blocks_) { return false; }
    return output_->timeline().held_frames() > static_cast<double>(max_held_) + frame_size_ / ratio_ &&
           !patience_.is_stopped();
  }
  bool wait_for_output() {
    const bool moved = step("return output for its input");
    look_at_end();
    return moved;
  }

  // Between two blocks: a program that has closed input and output is about to end. (One that closed only its
  // output may continue to read.)
  void look_at_end() {
    if (!failure_ && child_->output_is_closed() && child_->input_is_closed()) { check_end(); }
  }

  // Waits for its end, once its output has ended: a failure unless it exited with 0.
  void check_end() {
    const auto begin = Clock::now();
    constexpr auto kLook = std::chrono::milliseconds(20);  // how soon the end of the run is noticed
    const auto may_take_longer = [&] {
      const auto until = patience_.until(begin, true);
      return until && Clock::now() < *until;
    };
    while (!child_->wait(Clock::now() + kLook) && may_take_longer()) {}
    const auto& end = child_->wait(Clock::now());
    if (!end) {
      return fail(fmt::format("\"{}\" did not exit within {} s after the end of its output", spec_.name,
                              params_[kTimeout]),
                  "", "a longer timeout_s");
    }
    // A short stream fits into the pipe even if the program does not read it.
    if (!has_lost_reader_ && child_->unread_bytes() > 0) { count_unread(child_->unread_bytes()); }
    if (!end->is_success()) {
      fail(fmt::format("\"{}\" {}", spec_.name, describe(*end)), quote_end(end->stderr_end), "");
    }
  }

  void fail(std::string what, const std::string& said, std::string hint) {
    if (!said.empty()) { what += ":\n" + said; }
    failure_ = Error{ErrorCode::failed, "", std::move(what), "", std::move(hint)};
  }

  // As many blocks as available, if there is room.
  void give(OutputPort& out) noexcept {
    if (failure_ || given_ >= max_blocks_) { return; }
    const auto given = output_->give(out, max_blocks_ - given_);
    if (given) {
      given_ += *given;
      return;
    }
    failure_ = given.error();
    if (const std::string said = quote_end(child_->stderr_so_far()); !said.empty()) {
      failure_->what += ":\n" + said;
    }
  }

  static constexpr std::size_t kPipeBytes = 262144;

  const ParamValues params_;
  // fixed by prepare()
  ChildSpec spec_;
  StreamFormat in_format_;
  EncoderSpec encoder_spec_;
  DecoderSpec decoder_spec_;
  std::shared_ptr<const StreamFormat> out_format_;
  double ratio_ = 1.0;  // of the rates, out to in
  std::uint32_t frame_size_ = 0;
  std::uint64_t max_held_ = 0;
  std::uint32_t max_blocks_ = 0;
  // of one child
  std::unique_ptr<ChildPipes> child_;
  std::optional<StreamEncoder> encoder_;
  std::optional<ProgramOutput> output_;
  std::vector<std::byte> pending_;   // encoded, to be written
  std::vector<std::byte> received_;  // read, to be decoded
  std::uint32_t given_ = 0;          // blocks, by this call
  bool has_lost_reader_ = false;
  bool is_finishing_ = false;
  bool gave_up_ = false;
  bool is_needed_ = true;
  std::optional<std::uint64_t> ended_with_;  // expected output frames in total
  bool is_used_ = false;
  ProgramPatience patience_;
  std::uint64_t not_taken_ = 0;
  std::uint64_t unread_ = 0;  // of them, those still in its pipe
  std::optional<Error> failure_;
};

}  // namespace
}  // namespace process_node

extern const NodeEntry kProcessEntry{process_node::kInfo, make_node<process_node::Process>};

}  // namespace streamlab
