// nodes/sinks/npy_sink.cpp
//
// NpySink: writes its input as an array for NumPy.
//
//   in   audio, spectra or values
//
// nodes/sinks/npy_header.hpp says what the file is. After each block the header counts the rows that are there: a run that
// is killed leaves a file that can be read.
#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <limits>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "engine/base/output_file.hpp"
#include "engine/core/overlap.hpp"
#include "nodes/sinks/file_output_node.hpp"
#include "nodes/sinks/npy_header.hpp"
#include "nodes/sinks/text_output.hpp"

namespace streamlab {
namespace npy_sink_node {
namespace {

constexpr ParamInfo kParams[] = {
    param::as(ParamRole::output_file, param::text("path", Need::required, "The .npy file to write.")),
    kOverwriteParam,
};
constexpr NodeInfo kInfo{
    .name = "NpySink",
    .description = "Writes an array for NumPy (.npy).",
    .inputs = kAnyInPort,
    .outputs = {},
    .params = kParams,
    .rt_safe = RtSafe::no,
    .records = Records::arrays,
    .at_gap =
        "Audio: NaN for every missing frame, up to 2^30 of them in one gap. Else: the flag, and in gap_frames their number.",
    .details =
        "a = numpy.load(\"levels.npy\"). Audio is float64 [frames, channels]. Values and spectra are rows with named fields, "
        "one row a block: position, timestamp_us (int64), sequence_id, gap_frames, length_frames (uint64), flags (uint32: 1 gap, "
        "2 xrun, 4 clipped, 8 not_finite, 16 end_of_stream, 32 incomplete) and each channel by its name: a[\"left.rms_db\"] is "
        "float64 [rows], of spectra [rows, bins], where the bins lie at a[\"axis_start\"][:, None] + k a[\"axis_step\"][:, None]. "
        "Units are those that the node before states; JsonlSink writes them, and the metadata. NaN is what does not exist, "
        "-infinity the level of silence. Where the names of many channels make the header longer than 10000 bytes, NumPy asks for "
        "numpy.load(…, max_header_size=…). The file can be read at any time, with the rows of all blocks so far.",
    .example = R"({"id": "array", "type": "NpySink", "config": {"path": "levels.npy"}})",
    .cost_ns_per_frame = 2.0,
};

constexpr std::uint64_t kMostMissing = 1U << 30U;
constexpr std::size_t kBytesAtOnce = 1U << 20U;
class NpySink final : public FileOutputNode {
 public:
  explicit NpySink(const ParamValues& params) : FileOutputNode(params) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    in_ = *context.inputs[0];
    take_options(context);
    if (path() == "-") {
      return refused("/config/path", "an array cannot be written to standard output", "a file",
                     "JsonlSink and CsvSink write results there, PipeSink audio");
    }
    if (is_audio()) {
      if (auto fits = refuse_overlap(in_, "an array of samples is one continuous stream"); !fits) {
        return tl::unexpected(fits.error());
      }
    } else if (auto made = make_fields(); !made) {
      return tl::unexpected(made.error());
    }
    reset();
    return std::vector<OutputFormat>{};
  }

  void set_ending(Ending ending) noexcept override {
    if (file_ && !failed_) { file_->set_ending(ending); }
  }
  Result<void> close() override { return file_ ? file_->close() : Result<void>{}; }

  std::vector<NodeNote> notes() const override {
    std::vector<NodeNote> notes;
    if (missing_ > 0) {
      notes.push_back(
          {fmt::format("{}: missing frames that were written as NaN: {}", path(), missing_), missing_});
    }
    if (file_ && !file_->left_beside().empty()) {
      notes.push_back({left_beside_note(path(), file_->left_beside()), 0, true});
    }
    return notes;
  }

 private:
  bool is_audio() const { return in_.kind == StreamKind::audio; }
  bool is_spectrum() const { return in_.kind == StreamKind::spectrum; }

  Result<void> make_fields() {
    fields_.clear();
    for (const char* const name : {"position", "timestamp_us"}) { fields_.push_back({name, "<i8"}); }
    for (const char* const name : {"sequence_id", "gap_frames", "length_frames"}) {
      fields_.push_back({name, "<u8"});
    }
    fields_.push_back({"flags", "<u4"});
    if (is_spectrum()) {
      for (const char* const name : {"axis_start", "axis_step"}) { fields_.push_back({name, "<f8"}); }
    }
    const auto own = static_cast<std::ptrdiff_t>(fields_.size());
    for (const ChannelInfo& channel : in_.channels) {
      if (std::any_of(fields_.begin(), fields_.begin() + own,
                      [&](const NpyField& field) { return field.name == channel.name; })) {
        return refused("/config",
                       fmt::format("a channel is called \"{}\", as a field of every row is", channel.name),
                       "another name, by ChannelSelect or Map");
      }
      fields_.push_back({channel.name, "<f8", in_.max_frames, is_spectrum()});
    }
    return {};
  }

