// engine/run/succession.hpp
//
// Succession: what of a running graph goes on in the one that takes its place, found on the control thread; and the change by
// which a domain goes over to its new program between two rounds.
//
// A domain goes over once the edges that lead into it no more are empty. Their producers have gone over by then, and write
// into new edges meanwhile, which wait until they are read.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "engine/graph/plan.hpp"
#include "engine/run/change.hpp"
#include "engine/run/edge_link.hpp"
#include "engine/run/program.hpp"

namespace streamlab {

class JoinStep;

class Succession {
 public:
  // `same_id`, by node of `after`: the node of `before` of that id. Both plans must outlive it.
  Succession(const Plan& before, const Plan& after, std::vector<std::optional<std::size_t>> same_id);

  const Plan& before() const { return before_; }
  const Plan& after() const { return after_; }
  // By node of the new plan: the node of the old one that is the same object.
  std::optional<std::size_t> node(std::size_t n) const;
  // The node that had its id.
  std::optional<std::size_t> same_id(std::size_t n) const { return same_id_[n]; }
  // By edge of the new plan: the edge of the old one that goes on.
  std::optional<std::size_t> edge(std::size_t e) const { return edge_[e]; }
  // By connected input of node `n`: the input of `old` that the same output feeds, or DomainStep::kNone.
  std::vector<std::size_t> inputs(std::size_t n, std::size_t old) const;

 private:
  bool is_same_slot(std::size_t slot, std::size_t old_slot) const;

  const Plan& before_;
  const Plan& after_;
  const std::vector<std::optional<std::size_t>> same_id_;
  std::vector<std::optional<std::size_t>> edge_;
};

class SwapProgram final : public Change {
 public:
  // `old_links`: of the old plan's edges. `left`: how many domains of the reload have not gone over yet.
  SwapProgram(std::unique_ptr<Program> next, Program& now, std::size_t domain, const Succession& succession,
              const std::vector<std::unique_ptr<EdgeLink>>& old_links,
              std::shared_ptr<std::atomic<std::size_t>> left);

  void apply(std::unique_ptr<Program>& program) noexcept override;
  bool is_due() const noexcept override;
  // The joins that it waits for, and the edges; and what makes it wait no longer, which may outlive the change.
  bool waits_for_joins() const { return !draining_.empty(); }
  const std::vector<EdgeLink*>& awaited() const { return awaited_; }
  const std::shared_ptr<std::atomic<bool>>& forced() const { return forced_; }

 private:
  struct StepPair {
    DomainStep* next = nullptr;
    DomainStep* old = nullptr;
    std::vector<std::size_t> inputs;
    bool is_same_node = true;  // else only what a join holds
  };
  struct StreamPair {
    BlockStream* next = nullptr;
    const BlockStream* old = nullptr;
  };
  struct EdgePair {
    IncomingEdge* next = nullptr;
    IncomingEdge* old = nullptr;
    bool is_same_link = true;  // else only what the device has not played yet
  };

  struct InputPair {
    BlockStream* next = nullptr;
    const BlockStream* old = nullptr;
    IncomingEdge* edge = nullptr;  // that brings `next`; null: it is of this domain
  };

  void pair_steps(Program& now, const Succession& succession);
  void pair_inputs();
  void pair_edges(Program& now);

  std::unique_ptr<Program> next_;
  std::vector<StepPair> steps_;
  std::vector<StreamPair> streams_;
  std::vector<StreamPair> joins_;  // of nodes that are made again
  std::vector<InputPair> inputs_;  // of nodes that go on, and get another stream than before
  std::vector<EdgePair> edges_;
  std::vector<EdgeLink*> released_;        // out of this domain
  std::vector<EdgeLink*> awaited_;         // into it
  std::vector<const JoinStep*> draining_;  // of nodes that were passing (PlanNode::is_passing)
  const std::shared_ptr<std::atomic<bool>> forced_ = std::make_shared<std::atomic<bool>>(false);
  const std::shared_ptr<std::atomic<std::size_t>> left_;
};

}  // namespace streamlab
