// nodes/sound_file/sound_file_reader.cpp
//
// libsndfile says what the file is. Little-endian PCM and float in WAV, RF64 and W64 are then read straight
// from the file and converted by sample_format, which is several times as fast
// (docs/decisions/sound-files.md); all else libsndfile decodes to interleaved float64.
#include "nodes/sound_file/sound_file_reader.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sndfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/aligned_buffer.hpp"
#include "engine/base/sample_format.hpp"
#include "nodes/sound_file/wave_scan.hpp"

namespace streamlab {
namespace {

constexpr std::size_t kReadBytes = 128 * 1024;  // fits the second-level cache; longer reads were no faster
constexpr const char* kWhatWeRead = "WAV, RF64, W64, FLAC, AIFF, AU, CAF, Ogg or MP3";

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd = -1) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor() {
    if (fd_ >= 0) { ::close(fd_); }
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

struct SndfileCloser {
  void operator()(SNDFILE* file) const { sf_close(file); }
};
using SndfilePtr = std::unique_ptr<SNDFILE, SndfileCloser>;

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

std::string sndfile_name(int command, int format) {
  SF_FORMAT_INFO info{};
  info.format = format;
  if (sf_command(nullptr, command, &info, sizeof info) != 0 || info.name == nullptr) {
    return fmt::format("format 0x{:X}", format);
  }
  return info.name;
}

std::string container_name(int format) {
  switch (format & SF_FORMAT_TYPEMASK) {
    case SF_FORMAT_WAV:
    case SF_FORMAT_WAVEX:
      return "WAV";
    case SF_FORMAT_RF64:
      return "RF64";
    case SF_FORMAT_W64:
      return "W64";
    case SF_FORMAT_FLAC:
      return "FLAC";
    case SF_FORMAT_AIFF:
      return "AIFF";
    case SF_FORMAT_AU:
      return "AU";
    case SF_FORMAT_CAF:
      return "CAF";
    case SF_FORMAT_OGG:
      return "Ogg";
    case SF_FORMAT_MPEG:
      return "MPEG";
    default:
      return sndfile_name(SFC_GET_FORMAT_MAJOR, format & SF_FORMAT_TYPEMASK);
  }
}

std::string subtype_name(int format) {
  switch (format & SF_FORMAT_SUBMASK) {
    case SF_FORMAT_PCM_S8:
    case SF_FORMAT_PCM_U8:
      return "8-bit PCM";
    case SF_FORMAT_PCM_16:
      return "16-bit PCM";
    case SF_FORMAT_PCM_24:
      return "24-bit PCM";
    case SF_FORMAT_PCM_32:
      return "32-bit PCM";
    case SF_FORMAT_FLOAT:
      return "32-bit float";
    case SF_FORMAT_DOUBLE:
      return "64-bit float";
    default:
      return sndfile_name(SFC_GET_FORMAT_SUBTYPE, format & SF_FORMAT_SUBMASK);
  }
}

// The format of the samples in the file, if they can be taken as they are: both libsndfile and the chunks say
// so.
std::optional<SampleFormat> raw_format(const WaveScan& scan, const SF_INFO& found) {
  if (!scan.is_wave || scan.big_endian || !scan.has_format || !scan.has_data) { return std::nullopt; }
  std::optional<SampleFormat> format;
  switch (found.format & SF_FORMAT_SUBMASK) {
    case SF_FORMAT_PCM_16:
      format = SampleFormat::s16_le;
      break;
    case SF_FORMAT_PCM_24:
      format = SampleFormat::s24_3le;
      break;
    case SF_FORMAT_PCM_32:
      format = SampleFormat::s32_le;
      break;
    case SF_FORMAT_FLOAT:
      format = SampleFormat::float32_le;
      break;
    case SF_FORMAT_DOUBLE:
      format = SampleFormat::float64_le;
      break;
    default:
      return std::nullopt;
  }
  const bool agree =
      scan.channels == found.channels && scan.frame_bytes == scan.channels * bytes_per_sample(*format);
  return agree ? format : std::nullopt;
}

tl::unexpected<Error> not_readable(const std::string& path, int fd, const WaveScan& scan,
                                   const char* reason) {
  if (!scan.is_wave) {
    return refused(path,
                   fmt::format("is not a sound file that can be read: it begins with {}", beginning(fd)),
                   kWhatWeRead);
  }
  if (!scan.has_format) { return refused(path, "is a WAV file without a format chunk"); }
  if (scan.channels == 0) { return refused(path, "has 0 channels", "at least 1"); }
  if (scan.sample_rate_hz == 0) { return refused(path, "has a sample rate of 0 Hz"); }
  if (!scan.has_data) { return refused(path, "is a WAV file without samples (no data chunk)"); }
  return refused(
      path,
      fmt::format("cannot be decoded: WAV format tag 0x{:04X} with {} bits per sample and {} channels ({})",
                  scan.format_tag, scan.bits_per_sample, scan.channels, reason),
      "PCM or float samples, or a compressed format among " + std::string(kWhatWeRead));
}

}  // namespace

struct SoundFileReader::Impl {
  std::string path;
  SoundFileInfo info;
  FileDescriptor fd;
  SndfilePtr file;                                 // has a descriptor of its own
  bool raw = false;                                // samples are taken from fd as they are
  std::uint64_t data_offset = 0;                   // of the samples, if raw
  SampleFormat format = SampleFormat::float64_le;  // of `buffer`
  std::size_t frame_bytes = 0;                     // in `buffer`
  std::uint64_t position = 0;                      // of the next frame handed out
  AlignedVector<std::byte> buffer;
  std::size_t begin = 0;  // frames of `buffer` that have been handed out
  std::size_t end = 0;    // frames in `buffer`
  bool at_end = false;
  std::vector<double*> destination;  // one per channel, moving on while a read is filled

