// nodes/sound_file/sample_chunk.cpp
#include "nodes/sound_file/sample_chunk.hpp"

#include <algorithm>
#include <array>
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
  // By how much the samples of an AIFF begin later than that, for writers that align them; 0 where all is well.
  std::uint64_t offset_of_samples(std::uint64_t body) const {
    return is_caf ? 0 : number_at(body, 4).value_or(0);
  }
  std::uint64_t next(std::uint64_t body, std::uint64_t size) const {
    return is_caf ? body + size : body + size + size % 2;
  }
  std::optional<std::pair<std::string, std::uint64_t>> chunk_at(std::uint64_t offset) const {
    std::string id(4, '\0');
    if (read_bytes_at(fd, id.data(), id.size(), offset) < id.size()) { return std::nullopt; }
    const auto size = number_at(offset + 4, size_bytes());
    if (!size) { return std::nullopt; }
    return std::pair{id, *size};
  }
  // Of `count` bytes at `offset`; none: the file ends before.
  std::optional<std::uint64_t> number_at(std::uint64_t offset, std::size_t count) const {
    std::string digits(count, '\0');
    if (read_bytes_at(fd, digits.data(), count, offset) < count) { return std::nullopt; }
    std::uint64_t value = 0;
    for (const char digit : digits) { value = value << 8U | static_cast<unsigned char>(digit); }
    return value;
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

// The number of frames in the COMM chunk at `body`: 0 where the one who wrote it did not know it yet (sox: so many that
// they would take about 2^31 bytes).
std::uint64_t promised_frames(const ChunkedFile& file, std::uint64_t body) {
  const auto channels = file.number_at(body, 2);
  const auto frames = file.number_at(body + 2, 4);
  const auto bits = file.number_at(body + 6, 2);
  if (!channels || !frames || !bits) { return 0; }
  const std::uint64_t bytes = *frames * *channels * ((*bits + 7) / 8);
  return file.bytes < 0x7F000000U && bytes >= 0x7E000000U ? 0 : *frames;
}

// `frames`: as promised_frames() says.
SampleChunk judged(const ChunkedFile& file, std::uint64_t offset, std::uint64_t size, std::uint64_t frames,
                   BeyondEnd beyond_end) {
  const std::uint64_t body = offset + 4 + file.size_bytes();
  const std::uint64_t available = file.bytes - body;
  const std::uint64_t offset_of_samples = file.offset_of_samples(body);
  const std::uint64_t before = file.before_samples() + offset_of_samples;
  const std::uint64_t samples = available - std::min(available, before);
  SampleChunk chunk;
  const bool is_unknown = file.is_unknown(body, size);
  if (offset_of_samples > 0 && before > (is_unknown ? available : size)) {
    chunk.loss = fmt::format(
        "the header says that the samples begin {} bytes within their chunk, which has {}: none are played",
        before, is_unknown ? available : size);
    return chunk;
  }
  if (is_unknown || size <= available) { chunk.frames = frames; }
  chunk.bytes = samples;
  if (is_unknown) {
    chunk.warning = fmt::format(
        "the header states no length (it was never finished): the {} bytes up to the end of the file are played",
        samples);
  } else if (size > available) {
    chunk.loss =
        fmt::format("the header promises {} bytes of samples but the file ends after {}: these are played",
                    size - std::min(size, before), samples);
  } else {
    const std::uint64_t end = file.next(body, size);
    const bool is_whole = end >= file.bytes || file.is_chunk(end);
    if (is_whole || beyond_end == BeyondEnd::leave_out) { chunk.bytes = size - std::min(size, before); }
    if (is_whole) { return chunk; }
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
  SampleChunk chunk;
  if (begin > file_bytes) {
    chunk.loss = fmt::format(
        "the header says that the samples begin at byte {}, but the file ends after {}: none are played",
        begin, file_bytes);
    return chunk;
  }
  const std::uint64_t available = file_bytes - begin;
  chunk.bytes = std::min(size, available);
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

// Creative Voice: a header that says its own length, then blocks of a type and a length of 24 bits. libsndfile takes
// the heads of all blocks behind the first for samples.
constexpr std::string_view kVoiceMark = "Creative Voi";  // and "ce File", 0x1A
constexpr std::uint64_t kVoiceHeaderLength = 20;         // where it is

SampleChunk samples_of_voice(int fd, std::uint64_t file_bytes) {
  std::array<unsigned char, 6> bytes{};
  const auto read = [&](std::size_t count, std::uint64_t offset) {
    return read_bytes_at(fd, bytes.data(), count, offset) == count;
  };
  SampleChunk chunk;
  chunk.count = 0;
  if (!read(2, kVoiceHeaderLength)) { return chunk; }
  std::uint64_t offset = bytes[0] + 256U * bytes[1];
  while (offset < file_bytes && read(4, offset)) {
    const unsigned type = bytes[0];
    if (type == 0) { break; }                                   // the end
    const bool is_sound = type == 1 || type == 2 || type == 9;  // sound, more of it, sound of the newer kind
    const std::uint64_t body = offset + 4;
    const std::uint64_t size = bytes[1] + 256U * bytes[2] + 65536U * bytes[3];
    offset = body + size;
    if (!is_sound || ++chunk.count > 1) { continue; }  // behind what sox says (8 bytes too few) is no block
    if (offset > file_bytes) {
      chunk.loss = fmt::format(
          "a block of {} bytes is promised but the file ends after {}: what can be decoded of it is played",
          size, file_bytes - body);
    } else if (type == 9 && size > 12 && read(6, body) && bytes[4] >= 8 && bytes[5] > 0) {
      chunk.frames = (size - 12) / (bytes[4] / 8U * bytes[5]);  // a rate, bits, channels, coding
    }
  }
  if (chunk.count == 0) { chunk.loss = "the file ends before its first block of sound"; }
  return chunk;
}

// IRCAM (BICSF): a header of 1024 bytes, then samples up to the end. Its mark: 0x64, 0xA3, a type, 0, in either order.
bool begins_as_ircam(std::string_view head) {
  const auto mark = [&](std::size_t first, std::size_t second) {
    return head[first] == '\x64' && head[second] == '\xA3';
  };
  return (mark(0, 1) && head[3] == '\0') || (mark(3, 2) && head[0] == '\0');
}

SampleChunk samples_of_ircam(std::uint64_t file_bytes) {
  constexpr std::uint64_t kHeaderBytes = 1024;
  SampleChunk chunk;
  if (file_bytes < kHeaderBytes) {
    chunk.loss =
        fmt::format("the file ends after {} of the {} bytes of its header", file_bytes, kHeaderBytes);
  } else {
    chunk.bytes = file_bytes - kHeaderBytes;
  }
  return chunk;
}

}  // namespace

std::optional<SampleChunk> find_sample_chunk(int fd, std::uint64_t file_bytes, BeyondEnd beyond_end) {
  std::string head(12, '\0');
  if (read_bytes_at(fd, head.data(), head.size(), 0) < head.size()) { return std::nullopt; }
  if (head.starts_with(".snd") || head.starts_with("dns.")) {
    return samples_of_au(fd, file_bytes, head.starts_with('.'));
  }
  if (head.starts_with(kVoiceMark)) { return samples_of_voice(fd, file_bytes); }
  if (begins_as_ircam(head)) { return samples_of_ircam(file_bytes); }
  const bool is_caf = head.starts_with("caff");
  const std::string_view form = std::string_view(head).substr(8);
  if (!is_caf && (!head.starts_with("FORM") || (form != "AIFF" && form != "AIFC"))) { return std::nullopt; }
  const ChunkedFile file{fd, file_bytes, is_caf};
  // The number of frames of an AIFF stands in a chunk of its own, in front of the samples or behind them.
  std::optional<std::uint64_t> frames;
  std::optional<std::pair<std::uint64_t, std::uint64_t>> samples;  // where their chunk begins, and its size
  std::uint64_t offset = file.first_chunk();
  for (int count = 0; count < kMostChunks && !(samples && (frames || is_caf)); ++count) {
    const auto chunk = file.chunk_at(offset);
    if (!chunk) { break; }
    const std::uint64_t body = offset + 4 + file.size_bytes();
    if (!is_caf && chunk->first == "COMM") { frames = promised_frames(file, body); }
    if (!samples && chunk->first == (is_caf ? "data" : "SSND")) { samples = {offset, chunk->second}; }
    if (chunk->second > file_bytes - body) { break; }
    offset = file.next(body, chunk->second);
  }
  if (!samples) { return std::nullopt; }
  return judged(file, samples->first, samples->second, frames.value_or(0), beyond_end);
}

}  // namespace streamlab
