// engine/core/data_frame.cpp
#include "engine/core/data_frame.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "engine/base/assert.hpp"
#include "engine/base/sample_format.hpp"

namespace streamlab {

bool Metadata::set(std::string_view key, double value) noexcept {
  if (key.size() > kMaxKeyLength) { return false; }
  for (Entry& entry : std::span(entries_.data(), count_)) {
    if (entry.name() == key) {
      entry.value = value;
      return true;
    }
  }
  if (count_ == kCapacity) { return false; }
  Entry& entry = entries_[count_++];
  entry.key.fill('\0');
  std::copy(key.begin(), key.end(), entry.key.begin());
  entry.value = value;
  return true;
}

std::optional<double> Metadata::get(std::string_view key) const noexcept {
  for (const Entry& entry : entries()) {
    if (entry.name() == key) { return entry.value; }
  }
  return std::nullopt;
}

void Metadata::copy_from(const Metadata& other) noexcept {
  std::copy_n(other.entries_.begin(), other.count_, entries_.begin());
  count_ = other.count_;
}

const std::shared_ptr<const StreamFormat>& DataFrame::no_channels() {
  static const auto kFormat = std::make_shared<const StreamFormat>();
  return kFormat;
}

DataFrame::DataFrame(std::int64_t timestamp_us, std::uint64_t sequence_id) {
  header_.timestamp_us = timestamp_us;
  header_.sequence_id = sequence_id;
}

DataFrame::DataFrame(std::shared_ptr<const StreamFormat> format)
    : max_frames_(format->max_frames), format_(std::move(format)) {
  allocate();
}

void DataFrame::allocate() {
  constexpr std::size_t kDoublesPerLine = kCacheLineBytes / sizeof(double);
  const std::size_t stride = (max_frames_ + kDoublesPerLine - 1) / kDoublesPerLine * kDoublesPerLine;
  const std::size_t count = format_->channels.size();
  samples_.assign(stride * count, 0.0);
  channels_.resize(count);
  for (std::size_t c = 0; c < count; ++c) { channels_[c] = samples_.data() + c * stride; }
  marks_.assign(format_->kind == StreamKind::audio ? max_frames_ : 0, 0);
}

void DataFrame::set_frame_count(std::uint32_t frame_count) noexcept {
  SL_ASSERT(frame_count <= max_frames_, "a block is larger than its format allows");
  if (flagged_ != 0) [[unlikely]] {
    if (frame_count > frame_count_) {
      std::fill(marks_.begin() + frame_count_, marks_.begin() + frame_count, std::uint8_t{0});
    } else {
      std::uint32_t left = 0;
      for (std::uint32_t n = 0; n < frame_count; ++n) { left |= marks_[n]; }
      header_.flags &= ~(flagged_ & ~left);
      flagged_ &= left;
    }
  }
  frame_count_ = frame_count;
}

void DataFrame::flag_frames(FrameFlag flag, std::uint32_t first, std::uint32_t count) noexcept {
  SL_ASSERT(first + count <= frame_count_, "flags are set for frames that the block does not have");
  if (count == 0) { return; }
  if (marks_.empty() || (flag_bit(flag) & kFlagsBefore) != 0) { return header_.set(flag); }
  const auto mark = static_cast<std::uint8_t>(flag_bit(flag));
  if (!header_.has(flag)) {
    header_.set(flag);
    flagged_ |= flag_bit(flag);
    for (std::uint32_t n = 0; n < frame_count_; ++n) { marks_[n] &= static_cast<std::uint8_t>(~mark); }
  }
  if ((flagged_ & flag_bit(flag)) == 0) { return; }  // every frame has it already
  for (std::uint32_t n = first; n < first + count; ++n) { marks_[n] |= mark; }
}

std::uint32_t DataFrame::flags_of(std::uint32_t first, std::uint32_t count) const noexcept {
  if (header_.flags == 0 || count == 0) { return 0; }
  if (marks_.empty()) { return header_.flags; }
  const std::uint32_t by_frame = flagged_ & header_.flags;
  std::uint32_t flags = header_.flags & ~by_frame;
  if (first > 0) { flags &= ~kFlagsBefore; }
  if (first + count < frame_count_) { flags &= ~flag_bit(FrameFlag::end_of_stream); }
  if (by_frame == 0) { return flags; }
  std::uint32_t marked = 0;
  for (std::uint32_t n = first; n < first + count; ++n) { marked |= marks_[n]; }
  return flags | (marked & by_frame);
}

std::optional<std::uint32_t> DataFrame::last_with(FrameFlag flag, std::uint32_t first,
                                                  std::uint32_t count) const noexcept {
  if (!header_.has(flag) || count == 0) { return std::nullopt; }
  if ((flagged_ & flag_bit(flag)) == 0) {
    if ((flags_of(first, count) & flag_bit(flag)) == 0) { return std::nullopt; }
    return (flag_bit(flag) & kFlagsBefore) != 0 ? 0 : first + count - 1;
  }
  for (std::uint32_t n = first + count; n > first; --n) {
    if ((marks_[n - 1] & flag_bit(flag)) != 0) { return n - 1; }
  }
  return std::nullopt;
}

void DataFrame::add_flags(const DataFrame& other, std::uint32_t from, std::uint32_t count,
                          std::uint32_t to) noexcept {
  const std::uint32_t flags = other.flags_of(from, count) & ~flag_bit(FrameFlag::gap);
  if (flags == 0) { return; }
  for (const FrameFlag flag : {FrameFlag::clipped, FrameFlag::not_finite, FrameFlag::incomplete}) {
    if ((flags & flag_bit(flag)) == 0) { continue; }
    if ((other.flagged_ & flag_bit(flag)) == 0) {
      flag_frames(flag, to, count);
      continue;
    }
    for (std::uint32_t n = 0; n < count; ++n) {
      if ((other.marks_[from + n] & flag_bit(flag)) != 0) { flag_frames(flag, to + n, 1); }
    }
  }
  header_.flags |= flags & (flag_bit(FrameFlag::xrun) | flag_bit(FrameFlag::end_of_stream));
}

void DataFrame::move_flags_up(std::uint32_t count) noexcept {
  SL_ASSERT(count <= frame_count_, "more frames are removed than there are");
  if (flagged_ != 0) { std::copy(marks_.begin() + count, marks_.begin() + frame_count_, marks_.begin()); }
  set_frame_count(frame_count_ - count);
}

void DataFrame::copy_marks(const DataFrame& other) noexcept {
  flagged_ = marks_.empty() ? 0 : other.flagged_;
  if (flagged_ == 0) { return; }
  std::copy_n(other.marks_.begin(), std::min(frame_count_, other.frame_count_), marks_.begin());
}

void DataFrame::take_header(const DataFrame& other) noexcept {
  flagged_ = 0;
  set_frame_count(std::min(other.frame_count_, max_frames_));
  header_ = other.header_;
  metadata_.copy_from(other.metadata_);
  copy_marks(other);
}

std::optional<std::uint32_t> DataFrame::find(std::string_view name) const noexcept {
  for (std::uint32_t c = 0; c < channel_count(); ++c) {
    if (format_->channels[c].name == name) { return c; }
  }
  return std::nullopt;
}

std::span<double> DataFrame::channel(std::string_view name) noexcept {
  const auto index = find(name);
  return index ? channel(*index) : std::span<double>{};
}

std::span<const double> DataFrame::channel(std::string_view name) const noexcept {
  const auto index = find(name);
  return index ? channel(*index) : std::span<const double>{};
}

bool DataFrame::has_channel(std::string_view name) const noexcept { return find(name).has_value(); }

Result<void> DataFrame::set_channel(std::string_view name, std::span<const double> samples) {
  const auto index = find(name);
  const bool only_one = channels_.empty() || (channels_.size() == 1 && index);
  const auto count = static_cast<std::uint32_t>(samples.size());
  if (!only_one && count != frame_count_) {
    return refused(std::string(name), fmt::format("{} samples in a frame of {}", count, frame_count_),
                   "the same number of samples in every channel");
  }
  DataFrame grown;
  StreamFormat format = *format_;
  if (!index) { format.channels.push_back({std::string(name), "FS"}); }
  format.max_frames = only_one ? count : max_frames_;
  grown.format_ = std::make_shared<const StreamFormat>(std::move(format));
  grown.max_frames_ = grown.format_->max_frames;
  grown.allocate();
  grown.header_ = header_;
  grown.metadata_.copy_from(metadata_);
  grown.frame_count_ = count;
  if (count == frame_count_) { grown.copy_marks(*this); }
  for (std::uint32_t c = 0; c < channel_count(); ++c) {
    if (!index || c != *index) { std::copy_n(channels_[c], count, grown.channels_[c]); }
  }
  std::copy(samples.begin(), samples.end(), grown.channels_[index.value_or(channel_count())]);
  *this = std::move(grown);
  return {};
}

void DataFrame::copy_from(const DataFrame& other) noexcept {
  SL_ASSERT(channel_count() == other.channel_count(), "a block is copied into one of another shape");
  SL_ASSERT(other.frame_count_ <= max_frames_, "a block is larger than its format allows");
  take_header(other);
  for (std::uint32_t c = 0; c < channel_count(); ++c) {
    std::copy_n(other.channels_[c], frame_count_, channels_[c]);
  }
}

DataFrame::DataFrame(const DataFrame& other)
    : header_(other.header_),
      frame_count_(other.frame_count_),
      max_frames_(other.max_frames_),
      format_(other.format_),
      metadata_(other.metadata_) {
  allocate();
  copy_marks(other);
  samples_ = other.samples_;
  const auto* base = other.samples_.data();
  for (std::size_t c = 0; c < channels_.size(); ++c) {
    channels_[c] = samples_.data() + (other.channels_[c] - base);
  }
}

DataFrame& DataFrame::operator=(const DataFrame& other) {
  if (this != &other) { *this = DataFrame(other); }
  return *this;
}

DataFrame::DataFrame(DataFrame&& other) noexcept
    : header_(other.header_),
      frame_count_(std::exchange(other.frame_count_, 0)),
      max_frames_(std::exchange(other.max_frames_, 0)),
      channels_(std::move(other.channels_)),
      samples_(std::move(other.samples_)),
      format_(other.format_),
      metadata_(other.metadata_),
      flagged_(other.flagged_),
      marks_(std::move(other.marks_)) {
  other.channels_.clear();
}

DataFrame& DataFrame::operator=(DataFrame&& other) noexcept {
  if (this == &other) { return *this; }
  header_ = other.header_;
  frame_count_ = std::exchange(other.frame_count_, 0);
  max_frames_ = std::exchange(other.max_frames_, 0);
  channels_ = std::move(other.channels_);
  samples_ = std::move(other.samples_);
  format_ = other.format_;
  metadata_.copy_from(other.metadata_);
  flagged_ = other.flagged_;
  marks_ = std::move(other.marks_);
  other.channels_.clear();
  return *this;
}

void flag_bad_samples(DataFrame& frame) noexcept {
  for (std::uint32_t c = 0; c < frame.channel_count(); ++c) {
    const auto samples = std::as_const(frame).channel(c);
    const ChannelInfo& info = frame.format().channels[c];
    const bool clips = info.unit == "FS";
    const double limit = clips ? info.clip_level : 1.0;
    if (all_below(limit, samples)) { continue; }
    for (std::uint32_t n = 0; n < samples.size(); ++n) {
      if (std::abs(samples[n]) < limit) { continue; }  // false for NaN
      if (clips && !std::isnan(samples[n])) { frame.flag_frames(FrameFlag::clipped, n, 1); }
      if (!std::isfinite(samples[n])) { frame.flag_frames(FrameFlag::not_finite, n, 1); }
    }
  }
}

Result<void> check_place(const FrameHeader& header) {
  const auto is_place = [](std::int64_t value) { return value >= -kMaxPosition && value <= kMaxPosition; };
  constexpr const char* kRange = "-2^62 to 2^62";
  if (!is_place(header.position)) {
    return refused("frame", fmt::format("the position {}", header.position), kRange);
  }
  if (!is_place(header.timestamp_us)) {
    return refused("frame", fmt::format("the time {} µs", header.timestamp_us), kRange);
  }
  if (header.gap_frames > kMaxPosition) {
    return refused("frame", fmt::format("a gap of {} frames", header.gap_frames), "at most 2^62");
  }
  return {};
}

Result<void> check_channels(const DataFrame& frame, const StreamFormat& expected) {
  const auto& given = frame.format().channels;
  const auto has_name_of = [](const ChannelInfo& a, const ChannelInfo& b) { return a.name == b.name; };
  if (std::equal(given.begin(), given.end(), expected.channels.begin(), expected.channels.end(),
                 has_name_of)) {
    return {};
  }
  const auto names = [](const std::vector<ChannelInfo>& channels) {
    std::string text;
    for (const ChannelInfo& channel : channels) {
      text += fmt::format("{}\"{}\"", text.empty() ? "" : ", ", channel.name);
    }
    return text;
  };
  if (given.size() != expected.channels.size()) {
    return refused("frame", fmt::format("a frame of {} channels", given.size()),
                   fmt::format("{}: {}", expected.channels.size(), names(expected.channels)));
  }
  return refused("frame", fmt::format("a frame of the channels {}", names(given)),
                 fmt::format("{}, in this order", names(expected.channels)));
}

}  // namespace streamlab
