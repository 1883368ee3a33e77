// nodes/sound_file/sample_chunk.cpp
#include "nodes/sound_file/sample_chunk.hpp"

#include <algorithm>
#include <limits>
#include <string_view>

#include <fmt/format.h>

#include "nodes/sound_file/file_bytes.hpp"

namespace streamlab {
namespace {

constexpr int kMostChunks = 4096;
constexpr std::uint64_t kMostHeadBytes = 1ULL << 20U;

// The two kinds of file, and where their chunks are.
struct ChunkedFile {
  int fd;
  std::uint64_t bytes;
  bool is_caf;

  std::size_t size_bytes() const { return is_caf ? 8 : 4; }
  std::uint64_t first_chunk() const { return is_caf ? 8 : 12; }
  // Of the samples' chunk, before the first of them: an edit count; an offset and a block size.
  std::uint64_t before_samples() const { return is_caf ? 4 : 8; }
  std::uint64_t next(std::uint64_t body, std::uint64_t size) const {
    return is_caf ? body + size : body + size + size % 2;
  }
  std::optional<std::pair<std::string, std::uint64_t>> chunk_at(std::uint64_t offset) const {
    std::string head(4 + size_bytes(), '\0');
    if (read_bytes_at(fd, head.data(), head.size(), offset) < head.size()) { return std::nullopt; }
    std::uint64_t size = 0;
    for (std::size_t i = 4; i < head.size(); ++i) { size = size << 8U | static_cast<unsigned char>(head[i]); }
    return std::pair{head.substr(0, 4), size};
  }
  bool is_chunk(std::uint64_t offset) const {
    const auto chunk = chunk_at(offset);
    const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
    return chunk && std::all_of(chunk->first.begin(), chunk->first.end(), printable) &&
           chunk->second <= bytes - (offset + 4 + size_bytes());
  }
  // Whether `size` of the samples' chunk at `body` stands for "not known yet". sox and ffmpeg write 0, nothing but
  // what precedes the samples, -1, or something near 2^31 into a pipe.
  bool is_unknown(std::uint64_t body, std::uint64_t size) const {
    const std::uint64_t most = is_caf ? std::numeric_limits<std::int64_t>::max() : 0xFFFFFEFFU;
    if (size > most) { return true; }
    const bool near_2_31 = !is_caf && size >= 0x7F000000U && size <= 0x80000000U;
    if (size > bytes - body) { return near_2_31; }
    return (size <= before_samples() || near_2_31) && bytes - body > size + 1 && !is_chunk(next(body, size));
  }
};

SampleChunk judged(const ChunkedFile& file, std::uint64_t offset, std::uint64_t size, BeyondEnd beyond_end) {
  const std::uint64_t body = offset + 4 + file.size_bytes();
  const std::uint64_t available = file.bytes - body;
  const std::uint64_t samples = available - std::min(available, file.before_samples());
  SampleChunk chunk;
  if (file.is_unknown(body, size)) {
    chunk.warning = fmt::format(
        "the header states no length (it was never finished): the {} bytes up to the end of the file are played",
        samples);
  } else if (size > available) {
    chunk.loss =
        fmt::format("the header promises {} bytes of samples but the file ends after {}: these are played",
                    size - file.before_samples(), samples);
  } else {
    const std::uint64_t end = file.next(body, size);
    if (end >= file.bytes || file.is_chunk(end)) { return chunk; }
    if (beyond_end == BeyondEnd::leave_out) {
      chunk.loss = fmt::format("{} bytes follow the end {}; they are not played", file.bytes - end,
                               "stated by the header (a recording that was cut off?)");
      return chunk;
    }
    chunk.warning =
        fmt::format("{} bytes follow the end stated by the header; they are played", file.bytes - end);
  }
  if ((!file.is_caf && available > 0xFFFFFFFFU) || offset > kMostHeadBytes) {
    chunk.warning.clear();
    chunk.loss = fmt::format(
        "the header cannot say how long the {} bytes of samples are: some may not be played", samples);
    return chunk;
  }
  chunk.head.resize(static_cast<std::size_t>(offset) + 4);
  chunk.head.resize(read_bytes_at(file.fd, chunk.head.data(), chunk.head.size(), 0));
  for (std::size_t i = file.size_bytes(); i > 0; --i) {
    chunk.head += static_cast<char>(available >> (8 * (i - 1)) & 0xFFU);
  }
  chunk.begin = body;
  return chunk;
}

// A header of six numbers, then the samples; a size of 2^32 - 1 stands for "up to the end" (Sun, audio(4)).
SampleChunk samples_of_au(int fd, std::uint64_t file_bytes, bool is_big_endian) {
  std::string numbers(8, '\0');
  if (read_bytes_at(fd, numbers.data(), numbers.size(), 4) < numbers.size()) { return {}; }
  const auto number = [&](std::size_t first) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      value = value << 8U | static_cast<unsigned char>(numbers[first + (is_big_endian ? i : 3 - i)]);
    }
    return value;
  };
  const std::uint64_t begin = number(0);
  const std::uint64_t size = number(4);
  const std::uint64_t available = file_bytes - std::min(file_bytes, begin);
  SampleChunk chunk;
  if (size == 0xFFFFFFFFU || size == available) { return chunk; }
  chunk.loss =
      size > available
          ? fmt::format(
                "the header promises {} bytes of samples but the file ends after {}: these are played", size,
                available)
          : fmt::format("{} bytes follow the end stated by the header; they are not played",
                        available - size);
  return chunk;
}

}  // namespace

std::optional<SampleChunk> find_sample_chunk(int fd, std::uint64_t file_bytes, BeyondEnd beyond_end) {
  std::string head(12, '\0');
  if (read_bytes_at(fd, head.data(), head.size(), 0) < head.size()) { return std::nullopt; }
  if (head.starts_with(".snd") || head.starts_with("dns.")) {
    return samples_of_au(fd, file_bytes, head.starts_with('.'));
  }
  const bool is_caf = head.starts_with("caff");
  const std::string_view form = std::string_view(head).substr(8);
  if (!is_caf && (!head.starts_with("FORM") || (form != "AIFF" && form != "AIFC"))) { return std::nullopt; }
  const ChunkedFile file{fd, file_bytes, is_caf};
  std::uint64_t offset = file.first_chunk();
  for (int count = 0; count < kMostChunks; ++count) {
    const auto chunk = file.chunk_at(offset);
    if (!chunk) { return std::nullopt; }
    const std::uint64_t body = offset + 4 + file.size_bytes();
    if (chunk->first == (is_caf ? "data" : "SSND")) {
      return judged(file, offset, chunk->second, beyond_end);
    }
    if (chunk->second > file_bytes - body) { return std::nullopt; }
    offset = file.next(body, chunk->second);
  }
  return std::nullopt;
}

}  // namespace streamlab
