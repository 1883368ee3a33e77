// engine/process/framed_stream.hpp
//
// FramedWriter, FramedReader: blocks of samples as a self-describing byte stream, for pipes between programs:
// a JSON header, then frames with time, sequence id, samples and checksums. docs/framed-stream.md defines the
// format byte by byte.
//
// The reader trusts only what a checksum confirms. After garbage, lost bytes or a late start it continues
// with the next complete block, and counts what it skipped.
//
// Each is for one thread at a time. They allocate: not for the real-time thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/base/sample_format.hpp"

namespace streamlab {

enum class FramedKind : std::uint8_t { audio, spectrum, values };

struct FramedChannel {
  std::string name;
  std::string unit;

  friend bool operator==(const FramedChannel&, const FramedChannel&) = default;
};

// The positions of the bins of a spectrum: bin k is at start + k * step, in `unit`.
struct FramedAxis {
  std::string quantity;
  std::string unit;
  double start = 0.0;
  double step = 0.0;

  friend bool operator==(const FramedAxis&, const FramedAxis&) = default;
};

struct FramedHeader {
  FramedKind kind = FramedKind::audio;
  SampleFormat format = SampleFormat::float64_le;  // one of kFramedFormats
  double sample_rate_hz = 0.0;                     // frames per second of the positions; above 0
  std::uint32_t max_frames = 0;                    // of the largest block; 1 or more
  std::vector<FramedChannel> channels = {};        // one or more
  std::optional<FramedAxis> axis = {};             // of spectra
  std::map<std::string, std::string> notes = {};

  friend bool operator==(const FramedHeader&, const FramedHeader&) = default;
};

// The header of one block; its numbers keep to kMaxPosition. The bits of `flags` are those of FrameFlag (engine/core/data_frame.hpp).
struct FramedBlock {
  std::uint64_t sequence_id = 0;
  std::int64_t position = 0;      // of the first frame in the stream
  std::int64_t timestamp_us = 0;  // of the first frame
  std::uint64_t gap_frames = 0;   // missing before this block
  std::uint32_t flags = 0;
  std::uint32_t frame_count = 0;
  std::span<const std::byte> samples = {};  // interleaved: frame by frame, within it channel by channel
};

inline constexpr std::size_t kMaxFramedJson = 1U << 20U;        // bytes
inline constexpr std::size_t kMaxFramedBlock = 64U << 20U;      // bytes of samples
inline constexpr std::size_t kFramedHeaderFixed = 20;           // bytes before the JSON
inline constexpr std::size_t kFramedBlockFixed = 56;            // bytes before the samples
inline constexpr std::size_t kFramedChecksum = 4;               // bytes after JSON and samples
inline constexpr std::uint32_t kDefaultFramedHeaderEvery = 64;  // blocks

// "f64le", "f32le", "s16le", "s24le" (three bytes), "s32le"; raw streams use the same names.
std::string_view framed_name(SampleFormat format) noexcept;  // empty: not one of them
std::optional<SampleFormat> framed_format(std::string_view name) noexcept;
inline constexpr SampleFormat kFramedFormats[] = {SampleFormat::float64_le, SampleFormat::float32_le,
                                                  SampleFormat::s16_le, SampleFormat::s24_3le,
                                                  SampleFormat::s32_le};

// Refused: no channel, no rate, a block larger than kMaxFramedBlock, an unsupported format, more JSON than
// kMaxFramedJson.
Result<void> check(const FramedHeader& header);

class FramedWriter {
 public:
  // Refused like check(). `header_every`: the header is written before the first block and then before every
  // n-th block, so that late readers can start; 0: only before the first.
  static Result<FramedWriter> create(const FramedHeader& header,
                                     std::uint32_t header_every = kDefaultFramedHeaderEvery);

  // Appends the block, preceded by a header when one is due. Refused, and nothing appended: more frames than
  // max_frames, or samples that are not frame_count x channels.
  Result<void> append(const FramedBlock& block, std::vector<std::byte>& bytes);
  // Appends a header now, so that the reader need not wait for the first block; that block then gets none.
  void append_header(std::vector<std::byte>& bytes);
  // Back to the initial state: the next block is preceded by a header.
  void reset() noexcept {
    blocks_ = 0;
    header_is_last_ = false;
  }

 private:
  FramedWriter(const FramedHeader& header, std::uint32_t header_every);

  std::size_t frame_bytes_ = 0;
  std::uint32_t max_frames_ = 0;
  std::uint32_t header_every_ = 0;
  std::uint32_t stream_ = 0;  // tag of the stream: checksum of its JSON
  std::string json_;
  std::uint64_t blocks_ = 0;
  bool header_is_last_ = false;  // the last thing written is a header
};

// Every byte that was fed is in one of: headers, blocks, unclaimed blocks, skipped bytes, or still held.
struct FramedCounts {
  std::uint64_t bytes = 0;          // fed
  std::uint64_t headers = 0;        // repetitions included
  std::uint64_t blocks = 0;         // given
  std::uint64_t skipped_bytes = 0;  // garbage, and the rest of damaged blocks
  std::uint64_t damaged = 0;        // blocks with a valid fixed part but damaged samples
  std::uint64_t missed = 0;         // missing sequence ids between returned blocks
  std::uint64_t unclaimed = 0;      // complete blocks before the first header
  std::uint64_t repeated = 0;       // given although their sequence id, or a later one, was there before

  friend bool operator==(const FramedCounts&, const FramedCounts&) = default;
};

class FramedReader {
 public:
  enum class Item : std::uint8_t {
    nothing,  // more bytes are needed; after end(): no more items
    header,   // header() has changed
    block,    // block() is the next one
  };

  void feed(std::span<const std::byte> bytes);
  // No more bytes will come: also searches the held bytes that might begin a longer block.
  void end() noexcept { ended_ = true; }

  // The next item in the bytes fed so far. Refused: a header with valid checksums that this version cannot
  // read; the next call continues after it, without a header.
  Result<Item> next();

  // The header of the stream; none before the first Item::header.
  const std::optional<FramedHeader>& header() const { return header_; }
  // The last Item::block, valid until feed() or next().
  const FramedBlock& block() const { return block_; }
  const FramedCounts& counts() const { return counts_; }
  std::size_t held_bytes() const { return held_.size() - begin_; }

 private:
  enum class Look : std::uint8_t { nothing, skipped, used, given };
  const std::byte* at(std::size_t offset) const { return held_.data() + begin_ + offset; }
  Look look_at_header();
  Look look_at_block();
  Look wait_or_skip();
  void skip(std::size_t bytes);
  bool find_candidate();

  std::vector<std::byte> held_;
  std::size_t begin_ = 0;  // of the bytes not yet examined
  bool ended_ = false;
  std::optional<FramedHeader> header_;
  std::optional<Error> refusal_;
  std::uint32_t stream_ = 0;  // tag of header_
  std::size_t frame_bytes_ = 0;
  FramedBlock block_;
  std::optional<std::uint64_t> expected_;  // sequence id of the next block: one above the last
  FramedCounts counts_;
};

}  // namespace streamlab
