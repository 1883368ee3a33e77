// tests/graph/test_nodes.hpp
//
// A catalogue of small nodes whose formats, latency and behaviour at preparation the tests of the graph
// choose, beside the real ones: rules that no shipped node can break are tested with them.
#pragma once

#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "engine/core/node.hpp"
#include "engine/core/node_catalog.hpp"
#include "engine/graph/validate.hpp"

namespace streamlab::test {

inline constexpr ParamInfo kTestParams[] = {
    param::integer("latency", "frames", {0, 1000000}, 0, "Latency of the signal."),
    param::integer("held", "frames", {0, 1000000}, 0, "Frames kept inside."),
    param::integer("blocks", "blocks", {1, 100}, 1, "Blocks out for one block in."),
    param::number("rate", "Hz", {1, 1e6}, 48000, Live::no, "Sample rate of a source."),
    param::integer("size", "frames", {1, 1U << 20U}, 64, "Block of a source."),
    param::text("refuse", "", "prepare() refuses with these words."),
    param::boolean("recuts", false, "Cuts its output itself."),
    param::boolean("greedy", false, "prepare() finds no memory, as where a library gets none."),
};
inline constexpr PortInfo kTwoOutputs[] = {{"low", kAudioOnly, "Low."}, {"high", kAudioOnly, "High."}};
inline constexpr PortInfo kTwoInputs[] = {{"reference", kAudioOnly, "One."},
                                          {"response", kAudioOnly, "Two."}};
inline constexpr PortInfo kManyInputs[] = {{"in", kAnyKind, "As many as are connected.", 8}};

inline constexpr NodeInfo kSourceInfo{
    .name = "Source", .outputs = kAudioOutPort, .params = kTestParams, .rt_safe = RtSafe::yes};
inline constexpr NodeInfo kStepInfo{.name = "Step",
                                    .inputs = kAudioInPort,
                                    .outputs = kAudioOutPort,
                                    .params = kTestParams,
                                    .rt_safe = RtSafe::yes};
inline constexpr NodeInfo kInPlaceInfo{.name = "InPlace",
                                       .inputs = kAudioInPort,
                                       .outputs = kAudioOutPort,
                                       .params = kTestParams,
                                       .rt_safe = RtSafe::yes,
                                       .in_place = InPlace::yes};
inline constexpr NodeInfo kSlowInfo{.name = "Slow",
                                    .inputs = kAudioInPort,
                                    .outputs = kAudioOutPort,
                                    .params = kTestParams,
                                    .rt_safe = RtSafe::no,
                                    .cost_ns_per_frame = 40.0};
inline constexpr NodeInfo kFreeInfo{.name = "Free",
                                    .inputs = kAudioInPort,
                                    .outputs = kAudioOutPort,
                                    .params = kTestParams,
                                    .rt_safe = RtSafe::yes,
                                    .cost_ns_per_frame = 0.0};
inline constexpr NodeInfo kOutsideInfo{.name = "Outside",
                                       .inputs = kAudioInPort,
                                       .outputs = kAudioOutPort,
                                       .params = kTestParams,
                                       .rt_safe = RtSafe::no,
                                       .waits = Waits::yes,
                                       .cost_ns_per_frame = 0.0};
inline constexpr NodeInfo kSplitInfo{.name = "Split",
                                     .inputs = kAudioInPort,
                                     .outputs = kTwoOutputs,
                                     .params = kTestParams,
                                     .rt_safe = RtSafe::yes};
inline constexpr NodeInfo kPairInfo{.name = "Pair",
                                    .inputs = kTwoInputs,
                                    .outputs = kAudioOutPort,
                                    .params = kTestParams,
                                    .rt_safe = RtSafe::yes};
inline constexpr NodeInfo kJoinInfo{.name = "Join",
                                    .inputs = kManyInputs,
                                    .outputs = kAudioOutPort,
                                    .params = kTestParams,
                                    .rt_safe = RtSafe::yes};

// As many outputs as `Outputs`, each in the format of the first input.
template <std::size_t Outputs>
class TestNode final : public Node {
 public:
  explicit TestNode(const ParamValues& params) : params_(params) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    if (params_.flag(7)) { throw std::bad_alloc(); }
    if (!params_.text(5).empty()) { return refused("/config/refuse", params_.text(5)); }
    const auto size = static_cast<std::uint32_t>(params_.integer(4));
    OutputFormat out{context.inputs.empty() ? audio_format(params_[3], {"x"}, size) : *context.inputs[0]};
    out.latency_frames = static_cast<std::uint32_t>(params_.integer(0));
    out.held_frames = static_cast<std::uint32_t>(params_.integer(1));
    out.max_blocks = static_cast<std::uint32_t>(params_.integer(2));
    out.recuts = params_.flag(6);
    return std::vector<OutputFormat>(Outputs, out);
  }
  void reset() noexcept override {}
  Status process(std::span<const DataFrame* const> /*in*/, std::span<OutputPort> /*out*/) noexcept override {
    return Status::done;
  }

