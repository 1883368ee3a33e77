// nodes/sound_file/sound_file_reader.cpp
//
// How a file begins says who decodes it. Little-endian PCM and float in WAV, RF64, BW64 and W64 are read straight
// from the file and converted by sample_format, which is several times as fast
// (docs/decisions/sound-files.md); all else is decoded to interleaved float64 by a SampleInput.
#include "nodes/sound_file/sound_file_reader.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/aligned_buffer.hpp"
#include "engine/base/fd.hpp"
#include "engine/base/real_path.hpp"
#include "engine/base/sample_format.hpp"
#include "nodes/sound_file/file_bytes.hpp"
#include "nodes/sound_file/sample_chunk.hpp"
#include "nodes/sound_file/sample_input.hpp"

namespace streamlab {
namespace {

constexpr std::size_t kReadBytes = 128 * 1024;  // fits the second-level cache; longer reads were no faster
constexpr std::size_t kDamageTold = 8;          // places that get a line of their own
constexpr const char* kWhatWeRead = "WAV, RF64, W64, FLAC, AIFF, AU, CAF, Ogg or MP3";

std::string kind_of_node(mode_t mode) {
  if (S_ISDIR(mode)) { return "is a directory"; }
  if (S_ISFIFO(mode)) { return "is a FIFO, which never ends"; }
  if (S_ISSOCK(mode)) { return "is a socket, which never ends"; }
  return "is a device, which never ends";
}

// How the file begins, for the message that it is no sound file: as text if it is, else in hexadecimal.
std::string beginning(int fd) {
  char head[16];
  const ssize_t count = pread(fd, head, sizeof head, 0);
  const std::string_view bytes(head, count > 0 ? static_cast<std::size_t>(count) : 0);
  const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
  if (std::all_of(bytes.begin(), bytes.end(), printable)) { return fmt::format("\"{}\"", bytes); }
  std::string text;
  for (const char byte : bytes.substr(0, 8)) {
    text += fmt::format("{}{:02X}", text.empty() ? "" : " ", static_cast<unsigned char>(byte));
  }
  return "the bytes " + text;
}

struct RawSamples {
  SampleFormat format = SampleFormat::s16_le;
  const char* subtype = "";
};

// How the samples of a WAV can be taken as they are, if they can.
std::optional<RawSamples> raw_samples_of(const WaveScan& scan) {
  if (!scan.is_wave || scan.big_endian || !scan.has_format || !scan.has_data) { return std::nullopt; }
  if (scan.channels == 0 || scan.sample_rate_hz == 0) { return std::nullopt; }
  constexpr RawSamples kIntegers[] = {{SampleFormat::s16_le, "16-bit PCM"},
                                      {SampleFormat::s24_3le, "24-bit PCM"},
                                      {SampleFormat::s32_le, "32-bit PCM"}};
  constexpr RawSamples kFloats[] = {{SampleFormat::float32_le, "32-bit float"},
                                    {SampleFormat::float64_le, "64-bit float"}};
  const auto fits = [&](const RawSamples& samples) {
    const std::size_t bytes = bytes_per_sample(samples.format);
    return scan.frame_bytes == scan.channels * bytes && (scan.bits_per_sample + 7U) / 8U == bytes;
  };
  if (scan.format_tag == 1) {
    for (const RawSamples& samples : kIntegers) {
      if (fits(samples)) { return samples; }
    }
  }
  if (scan.format_tag == 3) {
    for (const RawSamples& samples : kFloats) {
      if (fits(samples)) { return samples; }
    }
  }
  return std::nullopt;
}

// The header of an MPEG frame (ISO/IEC 11172-3, 2.4.1.3): eleven bits that are set, and no value that is reserved.
bool begins_as_mpeg(std::string_view head) {
  if (head.size() < 4) { return false; }
  const auto byte = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(head[i])); };
  return byte(0) == 0xFF && (byte(1) & 0xE0U) == 0xE0U && (byte(1) & 0x18U) != 0x08U &&
         (byte(1) & 0x06U) != 0 && (byte(2) & 0xF0U) != 0xF0U && (byte(2) & 0x0CU) != 0x0CU;
}

