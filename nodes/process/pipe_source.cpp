// nodes/process/pipe_source.cpp
//
// PipeSource: reads samples from another program: from our standard input, a FIFO, or an inherited
// descriptor.
//
//   out  what the header says (wav, framed), or audio of the rate and channels given (raw)
//
// prepare() reads the header, because it determines the format; timeout_s bounds that wait. process() waits
// for bytes for at most 20 ms, and stop_waiting() ends the wait.
#include <algorithm>
#include <array>
#include <chrono>
#include <optional>

#include <fmt/format.h>

#include "engine/core/node.hpp"
#include "nodes/process/pipe_end.hpp"
#include "nodes/process/stream_decoder.hpp"

namespace streamlab {
namespace pipe_source_node {
namespace {

constexpr std::uint32_t kDefaultFrameSize = 1024;
constexpr std::chrono::milliseconds kLongestWait{20};

constexpr ParamInfo kParams[] = {
    param::as(ParamRole::input_stream,
              param::matching(
                  param::text("from", "stdin",
                              "Where the bytes come from: stdin, fifo:/path, or fd:5 for descriptor 5."),
                  "stdin|fifo:.*[^/]|fd:[0-9]+")),
    param::choice(
        "format", kByteFormatNames, "auto",
        "auto: wav or framed, detected from the first bytes. The others are samples without a header: floats "
        "(f) or signed integers (s) of that many bits, little-endian, interleaved."),
    param::integer("channels", "", {0.0, 1024.0}, 0.0,
                   "Number of channels; 0: from the header. If given, a header must agree."),
    param::number("sample_rate", "Hz", {0.0, 1e7}, 0.0, Live::no,
                  "Sample rate; 0: from the header or, for samples without a header, from pipeline_config. "
                  "If given, a header must agree."),
    param::integer(
        "frame_size", "frames", {1.0, 65536.0}, Need::optional,
        "Frames per block; left out: block_size of pipeline_config, else 1024. Framed streams have their own "
        "blocks."),
    param::number("timeout_s", "s", {0.001, 1e6}, 10.0, Live::no, "How long to wait for the header."),
};
constexpr auto kFrom = param::at(kParams, "from");
constexpr auto kFormat = param::at(kParams, "format");
constexpr auto kChannels = param::at(kParams, "channels");
constexpr auto kRate = param::at(kParams, "sample_rate");
constexpr auto kFrameSize = param::at(kParams, "frame_size");
constexpr auto kTimeout = param::at(kParams, "timeout_s");
constexpr std::string_view kChannelsName[] = {"channels"};
// Without a header: what stands behind auto, wav and framed.
constexpr std::span<const std::string_view> kRawFormats = std::span(kByteFormatNames).subspan(3);
constexpr ParamRule kRules[] = {{ParamRule::Kind::needed_if, kChannelsName, kRawFormats, "format"}};
constexpr PortInfo kOutPorts[] = {{"out", kAnyKind, "What comes through the pipe."}};
constexpr NodeInfo kInfo{
    .name = "PipeSource",
    .description = "Reads audio, or any framed stream, from another program: stdin, a FIFO, a descriptor.",
    .outputs = kOutPorts,
    .params = kParams,
    .rules = kRules,
    .waits = Waits::yes,
    .at_gap = "Framed: blocks lost in transit are a gap. Other formats cannot express missing frames.",
    .details =
        "A WAV is PCM of 16, 24 or 32 bits or floats of 32 or 64; lengths that programs write into pipes (0, "
        "near 2^31, 2^32 - 1) mean \"up to the end\". Framed streams are described in docs/framed-stream.md; "
        "garbage in them is skipped and counted. Full scale is 1; integers are "
        "divided by 2^(bits-1). NaN and infinities are passed on, flagged and counted. An incomplete frame "
        "at the end, a WAV shorter than its header says, what follows its stated end and is no chunk (a second "
        "file), and damaged or missing blocks are counted and end the run with exit code 3. A terminal is refused. \"streamlab check\" does not read the pipe: it "
        "needs channels and sample_rate.",
    .example = R"({"id": "in", "type": "PipeSource", "config": {"from": "stdin"}})",
    .cost_ns_per_frame = 1.0,
};

class PipeSource final : public Node {
 public:
  explicit PipeSource(const ParamValues& params) : params_(params), from_(params.text(kFrom)) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    auto name = PipeName::parse(from_, PipeName::Direction::in);
    if (!name) { return at("/config/from", name.error()); }
    name_ = *name;
    if (auto fine = name_.check_kind(); !fine) { return at("/config/from", fine.error()); }
    set_spec(context);
    auto decoder = StreamDecoder::create(spec_);
    if (!decoder) { return tl::unexpected(decoder.error()); }
    decoder_ = std::move(*decoder);
    if (context.channels == nullptr) {
      if (spec_.channels == 0 || spec_.sample_rate_hz == 0.0) {
        return refused("/config", fmt::format("what {} carries is known only when it comes", from_),
                       "\"channels\" and \"sample_rate\", which its header is then held against");
      }
      format_ = audio_format(spec_.sample_rate_hz, default_channel_names(spec_.channels), spec_.max_frames,
                             clip_level(raw_samples(spec_.format).value_or(SampleFormat::float64_le)));
    } else {
      if (auto ready = open(); !ready) { return tl::unexpected(ready.error()); }
      format_ = decoder_->format();
    }
    const double rate = context.sample_rate_hz;
    if (rate > 0.0 && rate != format_.sample_rate_hz) {
      return refused("/config/from",
                     fmt::format("{} has {} Hz, which contradicts /pipeline_config/sample_rate of {} Hz",
                                 from_, format_.sample_rate_hz, rate),
                     "the same rate");
    }
    reset();
    return std::vector{OutputFormat{format_}};
  }
  // The graph was prepared as a dry run.
  Result<void> start() override {
    if (reader_) { return {}; }
    if (auto ready = open(); !ready) { return ready; }
    // The sample format is known only now.
    if (with_new_values(decoder_->format()) == with_new_values(format_)) { return {}; }
    return refused("/config/from",
                   fmt::format("{} has {}, not {}", from_, describe(decoder_->format()), describe(format_)),
                   "what the graph was prepared for");
  }

