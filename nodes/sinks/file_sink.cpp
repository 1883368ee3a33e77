// nodes/sinks/file_sink.cpp
//
// FileSink: records its input to a sound file.
//
//   in   audio, float64 [channels x frames], any rate that is a whole number of Hz
//
// The file is opened by start(), once the whole graph is accepted: a refused configuration writes nothing. It
// is playable at any time, see nodes/sound_file/sound_file_writer.hpp.
#include <optional>

#include <fmt/format.h>

#include "engine/core/node.hpp"
#include "engine/core/overlap.hpp"
#include "nodes/sinks/file_output_node.hpp"
#include "nodes/sinks/text_output.hpp"
#include "nodes/sound_file/sound_file_writer.hpp"

namespace streamlab {
namespace file_sink_node {
namespace {

constexpr std::string_view kFormats[] = {"auto", "wav", "rf64", "w64", "flac"};
constexpr std::string_view kSubtypes[] = {"auto", "pcm_16", "pcm_24", "pcm_32", "float", "double"};
constexpr std::string_view kGaps[] = {"silence", "splice"};
constexpr SampleFormat kSubtypeFormats[] = {SampleFormat::float32_le, SampleFormat::s16_le,
                                            SampleFormat::s24_3le,    SampleFormat::s32_le,
                                            SampleFormat::float32_le, SampleFormat::float64_le};
constexpr ParamInfo kParams[] = {
    param::as(ParamRole::output_file, param::text("path", Need::required, "The file to write.")),
    param::choice("format", kFormats, "auto", "File format; auto: from the file name extension."),
    param::choice(
        "subtype", kSubtypes, "auto",
        "Sample format: 16, 24 or 32-bit integer, or 32-bit (float) or 64-bit (double) floating point; auto: "
        "float, or pcm_24 for FLAC. FLAC supports only pcm_16 and pcm_24."),
    kOverwriteParam,
    param::choice("gap", kGaps, "silence",
                  "Where frames are missing: write silence of the same length, or splice what is there."),
};
constexpr auto kFormat = param::at(kParams, "format");
constexpr auto kSubtype = param::at(kParams, "subtype");
constexpr auto kGap = param::at(kParams, "gap");
constexpr NodeInfo kInfo{
    .name = "FileSink",
    .description = "Records audio to a sound file.",
    .inputs = kAudioInPort,
    .outputs = {},
    .params = kParams,
    .rt_safe = RtSafe::no,
    .at_gap =
        "Writes silence of the gap's length, so that times in the file stay correct; with "
        "gap = splice, nothing.",
    .details =
        "The header is updated after every 0.05 s of audio (if audio arrives faster than real time: every 25 "
        "ms or 128 KiB) and when the disk is full, so everything written before can always be played. (FLAC: "
        "up to the last complete block of 4096 frames.) A WAV that grows past 4 GiB becomes RF64. Integers: "
        "nearest value, ties to even, no dither; samples beyond full scale saturate and are counted, NaN is "
        "written as 0 and counted. Floats: NaN and infinities are written unchanged and counted; a number too "
        "large for 32 bits becomes the largest possible one, counts as lost, and ends the run with exit code "
        "3. A file that is removed, moved or replaced while it is written ends the run with exit code 1: the message says "
        "where it is. A sound file cannot say that frames are missing: who measures it later finds silence like any "
        "other, which lowers every mean (a gap of a tenth of the time by 0.46 dB), or with gap = splice a click "
        "and times that are too early. Only the summary says how many frames it was. Measure while recording, "
        "with a LevelMeter beside the file and its CsvSink or JsonlSink: its intervals are flagged, and leave the "
        "gap out.",
    .example = R"({"id": "take", "type": "FileSink", "config": {"path": "take.wav", "subtype": "pcm_24"}})",
    .cost_ns_per_frame = 1.0,
};

class FileSink final : public FileOutputNode {
 public:
  explicit FileSink(const ParamValues& params)
      : FileOutputNode(params),
        format_(params.choice(kFormat)),
        subtype_(params.choice(kSubtype)),
        splice_(params.text(kGap) == "splice") {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    const StreamFormat& in = *context.inputs[0];
    if (auto fits = refuse_overlap(in, "a sound file is one continuous stream"); !fits) {
      return tl::unexpected(fits.error());
    }
    take_options(context);
    if (path() == "-") {
      return refused("/config/path", "a sound file cannot be written to standard output", "a file",
                     "PipeSink streams audio to stdout");
    }
    constexpr SoundContainer kContainers[] = {SoundContainer::wav, SoundContainer::rf64, SoundContainer::w64,
                                              SoundContainer::flac};
    const auto container = format_ == 0 ? container_of_path(path()) : std::optional(kContainers[format_ - 1]);
    if (!container) {
      return refused("/config/path",
                     fmt::format("the extension of \"{}\" does not tell the file format", path()),
                     ".wav, .rf64, .w64 or .flac", "or set \"format\"");
    }
    spec_ = {*container, kSubtypeFormats[subtype_], in.sample_rate_hz, in.channel_count()};
    if (*container == SoundContainer::flac && subtype_ == 0) { spec_.format = SampleFormat::s24_3le; }
    if (auto checked = check(spec_); !checked) {
      Error error = checked.error();
      error.what = fmt::format("{} {}", error.where, error.what);
      error.where = is_about_samples() ? "/config/subtype" : "/config/format";
      return tl::unexpected(error);
    }
    reset();
    return std::vector<OutputFormat>{};
  }