// A universal system exclusive message that is a dump header (MIDI 1.0, Sample Dump Standard). libsndfile writes a line
// to standard output for each damaged one of those that follow.
bool begins_as_midi_dump(std::string_view head) {
  return head.size() >= 4 && head.starts_with("\xF0\x7E") && head[3] == '\x01';
}

// `chunk`: of what is no WAV.
OpenedInput open_input(const std::string& path, int fd, std::uint64_t file_bytes, const WaveScan& scan,
                       const std::optional<SampleChunk>& chunk) {
  constexpr std::uint16_t kMpegLayer3 = 0x55;
  FileBytes whole(fd, 0, file_bytes);
  if (scan.is_wave) {
    if (scan.format_tag == kMpegLayer3 && scan.has_data) {
      return open_mpeg_input(path, FileBytes(fd, scan.data_offset, scan.data_bytes));
    }
    if (scan.format_tag == 1 && scan.has_format && scan.frame_bytes != 0 &&
        scan.frame_bytes != scan.channels * ((scan.bits_per_sample + 7U) / 8U)) {
      return tl::unexpected(
          fmt::format("frames of {} bytes", scan.frame_bytes));  // libsndfile would play noise
    }
    const SampleBytes samples{scan.data_bytes, scan.frame_bytes};
    const bool can_be_mended = !scan.big_endian && scan.has_format && scan.has_data;
    if (!scan.needs_mending || !can_be_mended) {
      auto opened = open_sndfile_input(path, std::move(whole), samples);
      // A chunk beside the samples may be what libsndfile does not take.
      if (opened || !can_be_mended) { return opened; }
    }
    return open_sndfile_input(
        path, FileBytes(fd, scan.data_offset, scan.data_bytes, mended_wave_header(fd, scan)), samples);
  }
  if (chunk && !chunk->head.empty()) {
    return open_sndfile_input(path, FileBytes(fd, chunk->begin, file_bytes - chunk->begin, chunk->head));
  }
  FileBytes tagged(fd, 0, file_bytes);
  tagged.seek(static_cast<std::int64_t>(bytes_of_id3_tags(tagged)), SEEK_SET);
  std::string head(16, '\0');
  head.resize(tagged.read(head.data(), head.size()));
  if (head.starts_with("OggS")) { return open_ogg_input(path, fd, file_bytes); }
  if (head.starts_with("fLaC")) { return open_flac_input(path, std::move(whole), FlacWrapping::none); }
  if (chunk && chunk->count > 1) { return tl::unexpected(std::string("its sound is in several blocks")); }
  if (begins_as_midi_dump(head)) { return tl::unexpected(std::string("a MIDI sample dump is not read")); }
  if (begins_as_mpeg(head)) { return open_mpeg_input(path, std::move(whole)); }
  std::array<char, 3> tag{};
  if (read_bytes_at(fd, tag.data(), tag.size(), 0) == tag.size() &&
      std::string_view(tag.data(), tag.size()) == "ID3") {  // libsndfile would lose as many bytes at the end
    return tl::unexpected(std::string("only MP3 and FLAC may have an ID3 tag in front"));
  }
  return open_sndfile_input(path, std::move(whole), {chunk ? chunk->bytes : 0, 0});
}

// Where a chunk has a wrong size, what follows it is not found by walking; libsndfile looks further.
void search_samples(const std::string& path, int fd, std::uint64_t file_bytes, BeyondEnd beyond_end,
                    WaveScan& scan) {
  const auto input = open_sndfile_input(path, FileBytes(fd, 0, file_bytes));
  if (!input || (*input)->shape().frames.value_or(0) == 0) { return; }
  const bool is_found = take_samples_at(fd, file_bytes, (*input)->shape().begin, beyond_end, scan);
  scan.warnings.emplace_back(
      is_found ? "a chunk in front of the samples has a wrong size; they were found nevertheless"
               : "a chunk has a wrong size: whether all samples are played is not known");
}