  // The pipe cannot be rewound: continue where it is, and count positions from there.
  void reset() noexcept override {
    base_ = {};
    not_finite_ = 0;
    failure_.reset();
    if (reader_) { reader_->renew(); }
  }
  void stop_waiting() noexcept override {
    if (reader_) { reader_->wake(); }
  }

  Status process(std::span<const DataFrame* const> /*in*/, std::span<OutputPort> out) noexcept override {
    auto ready = decoder_->has_block();
    const auto deadline = PipeClock::now() + kLongestWait;
    while (ready && !*ready && !ended_) {
      const auto more = read_some(deadline, false);
      if (!more) { return fail(more.error()); }
      if (!*more) { return Status::ok; }
      ready = decoder_->has_block();
    }
    if (!ready) { return fail(ready.error()); }
    if (!*ready) { return Status::done; }
    give(out[0]);
    return Status::ok;
  }

  Error failure() const override { return failure_.value_or(Node::failure()); }
  Result<void> close() override {
    reader_.reset();
    return {};
  }
  std::vector<NodeNote> notes() const override {
    if (!decoder_) { return {}; }
    std::vector<NodeNote> notes = decoder_->notes();
    if (not_finite_ > 0) {
      notes.push_back({fmt::format("samples of {} that are NaN or infinite: {}", from_, not_finite_),
                       not_finite_, false});
    }
    return notes;
  }

 private:
  static tl::unexpected<Error> at(const char* where, Error error) {
    if (error.where.empty()) { error.where = where; }
    return tl::unexpected(std::move(error));
  }
  Status fail(const Error& error) noexcept {
    failure_ = error;
    return Status::fault;
  }

  void set_spec(const PrepareContext& context) {
    spec_.format = static_cast<ByteFormat>(params_.choice(kFormat));
    spec_.channels = static_cast<std::uint32_t>(params_.integer(kChannels));
    spec_.sample_rate_hz = params_[kRate];
    const bool needs_rate = raw_samples(spec_.format) || context.channels == nullptr;
    if (spec_.sample_rate_hz == 0.0 && needs_rate) { spec_.sample_rate_hz = context.sample_rate_hz; }
    spec_.max_frames = context.block_size > 0 ? context.block_size : kDefaultFrameSize;
    if (params_.given(kFrameSize)) {
      spec_.max_frames = static_cast<std::uint32_t>(params_.integer(kFrameSize));
    }
    spec_.from = from_;
  }

  // Opens the pipe and reads up to where the format is known.
  Result<void> open() {
    auto reader = PipeReader::open(name_);
    if (!reader) { return at("/config/from", reader.error()); }
    reader_ = std::move(*reader);
    const auto timeout = std::chrono::duration<double>(params_[kTimeout]);
    const auto deadline = PipeClock::now() + std::chrono::duration_cast<PipeClock::duration>(timeout);
    while (true) {
      const auto known = decoder_->begin();
      if (!known) { return at("/config/from", known.error()); }
      if (*known) { return {}; }
      const auto more = read_some(deadline, true);
      if (!more) { return at("/config/from", more.error()); }
      if (!*more) {
        Error error{ErrorCode::failed, "",
                    fmt::format("no header came from {} within {} s", from_, params_[kTimeout]), "a writer",
                    "start it, or set a longer timeout_s"};
        return at("/config/from", std::move(error));
      }
    }
  }

  // False: nothing arrived.
  Result<bool> read_some(PipeClock::time_point deadline, bool stop_at_signal) {
    const auto got = reader_->read(buffer_, deadline, stop_at_signal);
    if (!got) { return tl::unexpected(got.error()); }
    if (got->got == PipeReader::Got::nothing) { return false; }
    if (got->got == PipeReader::Got::end) {
      ended_ = true;
      decoder_->end();
    } else {
      decoder_->feed(std::span(buffer_).first(got->bytes));
    }
    return true;
  }

  void give(OutputPort& out) noexcept {
    FrameHeader header = decoder_->header();
    if (!base_) { base_ = header.position; }
    // Framed positions come from the writer; others count from the first frame since reset().
    if (!decoder_->has_times()) { header.position -= *base_; }
    DataFrame& y = out.emit_at(header.position, decoder_->frame_count(), format_.sample_rate_hz);
    if (decoder_->has_times()) { y.set_header(header); }
    const std::size_t not_finite = decoder_->take(y);
    if (format_.kind == StreamKind::audio) {
      not_finite_ += not_finite;
      flag_bad_samples(y);
    }
    if (decoder_->is_empty()) { y.header().set(FrameFlag::end_of_stream); }
  }

  const ParamValues params_;
  const std::string from_;
  PipeName name_;  // this and the following: made by prepare()
  DecoderSpec spec_;
  StreamFormat format_;
  std::optional<PipeReader> reader_;
  std::optional<StreamDecoder> decoder_;
  std::array<std::byte, 65536> buffer_{};
  bool ended_ = false;                // of the bytes
  std::optional<std::int64_t> base_;  // position of the first block since reset()
  std::uint64_t not_finite_ = 0;
  std::optional<Error> failure_;
};

}  // namespace
}  // namespace pipe_source_node

extern const NodeEntry kPipeSourceEntry{pipe_source_node::kInfo, make_node<pipe_source_node::PipeSource>};

}  // namespace streamlab
