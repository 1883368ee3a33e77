// nodes/process/wave_stream.cpp
#include "nodes/process/wave_stream.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace streamlab {
namespace {

constexpr std::uint64_t kMaxFormatBytes = 4096;  // of a format or ds64 chunk
constexpr std::uint16_t kTagPcm = 1;
constexpr std::uint16_t kTagFloat = 3;
constexpr std::uint16_t kTagExtensible = 0xFFFE;
constexpr std::uint16_t kMostChannels = 1024;
constexpr std::string_view kReadable = "PCM of 16, 24 or 32 bits, or floats of 32 or 64";

std::optional<SampleFormat> sample_format(std::uint16_t tag, std::uint16_t bits) {
  if (tag == kTagFloat && bits == 32) { return SampleFormat::float32_le; }
  if (tag == kTagFloat && bits == 64) { return SampleFormat::float64_le; }
  if (tag == kTagPcm && bits == 16) { return SampleFormat::s16_le; }
  if (tag == kTagPcm && bits == 24) { return SampleFormat::s24_3le; }
  if (tag == kTagPcm && bits == 32) { return SampleFormat::s32_le; }
  return std::nullopt;
}

}  // namespace

template <class T>
T WaveStreamHeader::number_at(std::size_t offset) const {
  T value;
  std::memcpy(&value, part_.data() + offset, sizeof value);
  return value;
}

std::size_t WaveStreamHeader::wanted() const {
  switch (state_) {
    case State::riff:
      return 12;
    case State::chunk:
      return 8;
    default:
      return static_cast<std::size_t>(part_bytes_);
  }
}

Result<std::size_t> WaveStreamHeader::take(std::span<const std::byte> bytes) {
  std::size_t taken = 0;
  while (!is_complete_) {
    const std::span<const std::byte> left = bytes.subspan(taken);
    if (state_ == State::skip) {
      const std::uint64_t skipped = std::min<std::uint64_t>(left.size(), part_bytes_);
      taken += static_cast<std::size_t>(skipped);
      position_ += skipped;
      part_bytes_ -= skipped;
      if (part_bytes_ > 0) { break; }
      state_ = State::chunk;
      continue;
    }
    const std::size_t more = std::min(left.size(), wanted() - part_.size());
    part_.insert(part_.end(), left.begin(), left.begin() + static_cast<std::ptrdiff_t>(more));
    taken += more;
    position_ += more;
    if (part_.size() < wanted()) { break; }
    if (auto fine = take_part(); !fine) { return tl::unexpected(fine.error()); }
    part_.clear();
  }
  return taken;
}

Result<void> WaveStreamHeader::take_part() {
  switch (state_) {
    case State::riff:
      return take_riff();
    case State::chunk:
      return take_chunk();
    case State::format:
      state_ = State::chunk;
      return take_format();
    case State::ds64:
      state_ = State::chunk;
      ds64_bytes_ = number_at<std::uint64_t>(8);
      return {};
    case State::skip:
      break;
  }
  return {};
}

Result<void> WaveStreamHeader::take_riff() {
  const auto is = [&](std::string_view letters, std::size_t offset) {
    return std::memcmp(part_.data() + offset, letters.data(), letters.size()) == 0;
  };
  is_rf64_ = is("RF64", 0) || is("BW64", 0);
  if ((!is_rf64_ && !is("RIFF", 0)) || !is("WAVE", 8)) {
    return refused("", "does not start like a WAV", "\"RIFF\" or \"RF64\", and \"WAVE\"");
  }
  riff_bytes_ = number_at<std::uint32_t>(4);
  state_ = State::chunk;
  return {};
}

