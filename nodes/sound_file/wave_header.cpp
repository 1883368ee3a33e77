// nodes/sound_file/wave_header.cpp
#include "nodes/sound_file/wave_header.hpp"

#include <algorithm>
#include <initializer_list>

namespace streamlab {
namespace {

constexpr std::uint32_t kSeeDs64 = 0xFFFFFFFFU;
constexpr std::uint16_t kTagPcm = 1;
constexpr std::uint16_t kTagFloat = 3;
constexpr std::uint16_t kTagExtensible = 0xFFFE;
// Tail of the GUIDs that stand for a format tag: KSDATAFORMAT_SUBTYPE_PCM and _IEEE_FLOAT, less their first 2
// bytes.
constexpr std::uint8_t kSubFormatTail[] = {0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x80,
                                           0x00, 0x00, 0xAA, 0x00, 0x38, 0x9B, 0x71};
constexpr std::uint8_t kRiffGuidTail[] = {0x2E, 0x91, 0xCF, 0x11, 0xA5, 0xD6,
                                          0x28, 0xDB, 0x04, 0xC1, 0x00, 0x00};
constexpr std::uint8_t kW64GuidTail[] = {0xF3, 0xAC, 0xD3, 0x11, 0x8C, 0xD1,
                                         0x00, 0xC0, 0x4F, 0x8E, 0xDB, 0x8A};

class Bytes {
 public:
  void id(std::string_view letters) {
    for (const char c : letters) { bytes_.push_back(static_cast<std::byte>(c)); }
  }
  template <std::size_t kCount>
  void raw(const std::uint8_t (&values)[kCount]) {
    for (const std::uint8_t value : values) { bytes_.push_back(std::byte{value}); }
  }
  void u16(std::uint64_t value) { little_endian(value, 2); }
  void u32(std::uint64_t value) { little_endian(value, 4); }
  void u64(std::uint64_t value) { little_endian(value, 8); }
  std::size_t size() const { return bytes_.size(); }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  void little_endian(std::uint64_t value, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) { bytes_.push_back(static_cast<std::byte>(value >> (8 * i))); }
  }
  std::vector<std::byte> bytes_;
};

// Readers take two channels as left and right; for more, only the extensible format can say that the channels
// have no places in a room (mask 0). Readers of W64 do not know it for every kind of sample.
bool extensible(const WaveShape& shape) {
  return shape.channels > 2 && shape.container != SoundContainer::w64;
}
std::uint16_t format_tag(const WaveShape& shape) { return is_float(shape.format) ? kTagFloat : kTagPcm; }
std::uint64_t frame_bytes(const WaveShape& shape) { return shape.channels * bytes_per_sample(shape.format); }
std::uint64_t format_bytes(const WaveShape& shape) {
  return extensible(shape) ? 40 : format_tag(shape) == kTagFloat ? 18 : 16;
}

void put_format(Bytes& out, const WaveShape& shape) {
  const std::uint64_t bits = 8 * bytes_per_sample(shape.format);
  out.u16(extensible(shape) ? kTagExtensible : format_tag(shape));
  out.u16(shape.channels);
  out.u32(shape.sample_rate_hz);
  // Bytes a second do not fit into 32 bits for the widest streams; readers take rate and frame size.
  out.u32(std::min<std::uint64_t>(shape.sample_rate_hz * frame_bytes(shape), kSeeDs64));
  out.u16(frame_bytes(shape));
  out.u16(bits);
  if (format_bytes(shape) == 16) { return; }
  out.u16(format_bytes(shape) - 18);
  if (!extensible(shape)) { return; }
  out.u16(bits);
  out.u32(0);
  out.u16(format_tag(shape));
  out.raw(kSubFormatTail);
}

bool has_fact(const WaveShape& shape) { return format_tag(shape) != kTagPcm || extensible(shape); }

// What begins as RIFF does: format, fact where it is due, a filler of `filler_bytes` unless that is 0, and the head
// of the samples.
void put_riff_chunks(Bytes& out, const WaveShape& shape, std::uint64_t frames, std::uint64_t data_bytes,
                     std::uint64_t filler_bytes) {
  out.id("fmt ");
  out.u32(format_bytes(shape));
  put_format(out, shape);
  if (has_fact(shape)) {
    out.id("fact");
    out.u32(4);
    out.u32(frames);
  }
  if (filler_bytes > 0) {
    out.id("JUNK");
    out.u32(filler_bytes - 8);
    for (std::uint64_t n = 8; n < filler_bytes; ++n) { out.id(std::string_view("\0", 1)); }
  }
  out.id("data");
  out.u32(data_bytes);
}

// Bytes of a chunk that makes `header_bytes` a multiple of 16: frames of 2, 4, 8 or 16 bytes then end where pages of
// the file do, and are written faster.
std::uint64_t filler_bytes_for(std::uint64_t header_bytes) {
  const std::uint64_t wanted = (16 - header_bytes % 16) % 16;
  return wanted == 0 || wanted >= 8 ? wanted : wanted + 16;
}

std::vector<std::byte> riff_header(const WaveShape& shape, std::uint64_t frames, std::uint64_t riff_limit) {
  constexpr std::uint64_t kDs64Bytes = 28;
  const std::uint64_t needed_bytes =
      12 + 8 + kDs64Bytes + 8 + format_bytes(shape) + (has_fact(shape) ? 12 : 0) + 8;
  const std::uint64_t filler_bytes = filler_bytes_for(needed_bytes);
  const std::uint64_t header_bytes = needed_bytes + filler_bytes;
  const std::uint64_t data_bytes = frames * frame_bytes(shape);
  const std::uint64_t riff_bytes = header_bytes - 8 + data_bytes + data_bytes % 2;
  const bool rf64 = shape.container == SoundContainer::rf64 || riff_bytes > riff_limit;

  Bytes out;
  out.id(rf64 ? "RF64" : "RIFF");
  out.u32(rf64 ? kSeeDs64 : riff_bytes);
  out.id("WAVE");
  out.id(rf64 ? "ds64" : "JUNK");
  out.u32(kDs64Bytes);
  out.u64(rf64 ? riff_bytes : 0);
  out.u64(rf64 ? data_bytes : 0);
  out.u64(rf64 ? frames : 0);
  out.u32(0);
  put_riff_chunks(out, shape, rf64 ? kSeeDs64 : frames, rf64 ? kSeeDs64 : data_bytes, filler_bytes);
  return out.take();
}

std::vector<std::byte> w64_header(const WaveShape& shape, std::uint64_t frames) {
  // Sizes count their own 24 bytes; chunks begin at multiples of 8, which 24 + 40, 24 + 18 and 24 + 16
  // become.
  const std::uint64_t format_padding = (8 - format_bytes(shape) % 8) % 8;
  const std::uint64_t header_bytes = 40 + 24 + format_bytes(shape) + format_padding + 24;
  const std::uint64_t data_bytes = frames * frame_bytes(shape);

  Bytes out;
  out.id("riff");
  out.raw(kRiffGuidTail);
  out.u64(header_bytes + data_bytes);
  out.id("wave");
  out.raw(kW64GuidTail);
  out.id("fmt ");
  out.raw(kW64GuidTail);
  out.u64(24 + format_bytes(shape));
  put_format(out, shape);
  for (std::uint64_t i = 0; i < format_padding; ++i) { out.id(std::string_view("\0", 1)); }
  out.id("data");
  out.raw(kW64GuidTail);
  out.u64(24 + data_bytes);
  return out.take();
}

}  // namespace

