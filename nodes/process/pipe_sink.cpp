// nodes/process/pipe_sink.cpp
//
// PipeSink: sends its input to another program: through our standard output, a FIFO, or an inherited
// descriptor.
//
//   in   audio; with framed any kind of stream
//
// A slow reader blocks process(): in a live graph the edge to it has a policy. A reader that has gone is not
// a failure: what it did not take is counted, and the run ends when no other sink is left.
#include <algorithm>
#include <chrono>
#include <optional>

#include <fmt/format.h>

#include "engine/core/node.hpp"
#include "nodes/process/pipe_end.hpp"
#include "nodes/process/stream_encoder.hpp"

namespace streamlab {
namespace pipe_sink_node {
namespace {

constexpr std::chrono::milliseconds kPatience{
    1000};                                      // for the reader, in total, when the run is about to end
constexpr std::uint64_t kSilenceAtOnce = 4096;  // frames

constexpr std::string_view kFormats[] = {"wav", "framed", "f64le", "f32le", "s16le", "s24le", "s32le"};
constexpr std::string_view kSamples[] = {"auto", "f64le", "f32le", "s16le", "s24le", "s32le"};
constexpr std::string_view kGaps[] = {"silence", "splice"};

constexpr ParamInfo kParams[] = {
    param::as(
        ParamRole::output_stream,
        param::matching(
            param::text("to", "stdout", "Where the bytes go: stdout, fifo:/path, or fd:5 for descriptor 5."),
            "stdout|fifo:.*[^/]|fd:[0-9]+")),
    param::choice(
        "format", kFormats, "wav",
        "wav or framed; the others are samples without a header: floats (f) or signed integers (s) of that "
        "many bits, little-endian, interleaved."),
    param::choice("samples", kSamples, "auto",
                  "Sample format in wav and framed; auto: f32le in wav, f64le in framed."),
    param::integer("header_every", "blocks", {0.0, 1e9}, kDefaultFramedHeaderEvery,
                   "Framed: a header before every n-th block, so that late readers can start; 0: only at the "
                   "beginning."),
    param::choice("gap", kGaps, "silence",
                  "Where frames are missing: write silence of the same length, or splice what is there. "
                  "Framed reports the gap and writes neither."),
    param::number("timeout_s", "s", {0.001, 1e6}, 10.0, Live::no,
                  "How long to wait for the reader of a FIFO."),
};
constexpr auto kTo = param::at(kParams, "to");
constexpr auto kFormat = param::at(kParams, "format");
constexpr auto kSample = param::at(kParams, "samples");
constexpr auto kHeaderEvery = param::at(kParams, "header_every");
constexpr auto kGap = param::at(kParams, "gap");
constexpr auto kTimeout = param::at(kParams, "timeout_s");
constexpr NodeInfo kInfo{
    .name = "PipeSink",
    .description = "Sends audio, or any stream as framed, to another program: stdout, a FIFO, a descriptor.",
    .inputs = kAnyInPort,
    .outputs = {},
    .params = kParams,
    .rt_safe = RtSafe::no,
    .waits = Waits::yes,
    .at_gap =
        "Writes silence of the gap's length; with gap = splice, nothing. Framed: the block says how many "
        "frames are missing.",
    .details =
        "The length of a WAV in a pipe is unknown: its header has the value that sox writes (0x7FFFF000), "
        "which most readers take for \"up to the end\"; ffmpeg stops after 2 GiB unless given -ignore_length "
        "1. Framed streams are described in docs/framed-stream.md; they do not include the metadata of "
        "blocks. Floats carry NaN and infinities; integers are the nearest value, ties to even, no dither, "
        "NaN is 0; samples beyond full scale saturate; all are counted. A reader that goes away is not a "
        "failure: the frames that it did not take are counted, as far as they came here, and the run ends "
        "with exit code 3 once none of its sinks has a reader. When a run is stopped, a reader that does not read is waited for one "
        "second. The silence for blocks that a slow reader made the graph drop must be read, too, and takes the time that "
        "the next blocks need: for such a reader, gap = splice or framed. A terminal is refused. With stdout, nothing else is written there: Print and --json use "
        "standard error, and a second writer is refused.",
    .example = R"({"id": "out", "type": "PipeSink", "config": {"to": "stdout", "samples": "s16le"}})",
    .cost_ns_per_frame = 1.0,
};

class PipeSink final : public Node {
 public:
  explicit PipeSink(const ParamValues& params) : params_(params), to_(params.text(kTo)) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    auto name = PipeName::parse(to_, PipeName::Direction::out);
    if (!name) { return at_to(name.error()); }
    name_ = *name;
    if (auto fine = name_.check_kind(); !fine) { return at_to(fine.error()); }
    auto spec = read_spec();
    if (!spec) { return tl::unexpected(spec.error()); }
    auto encoder = StreamEncoder::create(*spec, *context.inputs[0]);
    if (!encoder) {
      Error error = encoder.error();
      if (error.where.empty()) { error.where = "/config/format"; }
      return tl::unexpected(std::move(error));
    }
    encoder_ = std::move(*encoder);
    if (context.channels != nullptr) {
      if (auto fine = PipeWriter::check(name_); !fine) { return at_to(fine.error()); }
    }
    reset();
    return std::vector<OutputFormat>{};
  }

