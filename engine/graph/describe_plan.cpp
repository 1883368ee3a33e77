// engine/graph/describe_plan.cpp
//
// A graph as DOT, a plan as text and as JSON.
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/base/printable.hpp"
#include "engine/graph/describe.hpp"
#include "engine/graph/wrapped.hpp"
#include "engine/rt/thread.hpp"

namespace streamlab {
namespace {

std::string_view port_name(std::span<const PortInfo> ports, std::size_t port) {
  return ports[std::min(port, ports.size() - 1)].name;
}

// "mic", or "split.out2" of a node with several outputs.
std::string output_name(const ValidNode& node, std::size_t port) {
  if (node.info().outputs.size() < 2) { return node.id; }
  return fmt::format("{}.{}", node.id, port_name(node.info().outputs, port));
}

// "spec", or "mix.in2" of a node with several inputs.
std::string input_name(const ValidNode& node, std::size_t port) {
  const auto ports = node.info().inputs;
  if (!ports.empty() && ports.back().max_repeat > 1) {
    return fmt::format("{}.{}{}", node.id, ports.back().name, port + 1);
  }
  if (ports.size() < 2) { return node.id; }
  return fmt::format("{}.{}", node.id, port_name(ports, port));
}

std::string dot_quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') { result += '\\'; }
    result += c;
  }
  return printable(result) + "\"";
}

double latency_rate_hz(const Plan& plan) {
  return plan.slots().empty() ? 0.0 : plan.slots().front().format->sample_rate_hz;
}

std::string domain_title(const Partition& partition, std::size_t domain) {
  return partition.device_domain == domain ? "device, real time" : fmt::format("thread {}", domain + 1);
}

// The nodes of each domain in the order in which they run.
std::vector<std::vector<std::size_t>> nodes_by_domain(const ValidGraph& graph, const Partition& partition) {
  std::vector<std::vector<std::size_t>> nodes(partition.domain_count);
  for (const std::size_t n : graph.order()) { nodes[partition.domain_of[n]].push_back(n); }
  return nodes;
}

std::string edge_name(const Plan& plan, const PlanEdge& edge) {
  const PlanSlot& slot = plan.slots()[edge.slot];
  const auto& nodes = plan.graph().nodes();
  return fmt::format("{} -> {}", output_name(nodes[slot.node], slot.port),
                     input_name(nodes[edge.to_node], edge.to_input));
}

Document format_document(const StreamFormat& format) {
  Document document;
  document["kind"] = to_string(format.kind);
  document["sample_rate_hz"] = format.sample_rate_hz;
  for (const ChannelInfo& channel : format.channels) {
    document["channels"].push_back({{"name", channel.name}, {"unit", channel.unit}});
  }
  document["max_frames"] = format.max_frames;
  if (format.kind == StreamKind::spectrum) {
    document["axis"] = {{"quantity", format.axis.quantity},
                        {"unit", format.axis.unit},
                        {"start", format.axis.start},
                        {"step", format.axis.step}};
  }
  return document;
}

// The names of the values in a block: those that ChannelSelect, Map, Filter and a table's first row know them by.
std::string value_names(const StreamFormat& format) {
  constexpr std::size_t kMost = 100;
  constexpr std::size_t kIndent = 6;
  std::string names;
  for (std::size_t c = 0; c < std::min(kMost, format.channels.size()); ++c) {
    names += (c == 0 ? "" : ", ") + printable(format.channels[c].name);
  }
  if (format.channels.size() > kMost) { names += ", …"; }
  return wrapped(names, kIndent);
}

}  // namespace

std::string graph_dot(const ValidGraph& graph, const Partition& partition) {
  std::string text =
      fmt::format("digraph {} {{\n", dot_quoted(graph.title().empty() ? "graph" : graph.title()));
  text += "  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\"];\n";
  const auto nodes = nodes_by_domain(graph, partition);
  for (std::size_t d = 0; d < partition.domain_count; ++d) {
    text +=
        fmt::format("  subgraph cluster_{} {{\n    label={};\n", d, dot_quoted(domain_title(partition, d)));
    for (const std::size_t n : nodes[d]) {
      const ValidNode& node = graph.nodes()[n];
      text += fmt::format("    \"{}\" [label=\"{}\\n{}\"];\n", node.id, node.id, node.info().name);
    }
    text += "  }\n";
  }
  for (const ValidConnection& c : graph.connections()) {
    const ValidNode& from = graph.nodes()[c.from_node];
    const ValidNode& to = graph.nodes()[c.to_node];
    std::vector<std::string> labels;
    if (from.info().outputs.size() > 1) { labels.push_back(output_name(from, c.from_port)); }
    if (to.input_count > 1) { labels.push_back(input_name(to, c.to_port)); }
    if (c.channel) { labels.push_back(graph.channels()[*c.channel].name); }
    if (c.policy) { labels.emplace_back(to_string(*c.policy)); }
    if (c.capacity) { labels.push_back(fmt::format("{} blocks", *c.capacity)); }
    text += fmt::format("  \"{}\" -> \"{}\"", from.id, to.id);
    if (!labels.empty()) {
      text += fmt::format(" [label={}]", dot_quoted(fmt::format("{}", fmt::join(labels, ", "))));
    }
    text += ";\n";
  }
  std::vector<bool> is_read(graph.channels().size(), false);
  for (const ValidConnection& c : graph.connections()) {
    if (c.channel) { is_read[*c.channel] = true; }
  }
  for (std::size_t i = 0; i < graph.channels().size(); ++i) {
    const ValidChannel& channel = graph.channels()[i];
    const ValidNode& from = graph.nodes()[channel.from_node];
    if (is_read[i]) { continue; }
    text += fmt::format("  \"channel {}\" [shape=plaintext, label=\"{}\"];\n  \"{}\" -> \"channel {}\";\n",
                        channel.name, channel.name, from.id, channel.name);
  }
  return text + "}\n";
}

