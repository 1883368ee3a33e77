// engine/run/succession.cpp
#include "engine/run/succession.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "engine/run/steps/join_step.hpp"

namespace streamlab {

Succession::Succession(const Plan& before, const Plan& after, std::vector<std::optional<std::size_t>> same_id)
    : before_(before), after_(after), same_id_(std::move(same_id)) {
  for (const PlanEdge& edge : after.edges()) {
    const auto consumer = node(edge.to_node);
    auto& found = edge_.emplace_back();
    for (std::size_t e = 0; consumer && e < before.edges().size(); ++e) {
      const PlanEdge& old = before.edges()[e];
      const bool is_same = old.to_node == *consumer && old.to_input == edge.to_input &&
                           old.policy == edge.policy && old.capacity == edge.capacity &&
                           old.reblocks == edge.reblocks && is_same_slot(edge.slot, old.slot);
      if (is_same) { found = e; }
    }
  }
}

std::optional<std::size_t> Succession::node(std::size_t n) const {
  const auto old = same_id_[n];
  const bool is_same = old && before_.nodes()[*old].node == after_.nodes()[n].node;
  return is_same ? old : std::nullopt;
}

bool Succession::is_same_slot(std::size_t slot, std::size_t old_slot) const {
  const PlanSlot& of = after_.slots()[slot];
  const PlanSlot& old = before_.slots()[old_slot];
  return node(of.node) == old.node && of.port == old.port;
}

std::vector<std::size_t> Succession::inputs(std::size_t n, std::size_t old) const {
  std::vector<std::size_t> found;
  const auto& before = before_.nodes()[old].inputs;
  for (const PlanInput& input : after_.nodes()[n].inputs) {
    const auto at = std::find_if(before.begin(), before.end(),
                                 [&](const PlanInput& was) { return is_same_slot(input.slot, was.slot); });
    found.push_back(at == before.end() ? DomainStep::kNone : static_cast<std::size_t>(at - before.begin()));
  }
  return found;
}

SwapProgram::SwapProgram(std::unique_ptr<Program> next, Program& now, std::size_t domain,
                         const Succession& succession,
                         const std::vector<std::unique_ptr<EdgeLink>>& old_links,
                         std::shared_ptr<std::atomic<std::size_t>> left)
    : next_(std::move(next)), left_(std::move(left)) {
  pair_steps(now, succession);
  pair_edges(now);
  pair_inputs();
  for (const auto& step : now.all_steps()) {
    if (step->node == nullptr || !succession.before().nodes()[step->node_index].is_passing) { continue; }
    if (const auto* const join = dynamic_cast<const JoinStep*>(step.get())) { draining_.push_back(join); }
  }
  for (BlockStream& stream : next_->streams()) { stream.joins_at = BlockStream::kNowhere; }
  for (IncomingEdge& in : next_->incoming()) { in.stream.joins_at = BlockStream::kNowhere; }
  std::set<std::size_t> kept;
  for (std::size_t e = 0; e < succession.after().edges().size(); ++e) {
    if (const auto old = succession.edge(e)) { kept.insert(*old); }
  }
  for (std::size_t e = 0; e < old_links.size(); ++e) {
    if (kept.count(e) > 0) { continue; }
    const PlanEdge& edge = succession.before().edges()[e];
    if (edge.from_domain == domain) { released_.push_back(old_links[e].get()); }
    if (edge.to_domain == domain) { awaited_.push_back(old_links[e].get()); }
  }
}

void SwapProgram::pair_steps(Program& now, const Succession& succession) {
  for (const auto& step : next_->all_steps()) {
    if (step->node == nullptr) { continue; }
    const std::size_t n = step->node_index;
    const auto old = succession.same_id(n);
    DomainStep* const before = old ? now.own_step_of(*old) : nullptr;
    if (before == nullptr) { continue; }
    const bool is_same_node = succession.node(n).has_value();
    const bool are_joins =
        dynamic_cast<JoinStep*>(step.get()) != nullptr && dynamic_cast<JoinStep*>(before) != nullptr;
    const auto& slots = succession.after().nodes()[n].slots;
    const auto& old_slots = succession.before().nodes()[*old].slots;
    for (std::size_t port = 0; port < std::min(slots.size(), old_slots.size()); ++port) {
      (is_same_node ? streams_ : joins_)
          .push_back({&next_->stream_of(slots[port]), &now.stream_of(old_slots[port])});
    }
    if (!is_same_node && !are_joins) { continue; }
    steps_.push_back({step.get(), before, succession.inputs(n, *old), is_same_node});
  }
}

void SwapProgram::pair_edges(Program& now) {
  std::map<const EdgeLink*, IncomingEdge*> by_link;
  for (IncomingEdge& in : now.incoming()) { by_link[in.link] = &in; }
  for (IncomingEdge& in : next_->incoming()) {
    if (const auto found = by_link.find(in.link); found != by_link.end()) {
      edges_.push_back({&in, found->second, true});
      by_link.erase(found);
    }
  }
  // What the device has not played yet is played, also if another node feeds it now.
  for (IncomingEdge& in : next_->incoming()) {
    const bool is_new =
        std::none_of(edges_.begin(), edges_.end(), [&](const EdgePair& pair) { return pair.next == &in; });
    if (!is_new || in.reblock == nullptr || by_link.size() != 1) { continue; }
    IncomingEdge* const old = by_link.begin()->second;
    if (old->reblock == nullptr || !old->reblock->fits(*in.reblock)) { continue; }
    edges_.push_back({&in, old, false});
  }
}

void SwapProgram::pair_inputs() {
  std::set<const BlockStream*> going_on;  // for one reader at least
  std::vector<InputPair> changed;
  for (const StepPair& pair : steps_) {
    for (std::size_t i = 0; pair.is_same_node && i < pair.inputs.size(); ++i) {
      if (pair.inputs[i] != DomainStep::kNone) {
        going_on.insert(pair.next->in[i]);
      } else if (i < pair.old->in.size()) {
        changed.push_back({pair.next->in[i], pair.old->in[i], next_->edge_of(pair.next->in[i])});
      }
    }
  }
  for (const StreamPair& pair : streams_) {
    if (!pair.next->outgoing.empty()) { going_on.insert(pair.next); }
  }
  for (const InputPair& pair : changed) {
    // A mark would be seen by all readers of a block. The device's side of an edge goes by time, not by positions.
    const bool is_for_the_device = pair.edge != nullptr && pair.edge->reblock != nullptr;
    if (going_on.count(pair.next) == 0 && !is_for_the_device) { inputs_.push_back(pair); }
  }
}

bool SwapProgram::is_due() const noexcept {
  if (forced_->load(std::memory_order_acquire)) { return true; }
  const bool is_drained =
      std::all_of(draining_.begin(), draining_.end(), [](const JoinStep* join) { return join->is_empty(); });
  return is_drained && std::all_of(awaited_.begin(), awaited_.end(), [](const EdgeLink* link) {
           if (link->edge.ended()) { return true; }
           return link->released.load(std::memory_order_acquire) && link->edge.counters().in_queue == 0;
         });
}

void SwapProgram::apply(std::unique_ptr<Program>& program) noexcept {
  for (StepPair& pair : steps_) {
    if (pair.is_same_node) {
      pair.next->take_over(*pair.old, pair.inputs);
    } else {
      static_cast<JoinStep*>(pair.next)->take_blocks(static_cast<JoinStep&>(*pair.old), pair.inputs);
    }
  }
  for (EdgePair& pair : edges_) {
    std::swap(pair.next->reblock, pair.old->reblock);
    if (!pair.is_same_link) { continue; }
    pair.next->losses = pair.old->losses;
    pair.next->stream.ended = pair.old->stream.ended;
    pair.next->stream.joins_at = pair.old->stream.joins_at;
  }
  for (StreamPair& pair : streams_) {
    pair.next->ended = pair.old->ended;
    pair.next->joins_at = pair.old->joins_at;
    if (pair.next->ended) { Loop::close(*pair.next); }
  }
  // Blocks that were under way in a node that is made again are missing behind it.
  for (StreamPair& pair : joins_) { pair.next->joins_at = program->end_position(pair.old); }
  for (InputPair& pair : inputs_) {
    const std::int64_t end = program->end_position(pair.old);
    pair.next->joins_at = end;
    if (pair.edge != nullptr && end != BlockStream::kNowhere) { pair.edge->losses.join_at(end); }
  }
  program.swap(next_);
  for (EdgeLink* link : released_) {
    link->released.store(true, std::memory_order_release);
    link->wake_consumer();
  }
  left_->fetch_sub(1, std::memory_order_release);
}

}  // namespace streamlab
