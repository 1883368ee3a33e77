// nodes/sound_file/vorbis_blocks.cpp
#include "nodes/sound_file/vorbis_blocks.hpp"

#include <bit>

namespace streamlab {
namespace {

constexpr std::string_view kIdentification = "\x01vorbis";
constexpr std::string_view kSetup = "\x05vorbis";

// `count` bits of a packet, the first of which is the lowest (section 2.1.4).
std::uint64_t bits_at(std::string_view packet, std::size_t first, unsigned count) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < count; ++i) {
    const std::size_t bit = first + i;
    const auto byte = static_cast<unsigned char>(packet[bit / 8]);
    value |= std::uint64_t{(byte >> (bit % 8)) & 1U} << i;
  }
  return value;
}

// The modes stand at the end of the setup header, behind their number less one in 6 bits; each has a flag for long blocks,
// two numbers of 16 bits that are 0, and 8 bits; a bit that is set ends the header. What is before them is of any length, so
// that they are looked for from the end.
std::vector<bool> long_modes(std::string_view setup) {
  constexpr std::size_t kCountBits = 6;
  constexpr std::size_t kModeBits = 1 + 16 + 16 + 8;
  std::size_t end = setup.size() * 8;
  while (end > 0 && bits_at(setup, end - 1, 1) == 0) { --end; }
  if (end == 0) { return {}; }
  --end;  // the bit that is set
  std::vector<bool> found;
  for (std::size_t modes = 1; modes <= 64; ++modes) {
    if (end < kSetup.size() * 8 + modes * kModeBits + kCountBits) { break; }
    const std::size_t begin = end - modes * kModeBits;
    if (bits_at(setup, begin + 1, 32) != 0) { break; }
    if (bits_at(setup, begin - kCountBits, kCountBits) != modes - 1) { continue; }
    found.assign(modes, false);
    for (std::size_t m = 0; m < modes; ++m) { found[m] = bits_at(setup, begin + m * kModeBits, 1) != 0; }
  }
  return found;
}

}  // namespace

std::optional<VorbisBlocks> VorbisBlocks::from_headers(std::string_view identification,
                                                       std::string_view setup) {
  constexpr std::size_t kBlockSizes = 28;  // byte of the identification header
  if (!identification.starts_with(kIdentification) || identification.size() <= kBlockSizes ||
      !setup.starts_with(kSetup)) {
    return std::nullopt;
  }
  VorbisBlocks blocks;
  const auto sizes = static_cast<unsigned char>(identification[kBlockSizes]);
  blocks.short_block_ = std::uint64_t{1} << (sizes & 0xFU);
  blocks.long_block_ = std::uint64_t{1} << (sizes >> 4U);
  blocks.is_long_ = long_modes(setup);
  if (blocks.is_long_.empty()) { return std::nullopt; }
  return blocks;
}

// Behind a bit that is 0 for audio stands the number of the mode.
std::uint64_t VorbisBlocks::block_of(std::string_view packet) const {
  const auto mode_bits = static_cast<unsigned>(std::bit_width(is_long_.size() - 1));
  if (packet.empty() || bits_at(packet, 0, 1) != 0) { return 0; }
  const std::uint64_t mode = bits_at(packet, 1, mode_bits);
  if (mode >= is_long_.size()) { return 0; }
  return is_long_[mode] ? long_block_ : short_block_;
}

std::uint64_t VorbisBlocks::frames_of_first(std::span<const std::string_view> packets) const {
  std::uint64_t frames = 0;
  std::uint64_t before = 0;
  for (const std::string_view packet : packets) {
    const std::uint64_t block = block_of(packet);
    if (block == 0) { continue; }
    if (before > 0) { frames += (before + block) / 4; }
    before = block;
  }
  return frames;
}

}  // namespace streamlab