// PCM, Microsoft ADPCM, float, A-law, µ-law, IMA ADPCM, GSM 6.10, NMS ADPCM, G.721, MP3. Of others libsndfile says that
// their headers are damaged.
bool is_known_coding(std::uint16_t format_tag) {
  constexpr std::uint16_t kKnown[] = {1, 2, 3, 6, 7, 0x11, 0x31, 0x38, 0x40, 0x55};
  return std::find(std::begin(kKnown), std::end(kKnown), format_tag) != std::end(kKnown);
}

tl::unexpected<Error> not_readable(const std::string& path, int fd, const WaveScan& scan,
                                   const std::string& reason) {
  if (!scan.is_wave) {
    return refused(path,
                   fmt::format("is not a sound file that can be read: it begins with {}{}", beginning(fd),
                               reason == kUnknownKind ? "" : ", but " + reason),
                   kWhatWeRead);
  }
  if (!scan.has_format) {
    return refused(path, fmt::format("is a {} file without a format chunk", scan.kind));
  }
  if (scan.channels == 0) { return refused(path, "has 0 channels", "at least 1"); }
  if (scan.sample_rate_hz == 0) { return refused(path, "has a sample rate of 0 Hz"); }
  if (!scan.has_data) {
    return refused(path, fmt::format("is a {} file without samples (no data chunk)", scan.kind), "",
                   scan.is_cut ? "it was cut short before them, or is damaged" : "");
  }
  return refused(
      path,
      fmt::format("cannot be decoded: WAV format tag 0x{:04X} with {} bits per sample and {} channels ({})",
                  scan.format_tag, scan.bits_per_sample, scan.channels,
                  is_known_coding(scan.format_tag) ? reason : kUnknownEncoding),
      "PCM or float samples, or one of the formats " + std::string(kWhatWeRead));
}

}  // namespace

struct SoundFileReader::Impl {
  std::string path;
  SoundFileInfo info;
  Fd fd;
  std::unique_ptr<SampleInput> input;              // reads fd; none: samples are taken from it as they are
  std::uint64_t data_offset = 0;                   // of the samples, if there is no input
  SampleFormat format = SampleFormat::float64_le;  // of `buffer`
  std::size_t frame_bytes = 0;                     // in `buffer`
  std::uint64_t position = 0;                      // of the next frame handed out
  std::uint64_t missing = 0;                       // frames before the first one of `buffer`
  AlignedVector<std::byte> buffer;
  std::size_t begin = 0;  // frames of `buffer` that have been handed out
  std::size_t end = 0;    // frames in `buffer`
  bool at_end = false;
  std::vector<double*> destination;  // one per channel, moving on while a read is filled

  std::vector<std::string> losses_at_open;
  std::vector<std::string> damage;  // where frames are missing: up to kDamageTold places
  std::uint64_t damage_seen = 0;    // up to this frame
  std::uint64_t more_places = 0;    // beyond those
  std::uint64_t more_missing = 0;   // frames, there
  std::string cut_short;            // how much is missing at the end

  void note_damage() {
    if (position < damage_seen) { return; }  // when the file is played again
    damage_seen = position + missing;
    if (damage.size() < kDamageTold) {
      damage.push_back(fmt::format("damaged at frame {}: {} frames are missing", position, missing));
    } else {
      ++more_places;
      more_missing += missing;
    }
  }

