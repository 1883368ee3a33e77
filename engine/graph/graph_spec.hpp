// engine/graph/graph_spec.hpp
//
// GraphSpec: a graph as it was written. Plain data; names are not looked up yet. JSON and YAML give the same
// GraphSpec.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

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
  double sample_rate_hz = 0.0;           // 0: left out; the device or the file decides
  std::uint32_t block_size = 0;          // frames; 0: left out
  std::uint32_t channel_capacity = 100;  // blocks, of every edge between domains that names no other
  ThreadPolicy threads;
  double duration_s = 0.0;  // of signal time; 0: until the sources end
};

inline constexpr std::uint32_t kDefaultBlockSize =
    1024;  // frames, where neither the configuration nor a device says
inline constexpr std::uint32_t kMaxBlockSize = 1U << 20U;
inline constexpr std::uint32_t kMaxCapacity = 1U << 16U;

struct NodeSpec {
  std::string id;
  std::string type;
  nlohmann::ordered_json config = nlohmann::ordered_json::object();
  std::string pointer;  // "/nodes/3"
};

// From an output to an input; from an output to a named channel; or from a named channel to an input. What is
// not given is empty.
struct ConnectionSpec {
  std::string from;  // "node" or "node.port"
  std::string to;    // likewise
  std::optional<std::string> policy;
  std::optional<std::uint32_t> capacity;
  std::string pointer;       // "/connections/2"
  std::string channel = {};  // name of a channel
};

struct GraphSpec {
  std::string title;
  PipelineConfig config;
  std::vector<NodeSpec> nodes;
  std::vector<ConnectionSpec> connections;
};

}  // namespace streamlab