  // As many of `count` bytes at `offset` as there are, into the buffer; -1 with errno set on failure.
  ssize_t read_at(std::uint64_t offset, std::uint64_t count) {
    std::uint64_t done = 0;
    while (done < count) {
      const ssize_t got =
          pread(fd.get(), buffer.data() + done, count - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) { continue; }
      if (got < 0) { return -1; }
      if (got == 0) { break; }
      done += static_cast<std::uint64_t>(got);
    }
    return static_cast<ssize_t>(done);
  }

  // Reads the next buffer. False at the end of the file.
  Result<bool> fill() {
    begin = end = 0;
    if (raw) {
      const std::uint64_t room = std::min<std::uint64_t>(buffer.size() / frame_bytes, info.frames - position);
      const ssize_t bytes = read_at(data_offset + position * frame_bytes, room * frame_bytes);
      if (bytes < 0) {
        return failed(path,
                      fmt::format("cannot be read beyond frame {}: {}", position, std::strerror(errno)));
      }
      end = static_cast<std::size_t>(bytes) / frame_bytes;
    } else {
      const auto room = static_cast<sf_count_t>(buffer.size() / frame_bytes);
      const sf_count_t frames = sf_readf_double(file.get(), reinterpret_cast<double*>(buffer.data()), room);
      end = static_cast<std::size_t>(std::max<sf_count_t>(frames, 0));
      // A failing system call is no end of the file; a damaged compressed stream is, and gets a warning.
      if (end == 0 && sf_error(file.get()) == SF_ERR_SYSTEM) {
        return failed(path,
                      fmt::format("cannot be read beyond frame {}: {}", position, sf_strerror(file.get())));
      }
    }
    if (end > 0) { return true; }
    at_end = true;
    if (info.length_known && position < info.frames) {
      info.warnings.push_back(
          fmt::format("the header promises {} frames but only {} could be read", info.frames, position));
    }
    return false;
  }
};

SoundFileReader::SoundFileReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SoundFileReader::SoundFileReader(SoundFileReader&&) noexcept = default;
SoundFileReader& SoundFileReader::operator=(SoundFileReader&&) noexcept = default;
SoundFileReader::~SoundFileReader() = default;

Result<SoundFileReader> SoundFileReader::open(const std::string& path) {
  // O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever.
  FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) {
    if (errno == ENOENT) { return refused(path, "does not exist"); }
    return refused(path, fmt::format("cannot be opened: {}", std::strerror(errno)));
  }
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) {
    return refused(path, fmt::format("cannot be read: {}", std::strerror(errno)));
  }
  if (!S_ISREG(status.st_mode)) { return refused(path, kind_of_node(status.st_mode), "a sound file"); }
  if (status.st_size == 0) { return refused(path, "is empty", "a sound file"); }

  const WaveScan scan = scan_wave(fd.get(), static_cast<std::uint64_t>(status.st_size));
  SF_INFO found{};
  // libsndfile closes what it cannot read, whatever it is told: it gets a descriptor of its own.
  SndfilePtr file(sf_open_fd(dup(fd.get()), SFM_READ, &found, SF_TRUE));
  if (!file) { return not_readable(path, fd.get(), scan, sf_strerror(nullptr)); }
  if (found.channels <= 0) { return refused(path, "has 0 channels", "at least 1"); }
  if (found.samplerate <= 0) {
    return refused(path, fmt::format("has a sample rate of {} Hz", found.samplerate));
  }

  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->info.sample_rate_hz = static_cast<std::uint32_t>(found.samplerate);
  impl->info.channels = static_cast<std::uint32_t>(found.channels);
  impl->info.length_known = found.frames >= 0 && found.frames < SF_COUNT_MAX;
  impl->info.frames = impl->info.length_known ? static_cast<std::uint64_t>(found.frames) : 0;
  impl->info.container = container_name(found.format);
  impl->info.subtype = subtype_name(found.format);
  impl->info.warnings = scan.warnings;

  const auto raw = raw_format(scan, found);
  impl->raw = raw.has_value();
  impl->format = raw.value_or(SampleFormat::float64_le);
  impl->frame_bytes = impl->info.channels * bytes_per_sample(impl->format);
  if (raw) {
    impl->data_offset = scan.data_offset;
    impl->info.frames = scan.data_bytes / impl->frame_bytes;
  }
  impl->buffer.resize(std::max<std::size_t>(kReadBytes / impl->frame_bytes, 1) * impl->frame_bytes);
  impl->destination.resize(impl->info.channels);
  impl->file = std::move(file);
  impl->fd = std::move(fd);
  return SoundFileReader(std::move(impl));
}

const SoundFileInfo& SoundFileReader::info() const { return impl_->info; }
std::uint64_t SoundFileReader::position() const { return impl_->position; }

Result<SoundFileReader::Block> SoundFileReader::read(double* const planar[], std::size_t frames) {
  Impl& s = *impl_;
  Block block;
  std::copy_n(planar, s.destination.size(), s.destination.begin());
  while (block.frames < frames) {
    if (s.begin == s.end) {
      if (s.at_end) { break; }
      const auto more = s.fill();
      if (!more) { return tl::unexpected(more.error()); }
      if (!*more) { break; }
    }
    const std::size_t count = std::min(frames - block.frames, s.end - s.begin);
    block.not_finite += decode_interleaved(s.format, s.buffer.data() + s.begin * s.frame_bytes,
                                           s.info.channels, count, s.destination.data());
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
  if (!s.raw &&
      sf_seek(s.file.get(), static_cast<sf_count_t>(frame), SEEK_SET) != static_cast<sf_count_t>(frame)) {
    return failed(s.path, fmt::format("cannot be read from frame {}: {}", frame, sf_strerror(s.file.get())));
  }
  s.position = frame;
  s.begin = s.end = 0;
  s.at_end = false;
  return {};
}

}  // namespace streamlab
