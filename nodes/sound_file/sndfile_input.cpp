// nodes/sound_file/sndfile_input.cpp
//
// libsndfile, reading through FileBytes: whatever is not decoded elsewhere.
#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <sndfile.h>

#include "engine/base/sample_format.hpp"
#include "nodes/sound_file/sample_input.hpp"

namespace streamlab {
namespace {

struct SndfileCloser {
  void operator()(SNDFILE* file) const { sf_close(file); }
};
using SndfilePtr = std::unique_ptr<SNDFILE, SndfileCloser>;

FileBytes& bytes_of(void* user) { return *static_cast<FileBytes*>(user); }
sf_count_t sndfile_length(void* user) { return static_cast<sf_count_t>(bytes_of(user).size()); }
sf_count_t sndfile_seek(sf_count_t offset, int whence, void* user) {
  return bytes_of(user).seek(offset, whence);
}
sf_count_t sndfile_read(void* to, sf_count_t count, void* user) {
  return static_cast<sf_count_t>(bytes_of(user).read(to, static_cast<std::size_t>(count)));
}
sf_count_t sndfile_write(const void* /*from*/, sf_count_t /*count*/, void* /*user*/) { return 0; }
sf_count_t sndfile_tell(void* user) { return static_cast<sf_count_t>(bytes_of(user).position()); }

// libsndfile's name of a container or a subtype, by its code. (SFC_GET_FORMAT_MAJOR and SFC_GET_FORMAT_SUBTYPE take
// an index into a list instead.)
std::string sndfile_name(int code) {
  SF_FORMAT_INFO info{};
  info.format = code;
  if (sf_command(nullptr, SFC_GET_FORMAT_INFO, &info, sizeof info) != 0 || info.name == nullptr) {
    return fmt::format("format 0x{:X}", code);
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
      return sndfile_name(format & SF_FORMAT_TYPEMASK);
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
    case SF_FORMAT_VORBIS:
      return "Vorbis";
    case SF_FORMAT_OPUS:
      return "Opus";
    case SF_FORMAT_ALAW:
      return "A-law";
    case SF_FORMAT_ULAW:
      return "µ-law";
    default:
      return sndfile_name(format & SF_FORMAT_SUBMASK);
  }
}

// A-law and µ-law: their largest of 16 bits (ITU-T G.711, tables 1a and 2a).
double clip_level_of(int format) {
  switch (format & SF_FORMAT_SUBMASK) {
    case SF_FORMAT_PCM_S8:
    case SF_FORMAT_PCM_U8:
      return largest_sample(8);
    case SF_FORMAT_PCM_16:
    case SF_FORMAT_ALAC_16:
      return largest_sample(16);
    case SF_FORMAT_ALAC_20:
      return largest_sample(20);
    case SF_FORMAT_PCM_24:
    case SF_FORMAT_ALAC_24:
      return largest_sample(24);
    case SF_FORMAT_PCM_32:
    case SF_FORMAT_ALAC_32:
      return largest_sample(32);
    case SF_FORMAT_ALAW:
      return 32256.0 / 32768.0;
    case SF_FORMAT_ULAW:
      return 32124.0 / 32768.0;
    default:
      return 1.0;
  }
}

// 0: not every sample has as many.
std::size_t sample_bytes_of(int format) {
  switch (format & SF_FORMAT_SUBMASK) {
    case SF_FORMAT_PCM_S8:
    case SF_FORMAT_PCM_U8:
    case SF_FORMAT_ALAW:
    case SF_FORMAT_ULAW:
      return 1;
    case SF_FORMAT_PCM_16:
      return 2;
    case SF_FORMAT_PCM_24:
      return 3;
    case SF_FORMAT_PCM_32:
    case SF_FORMAT_FLOAT:
      return 4;
    case SF_FORMAT_DOUBLE:
      return 8;
    default:
      return 0;
  }
}

// G.721 and G.723 are a stream of codes; 0: another coding.
unsigned code_bits_of(int format) {
  switch (format & SF_FORMAT_SUBMASK) {
    case SF_FORMAT_G721_32:
      return 4;
    case SF_FORMAT_G723_24:
      return 3;
    case SF_FORMAT_G723_40:
      return 5;
    default:
      return 0;
  }
}

// How many frames the samples hold, where libsndfile plays more, made of nothing: it reads 120 codes of G.721 and G.723 at
// once, IMA ADPCM by blocks (of one sample and 4-bit codes, by 8 a channel), which may end anywhere, and takes what fills up
// a chunk for a part of a block of GSM 6.10 or Microsoft ADPCM (two samples and 4-bit codes).
std::optional<std::uint64_t> frames_in(int format, std::uint64_t channels, SampleBytes samples) {
  if (samples.count == 0) { return std::nullopt; }
  if (const unsigned bits = code_bits_of(format); bits > 0) { return samples.count * 8 / bits / channels; }
  if (samples.block == 0) { return std::nullopt; }
  const std::uint64_t blocks = samples.count / samples.block;
  constexpr std::uint64_t kFramesOfGsm = 320;
  const int coding = format & SF_FORMAT_SUBMASK;
  if (coding == SF_FORMAT_GSM610) { return blocks * kFramesOfGsm; }
  if (coding == SF_FORMAT_MS_ADPCM && samples.block >= 7 * channels) {
    return blocks * (2 + 2 * (samples.block - 7 * channels) / channels);
  }
  if (coding != SF_FORMAT_IMA_ADPCM) { return std::nullopt; }
  const auto of_block = [first = 4 * channels](std::uint64_t bytes) {
    return bytes < first ? 0 : 1 + (bytes - first) / first * 8;
  };
  return blocks * of_block(samples.block) + of_block(samples.count % samples.block);
}

// libsndfile's own texts speak of its inside ("Internal psf_fseek() failed"); what can be done about them lies in
// the file.
std::string plain_reason(int error, int error_number) {
  constexpr int kUnimplemented = 18;  // SFE_UNIMPLEMENTED, which its public header does not name
  switch (error) {
    case SF_ERR_UNRECOGNISED_FORMAT:
      return kUnknownKind;
    case SF_ERR_UNSUPPORTED_ENCODING:
    case kUnimplemented:
      return kUnknownEncoding;
    default:
      if (error_number != 0) { return std::strerror(error_number); }
      return "its header is damaged, or contradicts the rest of the file";
  }
}

class SndfileInput final : public SampleInput {
 public:
  SndfileInput(std::string path, FileBytes bytes, SampleBytes samples)
      : path_(std::move(path)), bytes_(std::move(bytes)), samples_(samples) {}

