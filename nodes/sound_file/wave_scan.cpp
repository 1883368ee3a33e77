// nodes/sound_file/wave_scan.cpp
#include "nodes/sound_file/wave_scan.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string_view>

#include <fmt/format.h>
#include <unistd.h>

#include "nodes/sound_file/file_bytes.hpp"
#include "nodes/sound_file/wave_header.hpp"

namespace streamlab {
namespace {

constexpr std::uint32_t kSeeDs64Size = 0xFFFFFFFFU;
constexpr std::uint64_t kNoW64Length = 1ULL << 62U;  // from here on; ffmpeg writes 2^63 - 1 into a pipe
constexpr std::uint64_t kWrap = 1ULL << 32U;
constexpr std::uint64_t kMaxFormatChunk = 4096;
constexpr std::uint16_t kExtensible = 0xFFFEU;
constexpr int kMaxChunks = 4096;

// Reading at a place, without moving the file offset.
class ByteView {
 public:
  ByteView(int fd, std::uint64_t size, bool big_endian) : fd_(fd), size_(size), big_endian_(big_endian) {}
  std::uint64_t size() const { return size_; }

  template <std::size_t kCount>
  std::optional<std::string> text(std::uint64_t offset) const {
    std::string bytes(kCount, '\0');
    if (pread(fd_, bytes.data(), kCount, static_cast<off_t>(offset)) != static_cast<ssize_t>(kCount)) {
      return std::nullopt;
    }
    return bytes;
  }
  template <class Word>
  std::optional<Word> word(std::uint64_t offset) const {
    auto bytes = text<sizeof(Word)>(offset);
    if (!bytes) { return std::nullopt; }
    if (big_endian_) { std::reverse(bytes->begin(), bytes->end()); }
    Word value;
    std::memcpy(&value, bytes->data(), sizeof value);
    return value;
  }

