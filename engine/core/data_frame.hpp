// engine/core/data_frame.hpp
//
// DataFrame: a block of a stream. Named channels of float64 samples, a header that says which part of the
// stream they are, and a little metadata.
//
// Frames inside a running graph get their storage once, from a StreamFormat, and are refilled block after
// block: everything marked "real-time safe" below neither allocates nor fails there. Frames that a user
// builds by hand with set_channel() grow as needed, on the user's thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/aligned_buffer.hpp"
#include "engine/base/error.hpp"
#include "engine/core/stream_format.hpp"

namespace streamlab {

enum class FrameFlag : std::uint32_t {
  gap = 1U << 0U,            // gap_frames frames are missing just before this block
  xrun = 1U << 1U,           // the device reported an xrun just before this block
  clipped = 1U << 2U,        // a sample at or beyond full scale came in (ChannelInfo::clip_level)
  not_finite = 1U << 3U,     // NaN or infinity came in
  end_of_stream = 1U << 4U,  // the last block of the stream
  incomplete = 1U << 5U,     // the result covers less than it should (a gap inside, the stream's end)
};
constexpr std::uint32_t flag_bit(FrameFlag flag) { return static_cast<std::uint32_t>(flag); }
// Flags about what precedes the first frame of a block, and flags about its frames.
inline constexpr std::uint32_t kFlagsBefore = flag_bit(FrameFlag::gap) | flag_bit(FrameFlag::xrun);
inline constexpr std::uint32_t kFlagsOfFrames =
    flag_bit(FrameFlag::clipped) | flag_bit(FrameFlag::not_finite) | flag_bit(FrameFlag::incomplete);

struct FrameHeader {
  // Of the first sample: µs since the Unix epoch; offline, since the stream's start.
  std::int64_t timestamp_us = 0;
  std::uint64_t sequence_id = 0;  // number of the block
  std::int64_t position = 0;      // index of the first sample in the stream
  std::uint64_t gap_frames = 0;   // frames missing before this block; 0 unless flag `gap` is set
  std::uint32_t flags = 0;        // FrameFlag bits
  // Values and spectra: how many frames of the stream, from `position` on, the result covers, missing ones
  // included; 0: not known. Audio: 0, the frame count says it.
  std::uint64_t length_frames = 0;

  bool has(FrameFlag flag) const noexcept { return (flags & flag_bit(flag)) != 0; }
  void set(FrameFlag flag) noexcept { flags |= flag_bit(flag); }
  void clear(FrameFlag flag) noexcept { flags &= ~flag_bit(flag); }
  friend bool operator==(const FrameHeader&, const FrameHeader&) = default;
};

// Up to 16 named numbers that travel with one block. Real-time safe.
class Metadata {
 public:
  static constexpr std::size_t kCapacity = 16;
  static constexpr std::size_t kMaxKeyLength = 31;

  struct Entry {
    std::array<char, kMaxKeyLength + 1> key{};
    double value = 0.0;
    std::string_view name() const noexcept { return key.data(); }
  };

  // Adds or replaces. False, and nothing changed, if the key is longer than kMaxKeyLength or all entries are
  // used.
  bool set(std::string_view key, double value) noexcept;
  std::optional<double> get(std::string_view key) const noexcept;
  std::span<const Entry> entries() const noexcept { return {entries_.data(), count_}; }
  void clear() noexcept { count_ = 0; }
  void copy_from(const Metadata& other) noexcept;

 private:
  std::array<Entry, kCapacity> entries_{};
  std::size_t count_ = 0;
};

class DataFrame {
 public:
  DataFrame() = default;
  // An empty frame, to fill with set_channel() or to trigger a graph that has its own source.
  DataFrame(std::int64_t timestamp_us, std::uint64_t sequence_id);
  // A frame with storage for blocks of up to format->max_frames, zeroed; frame_count() is 0.
  explicit DataFrame(std::shared_ptr<const StreamFormat> format);

  // --- header. Real-time safe.
  const FrameHeader& header() const noexcept { return header_; }
  FrameHeader& header() noexcept { return header_; }
  std::int64_t timestamp_us() const noexcept { return header_.timestamp_us; }
  std::uint64_t sequence_id() const noexcept { return header_.sequence_id; }
  std::int64_t position() const noexcept { return header_.position; }
  const Metadata& metadata() const noexcept { return metadata_; }
  Metadata& metadata() noexcept { return metadata_; }

  // The header of another block; its flags hold for every frame of this one. Real-time safe.
  void set_header(const FrameHeader& header) noexcept {
    header_ = header;
    flagged_ = 0;
  }
  // Copies header, metadata and flags of `other`, and its frame count as far as there is room; no samples.
  // Real-time safe.
  void take_header(const DataFrame& other) noexcept;