std::string describe_plan(const Plan& plan) {
  const ValidGraph& graph = plan.graph();
  std::size_t id_width = 0;
  std::size_t type_width = 0;
  for (const ValidNode& node : graph.nodes()) {
    id_width = std::max(id_width, node.id.size());
    type_width = std::max(type_width, node.info().name.size());
  }
  std::string text = graph.title().empty() ? std::string{} : printable(graph.title()) + "\n\n";
  const Partition& partition = plan.domains();
  const auto nodes = nodes_by_domain(graph, partition);
  for (std::size_t d = 0; d < partition.domain_count; ++d) {
    text += domain_title(partition, d) + "\n";
    for (const std::size_t n : nodes[d]) {
      const ValidNode& node = graph.nodes()[n];
      const auto& slots = plan.nodes()[n].slots;
      std::string line = fmt::format("  {:{}}  {:{}}", node.id, id_width, node.info().name, type_width);
      for (std::size_t port = 0; port < slots.size(); ++port) {
        const PlanSlot& slot = plan.slots()[slots[port]];
        if (slots.size() > 1) { line += fmt::format("\n    {}", port_name(node.info().outputs, port)); }
        line += "  -> " + printable(describe(*slot.format));
        if (slot.format->kind == StreamKind::values) { line += "\n" + value_names(*slot.format); }
      }
      line.erase(line.find_last_not_of(' ') + 1);
      text += line + "\n";
    }
  }
  if (!plan.edges().empty()) {
    text += "between threads\n";
    for (const PlanEdge& edge : plan.edges()) {
      text += fmt::format("  {}  {}, up to {} blocks{}\n", edge_name(plan, edge), to_string(edge.policy),
                          edge.capacity, edge.reblocks ? ", cut into the device's blocks" : "");
    }
  }
  if (!graph.channels().empty()) {
    text += "channels to subscribe to\n";
    for (const ValidChannel& channel : graph.channels()) {
      text += fmt::format("  {}  from {}\n", channel.name,
                          output_name(graph.nodes()[channel.from_node], channel.from_port));
    }
  }
  const double rate = latency_rate_hz(plan);
  text += fmt::format("latency  {} frames", plan.latency_frames());
  if (rate > 0.0) {
    const double ms = 1000.0 * plan.latency_frames() / rate;
    text += ms < 999.5 ? fmt::format(" ({:.3g} ms)", ms) : fmt::format(" ({:.0f} ms)", ms);
  }
  const std::size_t threads = partition.domain_count;
  text += fmt::format("\nmemory   {:.1f} KiB of blocks, {} KiB of stack for {}\n",
                      static_cast<double>(plan.memory_bytes()) / 1024.0, threads * kThreadStackBytes / 1024,
                      threads == 1 ? "one thread" : fmt::format("{} threads", threads));
  if (const double seconds = graph.config().duration_s; seconds > 0.0) {
    text += fmt::format("length   {} s at most (duration_s), or as --seconds or --frames say\n", seconds);
  } else if (plan.is_endless()) {
    text += graph.has_device()
                ? "length   endless: a run lasts until Ctrl-C, or as --seconds, --frames or duration_s say\n"
                : "length   endless: a run needs --seconds, --frames or duration_s\n";
  }
  return text;
}

Document plan_document(const Plan& plan) {
  const ValidGraph& graph = plan.graph();
  Document document;
  document["title"] = graph.title();
  document["nodes"] = Document::array();
  document["edges"] = Document::array();
  const auto& device = plan.domains().device_domain;
  document["domains"] = plan.domains().domain_count;
  document["device_domain"] = device ? Document(*device) : Document(nullptr);
  for (const std::size_t n : graph.order()) {
    const ValidNode& node = graph.nodes()[n];
    Document item{{"id", node.id}, {"type", node.info().name}, {"domain", plan.nodes()[n].domain}};
    item["outputs"] = Document::array();
    for (const std::size_t s : plan.nodes()[n].slots) {
      const PlanSlot& slot = plan.slots()[s];
      Document output{{"port", port_name(node.info().outputs, slot.port)}};
      output["format"] = format_document(*slot.format);
      output["latency_frames"] = slot.latency_frames;
      output["in_place"] = slot.shares.has_value();
      item["outputs"].push_back(std::move(output));
    }
    document["nodes"].push_back(std::move(item));
  }
  for (const PlanEdge& edge : plan.edges()) {
    document["edges"].push_back({{"name", edge_name(plan, edge)},
                                 {"from_domain", edge.from_domain},
                                 {"to_domain", edge.to_domain},
                                 {"policy", to_string(edge.policy)},
                                 {"capacity", edge.capacity}});
  }
  document["channels"] = Document::array();
  for (const ValidChannel& channel : graph.channels()) {
    document["channels"].push_back(
        {{"name", channel.name}, {"from", output_name(graph.nodes()[channel.from_node], channel.from_port)}});
  }
  const double rate = latency_rate_hz(plan);
  document["latency_frames"] = plan.latency_frames();
  document["latency_ms"] = rate > 0.0 ? Document(1000.0 * plan.latency_frames() / rate) : Document(nullptr);
  document["memory_bytes"] = plan.memory_bytes();
  document["stack_bytes"] = plan.domains().domain_count * kThreadStackBytes;
  document["endless"] = plan.is_endless();
  document["needs_length"] = plan.is_endless() && !graph.has_device();
  return document;
}

}  // namespace streamlab
