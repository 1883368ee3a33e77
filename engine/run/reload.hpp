// engine/run/reload.hpp
//
// Reload: a new graph takes the place of a running one, without a gap. What goes on keeps its state and its threads; what is
// new is made and prepared beside the running graph; then each domain goes over at one of its block edges, while the device
// keeps ticking. docs/decisions/reload.md says how, and what is not kept.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "engine/graph/diff.hpp"
#include "engine/run/reload_plan.hpp"
#include "engine/run/running_graph.hpp"
#include "engine/run/subscriptions.hpp"
#include "engine/run/succession.hpp"
#include "engine/run/wiring.hpp"

namespace streamlab {

// The control thread. Nobody else changes or looks at the graph from swap() on.
class Reload {
 public:
  // Why it cannot be done, or a reload that has changed nothing yet.
  // `passing`: ids of nodes that the next one takes out.
  static Checked<Reload> make(const RunningGraph& graph, const ValidGraph& after,
                              const FormerIds& former_ids = {}, const std::vector<std::string>& passing = {});

  const ReloadPlan& report() const { return report_; }
  const Plan& plan() const { return *plan_; }  // before swap()
  const Succession& succession() const { return *succession_; }

  // Starts the new nodes, and makes edges and programs. On errors nothing has changed, and what was started is closed.
  Errors prepare(const RunningGraph& graph, const DomainOptions& options);
  // Those that the graph does not have yet. Their threads run before swap().
  const std::vector<std::unique_ptr<Domain>>& new_domains() const { return new_domains_; }

  // All domains go over. `hurries`: asked while it waits for them; once it says so, nothing waits for edges or nodes any more.
  // `subscriptions` follow, held by nobody.
  void swap(RunningGraph& graph, Subscriptions& subscriptions, const std::function<bool()>& hurries);
  // Closes what is gone: notes and errors go to the engine. `ids`: those that the user knows.
  void close_removed(const FormerIds& ids, std::vector<std::pair<std::string, NodeNote>>& notes,
                     Errors& errors);
  // The values of the parameters that are in force, where the new graph does not say otherwise.
  std::vector<ParamValues> values(const std::vector<ParamValues>& now) const;
  // What the new graph says otherwise, for ParamControl::set().
  std::string changes() const;

 private:
  Reload(GraphDiff diff, std::unique_ptr<Plan> plan, const Plan& before, const FormerIds& former_ids);

  void close_started() noexcept;
  void make_links(const RunningGraph& graph);
  void make_programs(const RunningGraph& graph, const DomainOptions& options);
  void join_sources(const RunningGraph& graph, Program& program) const;
  void follow(const RunningGraph& graph, Subscriptions& subscriptions);
  void put_in_place(RunningGraph& graph);

  GraphDiff diff_;
  std::unique_ptr<Plan> plan_;
  std::unique_ptr<Plan> before_plan_;  // once swapped
  std::unique_ptr<Succession> succession_;
  ReloadPlan report_;
  std::vector<std::size_t> started_;              // new nodes
  std::vector<std::unique_ptr<EdgeLink>> links_;  // of new edges; null where one goes on
  std::vector<std::unique_ptr<Domain>> new_domains_;
  std::vector<std::unique_ptr<Program>> programs_;  // by domain of the running graph
};

}  // namespace streamlab