  // Empty: opened.
  std::string open() {
    SF_VIRTUAL_IO io{sndfile_length, sndfile_seek, sndfile_read, sndfile_write, sndfile_tell};
    SF_INFO found{};
    file_.reset(sf_open_virtual(&io, SFM_READ, &found, &bytes_));
    if (!file_) { return plain_reason(sf_error(nullptr), bytes_.error_number()); }
    if (found.channels <= 0) { return "it has 0 channels"; }
    if (found.samplerate <= 0) { return fmt::format("it has a sample rate of {} Hz", found.samplerate); }
    shape_.sample_rate_hz = static_cast<std::uint32_t>(found.samplerate);
    shape_.channels = static_cast<std::uint32_t>(found.channels);
    if (found.frames >= 0 && found.frames < SF_COUNT_MAX) {
      shape_.frames = static_cast<std::uint64_t>(found.frames);
    }
    if (const auto frames = frames_in(found.format, shape_.channels, samples_); frames && shape_.frames) {
      shape_.frames = std::min(*shape_.frames, *frames);
      limit_ = *shape_.frames;
    }
    shape_.container = container_name(found.format);
    shape_.subtype = subtype_name(found.format);
    shape_.clip_level = clip_level_of(found.format);
    shape_.begin = bytes_.position();
    shape_.frame_bytes = shape_.channels * sample_bytes_of(found.format);
    return {};
  }

  Result<Part> read(double* interleaved, std::size_t frames) override {
    const std::uint64_t count = std::min<std::uint64_t>(frames, limit_ - std::min(limit_, position_));
    if (count == 0) { return Part{}; }
    const sf_count_t got = sf_readf_double(file_.get(), interleaved, static_cast<sf_count_t>(count));
    if (got > 0) {
      position_ += static_cast<std::uint64_t>(got);
      return Part{static_cast<std::size_t>(got), 0};
    }
    // A failing system call is no end of the file; a damaged stream is, and is counted by what it promised.
    if (bytes_.error_number() != 0) {
      return failed(path_, fmt::format("cannot be read beyond frame {}: {}", position_,
                                       std::strerror(bytes_.error_number())));
    }
    return Part{};
  }

  Result<void> seek(std::uint64_t frame) override {
    const auto wanted = static_cast<sf_count_t>(frame);
    if (sf_seek(file_.get(), wanted, SEEK_SET) == wanted) {
      position_ = frame;
      return {};
    }
    // Of some codings (GSM 6.10, …) libsndfile reads forwards only.
    if (frame < position_) {
      bytes_.seek(0, SEEK_SET);
      if (const std::string reason = open(); !reason.empty()) {
        return failed(path_, fmt::format("cannot be read again: {}", reason));
      }
      position_ = 0;
    }
    return skip_to(frame);
  }

 private:
  Result<void> skip_to(std::uint64_t frame) {
    constexpr std::size_t kSkippedAtOnce = 4096;
    std::vector<double> left_out(kSkippedAtOnce * shape_.channels);
    while (position_ < frame) {
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(frame - position_, kSkippedAtOnce));
      const auto got = read(left_out.data(), count);
      if (!got) { return tl::unexpected(got.error()); }
      if (got->frames == 0) { break; }  // damaged: read() tells what is missing
    }
    return {};
  }

  const std::string path_;
  FileBytes bytes_;
  const SampleBytes samples_;
  SndfilePtr file_;  // reads through bytes_
  std::uint64_t position_ = 0;
  std::uint64_t limit_ = std::numeric_limits<std::uint64_t>::max();  // frames that are handed out
};

}  // namespace

OpenedInput open_sndfile_input(const std::string& path, FileBytes bytes, SampleBytes samples) {
  auto input = std::make_unique<SndfileInput>(path, std::move(bytes), samples);
  if (std::string reason = input->open(); !reason.empty()) { return tl::unexpected(std::move(reason)); }
  return input;
}

}  // namespace streamlab
