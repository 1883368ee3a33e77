// nodes/flow/spilled_block.hpp
//
// A block as bytes, for the process that wrote it alone: header, metadata and samples as they lie in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#include "engine/core/data_frame.hpp"

namespace streamlab {

static_assert(std::is_trivially_copyable_v<FrameHeader> && std::is_trivially_copyable_v<Metadata>);

inline constexpr std::size_t kSpilledHead = sizeof(FrameHeader) + sizeof(Metadata) + sizeof(std::uint32_t);

inline std::uint64_t largest_spilled_block(const StreamFormat& format) {
  return kSpilledHead + std::uint64_t{format.channel_count()} * format.max_frames * sizeof(double);
}

// `record` grows as needed.
inline void write_block(const DataFrame& block, std::vector<std::byte>& record) {
  const std::size_t channel_bytes = block.frame_count() * sizeof(double);
  record.resize(kSpilledHead + block.channel_count() * channel_bytes);
  std::byte* to = record.data();
  const auto put = [&to](const void* from, std::size_t bytes) {
    std::memcpy(to, from, bytes);
    to += bytes;
  };
  const std::uint32_t frames = block.frame_count();
  put(&block.header(), sizeof(FrameHeader));
  put(&block.metadata(), sizeof(Metadata));
  put(&frames, sizeof frames);
  for (std::uint32_t c = 0; c < block.channel_count(); ++c) { put(block.channel_data(c), channel_bytes); }
}

// `block`: of the same format as the one that was written.
inline void read_block(const std::vector<std::byte>& record, DataFrame& block) {
  const std::byte* from = record.data();
  const auto get = [&from](void* to, std::size_t bytes) {
    std::memcpy(to, from, bytes);
    from += bytes;
  };
  std::uint32_t frames = 0;
  get(&block.header(), sizeof(FrameHeader));
  get(&block.metadata(), sizeof(Metadata));
  get(&frames, sizeof frames);
  block.set_frame_count(frames);
  for (std::uint32_t c = 0; c < block.channel_count(); ++c) {
    get(block.channel_data(c), frames * sizeof(double));
  }
}

}  // namespace streamlab
