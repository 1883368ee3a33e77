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

#include "engine/graph/pipeline_config.hpp"

namespace streamlab {

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
  std::optional<std::string> policy = {};
  std::optional<std::uint32_t> capacity = {};
  std::string pointer = {};  // "/connections/2"
  std::string channel = {};  // name of a channel
};

struct GraphSpec {
  std::string title;
  PipelineConfig config;
  std::vector<NodeSpec> nodes;
  std::vector<ConnectionSpec> connections;
};

}  // namespace streamlab