  std::string header() const {
    return is_audio() ? npy_header(in_.channel_count(), rows_) : npy_header(fields_, rows_);
  }

  Result<void> open(Existing existing) override {
    auto file = OutputFile::create(path(), existing == Existing::replace, naming());
    if (!file) { return tl::unexpected(file.error()); }
    file_.emplace(std::move(*file));
    failed_ = false;
    rows_ = 0;
    bytes_ = header().size();
    auto written = put_header();
    if (!written) { file_->set_ending(Ending::not_begun); }
    return written;
  }
  bool is_begun() const noexcept override { return rows_ > 0; }
  void forget(bool failed) noexcept override {
    if (failed) { file_.reset(); }  // it is cut short, and would only report that again
    missing_ = 0;
  }

  Result<void> write(const DataFrame& x) override {
    const FrameHeader& h = x.header();
    if (is_audio() && h.has(FrameFlag::gap)) {
      if (auto filled = write_missing(h.gap_frames); !filled) { return filled; }
    }
    if (is_audio()) {
      for (std::uint32_t n = 0; n < x.frame_count(); ++n) {
        for (std::uint32_t c = 0; c < x.channel_count(); ++c) { put(x.channel(c)[n]); }
      }
      return write_rows(x.frame_count());
    }
    put(h.position);
    put(h.timestamp_us);
    put(h.sequence_id);
    put(h.has(FrameFlag::gap) ? h.gap_frames : std::uint64_t{0});
    put(h.length_frames);
    put(h.flags);
    if (is_spectrum()) {
      put(in_.axis.start);
      put(in_.axis.step);
    }
    const std::uint32_t numbers = is_spectrum() ? in_.max_frames : 1;
    for (std::uint32_t c = 0; c < x.channel_count(); ++c) {
      const auto channel = x.channel(c);
      for (std::uint32_t n = 0; n < numbers; ++n) {
        put(n < channel.size() ? channel[n] : std::numeric_limits<double>::quiet_NaN());
      }
    }
    return write_rows(1);
  }

  Result<void> write_missing(std::uint64_t frames) {
    if (frames > kMostMissing) {
      return failed(
          path(), fmt::format("{} frames are missing before frame {}: too many to be written", frames, rows_),
          fmt::format("up to {}", kMostMissing));
    }
    missing_ += frames;
    const std::size_t row_bytes = in_.channel_count() * sizeof(double);
    while (frames > 0) {
      const std::uint64_t count =
          std::min<std::uint64_t>(frames, std::max<std::size_t>(1, kBytesAtOnce / row_bytes));
      for (std::uint64_t i = 0; i < count * in_.channel_count(); ++i) {
        put(std::numeric_limits<double>::quiet_NaN());
      }
      if (auto written = write_rows(count); !written) { return written; }
      frames -= count;
    }
    return {};
  }

  template <class Number>
  void put(Number number) {
    static_assert(std::endian::native == std::endian::little, "as the header says");
    const auto* const bytes = reinterpret_cast<const std::byte*>(&number);
    buffer_.insert(buffer_.end(), bytes, bytes + sizeof number);
  }

  // What was put, which is so many rows; then the header, which must not count what is not there.
  Result<void> write_rows(std::uint64_t count) {
    const std::size_t written = file_->write_at(buffer_.data(), buffer_.size(), bytes_);
    const bool is_whole = written == buffer_.size();
    const int error_number = errno;
    buffer_.clear();
    if (is_whole) {
      bytes_ += written;
      rows_ += count;
      return put_header();
    }
    file_->set_ending(Ending::cut_short);
    failed_ = true;
    static_cast<void>(file_->resize(bytes_));  // what is behind the rows that the header counts is not read
    return failed(path(),
                  fmt::format("cannot be written beyond row {}: {}", rows_, std::strerror(error_number)), {},
                  "everything before that can be read");
  }
  Result<void> put_header() {
    const std::string text = header();
    if (file_->write_at(reinterpret_cast<const std::byte*>(text.data()), text.size(), 0) == text.size()) {
      return {};
    }
    return failed(path(), fmt::format("cannot be written: {}", std::strerror(errno)));
  }

  StreamFormat in_;                 // fixed by prepare(), as is the next
  std::vector<NpyField> fields_;    // of results
  std::optional<OutputFile> file_;  // set by start()
  std::vector<std::byte> buffer_;   // of the rows under way
  std::uint64_t bytes_ = 0;         // in the file
  std::uint64_t rows_ = 0;
  std::uint64_t missing_ = 0;  // frames
  bool failed_ = false;
};

}  // namespace
}  // namespace npy_sink_node

extern const NodeEntry kNpySinkEntry{npy_sink_node::kInfo, make_node<npy_sink_node::NpySink>};

}  // namespace streamlab
