// nodes/process/pipe_sink.cpp
//
// PipeSink: gives its input to another program: through our standard output, a FIFO, or a descriptor that was
// handed to us.
//
//   in   audio; with framed every kind of stream
//
// A reader that is slow holds process() up: in a live graph the edge to it has a policy. A reader that has
// gone is no failure: what it did not take is counted, and the run ends when no other sink is left.
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

constexpr std::chrono::milliseconds kPatience{1000};  // for the reader, in all, when the run is to end
constexpr std::uint64_t kSilenceAtOnce = 4096;        // frames

constexpr std::string_view kFormats[] = {"wav", "framed", "f64le", "f32le", "s16le", "s24le", "s32le"};
constexpr std::string_view kSamples[] = {"auto", "f64le", "f32le", "s16le", "s24le", "s32le"};
constexpr std::string_view kGaps[] = {"silence", "splice"};

enum ParamIndex : std::size_t { kTo, kFormat, kSample, kHeaderEvery, kGap, kTimeout };
constexpr ParamInfo kParams[] = {
    param::text("to", "stdout", "Where the bytes go: stdout, fifo:/path, or fd:5 for descriptor 5."),
    param::choice(
        "format", kFormats, "wav",
        "wav or framed; the others are samples without a header: floats (f) or signed integers (s) of "
        "so many bits, little-endian, interleaved."),
    param::choice("samples", kSamples, "auto",
                  "What the samples are in wav and framed; auto: f32le in wav, f64le in framed."),
    param::integer(
        "header_every", "blocks", {0.0, 1e9}, kDefaultFramedHeaderEvery,
        "Framed: a header before each block of that number, so that who comes late can begin; 0: at "
        "the beginning only."),
    param::choice("gap", kGaps, "silence",
                  "Where frames are missing: write silence of the same length, or join what is there. Framed "
                  "says it, and writes none."),
    param::number("timeout_s", "s", {0.001, 1e6}, 10.0, Live::no,
                  "How long the reader of a FIFO is waited for at most."),
};
constexpr NodeInfo kInfo{
    .name = "PipeSink",
    .description = "Gives sound, or any stream as framed, to another program: stdout, a FIFO, a descriptor.",
    .inputs = kAnyInPort,
    .outputs = {},
    .params = kParams,
    .rt_safe = RtSafe::no,
    .waits = Waits::yes,
    .at_gap =
        "Writes silence of the gap's length; with gap = splice, nothing. Framed: the block says how many "
        "frames are missing.",
    .details =
        "A WAV in a pipe cannot know its length: its header says what sox writes there (0x7FFFF000), which "
        "most readers take for \"up to the end\"; ffmpeg stops after 2 GiB unless it is told -ignore_length "
        "1. Framed streams are described in docs/framed-stream.md; metadata of blocks does not go with them. "
        "Floats carry NaN and infinities; integers are the nearest value, ties to even, no dither, NaN is 0; "
        "samples beyond full scale saturate; all are counted. When the reader goes, that is no failure: the "
        "frames that it did not take are counted, and the run ends once nobody reads any of its sinks, with "
        "exit code 3. At the end of a run that is stopped, a reader that does not read is waited for one "
        "second. A terminal is refused. With stdout, nothing else goes there: Print and --json go to "
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
    encoder_->begin(bytes_);  // now: the reader may wait for it, and the first block come late
    if (auto sent = send(0); !sent) { return at_to(sent.error()); }
    return {};
  }

  // What was written cannot be taken back: the stream goes on.
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
      sent = send(x.frame_count());
    }
    if (sent) { return over_ ? Status::done : Status::ok; }
    failure_ = sent.error();
    return Status::fault;
  }

  Error failure() const override { return failure_.value_or(Node::failure()); }
  Result<void> close() override {
    // The reader may have gone without reading what the pipe holds.
    if (writer_ && !over_) { lose_abandoned(0); }
    writer_.reset();
    return {};
  }
  std::vector<NodeNote> notes() const override {
    std::vector<NodeNote> notes;
    if (!encoder_) { return notes; }
    if (over_ && not_taken_ > 0) {
      notes.push_back({fmt::format("{} after {} frames: {} frames were not taken",
                                   reader_gone_ ? "the reader of " + to_ + " went" : "nobody read " + to_,
                                   taken_, not_taken_),
                       not_taken_, true});
    }
    const auto add = [&](std::string_view what, std::uint64_t count) {
      if (count > 0) { notes.push_back({fmt::format("{}: {}: {}", to_, what, count), count, false}); }
    };
    add("samples that clipped", encoder_->counts().clipped);
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
    spec.format = static_cast<ByteFormat>(params_.choice(kFormat) + 1);  // all but auto, in their order
    const bool is_framed = spec.format == ByteFormat::framed;
    spec.samples = is_framed ? SampleFormat::float64_le : SampleFormat::float32_le;
    const std::size_t samples = params_.choice(kSample);
    if (samples > 0) {
      spec.samples = kFramedFormats[samples - 1];
      if (const auto raw = raw_samples(spec.format); raw && *raw != spec.samples) {
        return refused("/config/samples",
                       fmt::format("contradicts the format \"{}\", which says what the samples are",
                                   params_.text(kFormat)),
                       "no samples");
      }
    }
    spec.header_every = static_cast<std::uint32_t>(params_.integer(kHeaderEvery));
    return spec;
  }

  Result<void> fill_gap(const FrameHeader& header) {
    if (!header.has(FrameFlag::gap) || encoder_->has_blocks()) { return {}; }
    gaps_ += header.gap_frames;
    if (splices()) { return {}; }
    for (std::uint64_t left = header.gap_frames; left > 0 && !over_;) {
      const std::uint64_t part = std::min(left, kSilenceAtOnce);
      bytes_.clear();
      encoder_->append_silence(part, bytes_);
      if (auto sent = send(0); !sent) { return sent; }
      left -= part;
    }
    return {};
  }

  // Writes bytes_, in which there are so many frames of the signal.
  Result<void> send(std::uint64_t frames) {
    if (over_) {
      not_taken_ += frames;
      return {};
    }
    const auto written = writer_->write(bytes_);
    if (!written) { return tl::unexpected(written.error()); }
    if (written->put == PipeWriter::Put::all) {
      taken_ += frames;
      return {};
    }
    over_ = true;
    reader_gone_ = written->put == PipeWriter::Put::reader_gone;
    not_taken_ += frames;
    if (reader_gone_) { lose_abandoned(written->bytes); }
    return {};
  }
  // What was written, and is read by nobody. (A header is no frame, but some of it may lie there, too.)
  // `counted`: the last bytes that were written, of frames that were not counted as taken.
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
  PipeName name_;  // made by prepare(), as the encoder
  std::optional<StreamEncoder> encoder_;
  std::optional<PipeWriter> writer_;  // made by start()
  std::vector<std::byte> bytes_;
  bool over_ = false;  // nobody takes anything any more
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