 private:
  const ParamValues params_;
};

// The nodes above, and those of the default catalogue.
inline const NodeCatalog& test_catalog() {
  static const NodeEntry kOwn[] = {
      {kSourceInfo, make_node<TestNode<1>>},  {kStepInfo, make_node<TestNode<1>>},
      {kInPlaceInfo, make_node<TestNode<1>>}, {kSlowInfo, make_node<TestNode<1>>},
      {kFreeInfo, make_node<TestNode<1>>},    {kSplitInfo, make_node<TestNode<2>>},
      {kPairInfo, make_node<TestNode<1>>},    {kJoinInfo, make_node<TestNode<1>>},
      {kOutsideInfo, make_node<TestNode<1>>},
  };
  static const NodeCatalog kCatalog = [] {
    static std::vector<const NodeEntry*> entries;
    for (const NodeEntry& entry : kOwn) { entries.push_back(&entry); }
    for (const NodeEntry* entry : default_catalog().entries()) { entries.push_back(entry); }
    return NodeCatalog(entries);
  }();
  return kCatalog;
}

// A configuration in short: nodes as "id Type {config}", connections as "from to {more members}"; an end that
// begins with # is a channel.
using Words = std::vector<std::string>;
inline std::string graph_json(const Words& nodes, const Words& edges,
                              const std::string& pipeline_config = "{}") {
  const auto words = [](const std::string& text) {
    const auto first = text.find(' ');
    const auto second = text.find(' ', first + 1);
    const bool has_more = second != std::string::npos;
    return std::vector<std::string>{text.substr(0, first), text.substr(first + 1, second - first - 1),
                                    has_more ? text.substr(second + 1) : std::string()};
  };
  std::string json = R"({"version": 1, "pipeline_config": )" + pipeline_config + R"(, "nodes": [)";
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const auto w = words(nodes[i]);
    json += (i > 0 ? ", " : "") + std::string(R"({"id": ")") + w[0] + R"(", "type": ")" + w[1] + "\"" +
            (w[2].empty() ? "" : ", \"config\": " + w[2]) + "}";
  }
  json += R"(], "connections": [)";
  for (std::size_t i = 0; i < edges.size(); ++i) {
    const auto w = words(edges[i]);
    const auto member = [](const char* key, const std::string& end) {
      const bool is_channel = end.starts_with('#');
      return "\"" + std::string(is_channel ? "channel" : key) + "\": \"" + end.substr(is_channel ? 1 : 0) +
             "\"";
    };
    json += (i > 0 ? ", {" : "{") + member("from", w[0]) + ", " + member("to", w[1]) +
            (w[2].empty() ? "" : ", " + w[2]) + "}";
  }
  return json + "]}";
}

// The graph of such a configuration, with the nodes above.
inline ValidGraph graph_of(const Words& nodes, const Words& edges,
                           const std::string& pipeline_config = "{}") {
  auto graph =
      load_graph(graph_json(nodes, edges, pipeline_config), ConfigLanguage::json, {}, test_catalog());
  if (!graph) { throw std::runtime_error(to_string(graph.error(), "")); }
  return *std::move(graph);
}

}  // namespace streamlab::test
