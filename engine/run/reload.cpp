// engine/run/reload.cpp
#include "engine/run/reload.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "engine/graph/change_params.hpp"
#include "engine/run/edge_report.hpp"

namespace streamlab {
namespace {

constexpr std::chrono::milliseconds kLook{1};

// A domain that waits until the edges are empty that it reads no more. If nothing was taken from them for a while, nothing
// will be: the join behind them lacks another input that is gone, too. What is left there is counted as lost. The join of a
// fade that is over is empty after every block, unless its streams come in blocks that do not fit together.
class Waiting {
 public:
  explicit Waiting(const SwapProgram& change)
      : links_(change.awaited()),
        forced_(change.forced()),
        patience_(change.waits_for_joins() ? kBlocksThatFit : kStuck) {}
  void look(bool hurries) {
    const auto now = Clock::now();
    std::uint64_t taken = 0;
    for (const EdgeLink* link : links_) { taken += link->edge.delivered(); }
    const bool is_released = std::all_of(links_.begin(), links_.end(), [](const EdgeLink* link) {
      return link->released.load(std::memory_order_acquire) || link->edge.ended();
    });
    if (std::exchange(taken_, taken) != taken || !is_released) { since_ = now; }
    if (hurries || now - since_ > patience_) { forced_->store(true, std::memory_order_release); }
  }

 private:
  using Clock = WakeSignal::Clock;
  static constexpr std::chrono::milliseconds kStuck{50};
  static constexpr std::chrono::milliseconds kBlocksThatFit{1000};

  const std::vector<EdgeLink*> links_;
  const std::shared_ptr<std::atomic<bool>> forced_;
  const std::chrono::milliseconds patience_;
  std::uint64_t taken_ = 0;
  Clock::time_point since_ = Clock::now();
};

std::vector<std::optional<std::size_t>> same_ids(const ValidGraph& before, const ValidGraph& after,
                                                 const FormerIds& former_ids) {
  std::vector<std::optional<std::size_t>> same;
  for (const ValidNode& node : after.nodes()) { same.push_back(former(before, node, former_ids)); }
  return same;
}

// A node whose streams change begins again, and would write its file again.
Errors refuse_files_again(const Plan& before, const Plan& after, const GraphDiff& diff) {
  Errors errors;
  for (std::size_t n = 0; n < diff.partner.size(); ++n) {
    const auto partner = diff.partner[n];
    if (!partner || before.nodes()[*partner].node == after.nodes()[n].node) { continue; }
    const ValidNode& node = after.graph().nodes()[n];
    const auto path = node.text(ParamRole::output_file);
    if (!path || *path == "-") { continue; }
    errors.push_back({ErrorCode::refused, node.pointer,
                      fmt::format("\"{}\" would begin its file again: another stream comes in", node.id),
                      "the stream as it was, or another file", ""});
  }
  after.graph().name_nodes(errors);
  return errors;
}

// A live parameter may have a value that its node cannot change to while it runs: then the node begins again.
void restart_what_cannot_change(GraphDiff& diff, Plan& before, const ValidGraph& after) {
  const auto cannot = [&](std::size_t n) {
    return !before.node(*diff.partner[n]).plan_change(after.nodes()[n].params);
  };
  for (const std::size_t n : std::exchange(diff.changed, {})) {
    if (cannot(n)) {
      diff.partner[n].reset();
      diff.restarted.push_back(n);
    } else {
      diff.changed.push_back(n);
    }
  }
}

}  // namespace

std::string to_string(const ReloadPlan& plan) {
  if (plan.changes_nothing()) { return "nothing changes"; }
  std::string text = fmt::format("kept {} {}", plan.kept.size(), plan.kept.size() == 1 ? "node" : "nodes");
  const auto add = [&](std::string_view what, const std::vector<std::string>& ids) {
    if (!ids.empty()) { text += fmt::format(", {} {}", what, fmt::join(ids, " ")); }
  };
  add("changed", plan.changed);
  add("restarted", plan.restarted);
  add("added", plan.added);
  add("removed", plan.removed);
  add("faded", plan.faded);
  add("not faded:", plan.jumps);
  return text;
}

Checked<Reload> Reload::make(const RunningGraph& graph, const ValidGraph& after, const FormerIds& former_ids,
                             const std::vector<std::string>& passing) {
  auto difference = diff(graph.plan->graph(), after, former_ids);
  if (!difference) { return tl::unexpected(difference.error()); }
  restart_what_cannot_change(*difference, *graph.plan, after);
  PlanBefore before{graph.plan.get(), difference->partner, {}, passing};
  for (const auto& domain : graph.domains) { before.is_over.push_back(domain->is_over()); }
  auto plan = plan_beside(after, before);
  if (!plan) { return tl::unexpected(plan.error()); }
  if (Errors errors = refuse_files_again(*graph.plan, *plan, *difference); !errors.empty()) {
    return tl::unexpected(std::move(errors));
  }
  return Reload(*std::move(difference), std::make_unique<Plan>(std::move(*plan)), *graph.plan, former_ids);
}

Reload::Reload(GraphDiff diff, std::unique_ptr<Plan> plan, const Plan& before, const FormerIds& former_ids)
    : diff_(std::move(diff)), plan_(std::move(plan)) {
  succession_ =
      std::make_unique<Succession>(before, *plan_, same_ids(before.graph(), plan_->graph(), former_ids));
  const auto& nodes = plan_->graph().nodes();
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    const bool goes_on = succession_->node(n).has_value();
    const bool was_there = succession_->same_id(n).has_value();
    (goes_on ? report_.kept : was_there ? report_.restarted : report_.added).push_back(nodes[n].id);
  }
  for (const std::size_t n : diff_.changed) {
    if (succession_->node(n)) { report_.changed.push_back(nodes[n].id); }
  }
  for (const std::size_t n : diff_.removed) { report_.removed.push_back(before.graph().nodes()[n].id); }
}

