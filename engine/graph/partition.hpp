// engine/graph/partition.hpp
//
// Which nodes run together: one domain is one thread, and within it blocks are passed by reference.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/graph/validate.hpp"

namespace streamlab {

struct Partition {
  std::vector<std::size_t> domain_of;        // by node
  std::size_t domain_count = 0;              // edges between domains lead from a lower number to a higher one
  std::optional<std::size_t> device_domain;  // the one that the device ticks
};

// `threads` is what the graph's own pipeline_config asks for, or what overrides it; `cores` what "auto" may
// use.
//
// With a device: its domain holds what lies between input and output; what feeds it and what follows it never
// share a domain, since each waits for the device domain in another way. Without one, the nodes in their
// order are cut into stretches of about equal declared cost; "auto" cuts only where a stretch is worth the
// waking of a thread. What lies behind a queue (NodeInfo::queue) is cut off from all that does not: nodes
// share a domain only if the same queues lie before them. With a device the same holds for nodes that wait
// for somebody outside (NodeInfo::waits), and themselves.
Partition partition(const ValidGraph& graph, const ThreadPolicy& threads, std::uint32_t cores);

// The same for a graph that takes the place of a running one: nodes that go on stay in their domains, and new ones join
// those, or get new domains at the end. Edges may then lead to a lower number, but never in a circle. `partner`: by node,
// the running node that goes on as it; `is_over`: by domain, it takes no more nodes. Refused where a node would have to
// move.
Checked<Partition> partition_beside(const ValidGraph& graph, const ThreadPolicy& threads,
                                    const Partition& before,
                                    const std::vector<std::optional<std::size_t>>& partner,
                                    const std::vector<bool>& is_over);

}  // namespace streamlab
