// engine/run/fade_graph.cpp
#include "engine/run/fade_graph.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/graph/change_params.hpp"
#include "engine/graph/graph_spec.hpp"
#include "engine/run/cross_fade.hpp"

namespace streamlab {
namespace {

// "in", or "in2" of a repeated port.
std::string port_name(std::span<const PortInfo> ports, std::size_t port) {
  const std::size_t last = std::min(port, ports.size() - 1);  // a repeated port is the last
  const PortInfo& info = ports[last];
  return info.max_repeat == 1 ? std::string(info.name) : fmt::format("{}{}", info.name, port - last + 1);
}

std::vector<bool> leading_to_the_device(const ValidGraph& graph) {
  std::vector<bool> leads(graph.nodes().size(), false);
  const auto& order = graph.order();
  for (auto n = order.rbegin(); n != order.rend(); ++n) {
    const auto& from = graph.connections_from(*n);
    leads[*n] = graph.nodes()[*n].info().boundary == Boundary::device_output ||
                std::any_of(from.begin(), from.end(),
                            [&](std::size_t c) { return leads[graph.connections()[c].to_node]; });
  }
  return leads;
}

// Those that reach `slot` by an edge into its domain.
std::set<std::size_t> slots_from_other_threads(const Plan& plan, std::size_t slot) {
  std::set<std::size_t> from;
  std::set<std::size_t> seen;
  std::vector<std::size_t> left{plan.slots()[slot].node};
  while (!left.empty()) {
    const std::size_t n = left.back();
    left.pop_back();
    if (!seen.insert(n).second) { continue; }
    for (const PlanInput& input : plan.nodes()[n].inputs) {
      if (input.edge) {
        from.insert(input.slot);
      } else {
        left.push_back(plan.slots()[input.slot].node);
      }
    }
  }
  return from;
}

// Both graphs in one.
class FadeGraphMaker {
 public:
  FadeGraphMaker(const Succession& succession, const std::vector<SoundChange>& changes, double fade_ms)
      : succession_(succession),
        before_(succession.before().graph()),
        after_(succession.after().graph()),
        changes_(changes),
        fade_ms_(fade_ms) {}

  Checked<FadeGraph> make() {
    spec_.config = after_.config();
    take_new_nodes();
    for (const SoundChange& change : changes_) { take_leaving(old_source(change).from_node); }
    for (const SoundChange& change : changes_) { add_fade(change); }
    take_connections();
    auto graph = validate(spec_, NodeCatalog(entries_));
    if (!graph) { return tl::unexpected(graph.error()); }
    return FadeGraph{*std::move(graph), std::move(former_ids_), std::move(fades_)};
  }

 private:
  void take_new_nodes() {
    for (std::size_t n = 0; n < after_.nodes().size(); ++n) {
      const ValidNode& node = after_.nodes()[n];
      ids_.insert(node.id);
      add_node(node.id, *node.entry, params_to_json(node.params));
      const auto old = succession_.node(n);
      former_ids_[node.id] = old ? std::optional(before_.nodes()[*old].id) : std::nullopt;
      if (old) { id_of_old_[*old] = node.id; }
    }
  }
  // A node that does not go on, and all such before it.
  void take_leaving(std::size_t old) {
    if (id_of_old_.count(old) > 0) { return; }
    const ValidNode& node = before_.nodes()[old];
    const std::string id = new_id(node.id + "-leaving");
    id_of_old_[old] = id;
    former_ids_[id] = node.id;
    add_node(id, *node.entry, params_to_json(node.params));
    for (const std::size_t c : before_.connections_into(old)) {
      const ValidConnection& connection = before_.connections()[c];
      take_leaving(connection.from_node);
      connect(connection, output_of_old(connection), {id, port_name(node.info().inputs, connection.to_port)});
    }
  }
  void add_fade(const SoundChange& change) {
    const std::string id = new_id("fade-" + after_.nodes()[change.node].id);
    fades_.push_back(id);
    former_ids_[id] = std::nullopt;
    add_node(id, kCrossFadeEntry, {{"fade_ms", fade_ms_}});
    spec_.connections.push_back({.from = output_of_old(old_source(change)), .to = id + ".old"});
    fade_at_[{change.node, change.input}] = id;
  }
  void take_connections() {
    for (const ValidConnection& connection : after_.connections()) {
      const ValidNode& from = after_.nodes()[connection.from_node];
      const ValidNode& to = after_.nodes()[connection.to_node];
      const std::string output = from.id + "." + port_name(from.info().outputs, connection.from_port);
      const End input{to.id, port_name(to.info().inputs, connection.to_port)};
      const auto fade = fade_at_.find({connection.to_node, connection.to_port});
      if (fade == fade_at_.end()) {
        connect(connection, output, input);
      } else {
        spec_.connections.push_back(
            {.from = output, .to = fade->second + ".new", .pointer = connection.pointer});
        connect(connection, fade->second + ".out", input);
      }
    }
  }