  void set_ending(Ending ending) noexcept override {
    if (writer_) { writer_->set_ending(ending); }
  }
  Result<void> close() override { return writer_ ? writer_->close() : Result<void>{}; }

  std::vector<NodeNote> notes() const override {
    std::vector<NodeNote> notes;
    if (!writer_) { return notes; }
    const EncodeCounts& counts = writer_->counts();
    const auto add = [&](std::string_view what, std::uint64_t count, bool data_lost = false) {
      if (count > 0) { notes.push_back({fmt::format("{}: {}: {}", path(), what, count), count, data_lost}); }
    };
    if (is_float(spec_.format)) {
      add("samples too large for 32-bit floats, written as the largest possible one", counts.clipped, true);
    } else {
      add("samples that clipped", counts.clipped);
    }
    add("samples that are NaN or infinite, written unchanged", counts.kept);
    add("samples that were NaN and were written as 0", counts.not_a_number);
    add(splice_ ? "missing frames that were left out" : "missing frames that were written as silence",
        gap_frames_);
    if (!writer_->left_beside().empty()) {
      notes.push_back({left_beside_note(path(), writer_->left_beside()), 0, true});
    }
    return notes;
  }

 private:
  bool is_about_samples() const {
    SoundFileSpec with_fitting_samples = spec_;
    with_fitting_samples.format = SampleFormat::s16_le;  // supported everywhere
    return check(with_fitting_samples).has_value();
  }

  Result<void> open(Existing existing) override {
    const auto overwrite = existing == Existing::replace ? Overwrite::yes : Overwrite::no;
    auto writer = SoundFileWriter::create(path(), spec_, overwrite, naming());
    if (!writer) { return tl::unexpected(writer.error()); }
    writer_.emplace(std::move(*writer));
    return {};
  }

  bool is_begun() const noexcept override { return writer_ && writer_->frames() > 0; }
  void forget(bool failed) noexcept override {
    if (failed) { writer_.reset(); }  // it is cut short, and would only report that again
    gap_frames_ = 0;
  }

  Result<void> write(const DataFrame& x) override {
    if (x.header().has(FrameFlag::gap)) {
      gap_frames_ += x.header().gap_frames;
      if (!splice_) {
        if (auto silence = writer_->write_silence(x.header().gap_frames); !silence) { return silence; }
      }
    }
    return writer_->write(x.channel_pointers().data(), x.frame_count());
  }

  const std::size_t format_;   // index into kFormats
  const std::size_t subtype_;  // index into kSubtypes
  const bool splice_;
  SoundFileSpec spec_;                     // fixed by prepare()
  std::optional<SoundFileWriter> writer_;  // set by start()
  std::uint64_t gap_frames_ = 0;
};

}  // namespace
}  // namespace file_sink_node

extern const NodeEntry kFileSinkEntry{file_sink_node::kInfo, make_node<file_sink_node::FileSink>};

}  // namespace streamlab