// ---- beside the running graph

Errors Reload::prepare(const RunningGraph& graph, const DomainOptions& options) {
  for (const std::size_t n : plan_->graph().order()) {
    if (succession_->node(n)) { continue; }
    if (auto started = plan_->node(n).start(); !started) {
      close_started();
      Errors errors{plan_->graph().nodes()[n].located(started.error())};
      plan_->graph().name_nodes(errors);
      return errors;
    }
    started_.push_back(n);
  }
  for (std::size_t d = graph.domains.size(); d < plan_->domains().domain_count; ++d) {
    new_domains_.push_back(make_domain(*plan_, d, options));
  }
  make_links(graph);
  make_programs(graph, options);
  return {};
}

void Reload::close_started() noexcept {
  for (const std::size_t n : started_) {
    plan_->node(n).set_ending(Ending::not_begun);
    static_cast<void>(plan_->node(n).close());
  }
}

void Reload::make_links(const RunningGraph& graph) {
  std::vector<Domain*> domains;
  for (const auto& domain : graph.domains) { domains.push_back(domain.get()); }
  for (const auto& domain : new_domains_) { domains.push_back(domain.get()); }
  for (std::size_t e = 0; e < plan_->edges().size(); ++e) {
    links_.push_back(succession_->edge(e) ? nullptr : make_link(*plan_, plan_->edges()[e], domains));
  }
}

void Reload::make_programs(const RunningGraph& graph, const DomainOptions& options) {
  const std::size_t count = graph.domains.size() + new_domains_.size();
  std::vector<DomainWiring> wiring(count);
  for (std::size_t d = 0; d < count; ++d) { wiring[d] = wiring_of(*plan_, d, options); }
  for (std::size_t e = 0; e < links_.size(); ++e) {
    const PlanEdge& edge = plan_->edges()[e];
    EdgeLink* const link = links_[e] != nullptr ? links_[e].get() : graph.links[*succession_->edge(e)].get();
    wiring[edge.to_domain].in.push_back({&edge, link});
    wiring[edge.from_domain].out.push_back({edge.slot, link});
  }
  for (std::size_t d = 0; d < count; ++d) {
    auto program = std::make_unique<Program>(*plan_, d, wiring[d]);
    const bool is_new = d >= graph.domains.size();
    join_sources(graph, *program);
    if (is_new) {
      new_domains_[d - graph.domains.size()]->adopt(std::move(program));
    } else {
      programs_.push_back(std::move(program));
    }
  }
}

// New sources begin where the graph is.
void Reload::join_sources(const RunningGraph& graph, Program& program) const {
  std::int64_t position = 0;
  for (const auto& domain : graph.domains) { position = std::max(position, domain->source_frames()); }
  for (const auto& step : program.all_steps()) {
    auto* const source = dynamic_cast<SourceStep*>(step.get());
    if (source != nullptr && !succession_->node(source->node_index)) { source->join_at(position); }
  }
}

// ---- the swap

