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
}

void DataFrame::set_frame_count(std::uint32_t frame_count) noexcept {
  SL_ASSERT(frame_count <= max_frames_, "a block is larger than its format allows");
  frame_count_ = frame_count;
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
                   "as many samples in every channel");
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
  for (std::uint32_t c = 0; c < channel_count(); ++c) {
    if (!index || c != *index) { std::copy_n(channels_[c], count, grown.channels_[c]); }
  }
  std::copy(samples.begin(), samples.end(), grown.channels_[index.value_or(channel_count())]);
  *this = std::move(grown);
  return {};
}

void DataFrame::copy_from(const DataFrame& other) noexcept {
  SL_ASSERT(channel_count() == other.channel_count(), "a block is copied into one of another shape");
  header_ = other.header_;
  metadata_.copy_from(other.metadata_);
  set_frame_count(other.frame_count_);
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
      metadata_(other.metadata_) {
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
  other.channels_.clear();
  return *this;
}

void flag_bad_samples(DataFrame& frame) noexcept {
  bool clipped = false;
  bool finite = true;
  for (std::uint32_t c = 0; c < frame.channel_count(); ++c) {
    if (all_below_full_scale(frame.channel(c))) { continue; }
    double peak = 0.0;
    double poison = 0.0;  // x * 0 is 0, but NaN for infinities and NaN, and NaN stays
    for (const double x : frame.channel(c)) {
      peak = std::max(peak, std::abs(x));
      poison += x * 0.0;
    }
    clipped = clipped || peak >= 1.0;
    finite = finite && poison == 0.0;
  }
  if (clipped) { frame.header().set(FrameFlag::clipped); }
  if (!finite) { frame.header().set(FrameFlag::not_finite); }
}

}  // namespace streamlab
