// engine/graph/pipeline_config.hpp
//
// PipelineConfig: what a configuration says of the whole graph (rate, block size, threads), as it was written.
#pragma once

#include <cstdint>

namespace streamlab {

// How many threads the nodes are spread over, where no device decides it.
struct ThreadPolicy {
  enum class Kind : std::uint8_t {
    automatic,
    count,
    per_node,
    one_domain,  // everything on one thread, what a device would tick too; for graphs that the caller runs
  };
  Kind kind = Kind::automatic;
  std::uint32_t count = 1;  // with Kind::count

  friend bool operator==(const ThreadPolicy&, const ThreadPolicy&) = default;
};

struct PipelineConfig {
  double sample_rate_hz = 0.0;        // 0: left out; the device or the file decides
  std::uint32_t block_size = 0;       // frames; 0: left out
  std::uint32_t edge_capacity = 100;  // blocks, of every edge between domains that names no other
  ThreadPolicy threads;
  double duration_s = 0.0;       // of signal time; 0: until the sources end
  double reload_fade_ms = 10.0;  // how long a reload lets what is played go over; 0: at once
};

// Frames, where neither the configuration nor a device says.
inline constexpr std::uint32_t kDefaultBlockSize = 1024;
inline constexpr std::uint32_t kMaxBlockSize = 1U << 20U;
inline constexpr std::uint32_t kMaxCapacity = 1U << 16U;
inline constexpr std::uint32_t kMaxThreads = 1024;

}  // namespace streamlab