std::string_view to_string(SoundContainer container) noexcept {
  switch (container) {
    case SoundContainer::wav:
      return "WAV";
    case SoundContainer::rf64:
      return "RF64";
    case SoundContainer::w64:
      return "W64";
    case SoundContainer::flac:
      break;
  }
  return "FLAC";
}

std::vector<std::byte> wave_header(const WaveShape& shape, std::uint64_t frames, std::uint64_t riff_limit) {
  return shape.container == SoundContainer::w64 ? w64_header(shape, frames)
                                                : riff_header(shape, frames, riff_limit);
}

bool is_unknown_wave_length(std::uint64_t bytes) noexcept {
  constexpr std::uint64_t kNearest = kUnknownWaveLength - 65536;
  return bytes == 0 || (bytes >= 0xFFFFFF00U && bytes <= kSeeDs64) ||
         (bytes >= kNearest && bytes <= 0x80000000U);
}

std::vector<std::byte> wave_stream_header(const WaveShape& shape) {
  const std::uint64_t header_bytes = 12 + 8 + format_bytes(shape) + (has_fact(shape) ? 12 : 0) + 8;
  Bytes out;
  out.id("RIFF");
  out.u32(kUnknownWaveLength + header_bytes - 8);
  out.id("WAVE");
  put_riff_chunks(out, shape, kUnknownWaveLength / frame_bytes(shape), kUnknownWaveLength, 0);
  return out.take();
}

std::size_t wave_padding(const WaveShape& shape, std::uint64_t frames) {
  if (shape.container == SoundContainer::w64) { return 0; }
  return static_cast<std::size_t>(frames * frame_bytes(shape) % 2);
}

}  // namespace streamlab