  // Reads the next buffer. False at the end of the file.
  Result<bool> fill() {
    begin = end = 0;
    const std::size_t capacity = buffer.size() / frame_bytes;
    if (input) {
      const auto part = input->read(reinterpret_cast<double*>(buffer.data()), capacity);
      if (!part) { return tl::unexpected(part.error()); }
      end = part->frames;
      missing = end > 0 ? part->missing : 0;
    } else {
      const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(capacity, info.frames - position));
      const std::size_t bytes =
          read_bytes_at(fd.get(), buffer.data(), wanted * frame_bytes, data_offset + position * frame_bytes);
      if (bytes < wanted * frame_bytes && errno != 0) {
        return failed(path,
                      fmt::format("cannot be read beyond frame {}: {}", position, std::strerror(errno)));
      }
      end = bytes / frame_bytes;
    }
    if (missing > 0) { note_damage(); }
    if (end > 0) { return true; }
    at_end = true;
    if (info.length_known && position < info.frames) {
      cut_short =
          fmt::format("the header promises {} frames but only {} could be read", info.frames, position);
    }
    return false;
  }

  // Something to hand out is in the buffer, unless this is the end: false.
  Result<bool> refill() {
    if (begin < end) { return true; }
    if (at_end) { return false; }
    return fill();
  }
};

SoundFileReader::SoundFileReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SoundFileReader::SoundFileReader(SoundFileReader&&) noexcept = default;
SoundFileReader& SoundFileReader::operator=(SoundFileReader&&) noexcept = default;
SoundFileReader::~SoundFileReader() = default;

Result<SoundFileReader> SoundFileReader::open(const std::string& path, BeyondEnd beyond_end) {
  // O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever.
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) {
    if (errno == ENOENT) { return refused(path, "does not exist", "", home_hint(path)); }
    return refused(path, fmt::format("cannot be opened: {}", std::strerror(errno)));
  }
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) {
    return refused(path, fmt::format("cannot be read: {}", std::strerror(errno)));
  }
  if (!S_ISREG(status.st_mode)) { return refused(path, kind_of_node(status.st_mode), "a sound file"); }
  if (status.st_size == 0) { return refused(path, "is empty", "a sound file"); }

  const auto file_bytes = static_cast<std::uint64_t>(status.st_size);
  WaveScan scan = scan_wave(fd.get(), file_bytes, beyond_end);
  if (scan.is_wave && scan.has_format && !scan.has_data) {
    search_samples(path, fd.get(), file_bytes, beyond_end, scan);
  }
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  SoundFileInfo& info = impl->info;
  if (const auto raw = raw_samples_of(scan)) {
    impl->format = raw->format;
    impl->data_offset = scan.data_offset;
    info = {scan.sample_rate_hz,
            scan.channels,
            scan.data_bytes / scan.frame_bytes,
            true,
            scan.kind,
            raw->subtype,
            {},
            clip_level(raw->format)};
  } else {
    const auto chunk = find_sample_chunk(fd.get(), file_bytes, beyond_end);
    auto input = open_input(path, fd.get(), file_bytes, scan, chunk);
    if (!input) { return not_readable(path, fd.get(), scan, input.error()); }
    if (scan.is_wave && !scan.has_data && (*input)->shape().frames == 0U) {
      return not_readable(path, fd.get(), scan, "");  // it takes half of a chunk's header for an empty one
    }
    impl->input = std::move(*input);
    const SampleShape& shape = impl->input->shape();
    info = {shape.sample_rate_hz,
            shape.channels,
            shape.frames.value_or(0),
            shape.frames.has_value(),
            scan.is_wave ? scan.kind : shape.container,
            shape.subtype,
            {},
            shape.clip_level};
    if (chunk && !chunk->warning.empty()) { info.warnings.push_back(chunk->warning); }
    if (chunk && !chunk->loss.empty()) { impl->losses_at_open.push_back(chunk->loss); }
    for (std::string& warning : impl->input->warnings()) { info.warnings.push_back(std::move(warning)); }
    const std::uint64_t rest = chunk && shape.frame_bytes > 0 ? chunk->bytes % shape.frame_bytes : 0;
    if (rest > 0) { impl->losses_at_open.push_back(incomplete_frame(rest)); }
    if (chunk && info.length_known && info.frames < chunk->frames) {
      impl->losses_at_open.push_back(
          fmt::format("the header promises {} frames but has samples of {}: these are played", chunk->frames,
                      info.frames));
    } else if (chunk && info.length_known && chunk->frames > 0 && info.frames > chunk->frames) {
      info.warnings.push_back(fmt::format(
          "the header promises {} frames but has samples of {}: all are played", chunk->frames, info.frames));
    }
  }
  if (info.sample_rate_hz > kMaxSampleRateHz) {
    return refused(path, fmt::format("has a sample rate of {} Hz", info.sample_rate_hz),
                   fmt::format("at most {} Hz", kMaxSampleRateHz), "its header is damaged");
  }
  info.warnings.insert(info.warnings.begin(), scan.warnings.begin(), scan.warnings.end());
  impl->losses_at_open.insert(impl->losses_at_open.begin(), scan.losses.begin(), scan.losses.end());
  impl->frame_bytes = info.channels * bytes_per_sample(impl->format);
  impl->buffer.resize(std::max<std::size_t>(kReadBytes / impl->frame_bytes, 1) * impl->frame_bytes);
  impl->destination.resize(info.channels);
  impl->fd = std::move(fd);
  return SoundFileReader(std::move(impl));
}

