// engine/process/framed_stream.hpp
//
// FramedWriter, FramedReader: blocks of samples as bytes that say what they are, for pipes between programs:
// a header in JSON, then frames with time, sequence id, samples and checksums. docs/framed-stream.md is the
// format, byte by byte.
//
// The reader believes nothing that a checksum does not confirm. After garbage, lost bytes or a late start it
// goes on with the next block that is whole, and counts what it left out.
//
// One thread at a time, each of them. They allocate; not for the real-time thread.
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

// Where the bins of a spectrum lie: bin k at start + k * step, in `unit`.
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

// Of one block. A bit of `flags` is what FrameFlag (engine/core/data_frame.hpp) says.
struct FramedBlock {
  std::uint64_t sequence_id = 0;
  std::int64_t position = 0;      // of the first frame in the stream
  std::int64_t timestamp_us = 0;  // of the first frame
  std::uint64_t gap_frames = 0;   // missing before this block
  std::uint32_t flags = 0;
  std::uint32_t frame_count = 0;
  std::span<const std::byte> samples = {};  // interleaved: frame by frame, in it channel by channel
};

inline constexpr std::size_t kMaxFramedJson = 1U << 20U;        // bytes
inline constexpr std::size_t kMaxFramedBlock = 64U << 20U;      // bytes of samples
inline constexpr std::size_t kFramedHeaderFixed = 20;           // bytes before the JSON
inline constexpr std::size_t kFramedBlockFixed = 56;            // bytes before the samples
inline constexpr std::size_t kFramedChecksum = 4;               // bytes behind JSON and samples
inline constexpr std::uint32_t kDefaultFramedHeaderEvery = 64;  // blocks

// "f64le", "f32le", "s16le", "s24le" (three bytes), "s32le"; the names that raw streams have, too.
std::string_view framed_name(SampleFormat format) noexcept;  // empty: not one of them
std::optional<SampleFormat> framed_format(std::string_view name) noexcept;
inline constexpr SampleFormat kFramedFormats[] = {SampleFormat::float64_le, SampleFormat::float32_le,
                                                  SampleFormat::s16_le, SampleFormat::s24_3le,
                                                  SampleFormat::s32_le};

// Refused: no channel, no rate, a block of more than kMaxFramedBlock, another format, more JSON than
// kMaxFramedJson.
Result<void> check(const FramedHeader& header);

class FramedWriter {
 public:
  // Refused as check() says. `header_every`: the header is written before the first block and then before
  // each block of that number, so that who comes late can begin; 0: before the first only.
  static Result<FramedWriter> create(const FramedHeader& header,
                                     std::uint32_t header_every = kDefaultFramedHeaderEvery);

  // Appends the block, behind a header when one is due. Refused, and nothing appended: more frames than
  // max_frames, or samples that are not frame_count x channels.
  Result<void> append(const FramedBlock& block, std::vector<std::byte>& bytes);
  // Appends a header now, so that the reader need not wait for the first block, which then has none of its
  // own.
  void append_header(std::vector<std::byte>& bytes);
  // As new: the next block has a header before it.
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
  bool header_is_last_ = false;  // of what was written
};

// Every byte that was fed is in one of: headers, blocks, unclaimed blocks, skipped bytes, or still held.
struct FramedCounts {
  std::uint64_t bytes = 0;          // fed
  std::uint64_t headers = 0;        // repetitions included
  std::uint64_t blocks = 0;         // given
  std::uint64_t skipped_bytes = 0;  // garbage, and what is left of damaged blocks
  std::uint64_t damaged = 0;        // blocks whose fixed part was right and whose samples were not
  std::uint64_t missed = 0;         // sequence ids between blocks that were given
  std::uint64_t unclaimed = 0;      // whole blocks, before the header that says what they are

  friend bool operator==(const FramedCounts&, const FramedCounts&) = default;
};

class FramedReader {
 public:
  enum class Item : std::uint8_t {
    nothing,  // more bytes are needed; after end(): that was all
    header,   // header() is another one than before
    block,    // block() is the next one
  };

  void feed(std::span<const std::byte> bytes);
  // No more bytes come: what is still held is looked through, though it may begin a longer block.
  void end() noexcept { ended_ = true; }

  // The next item of what was fed. Refused: a header with right checksums that this version cannot read; the
  // call after that goes on behind it, without a header.
  Result<Item> next();

  // Of the stream that the blocks belong to; none before the first Item::header.
  const std::optional<FramedHeader>& header() const { return header_; }
  // Of the last Item::block, until feed() or next().
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
  std::size_t begin_ = 0;  // of what was not looked at yet
  bool ended_ = false;
  std::optional<FramedHeader> header_;
  std::optional<Error> refusal_;
  std::uint32_t stream_ = 0;  // tag of header_
  std::size_t frame_bytes_ = 0;
  FramedBlock block_;
  std::optional<std::uint64_t> expected_;  // sequence id of the next block
  FramedCounts counts_;
};

}  // namespace streamlab