  struct End {
    std::string id;
    std::string port;
  };
  void connect(const ValidConnection& like, const std::string& from, const End& to) {
    ConnectionSpec spec{
        .from = from, .to = to.id + "." + to.port, .capacity = like.capacity, .pointer = like.pointer};
    if (like.policy) { spec.policy = std::string(to_string(*like.policy)); }
    spec_.connections.push_back(std::move(spec));
  }
  void add_node(const std::string& id, const NodeEntry& entry, nlohmann::ordered_json config) {
    const bool is_known = std::any_of(entries_.begin(), entries_.end(), [&](const NodeEntry* known) {
      return known->info.name == entry.info.name;
    });
    if (!is_known) { entries_.push_back(&entry); }
    spec_.nodes.push_back(
        {id, std::string(entry.info.name), std::move(config), fmt::format("/nodes/{}", id)});
  }
  std::string new_id(std::string id) {
    while (!ids_.insert(id).second) { id += "-"; }
    return id;
  }
  // What feeds the input now.
  const ValidConnection& old_source(const SoundChange& change) const {
    const auto& into = before_.connections_into(*succession_.node(change.node));
    const auto found = std::find_if(into.begin(), into.end(), [&](std::size_t c) {
      return before_.connections()[c].to_port == change.input;
    });
    return before_.connections()[*found];
  }
  std::string output_of_old(const ValidConnection& connection) const {
    const NodeInfo& info = before_.nodes()[connection.from_node].info();
    return id_of_old_.at(connection.from_node) + "." + port_name(info.outputs, connection.from_port);
  }

  const Succession& succession_;
  const ValidGraph& before_;
  const ValidGraph& after_;
  const std::vector<SoundChange>& changes_;
  const double fade_ms_;
  GraphSpec spec_;
  std::vector<const NodeEntry*> entries_;
  std::set<std::string> ids_;
  std::map<std::size_t, std::string> id_of_old_;  // by node of the graph before
  std::map<std::pair<std::size_t, std::size_t>, std::string> fade_at_;
  FormerIds former_ids_;
  std::vector<std::string> fades_;
};

}  // namespace

std::vector<SoundChange> sound_changes(const Succession& succession) {
  std::vector<SoundChange> changes;
  const ValidGraph& graph = succession.after().graph();
  const std::vector<bool> leads = leading_to_the_device(graph);
  for (const std::size_t n : graph.order()) {
    const auto old = succession.node(n);
    if (!old || !leads[n]) { continue; }
    const auto sources = succession.inputs(n, *old);
    for (std::size_t i = 0; i < sources.size(); ++i) {
      const PlanSlot& slot = succession.after().slots()[succession.after().nodes()[n].inputs[i].slot];
      if (sources[i] == i || slot.format->kind != StreamKind::audio) { continue; }
      changes.push_back({n, i, graph.nodes()[n].id + "." + port_name(graph.nodes()[n].info().inputs, i)});
    }
  }
  return changes;
}

Checked<FadeGraph> make_fade_graph(const Succession& succession, const std::vector<SoundChange>& changes,
                                   double fade_ms) {
  return FadeGraphMaker(succession, changes, fade_ms).make();
}

bool runs_beside(const Plan& plan, const std::string& fade) {
  const PlanNode& planned = plan.nodes()[*plan.graph().find(fade)];
  const auto [fresh, old] = std::pair(planned.inputs[0], planned.inputs[1]);
  if (fresh.edge || old.edge || plan.slots()[fresh.slot].held_frames > plan.slots()[old.slot].held_frames) {
    return false;
  }
  const std::set<std::size_t> known = slots_from_other_threads(plan, old.slot);
  const std::set<std::size_t> needed = slots_from_other_threads(plan, fresh.slot);
  return std::includes(known.begin(), known.end(), needed.begin(), needed.end());
}

}  // namespace streamlab
