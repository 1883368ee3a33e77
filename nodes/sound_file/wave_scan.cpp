// nodes/sound_file/wave_scan.cpp
#include "nodes/sound_file/wave_scan.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>

#include <fmt/format.h>
#include <unistd.h>

namespace streamlab {
namespace {

constexpr std::uint32_t kNoLength = 0xFFFFFFFFU;  // "see ds64" in RF64, "written to a pipe" in RIFF
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
  if (!size || *size < 24) { return std::nullopt; }
  return Chunk{*id, offset + 24, *size - 24};
}

bool looks_like_a_chunk(const ByteView& file, const Kind& kind, std::uint64_t offset) {
  const auto chunk = chunk_at(file, kind, offset);
  const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
  return chunk && std::all_of(chunk->id.begin(), chunk->id.end(), printable) &&
         chunk->size <= file.size() - chunk->body;
}

void read_format(const ByteView& file, const Chunk& chunk, WaveScan& scan) {
  const auto tag = file.word<std::uint16_t>(chunk.body);
  const auto channels = file.word<std::uint16_t>(chunk.body + 2);
  const auto rate = file.word<std::uint32_t>(chunk.body + 4);
  const auto frame_bytes = file.word<std::uint16_t>(chunk.body + 12);
  const auto bits = file.word<std::uint16_t>(chunk.body + 14);
  if (chunk.size < 16 || !tag || !channels || !rate || !frame_bytes || !bits) { return; }
  scan.has_format = true;
  scan.format_tag = *tag;
  scan.channels = *channels;
  scan.sample_rate_hz = *rate;
  scan.frame_bytes = *frame_bytes;
  scan.bits_per_sample = *bits;
  if (*tag == kExtensible && chunk.size >= 40) {
    scan.format_tag = file.word<std::uint16_t>(chunk.body + 24).value_or(kExtensible);
  }
}

// Compares the chunk of samples with the rest of the file behind its header.
void check_data(const ByteView& file, const Kind& kind, const Chunk& chunk, bool no_length, WaveScan& scan) {
  const std::uint64_t available = file.size() - chunk.body;
  scan.has_data = true;
  scan.data_offset = chunk.body;
  scan.data_bytes = no_length ? available : std::min(chunk.size, available);
  if (no_length) {
    scan.warnings.push_back(
        fmt::format("the header states no length (it was never finished): the {} bytes up to the end of the "
                    "file are played",
                    available));
    return;
  }
  if (chunk.size > available) {
    scan.warnings.push_back(fmt::format(
        "the header promises {} bytes of samples but the file ends after {}: what is there is played",
        chunk.size, available));
    return;
  }
  const bool plain = scan.format_tag == 1 || scan.format_tag == 3;
  if (plain && scan.frame_bytes != 0 && chunk.size % scan.frame_bytes != 0) {
    scan.warnings.push_back(
        fmt::format("the samples end with {} bytes of an unfinished frame, which are left out",
                    chunk.size % scan.frame_bytes));
  }
  const std::uint64_t behind = available - chunk.size;
  const std::uint64_t padding = (kind.align() - chunk.size % kind.align()) % kind.align();
  if (behind > padding && !looks_like_a_chunk(file, kind, chunk.body + chunk.size + padding)) {
    scan.warnings.push_back(fmt::format(
        "{} bytes follow the end that the header gives (a recording that was cut off?); they are not played",
        behind));
  }
}

}  // namespace

WaveScan scan_wave(int fd, std::uint64_t file_bytes) {
  WaveScan scan;
  Kind kind;
  const ByteView little(fd, file_bytes, false);
  const auto magic = little.text<4>(0);
  if (!magic) { return scan; }
  kind.w64 = *magic == "riff";
  kind.rf64 = *magic == "RF64";
  if (!kind.w64 && !kind.rf64 && *magic != "RIFF" && *magic != "RIFX") { return scan; }
  if (little.text<4>(kind.w64 ? 24 : 8) != (kind.w64 ? "wave" : "WAVE")) { return scan; }
  scan.is_wave = true;
  scan.big_endian = *magic == "RIFX";

  const ByteView file(fd, file_bytes, scan.big_endian);
  std::optional<std::uint64_t> ds64_data_bytes;
  std::uint64_t offset = kind.first_chunk();
  for (int count = 0; count < kMaxChunks && offset + kind.header_bytes() <= file_bytes; ++count) {
    auto chunk = chunk_at(file, kind, offset);
    if (!chunk) { break; }
    if (chunk->id == "ds64") { ds64_data_bytes = file.word<std::uint64_t>(chunk->body + 8); }
    if (chunk->id == "fmt ") { read_format(file, *chunk, scan); }
    if (chunk->id == "data") {
      // A recorder that was killed early leaves a length of 0, and then what follows are no chunks but
      // samples.
      bool no_length =
          chunk->size == 0 && file_bytes > chunk->body && !looks_like_a_chunk(file, kind, chunk->body);
      if (!kind.w64 && chunk->size == kNoLength) {
        no_length = !(kind.rf64 && ds64_data_bytes);
        chunk->size = ds64_data_bytes.value_or(kNoLength);
      }
      check_data(file, kind, *chunk, no_length, scan);
      break;
    }
    if (chunk->size > file_bytes - chunk->body) { break; }
    offset = chunk->body + (chunk->size + kind.align() - 1) / kind.align() * kind.align();
  }
  return scan;
}

}  // namespace streamlab
