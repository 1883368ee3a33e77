// nodes/sound_file/vorbis_blocks.hpp
//
// VorbisBlocks: how many frames packets of Vorbis hold, without decoding them (Vorbis I specification, sections 4.2.2,
// 4.2.4, 4.3.1 and 4.3.8).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace streamlab {

class VorbisBlocks {
 public:
  // From the first and the third packet of a stream. Empty: they are not what they should be.
  static std::optional<VorbisBlocks> from_headers(std::string_view identification, std::string_view setup);

  // Frames that the first packets of a stream give: each but the first a quarter of its block and of that before it.
  std::uint64_t frames_of_first(std::span<const std::string_view> packets) const;

 private:
  std::uint64_t block_of(std::string_view packet) const;

  std::uint64_t short_block_ = 0;
  std::uint64_t long_block_ = 0;
  std::vector<bool> is_long_;  // by mode
};

}  // namespace streamlab
