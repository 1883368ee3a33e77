// engine/graph/plan.hpp
//
// Plan: a valid graph made concrete. Nodes exist and are prepared, formats have flowed down the edges, and
// everything that running will need (domains, buffers, edge depths, latency, memory) is known and can be
// shown before anything runs. Only make_plan() makes one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/core/node.hpp"
#include "engine/graph/partition.hpp"
#include "engine/graph/validate.hpp"

namespace streamlab {

struct PlanOptions {
  ThreadPolicy threads;                // how the nodes are spread
  std::uint32_t cores = 1;             // that "auto" may use
  std::optional<DeviceStream> device;  // what the opened device offers; needed when the graph has one
  std::uint32_t block_size = 0;        // 0: the configuration's, else 1024
  bool lossless = true;  // nothing paces the run but itself: every edge waits instead of dropping
  // The caller, who can wait, takes the place of the device: by default the edges out of its domain wait, too.
  bool device_may_wait = false;
  NodeHost host = {};  // what nodes are given; no channels where nothing will run
  std::uint64_t memory_limit_bytes = 4ULL << 30U;
};

// One output port of one node: the blocks that it gives in one round of its domain.
struct PlanSlot {
  std::size_t node = 0;
  std::size_t port = 0;
  std::shared_ptr<const StreamFormat> format;
  std::uint32_t max_blocks = 1;          // in one round
  std::optional<std::size_t> shares;     // another slot, whose frames are refilled in place
  std::uint32_t latency_frames = 0;      // of the signal, from the sources to here
  std::uint32_t held_frames = 0;         // most frames that may be inside nodes between the sources and here
  std::optional<std::size_t> broken_by;  // node before here that breaks the timeline
  bool endless = false;
  std::optional<std::uint64_t> length_frames;  // of a source, that it will give in all, if it knows
  std::uint64_t queued_blocks = 0;  // most blocks that may be in edges and joins between the sources and here
};

// A connection between two domains.
struct PlanEdge {
  std::size_t slot = 0;  // it carries the blocks of this slot
  std::size_t to_node = 0;
  std::size_t to_input = 0;  // counted over the connected inputs
  std::size_t from_domain = 0;
  std::size_t to_domain = 0;
  OverflowPolicy policy = OverflowPolicy::block;
  std::uint32_t capacity = 1;
  bool reblocks = false;  // into the device domain: recut into the device's blocks
};

struct PlanInput {
  std::size_t slot = 0;
  std::optional<std::size_t> edge;  // when it comes from another domain
  // Of a node with separate inputs: no source feeds both this input and another, so that blocks may be kept
  // waiting until the node has room.
  bool may_be_held = false;
};

struct PlanNode {
  std::shared_ptr<Node> node;         // shared with the plan before, where it goes on in a reloaded graph
  std::vector<OutputFormat> outputs;  // what its prepare() gave
  std::size_t domain = 0;
  std::vector<PlanInput> inputs;           // connected ones, in port order
  std::vector<std::size_t> slots;          // one per output port
  std::vector<std::uint32_t> join_blocks;  // of a joining node, by input: what it must be able to hold back
  std::uint64_t join_frames = 0;           // the same, of every input, in frames
  bool is_passing = false;  // the next reload takes it out: its join holds no more than one round brings
  FactorRun factor_run =
      nullptr;  // of a node that only multiplies, as it was made; a running one is not asked
  std::vector<std::uint32_t> ahead_blocks;  // PrepareContext::ahead_blocks
};

class Plan;

// What runs already, where a graph takes the place of another one.
struct PlanBefore {
  const Plan* plan = nullptr;
  std::vector<std::optional<std::size_t>> partner;  // by node of the new graph: the one that may go on as it
  std::vector<bool> is_over;                        // by domain: it takes no more nodes
  std::vector<std::string> passing = {};            // ids of new nodes that the next reload takes out
};

class Plan {
 public:
  const ValidGraph& graph() const { return graph_; }
  const PlanOptions& options() const { return options_; }
  const Partition& domains() const { return partition_; }
  const std::vector<PlanSlot>& slots() const { return slots_; }
  const std::vector<PlanEdge>& edges() const { return edges_; }
  const std::vector<PlanNode>& nodes() const { return nodes_; }  // by node index of the graph
  Node& node(std::size_t index) { return *nodes_[index].node; }
  std::uint64_t memory_bytes() const { return memory_bytes_; }  // of blocks and edges
  // Latency of the signal from a source to the end of the longest path, in frames.
  std::uint32_t latency_frames() const;
  // Sources alone, and none of them ends by itself? (Such a run needs a limit.)
  bool is_endless() const { return endless_; }

 private:
  friend class Planner;
  explicit Plan(ValidGraph graph, PlanOptions options)
      : graph_(std::move(graph)), options_(std::move(options)) {}

  ValidGraph graph_;
  PlanOptions options_;
  Partition partition_;
  std::vector<PlanSlot> slots_;
  std::vector<PlanEdge> edges_;
  std::vector<PlanNode> nodes_;
  std::uint64_t memory_bytes_ = 0;
  bool endless_ = false;
};

// Control thread. Opens input files, writes nothing. Every reason why the plan cannot be made, in graph
// order.
Checked<Plan> make_plan(const ValidGraph& graph, const PlanOptions& options);
// The plan of a graph that takes the place of a running one. Nodes whose partner's streams stay as they are are that
// partner, and stay in its domain. Refused where a node would have to move to another domain.
Checked<Plan> plan_beside(const ValidGraph& graph, const PlanBefore& before);

}  // namespace streamlab