  Result<void> start() override {
    const auto timeout = std::chrono::duration<double>(params_[kTimeout]);
    const auto deadline = PipeClock::now() + std::chrono::duration_cast<PipeClock::duration>(timeout);
    auto writer = PipeWriter::open(name_, deadline);
    if (!writer) { return at_to(writer.error()); }
    writer_ = std::move(*writer);
    writer_->renew(kPatience);
    bytes_.clear();
    encoder_->begin(bytes_);  // now: the reader may wait for it, and the first block may come late
    if (auto sent = send(0, taken_); !sent) { return at_to(sent.error()); }
    return {};
  }

  // What was written cannot be undone: the stream continues.
  void reset() noexcept override {
    failure_.reset();
    if (writer_) { writer_->renew(kPatience); }
  }
  void stop_waiting() noexcept override {
    if (writer_) { writer_->wake(); }
  }

  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> /*out*/) noexcept override {
    const DataFrame& x = *in[0];
    auto sent = fill_gap(x.header());
    if (sent) {
      bytes_.clear();
      encoder_->append(x, bytes_);
      sent = send(x.frame_count(), taken_);
    }
    if (sent) {
      // At the end of a run what is on its way still comes here, and is counted.
      if (!reader_gone_) { return Status::ok; }
      more_on_its_way_ = !x.header().has(FrameFlag::end_of_stream);
      return Status::done;
    }
    failure_ = sent.error();
    return Status::fault;
  }

  Error failure() const override { return failure_.value_or(Node::failure()); }
  Result<void> close() override {
    // The reader may have left without reading what is in the pipe.
    if (writer_ && !over_) { lose_abandoned(0); }
    writer_.reset();
    return {};
  }
  std::vector<NodeNote> notes() const override {
    std::vector<NodeNote> notes;
    if (!encoder_) { return notes; }
    if (over_ && not_taken_ > 0) {
      notes.push_back({fmt::format("{} after {} frames: {}{} frames were not taken",
                                   reader_gone_ ? "the reader of " + to_ + " left"
                                                : "the run no longer waited for the reader of " + to_,
                                   taken_, more_on_its_way_ ? "at least " : "", not_taken_),
                       not_taken_, true});
    }
    const auto add = [&](std::string_view what, std::uint64_t count, bool is_lost = false) {
      if (count > 0) { notes.push_back({fmt::format("{}: {}: {}", to_, what, count), count, is_lost}); }
    };
    const bool is_lost = encoder_->loses_what_clips();
    add(is_lost ? "samples too large for 32-bit floats, sent as the largest possible one"
                : "samples that clipped",
        encoder_->counts().clipped, is_lost);
    add("samples that are NaN or infinite", encoder_->counts().not_finite);
    add(splices() ? "missing frames that were left out" : "missing frames that were written as silence",
        gaps_);
    return notes;
  }