void Reload::swap(RunningGraph& graph, Subscriptions& subscriptions, const std::function<bool()>& hurries) {
  follow(graph, subscriptions);
  const auto left = std::make_shared<std::atomic<std::size_t>>(graph.domains.size());
  std::vector<Waiting> waiting;
  for (std::size_t d = 0; d < graph.domains.size(); ++d) {
    Domain& domain = *graph.domains[d];
    auto change = std::make_unique<SwapProgram>(std::move(programs_[d]), domain.program(), d, *succession_,
                                                graph.links, left);
    if (!change->awaited().empty() || change->waits_for_joins()) { waiting.emplace_back(*change); }
    while (!domain.has_room_for_change()) { std::this_thread::sleep_for(kLook); }
    static_cast<void>(domain.change(std::move(change)));
  }
  while (left->load(std::memory_order_acquire) > 0) {
    const bool hurry = hurries();
    if (hurry) { graph.stop_waiting(); }
    for (Waiting& domain : waiting) { domain.look(hurry); }
    for (const auto& domain : graph.domains) { domain->signal()->notify(); }
    std::this_thread::sleep_for(kLook);
  }
  for (const auto& domain : graph.domains) {
    static_cast<void>(domain->has_room_for_change());  // destroys what was replaced
  }
  put_in_place(graph);
}

// Subscribers of an output that is still there go on; the streams of the others end.
void Reload::follow(const RunningGraph& graph, Subscriptions& subscriptions) {
  subscriptions.follow([&](Domain& domain, std::size_t old_slot) -> Subscriptions::NewPlace {
    const PlanSlot& was = graph.plan->slots()[old_slot];
    const auto n = plan_->graph().find(graph.plan->graph().nodes()[was.node].id);
    if (!n || was.port >= plan_->nodes()[*n].slots.size()) { return {}; }
    const std::size_t slot = plan_->nodes()[*n].slots[was.port];
    const std::size_t d = plan_->nodes()[*n].domain;
    const bool is_same = d == domain.index() && *plan_->slots()[slot].format == *was.format;
    return is_same ? Subscriptions::NewPlace{programs_[d].get(), slot} : Subscriptions::NewPlace{};
  });
}

void Reload::put_in_place(RunningGraph& graph) {
  for (std::size_t e = 0; e < links_.size(); ++e) {
    if (const auto old = succession_->edge(e)) { links_[e] = std::move(graph.links[*old]); }
  }
  for (const auto& link : graph.links) {
    if (link == nullptr) { continue; }
    link->left_early.store(true, std::memory_order_release);
    EdgeReport report = report_of(*link);
    if (report.counters.dropped > 0) { graph.removed_edges.push_back(std::move(report)); }
  }
  graph.links = std::move(links_);
  for (auto& domain : new_domains_) { graph.domains.push_back(std::move(domain)); }
  before_plan_ = std::exchange(graph.plan, std::move(plan_));
}

// ---- afterwards

void Reload::close_removed(const FormerIds& ids, std::vector<std::pair<std::string, NodeNote>>& notes,
                           Errors& errors) {
  std::vector<bool> goes_on(before_plan_->nodes().size(), false);
  for (std::size_t n = 0; n < succession_->after().nodes().size(); ++n) {
    if (const auto old = succession_->node(n)) { goes_on[*old] = true; }
  }
  for (const std::size_t n : before_plan_->graph().order()) {
    if (goes_on[n]) { continue; }
    const ValidNode& valid = before_plan_->graph().nodes()[n];
    Node& node = before_plan_->node(n);
    node.set_ending(Ending::complete);
    if (auto closed = node.close(); !closed) { errors.push_back(valid.located(closed.error())); }
    const auto id = ids.find(valid.id);
    for (NodeNote& note : node.notes()) {
      notes.emplace_back(id != ids.end() && id->second ? *id->second : valid.id, std::move(note));
    }
  }
}

std::vector<ParamValues> Reload::values(const std::vector<ParamValues>& now) const {
  std::vector<ParamValues> values;
  const Plan& after = succession_->after();
  for (std::size_t n = 0; n < after.nodes().size(); ++n) {
    const auto old = succession_->node(n);
    values.push_back(old ? now[*old] : after.graph().nodes()[n].params);
  }
  return values;
}

std::string Reload::changes() const {
  Document all = Document::object();
  const ValidGraph& after = succession_->after().graph();
  for (const std::size_t n : diff_.changed) {
    const auto old = succession_->node(n);
    if (!old) { continue; }  // made with them
    const ParamValues& was = before_plan_->graph().nodes()[*old].params;
    const ParamValues& is = after.nodes()[n].params;
    const Document given = params_to_json(is, Defaults::left_out);
    Document& values = all[after.nodes()[n].id] = Document::object();
    for (std::size_t p = 0; p < is.infos().size(); ++p) {
      const std::string name(is.infos()[p].name);
      if (is.infos()[p].live != Live::yes) { continue; }
      if (is.given(p)) {
        values[name] = given[name];
      } else if (was.given(p)) {
        values[name] = nullptr;  // left out now
      }
    }
  }
  return all.dump();
}

}  // namespace streamlab
