// engine/graph/partition.cpp
#include "engine/graph/partition.hpp"

#include <algorithm>
#include <numeric>
#include <set>

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
// device a node that waits for somebody outside counts as a queue that lies before itself.
std::vector<std::vector<std::size_t>> by_queues(const ValidGraph& graph,
                                                const std::vector<std::size_t>& nodes) {
  std::vector<std::set<std::size_t>> queues(graph.nodes().size());
  for (const std::size_t n : graph.order()) {
    for (const ValidConnection& c : graph.connections()) {
      if (c.to_node != n) { continue; }
      queues[n].insert(queues[c.from_node].begin(), queues[c.from_node].end());
      if (graph.nodes()[c.from_node].info().queue == Queue::yes) { queues[n].insert(c.from_node); }
    }
    if (graph.has_device() && graph.nodes()[n].info().waits == Waits::yes) { queues[n].insert(n); }
  }
  std::vector<std::vector<std::size_t>> groups;
  for (const std::size_t n : nodes) {
    const auto same = std::find_if(groups.begin(), groups.end(),
                                   [&](const auto& group) { return queues[group.front()] == queues[n]; });
    if (same != groups.end()) {
      same->push_back(n);
    } else {
      groups.push_back({n});
    }
  }
  // A connection into another group leads to one with all queues of the first, and more.
  std::stable_sort(groups.begin(), groups.end(), [&](const auto& a, const auto& b) {
    return queues[a.front()].size() < queues[b.front()].size();
  });
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
    for (const ValidConnection& c : graph.connections()) {
      if (c.to_node == *n && feeds_device[*n]) { feeds_device[c.from_node] = true; }
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