 private:
  static tl::unexpected<Error> at_to(Error error) {
    if (error.where.empty()) { error.where = "/config/to"; }
    return tl::unexpected(std::move(error));
  }
  bool splices() const { return params_.text(kGap) == "splice"; }

  Result<EncoderSpec> read_spec() const {
    EncoderSpec spec;
    spec.format = static_cast<ByteFormat>(params_.choice(kFormat) + 1);  // all except auto, in their order
    const bool is_framed = spec.format == ByteFormat::framed;
    spec.samples = is_framed ? SampleFormat::float64_le : SampleFormat::float32_le;
    const std::size_t samples = params_.choice(kSample);
    if (samples > 0) {
      spec.samples = kFramedFormats[samples - 1];
      if (const auto raw = raw_samples(spec.format); raw && *raw != spec.samples) {
        return refused("/config/samples",
                       fmt::format("contradicts the format \"{}\", which already defines the samples",
                                   params_.text(kFormat)),
                       "no \"samples\"");
      }
    }
    spec.header_every = static_cast<std::uint32_t>(params_.integer(kHeaderEvery));
    return spec;
  }

  Result<void> fill_gap(const FrameHeader& header) {
    if (!header.has(FrameFlag::gap) || encoder_->has_blocks()) { return {}; }
    if (splices()) {
      gaps_ += header.gap_frames;
      return {};
    }
    for (std::uint64_t left = header.gap_frames; left > 0 && !over_;) {
      const std::uint64_t part = std::min(left, kSilenceAtOnce);
      bytes_.clear();
      encoder_->append_silence(part, bytes_);
      if (auto sent = send(part, gaps_); !sent) { return sent; }
      left -= part;
    }
    return {};
  }

  // Writes bytes_, which hold this many frames, and adds those that were written to `written`: taken_, or the silence of gaps_.
  Result<void> send(std::uint64_t frames, std::uint64_t& written) {
    const bool is_signal = &written == &taken_;
    if (over_) {
      if (is_signal) { not_taken_ += frames; }
      return {};
    }
    const auto outcome = writer_->write(bytes_);
    if (!outcome) { return tl::unexpected(outcome.error()); }
    const bool is_all = outcome->put == PipeWriter::Put::all;
    // A part of a framed block is nothing.
    const std::uint64_t part =
        encoder_->has_blocks() ? 0 : std::min(frames, outcome->bytes / encoder_->frame_bytes());
    written += is_all ? frames : part;
    if (is_all) { return {}; }
    over_ = true;
    reader_gone_ = outcome->put == PipeWriter::Put::reader_gone;
    if (is_signal) { not_taken_ += frames - part; }
    if (reader_gone_) { lose_abandoned(outcome->bytes - part * encoder_->frame_bytes()); }
    return {};
  }
  // Counts what was written but never read. (A header has no frames, but may be part of it.) `counted`: the
  // last bytes written, of frames not counted as taken.
  void lose_abandoned(std::size_t counted) {
    const std::size_t abandoned = writer_->abandoned_bytes();
    const std::uint64_t bytes = abandoned - std::min(abandoned, counted);
    const std::uint64_t frames =
        std::min((bytes + encoder_->frame_bytes() - 1) / encoder_->frame_bytes(), taken_);
    if (frames == 0) { return; }
    over_ = reader_gone_ = true;
    taken_ -= frames;
    not_taken_ += frames;
  }

  const ParamValues params_;
  const std::string to_;
  PipeName name_;  // made by prepare(), like the encoder
  std::optional<StreamEncoder> encoder_;
  std::optional<PipeWriter> writer_;  // made by start()
  std::vector<std::byte> bytes_;
  bool more_on_its_way_ = false;  // when the reader left: blocks that never come here cannot be counted here
  bool over_ = false;             // no reader any more
  bool reader_gone_ = false;
  std::uint64_t taken_ = 0;      // frames
  std::uint64_t not_taken_ = 0;  // frames
  std::uint64_t gaps_ = 0;       // frames
  std::optional<Error> failure_;
};

}  // namespace
}  // namespace pipe_sink_node

extern const NodeEntry kPipeSinkEntry{pipe_sink_node::kInfo, make_node<pipe_sink_node::PipeSink>};

}  // namespace streamlab
