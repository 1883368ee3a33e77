// engine/run/program.hpp
//
// Program: what a domain runs. The steps of its nodes in their order, the streams between them, and the edges from other
// domains. Built by the control thread from a plan, when all edges are known; its structure does not change afterwards.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/graph/plan.hpp"
#include "engine/run/change.hpp"
#include "engine/run/edge_link.hpp"
#include "engine/run/loss_marker.hpp"
#include "engine/run/node_times.hpp"
#include "engine/run/reblock.hpp"
#include "engine/run/steps/device_output_step.hpp"
#include "engine/run/steps/each_block_step.hpp"
#include "engine/run/steps/source_step.hpp"
#include "engine/run/steps/step.hpp"

namespace streamlab {

// How a domain is tied to others, and when its sources end.
struct DomainWiring {
  struct In {
    const PlanEdge* edge = nullptr;
    EdgeLink* link = nullptr;
  };
  struct Out {
    std::size_t slot = 0;
    EdgeLink* link = nullptr;
  };
  std::vector<In> in;  // in the plan's order
  std::vector<Out> out;
  // A real-time domain never waits: a block that does not fit into an outgoing `block` edge is counted as lost.
  bool may_wait = true;
  // The sources, and the device's input, end after this many frames, or seconds, of their signal. Zero: no limit.
  std::int64_t frame_limit = 0;
  double duration_s = 0.0;
};

// An edge from another domain, and its stream in this one.
struct IncomingEdge {
  EdgeLink* link = nullptr;
  BlockStream stream;
  DataFrame* in_hand = nullptr;
  LossMarker losses;
  Ways ways;
  std::unique_ptr<Reblock> reblock;  // into the device's domain
};

class Program {
 public:
  // The plan, and the links of the wiring, must outlive the program.
  Program(Plan& plan, std::size_t domain, const DomainWiring& wiring);
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  const Plan& plan() const noexcept { return plan_; }
  // In order. Neighbours that run in one pass are one step.
  std::span<DomainStep* const> steps() const noexcept { return steps_; }
  // By step of steps(): written by the domain's thread.
  std::span<NodeTimes> times() noexcept { return times_; }
  // The node's own step, also within a pass; null for those of other domains.
  DomainStep* own_step_of(std::size_t node_index) const noexcept;
  // Of every node, and of every pass.
  std::span<const std::unique_ptr<DomainStep>> all_steps() const noexcept { return all_steps_; }
  std::deque<IncomingEdge>& incoming() noexcept { return incoming_; }
  const std::deque<IncomingEdge>& incoming() const noexcept { return incoming_; }
  std::deque<BlockStream>& streams() noexcept { return streams_; }
  // The blocks of a slot of this domain.
  BlockStream& stream_of(std::size_t slot) const noexcept { return *stream_of_slot_[slot]; }
  // The edge that brings a stream; null: it comes from this domain.
  IncomingEdge* edge_of(const BlockStream* stream) const noexcept;
  // Where the last block of a stream ended that steps of this domain read; BlockStream::kNowhere: not known.
  std::int64_t end_position(const BlockStream* stream) const noexcept;
  // The step, or the pass, in which a node of this domain runs.
  DomainStep& step_of(std::size_t node_index) const noexcept { return *step_of_node_[node_index]; }
  DeviceInputStep* device_input() const noexcept { return device_input_; }     // null without one
  DeviceOutputStep* device_output() const noexcept { return device_output_; }  // null without one

  // Back to the state before the first block, nodes included.
  void restart() noexcept;

  // --- the control thread, also while the program runs; one call at a time. What comes back is to be sent to the domain.
  // `link` gets every block of the slot from then on, or none any more. `owner` is kept until the domain knows.
  std::unique_ptr<Change> attach(std::size_t slot, EdgeLink& link, std::shared_ptr<const void> owner);
  std::unique_ptr<Change> detach(std::size_t slot, EdgeLink& link, std::shared_ptr<const void> owner);

 private:
  friend class ProgramBuilder;
  // Calls `note` for the ways of every step and incoming edge that feeds `from`, back to the next join or queue.
  template <class Note>
  void follow_back(BlockStream* from, const Note& note);
  bool waits_for(const EdgeLink& link) const;
  std::vector<EdgeLink*>& planned_links(BlockStream& stream);
  std::vector<EdgePlace>& planned_places(Ways& ways);

  Plan& plan_;
  std::deque<BlockStream> streams_;           // of this domain's own slots
  std::vector<BlockStream*> stream_of_slot_;  // by slot; null for those of other domains
  std::deque<IncomingEdge> incoming_;
  std::vector<std::unique_ptr<DomainStep>> all_steps_;
  std::vector<DomainStep*> steps_;
  std::vector<NodeTimes> times_;           // apart from the steps, whose hot lines they would stretch
  std::vector<DomainStep*> step_of_node_;  // by node; null for those of other domains
  DeviceInputStep* device_input_ = nullptr;
  DeviceOutputStep* device_output_ = nullptr;
  bool may_wait_ = true;
  // Where each stream comes from.
  std::unordered_map<const BlockStream*, DomainStep*> step_of_stream_;
  std::unordered_map<const BlockStream*, IncomingEdge*> edge_of_stream_;
  // What the domain will see when all changes have been applied, of what has changed since it was built. The control
  // thread's; the domain's own lists belong to its thread.
  std::unordered_map<BlockStream*, std::vector<EdgeLink*>> planned_links_;
  std::unordered_map<Ways*, std::vector<EdgePlace>> planned_places_;
};

}  // namespace streamlab