const SoundFileInfo& SoundFileReader::info() const { return impl_->info; }
std::vector<std::string> SoundFileReader::losses() const {
  const Impl& s = *impl_;
  std::vector<std::string> losses = s.losses_at_open;
  losses.insert(losses.end(), s.damage.begin(), s.damage.end());
  if (s.more_places > 0) {
    losses.push_back(
        fmt::format("damaged in {} more places: {} frames are missing there", s.more_places, s.more_missing));
  }
  if (s.input) {
    for (std::string& loss : s.input->losses()) { losses.push_back(std::move(loss)); }
  }
  if (!s.cut_short.empty()) { losses.push_back(s.cut_short); }
  return losses;
}

bool SoundFileReader::at_end() const { return impl_->at_end; }
std::uint64_t SoundFileReader::position() const { return impl_->position; }

Result<std::optional<std::uint64_t>> SoundFileReader::next_frame() {
  const auto more = impl_->refill();
  if (!more) { return tl::unexpected(more.error()); }
  return *more ? std::optional(impl_->position + impl_->missing) : std::nullopt;
}

Result<std::uint64_t> SoundFileReader::skip_missing() {
  Impl& s = *impl_;
  if (auto more = s.refill(); !more) { return tl::unexpected(more.error()); }
  const std::uint64_t missing = std::exchange(s.missing, 0);
  s.position += missing;
  return missing;
}

Result<SoundFileReader::Block> SoundFileReader::read(double* const planar[], std::size_t frames) {
  Impl& s = *impl_;
  Block block;
  std::copy_n(planar, s.destination.size(), s.destination.begin());
  while (block.frames < frames) {
    const auto more = s.refill();
    if (!more) { return tl::unexpected(more.error()); }
    if (!*more || s.missing > 0) { break; }
    const std::size_t count = std::min(frames - block.frames, s.end - s.begin);
    block.counts += decode_interleaved(s.format, s.buffer.data() + s.begin * s.frame_bytes, s.info.channels,
                                       count, s.destination.data(), s.info.clip_level);
    for (double*& channel : s.destination) { channel += count; }
    s.begin += count;
    s.position += count;
    block.frames += count;
  }
  return block;
}

Result<void> SoundFileReader::seek(std::uint64_t frame) {
  Impl& s = *impl_;
  if (s.info.length_known && frame > s.info.frames) {
    return refused(s.path, fmt::format("has no frame {}", frame), fmt::format("0 .. {}", s.info.frames));
  }
  if (s.input) {
    if (auto sought = s.input->seek(frame); !sought) { return sought; }
  }
  s.position = frame;
  s.begin = s.end = 0;
  s.missing = 0;
  s.at_end = false;
  return {};
}

}  // namespace streamlab
