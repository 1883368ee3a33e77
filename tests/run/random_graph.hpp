// tests/run/random_graph.hpp
//
// Graphs for reloads: one after another, random nodes around a branch that stays, "mic" to "left" to "kept", which is seven
// frames late.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/run/pipeline.hpp"

namespace streamlab::test {

using Json = nlohmann::json;

inline ValidGraph graph_of(const std::vector<Json>& nodes, const std::vector<Json>& connections,
                           const Json& config = {{"block_size", 64}}) {
  const Json text{
      {"version", 1}, {"pipeline_config", config}, {"nodes", nodes}, {"connections", connections}};
  auto graph = load_graph(text.dump());
  if (!graph) { throw std::runtime_error(to_string(graph.error(), "")); }
  return *std::move(graph);
}
inline Json node(const char* id, const char* type, Json config = Json::object()) {
  return {{"id", id}, {"type", type}, {"config", std::move(config)}};
}
inline Json link(const std::string& from, const std::string& to) { return {{"from", from}, {"to", to}}; }

class RandomGraph {
 public:
  RandomGraph(std::uint64_t seed, Json mic, std::uint32_t block_frames = 64)
      : random_(seed), mic_(std::move(mic)), block_frames_(block_frames) {}
  ValidGraph next() {
    nodes_ = {mic_, node("left", "ChannelSelect", {{"channels", {1}}}),
              node("kept", "Delay", {{"frames", 7}})};
    links_ = {link("mic", "left"), link("left", "kept")};
    std::vector<std::string> outputs{"left", "kept"};
    for (int n = pick(12); n > 0; --n) { add(outputs); }
    return graph_of(nodes_, links_, {{"block_size", block_frames_}});
  }

 private:
  int pick(int count) { return static_cast<int>(random_() % static_cast<std::uint64_t>(count)); }
  void add(std::vector<std::string>& outputs) {
    const std::string id =
        fmt::format("n{}", pick(30));  // the same id now and then: it goes on, or begins again
    const bool is_taken =
        std::any_of(nodes_.begin(), nodes_.end(), [&](const Json& other) { return other["id"] == id; });
    if (is_taken) { return; }
    const auto from = [&] {
      return outputs[static_cast<std::size_t>(pick(static_cast<int>(outputs.size())))];
    };
    switch (pick(7)) {
      case 0:
        nodes_.push_back(node(id.c_str(), "Gain", {{"gain", 0.1 * pick(20)}}));
        break;
      case 1:
        nodes_.push_back(node(id.c_str(), "Delay", {{"frames", pick(300)}}));
        break;
      case 2:
        nodes_.push_back(node(id.c_str(), "Buffer", {{"capacity", 1 + pick(8)}}));
        break;
      case 3:
        nodes_.push_back(node(id.c_str(), "SineGenerator", {{"frequency", 100 + pick(3)}}));
        outputs.push_back(id);
        return;
      case 4:
        nodes_.push_back(node(id.c_str(), "LevelMeter", {{"interval_s", 0.001}}));
        links_.push_back(link(from(), id));
        return;
      default: {
        nodes_.push_back(node(id.c_str(), "Mixer", {{"matrix", Json::array({Json::array({0.5, 0.5})})}}));
        const std::string second = from();
        links_.push_back(link(from(), id + ".in1"));
        links_.push_back(link(second, id + ".in2"));
        outputs.push_back(id);
        return;
      }
    }
    links_.push_back(link(from(), id));
    outputs.push_back(id);
  }

  std::mt19937_64 random_;
  const Json mic_;
  const std::uint32_t block_frames_;
  std::vector<Json> nodes_;
  std::vector<Json> links_;
};

}  // namespace streamlab::test