  // --- which frames of an audio block a flag applies to. Real-time safe.
  //
  // A flag in the header applies to the whole block: gap and xrun come before its first frame, end_of_stream
  // is at its last, the others hold for every frame. flag_frames() is more exact: the flag then holds for
  // those frames only, and the header says that there are some.
  void flag_frames(FrameFlag flag, std::uint32_t first, std::uint32_t count) noexcept;
  // Flags of `count` frames from `first` on, combined; for spectra and values those of the block.
  std::uint32_t flags_of(std::uint32_t first, std::uint32_t count) const noexcept;
  // The last of these frames that has the flag.
  std::optional<std::uint32_t> last_with(FrameFlag flag, std::uint32_t first,
                                         std::uint32_t count) const noexcept;
  // Adds the flags of `count` frames of `other`, from its frame `from` on, to the frames from `to` on. Except
  // gap: it has a length, which the caller has to handle.
  void add_flags(const DataFrame& other, std::uint32_t from, std::uint32_t count,
                 std::uint32_t to = 0) noexcept;
  // Removes the first `count` frames with their flags; the caller moves the samples.
  void move_flags_up(std::uint32_t count) noexcept;
  // For serialisation: which flags were set by flag_frames(), and a byte of FrameFlag bits for every frame;
  // empty when there are none. set_flagged() returns the bytes to fill; call it after the frame count is set.
  std::uint32_t flagged() const noexcept { return flagged_; }
  std::span<const std::uint8_t> marks() const noexcept {
    return {marks_.data(), flagged_ == 0 ? 0 : frame_count_};
  }
  std::span<std::uint8_t> set_flagged(std::uint32_t flags) noexcept {
    flagged_ = marks_.empty() ? 0 : flags & kFlagsOfFrames;
    return {marks_.data(), flagged_ == 0 ? 0 : frame_count_};
  }

  // --- samples. Real-time safe.
  std::uint32_t channel_count() const noexcept { return static_cast<std::uint32_t>(channels_.size()); }
  std::uint32_t frame_count() const noexcept { return frame_count_; }
  std::uint32_t max_frames() const noexcept { return max_frames_; }
  // `frame_count` must not be above max_frames(). Flags of frames that are cut off go with them.
  void set_frame_count(std::uint32_t frame_count) noexcept;
  // By number, or by name; empty when there is no such channel (channel_count() and has_channel() tell that from a
  // channel of no samples).
  std::span<double> channel(std::uint32_t index) noexcept {
    if (index >= channels_.size()) [[unlikely]] { return {}; }
    return {channels_[index], frame_count_};
  }
  std::span<const double> channel(std::uint32_t index) const noexcept {
    if (index >= channels_.size()) [[unlikely]] { return {}; }
    return {channels_[index], frame_count_};
  }
  // Where channel `index` begins; room for max_frames() doubles, on a cache line.
  double* channel_data(std::uint32_t index) noexcept { return channels_[index]; }
  const double* channel_data(std::uint32_t index) const noexcept { return channels_[index]; }
  // One pointer per channel.
  std::span<double* const> channel_pointers() noexcept { return channels_; }
  std::span<const double* const> channel_pointers() const noexcept {
    return {channels_.data(), channels_.size()};
  }

  std::span<double> channel(std::string_view name) noexcept;
  std::span<const double> channel(std::string_view name) const noexcept;
  bool has_channel(std::string_view name) const noexcept;

  // The format; never null.
  const StreamFormat& format() const noexcept { return *format_; }
  std::shared_ptr<const StreamFormat> shared_format() const { return format_; }

  // --- for edges: the number of this block among all that were offered to its edge; a missing number shows
  // where blocks were dropped. Not copied with the block. Real-time safe.
  std::uint64_t edge_number() const noexcept { return edge_number_; }
  void set_edge_number(std::uint64_t number) noexcept { edge_number_ = number; }

  // --- building by hand. Allocates; not for real-time code.
  // Adds channel `name`, or replaces its samples. Refused when other channels differ in length.
  Result<void> set_channel(std::string_view name, std::span<const double> samples);
  Result<void> set_channel(std::string_view name, std::initializer_list<double> samples) {
    return set_channel(name, std::span<const double>(samples.begin(), samples.size()));
  }

  // Copies header, metadata and samples of `other`, which must have as many channels and at most max_frames()
  // frames. Keeps its own storage and format. Real-time safe.
  void copy_from(const DataFrame& other) noexcept;

  DataFrame(const DataFrame& other);
  DataFrame& operator=(const DataFrame& other);
  DataFrame(DataFrame&& other) noexcept;
  DataFrame& operator=(DataFrame&& other) noexcept;
  ~DataFrame() = default;

 private:
  static const std::shared_ptr<const StreamFormat>& no_channels();
  void allocate();
  std::optional<std::uint32_t> find(std::string_view name) const noexcept;
  void copy_marks(const DataFrame& other) noexcept;

  FrameHeader header_;
  std::uint32_t frame_count_ = 0;
  std::uint32_t max_frames_ = 0;
  std::vector<double*> channels_;  // into samples_
  AlignedVector<double> samples_;  // channel after channel, each beginning on a cache line
  std::shared_ptr<const StreamFormat> format_ = no_channels();
  Metadata metadata_;
  // Those of the header's flags that hold for marked frames only; and the marks: FrameFlag bits per frame.
  // Other bits of a mark are leftovers of earlier blocks. Audio only.
  std::uint32_t flagged_ = 0;
  std::vector<std::uint8_t> marks_;
  std::uint64_t edge_number_ = 0;
};

// Do position, time and gap of a block that the caller made keep to kMaxPosition? Refused, if not. A block that is right
// allocates nothing; so with the next one.
Result<void> check_place(const FrameHeader& header);
// Has `frame` the channels that `expected` has, of the same names in the same order? Refused, with what was expected.
Result<void> check_channels(const DataFrame& frame, const StreamFormat& expected);

// In a block of audio: flags frames with a sample at or beyond its channel's clip level as `clipped`
// (channels in FS only), and frames with NaN or infinity as `not_finite`. Real-time safe.
void flag_bad_samples(DataFrame& frame) noexcept;

}  // namespace streamlab
