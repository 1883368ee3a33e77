// engine/graph/partition.cpp
#include "engine/graph/partition.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <unordered_map>

namespace streamlab {
namespace {

// Waking a thread costs about 2 µs and a block of 1024 frames is common: below some nanoseconds per frame a
// thread of its own costs a stretch more than it gains.
constexpr double kWorthAThreadNsPerFrame = 20.0;

double cost_of(const ValidGraph& graph, std::size_t node) {
  return graph.nodes()[node].info().cost_ns_per_frame;
}

// Cuts `nodes` into at most `count` stretches of about equal cost; each gets a domain number from `next` on.
void cut(const ValidGraph& graph, const std::vector<std::size_t>& nodes, std::size_t count,
         Partition& result) {
  if (nodes.empty()) { return; }
  count = std::clamp<std::size_t>(count, 1, nodes.size());
  double left = std::accumulate(nodes.begin(), nodes.end(), 0.0,
                                [&](double sum, std::size_t n) { return sum + cost_of(graph, n); });
  double in_stretch = 0.0;
  bool is_empty = true;  // the stretch that is being filled; its cost may be 0 all the same
  std::size_t domains_left = count;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const double cost = cost_of(graph, nodes[i]);
    // Close the stretch when the next node would take it further past its fair share than it is short of it,
    // or when each remaining node is needed to give every remaining stretch one.
    const double share = (left + in_stretch) / static_cast<double>(domains_left);
    const bool is_full = !is_empty && in_stretch + cost / 2.0 > share;
    const bool must_close = !is_empty && nodes.size() - i < domains_left;
    if (domains_left > 1 && (is_full || must_close)) {
      ++result.domain_count;
      --domains_left;
      in_stretch = 0.0;
    }
    result.domain_of[nodes[i]] = result.domain_count;
    is_empty = false;
    in_stretch += cost;
    left -= cost;
  }
  ++result.domain_count;
}

std::size_t stretches(const ValidGraph& graph, const std::vector<std::size_t>& nodes,
                      const ThreadPolicy& threads, std::uint32_t cores) {
  switch (threads.kind) {
    case ThreadPolicy::Kind::per_node:
      return nodes.size();
    case ThreadPolicy::Kind::count:
      return threads.count;
    case ThreadPolicy::Kind::one_domain:
      return 1;
    case ThreadPolicy::Kind::automatic:
      break;
  }
  double total = 0.0;
  for (const std::size_t n : nodes) { total += cost_of(graph, n); }
  return std::min<std::size_t>(cores, 1 + static_cast<std::size_t>(total / kWorthAThreadNsPerFrame));
}

// Nodes before which the same queues lie, each list in order; those behind more queues come later. With a
// device a node that waits for somebody outside counts as a queue that lies before itself; those that wait for the
// console, as one queue.
std::vector<std::vector<std::size_t>> by_queues(const ValidGraph& graph,
                                                const std::vector<std::size_t>& nodes) {
  const bool has_device = graph.has_device();
  const auto is_queue = [&](std::size_t n) { return graph.nodes()[n].info().queue == Queue::yes; };
  const auto is_cut_before = [&](std::size_t n) { return has_device && graph.nodes()[n].waits(); };
  std::vector<std::size_t> bit_of(graph.nodes().size(), 0);  // of queues and of what counts as one
  std::size_t bits = 0;
  std::optional<std::size_t> console_bit;
  for (const std::size_t n : graph.order()) {
    if (!is_queue(n) && !is_cut_before(n)) { continue; }
    if (graph.nodes()[n].writes_to_console()) {
      if (!console_bit) { console_bit = bits++; }
      bit_of[n] = *console_bit;
    } else {
      bit_of[n] = bits++;
    }
  }
  std::vector<std::vector<bool>> queues(graph.nodes().size(), std::vector<bool>(bits, false));
  for (const std::size_t n : graph.order()) {
    for (const std::size_t index : graph.connections_into(n)) {
      const std::size_t from = graph.connections()[index].from_node;
      for (std::size_t bit = 0; bit < bits; ++bit) { queues[n][bit] = queues[n][bit] || queues[from][bit]; }
      if (is_queue(from)) { queues[n][bit_of[from]] = true; }
    }
    if (is_cut_before(n)) { queues[n][bit_of[n]] = true; }
  }
  std::vector<std::vector<std::size_t>> groups;
  std::unordered_map<std::vector<bool>, std::size_t> group_of;
  for (const std::size_t n : nodes) {
    const auto [group, is_new] = group_of.emplace(queues[n], groups.size());
    if (is_new) { groups.emplace_back(); }
    groups[group->second].push_back(n);
  }
  // A connection into another group leads to one with all queues of the first, and more.
  std::vector<std::ptrdiff_t> count(graph.nodes().size());
  for (const auto& group : groups) {
    const auto& before = queues[group.front()];
    count[group.front()] = std::count(before.begin(), before.end(), true);
  }
  std::stable_sort(groups.begin(), groups.end(),
                   [&](const auto& a, const auto& b) { return count[a.front()] < count[b.front()]; });
  return groups;
}

// Cuts `nodes` where queues are, and what then belongs together into stretches.
void cut_all(const ValidGraph& graph, const std::vector<std::size_t>& nodes, const ThreadPolicy& threads,
             std::uint32_t cores, Partition& result) {
  for (const auto& group : by_queues(graph, nodes)) {
    cut(graph, group, stretches(graph, group, threads, cores), result);
  }
}

}  // namespace

Partition partition(const ValidGraph& graph, const ThreadPolicy& threads, std::uint32_t cores) {
  Partition result;
  result.domain_of.assign(graph.nodes().size(), 0);
  const auto& on_device = graph.on_device_domain();
  if (threads.kind == ThreadPolicy::Kind::one_domain) {
    result.domain_count = 1;
    if (graph.has_device()) { result.device_domain = 0; }
    return result;
  }
  std::vector<bool> feeds_device = on_device;
  for (auto n = graph.order().rbegin(); n != graph.order().rend(); ++n) {
    for (const std::size_t c : graph.connections_into(*n)) {
      if (feeds_device[*n]) { feeds_device[graph.connections()[c].from_node] = true; }
    }
  }
  std::vector<std::size_t> before;
  std::vector<std::size_t> device;
  std::vector<std::size_t> after;
  for (const std::size_t n : graph.order()) {
    (on_device[n] ? device : feeds_device[n] ? before : after).push_back(n);
  }
  cut_all(graph, before, threads, 1, result);
  if (!device.empty()) {
    result.device_domain = result.domain_count;
    for (const std::size_t n : device) { result.domain_of[n] = result.domain_count; }
    ++result.domain_count;
  }
  const std::uint32_t workers = device.empty() ? cores : 1;  // a live run leaves the other core to the device
  cut_all(graph, after, threads, workers, result);
  return result;
}

}  // namespace streamlab