Result<void> WaveStreamHeader::take_chunk() {
  const std::string id(reinterpret_cast<const char*>(part_.data()), 4);
  const std::uint64_t size = number_at<std::uint32_t>(4);
  part_bytes_ = size + size % 2;
  if (id == "data") {
    if (!has_format_) { return refused("", "has samples before their format", "a chunk \"fmt \" first"); }
    const std::uint64_t bytes = is_rf64_ && size == 0xFFFFFFFFU ? ds64_bytes_.value_or(0) : size;
    // An empty recording with tags behind it: where the file says that it goes on behind the samples, it is finished.
    const bool is_empty =
        bytes == 0 && !is_rf64_ && !is_unknown_wave_length(riff_bytes_) && riff_bytes_ + 8 > position_;
    if (is_empty || (bytes > 0xFFFFFFFFU && bytes < (1ULL << 62U))) {
      data_bytes_ = bytes;
    } else if (!is_unknown_wave_length(std::min<std::uint64_t>(bytes, 0xFFFFFFFFU))) {
      data_bytes_ = bytes;
    }
    is_complete_ = true;
    return {};
  }
  state_ = id == "fmt " ? State::format : id == "ds64" ? State::ds64 : State::skip;
  if (state_ == State::skip) { return {}; }
  const std::uint64_t least = state_ == State::format ? 16 : 24;
  if (size < least || size > kMaxFormatBytes) {
    return refused("", fmt::format("has a chunk \"{}\" of {} bytes", id, size),
                   fmt::format("{} .. {}", least, kMaxFormatBytes));
  }
  return {};
}

Result<void> WaveStreamHeader::take_format() {
  auto tag = number_at<std::uint16_t>(0);
  const auto channels = number_at<std::uint16_t>(2);
  const auto frame_bytes = number_at<std::uint16_t>(12);
  const auto bits = number_at<std::uint16_t>(14);
  if (tag == kTagExtensible && part_.size() >= 26) { tag = number_at<std::uint16_t>(24); }
  const auto format = sample_format(tag, bits);
  if (!format) {
    return refused("", fmt::format("has samples of {} bits, format {}", bits, tag), std::string(kReadable),
                   "with sox: -e signed-integer -b 16 -t wav");
  }
  shape_ = {SoundContainer::wav, *format, number_at<std::uint32_t>(4), channels};
  if (channels == 0 || channels > kMostChannels) {
    return refused("", fmt::format("has {} channels", channels), fmt::format("1 .. {}", kMostChannels));
  }
  if (shape_.sample_rate_hz == 0 || shape_.sample_rate_hz > kMaxSampleRateHz) {
    return refused("", fmt::format("says {} Hz", shape_.sample_rate_hz),
                   fmt::format("1 .. {} Hz", kMaxSampleRateHz));
  }
  if (frame_bytes != channels * bytes_per_sample(*format)) {
    return refused(
        "", fmt::format("has frames of {} bytes", frame_bytes),
        fmt::format("{}, for {} samples of {} bits", channels * bytes_per_sample(*format), channels, bits));
  }
  has_format_ = true;
  return {};
}

void WaveStreamTail::begin(std::uint64_t position, std::uint64_t padding) {
  position_ = position;
  padding_ = padding;
}

void WaveStreamTail::take(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    std::uint64_t count = bytes.size();
    if (body_ > 0) {
      count = std::min(count, body_);
      body_ -= count;
      if (body_ == 0) { ++chunks_; }
    } else if (padding_ > 0 && !is_broken_) {
      count = std::exchange(padding_, 0);
      if (chunks_ == 0) { bytes_ -= count; }
    } else if (!is_broken_) {
      count = 1;
      head_ += static_cast<char>(bytes.front());
      if (head_.size() == 8) { take_head(); }
    }
    bytes_ += count;
    position_ += count;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

// `position_` is that of the last byte of the head.
void WaveStreamTail::take_head() {
  constexpr std::array<std::string_view, 5> kSamples{"data", "RIFF", "RF64", "BW64", "riff"};
  const std::string_view id = std::string_view(head_).substr(0, 4);
  is_broken_ = !std::all_of(id.begin(), id.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (std::find(kSamples.begin(), kSamples.end(), id) != kSamples.end() && !other_samples_) {
    other_samples_ = position_ - 7;
  }
  std::uint32_t size = 0;
  std::memcpy(&size, head_.data() + 4, sizeof size);
  head_.clear();
  if (is_broken_) { return; }
  body_ = size;
  padding_ = size % 2;
  if (size == 0) { ++chunks_; }
}

bool WaveStreamTail::is_no_chunk(bool has_ended) const {
  return bytes_ > 0 && chunks_ == 0 && (is_broken_ || has_ended);
}

}  // namespace streamlab