 private:
  int fd_;
  std::uint64_t size_;
  bool big_endian_;
};

// One of the three kinds of file: how long its chunk headers are and what its sizes mean.
struct Kind {
  bool w64 = false;
  bool rf64 = false;
  std::uint64_t header_bytes() const { return w64 ? 24 : 8; }
  std::uint64_t align() const { return w64 ? 8 : 2; }
  std::uint64_t first_chunk() const { return w64 ? 40 : 12; }
};

struct Chunk {
  std::string id;          // four letters
  std::uint64_t body = 0;  // offset
  std::uint64_t size = 0;  // of the body
};

std::optional<Chunk> chunk_at(const ByteView& file, const Kind& kind, std::uint64_t offset) {
  const auto id = file.text<4>(offset);
  if (!id) { return std::nullopt; }
  if (!kind.w64) {
    const auto size = file.word<std::uint32_t>(offset + 4);
    if (!size) { return std::nullopt; }
    return Chunk{*id, offset + 8, *size};
  }
  const auto size = file.word<std::uint64_t>(offset + 16);
  if (!size) { return std::nullopt; }
  if (*size >= 24) { return Chunk{*id, offset + 24, *size - 24}; }
  // Less than its own header: samples whose number nobody filled in.
  if (*id != "data") { return std::nullopt; }
  return Chunk{*id, offset + 24, 0};
}

std::uint64_t aligned(const Kind& kind, std::uint64_t bytes) {
  return (bytes + kind.align() - 1) / kind.align() * kind.align();
}

bool looks_like_a_chunk(const ByteView& file, const Kind& kind, std::uint64_t offset) {
  const auto chunk = chunk_at(file, kind, offset);
  const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
  return chunk && std::all_of(chunk->id.begin(), chunk->id.end(), printable) && chunk->body <= file.size() &&
         chunk->size <= file.size() - chunk->body;
}

// Where, among the chunks from `offset` on, other samples begin: a second chunk of them, or another file put behind.
std::optional<std::uint64_t> other_samples(const ByteView& file, const Kind& kind, std::uint64_t offset) {
  constexpr std::array<std::string_view, 5> kIds{"data", "RIFF", "RF64", "BW64", "riff"};
  for (int count = 0; count < kMaxChunks; ++count) {
    const bool is_whole = looks_like_a_chunk(file, kind, offset);
    // Behind another chunk, one that was cut short is told, too.
    const auto chunk = is_whole || count > 0 ? chunk_at(file, kind, offset) : std::nullopt;
    if (!chunk) { break; }
    if (std::find(kIds.begin(), kIds.end(), chunk->id) != kIds.end()) { return offset; }
    if (!is_whole) { break; }
    offset = chunk->body + aligned(kind, chunk->size);
  }
  return std::nullopt;
}

// Whether chunks fill the rest of the file, to the byte (or to a byte of padding that is not there).
bool only_chunks_follow(const ByteView& file, const Kind& kind, std::uint64_t offset) {
  for (int count = 0; count < kMaxChunks && offset < file.size(); ++count) {
    if (!looks_like_a_chunk(file, kind, offset)) { return false; }
    const auto chunk = chunk_at(file, kind, offset);
    offset = chunk->body + aligned(kind, chunk->size);
  }
  return offset == file.size() || offset == file.size() + 1;
}

// A size of 32 bits of samples that are longer: its true value, if exactly one fits the file.
std::optional<std::uint64_t> unwrapped(const ByteView& file, const Kind& kind, const Chunk& chunk) {
  if (kind.w64 || kind.rf64) { return std::nullopt; }
  for (std::uint64_t size = chunk.size + kWrap; size <= file.size() - chunk.body; size += kWrap) {
    if (only_chunks_follow(file, kind, chunk.body + aligned(kind, size)) ||
        chunk.body + size == file.size()) {
      return size;
    }
  }
  return std::nullopt;
}

void read_format(const ByteView& file, const Chunk& chunk, WaveScan& scan) {
  const auto tag = file.word<std::uint16_t>(chunk.body);
  const auto channels = file.word<std::uint16_t>(chunk.body + 2);
  const auto rate = file.word<std::uint32_t>(chunk.body + 4);
  const auto frame_bytes = file.word<std::uint16_t>(chunk.body + 12);
  const auto bits = file.word<std::uint16_t>(chunk.body + 14);
  if (chunk.size < 16 || !tag || !channels || !rate || !frame_bytes || !bits) { return; }
  scan.has_format = true;
  scan.format_offset = chunk.body;
  scan.format_bytes = chunk.size;
  scan.format_tag = *tag;
  scan.channels = *channels;
  scan.sample_rate_hz = *rate;
  scan.frame_bytes = *frame_bytes;
  scan.bits_per_sample = *bits;
  if (*tag == kExtensible && chunk.size >= 40) {
    scan.format_tag = file.word<std::uint16_t>(chunk.body + 24).value_or(kExtensible);
  }
}

// Whether the size of the samples stands for "not known yet".
bool has_no_length(const ByteView& file, const Kind& kind, const Chunk& chunk) {
  const std::uint64_t available = file.size() - chunk.body;
  // A recorder that was killed early leaves a length of 0, and then what follows are no chunks but samples.
  if (chunk.size == 0) { return available > 0 && !looks_like_a_chunk(file, kind, chunk.body); }
  if (chunk.size >= kNoW64Length - 24) { return true; }
  if (kind.w64 || kind.rf64 || !is_unknown_wave_length(chunk.size)) { return false; }
  // One of those that programs write into a pipe; it may happen to be right.
  return chunk.size > available || (available - chunk.size > 1 &&
                                    !looks_like_a_chunk(file, kind, chunk.body + aligned(kind, chunk.size)));
}

// Leaves out what the samples end with that is no whole frame, or block of frames. How many bytes; 0: they end well.
std::uint64_t cut_last_frame(WaveScan& scan) {
  const bool is_law = scan.format_tag == 6 || scan.format_tag == 7;  // A-law, µ-law
  const bool has_plain_frames = scan.format_tag == 1 || scan.format_tag == 3 || is_law;
  const bool has_blocks = scan.format_tag == 2 || scan.format_tag == 0x31;  // Microsoft ADPCM, GSM 6.10
  const bool has_frames = (has_plain_frames || has_blocks) && scan.frame_bytes != 0;
  const std::uint64_t rest = has_frames ? scan.data_bytes % scan.frame_bytes : 0;
  if (rest > 0) {
    const bool is_padding = has_blocks && rest == 1 && scan.data_bytes % 2 == 0;  // as sox counts it
    scan.data_bytes -= rest;
    scan.needs_mending =
        scan.needs_mending || is_law;  // libsndfile takes what fills up the chunk for samples
    if (is_padding) { return 0; }
  }
  return rest;
}

// Compares the chunk of samples with the rest of the file behind its header.
void check_data(const ByteView& file, const Kind& kind, const Chunk& chunk, BeyondEnd beyond_end,
                WaveScan& scan) {
  const std::uint64_t available = file.size() - chunk.body;
  scan.has_data = true;
  scan.data_offset = chunk.body;
  scan.data_bytes = std::min(chunk.size, available);
  if (has_no_length(file, kind, chunk)) {
    scan.data_bytes = available;
    scan.needs_mending = true;
    scan.warnings.push_back(
        fmt::format("the header states no length (it was never finished): the {} bytes up to the end of the "
                    "file are played",
                    available));
    if (const std::uint64_t rest = cut_last_frame(scan); rest > 0) {
      scan.losses.push_back(incomplete_frame(rest));
    }
    return;
  }
  if (chunk.size > available) {
    cut_last_frame(scan);  // which is part of what is missing
    scan.losses.push_back(
        fmt::format("the header promises {} bytes of samples but the file ends after {}: these are played",
                    chunk.size, available));
    return;
  }
  const std::uint64_t padding = aligned(kind, chunk.size) - chunk.size;
  const std::uint64_t behind = available - chunk.size;
  if (behind > padding && !looks_like_a_chunk(file, kind, chunk.body + chunk.size + padding)) {
    if (const auto size = unwrapped(file, kind, chunk)) {
      scan.data_bytes = *size;
      scan.needs_mending = true;
      scan.warnings.push_back(fmt::format(
          "the header states {} bytes of samples but there are {}, too many for its 32 bits: all are played",
          chunk.size, *size));
    } else if (beyond_end == BeyondEnd::play) {
      scan.data_bytes = available;
      scan.needs_mending = true;
      scan.warnings.push_back(
          fmt::format("{} bytes follow the end stated by the header; they are played", behind));
    } else {
      scan.losses.push_back(fmt::format(
          "{} bytes follow the end stated by the header (a recording that was cut off?); they are not played",
          behind));
    }
  }
  if (const auto other = other_samples(file, kind, chunk.body + chunk.size + padding);
      other && behind > padding) {
    scan.losses.push_back(fmt::format("other samples begin at byte {}; they are not played", *other));
  }
  if (const std::uint64_t rest = cut_last_frame(scan); rest > 0) {
    scan.losses.push_back(incomplete_frame(rest));
  }
}

}  // namespace

std::string incomplete_frame(std::uint64_t bytes) {
  return fmt::format("the samples end with {} bytes of an incomplete frame, which are skipped", bytes);
}

WaveScan scan_wave(int fd, std::uint64_t file_bytes, BeyondEnd beyond_end) {
  WaveScan scan;
  Kind kind;
  const ByteView little(fd, file_bytes, false);
  const auto magic = little.text<4>(0);
  if (!magic) { return scan; }
  kind.w64 = *magic == "riff";
  kind.rf64 = *magic == "RF64" || *magic == "BW64";
  if (!kind.w64 && !kind.rf64 && *magic != "RIFF" && *magic != "RIFX") { return scan; }
  if (little.text<4>(kind.w64 ? 24 : 8) != (kind.w64 ? "wave" : "WAVE")) { return scan; }
  scan.is_wave = true;
  scan.big_endian = *magic == "RIFX";
  scan.kind = kind.w64 ? "W64" : kind.rf64 ? *magic : "WAV";
  scan.needs_mending = *magic == "BW64";  // libsndfile does not know it

  const ByteView file(fd, file_bytes, scan.big_endian);
  std::optional<std::uint64_t> ds64_data_bytes;
  std::uint64_t offset = kind.first_chunk();
  for (int count = 0; count < kMaxChunks && offset + kind.header_bytes() <= file_bytes; ++count) {
    auto chunk = chunk_at(file, kind, offset);
    if (!chunk) { break; }
    if (chunk->id == "ds64") { ds64_data_bytes = file.word<std::uint64_t>(chunk->body + 8); }
    if (chunk->id == "fmt ") { read_format(file, *chunk, scan); }
    if (chunk->id == "data") {
      if (kind.rf64 && chunk->size == kSeeDs64Size) { chunk->size = ds64_data_bytes.value_or(0); }
      check_data(file, kind, *chunk, beyond_end, scan);
      break;
    }
    if (chunk->size > file_bytes - chunk->body) { break; }
    offset = chunk->body + aligned(kind, chunk->size);
  }
  scan.is_cut = !scan.has_data && offset < file_bytes;
  return scan;
}

bool take_samples_at(int fd, std::uint64_t file_bytes, std::uint64_t body, BeyondEnd beyond_end,
                     WaveScan& scan) {
  const Kind kind{scan.kind == "W64", scan.kind == "RF64" || scan.kind == "BW64"};
  if (kind.rf64 || body < kind.first_chunk() + kind.header_bytes()) { return false; }
  const ByteView file(fd, file_bytes, scan.big_endian);
  const auto chunk = chunk_at(file, kind, body - kind.header_bytes());
  if (!chunk || chunk->id != "data") { return false; }
  check_data(file, kind, *chunk, beyond_end, scan);
  return true;
}

std::string mended_wave_header(int fd, const WaveScan& scan) {
  std::string format(static_cast<std::size_t>(std::min(scan.format_bytes, kMaxFormatChunk)), '\0');
  format.resize(read_bytes_at(fd, format.data(), format.size(), scan.format_offset));
  if (format.size() % 2 != 0) { format.push_back('\0'); }
  const std::uint64_t riff_bytes = 4 + 36 + 8 + format.size() + 8 + scan.data_bytes;
  const bool is_long = riff_bytes > kRiffLimit;
  std::string header;
  const auto number = [&](std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) { header += static_cast<char>((value >> (8 * i)) & 0xFFU); }
  };
  header += is_long ? "RF64" : "RIFF";
  number(is_long ? kSeeDs64Size : riff_bytes, 4);
  header += "WAVE";
  header += is_long ? "ds64" : "JUNK";
  number(28, 4);
  number(riff_bytes, 8);
  number(scan.data_bytes, 8);
  number(scan.frame_bytes > 0 ? scan.data_bytes / scan.frame_bytes : 0, 8);
  number(0, 4);
  header += "fmt ";
  number(format.size(), 4);
  header += format;
  header += "data";
  number(is_long ? kSeeDs64Size : scan.data_bytes, 4);
  return header;
}

}  // namespace streamlab
