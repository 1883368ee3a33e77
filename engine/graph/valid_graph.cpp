// engine/graph/valid_graph.cpp
//
// What a valid graph and its nodes can be asked.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "engine/graph/file_order.hpp"
#include "engine/graph/validate.hpp"

namespace streamlab {

std::optional<std::string> ValidNode::text(ParamRole role) const {
  const auto param = find(role);
  return param && params.has_value(*param) ? std::optional(params.text(*param)) : std::nullopt;
}

std::string ValidNode::pointer_to(std::size_t param) const {
  return fmt::format("{}/config/{}", pointer, params.infos()[param].name);
}

bool ValidNode::writes_to_console() const {
  return info().records == Records::console || text(ParamRole::output_file) == "-";
}

Error ValidNode::located(Error error) const {
  const bool is_place =
      error.where.empty() || error.where == "/config" || error.where.starts_with("/config/");
  if (is_place) {
    error.where = pointer + error.where;
    error.node = id;
  } else {
    error.where = fmt::format("{} (\"{}\"): {}", pointer, id, error.where);
  }
  return error;
}

void ValidGraph::name_nodes(Errors& errors) const {
  for (Error& error : errors) {
    const auto index = node_at(error.where);
    if (index && *index < nodes_.size() && error.node.empty()) { error.node = nodes_[*index].id; }
  }
}

std::optional<std::size_t> ValidGraph::find(std::string_view id) const {
  const auto found = index_of_.find(id);
  return found == index_of_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::size_t> ValidGraph::find(Boundary boundary) const {
  for (std::size_t n = 0; n < nodes_.size(); ++n) {
    if (nodes_[n].info().boundary == boundary) { return n; }
  }
  return std::nullopt;
}

std::vector<std::size_t> ValidGraph::unread() const {
  std::vector<std::size_t> nodes;
  for (std::size_t n = 0; n < nodes_.size(); ++n) {
    const NodeInfo& info = nodes_[n].info();
    const bool has_name = std::any_of(channels_.begin(), channels_.end(),
                                      [n](const ValidChannel& channel) { return channel.from_node == n; });
    if (info.outputs.empty() || !from_[n].empty() || has_name || info.waits == Waits::yes) { continue; }
    nodes.push_back(n);
  }
  return nodes;
}

ValidGraph ValidGraph::with_text(std::size_t node, std::size_t param, const std::string& value) const {
  ValidGraph changed = *this;
  changed.set_text(node, param, value);
  return changed;
}

void ValidGraph::set_text(std::size_t node, std::size_t param, std::string value) {
  nodes_[node].params.set(param, std::move(value));
}

}  // namespace streamlab
