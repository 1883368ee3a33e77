// engine/graph/plan.cpp
#include "engine/graph/plan.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "engine/graph/file_uses.hpp"
#include "engine/graph/late_nodes.hpp"
#include "engine/graph/make_node.hpp"
#include "engine/graph/plan_memory.hpp"

namespace streamlab {
namespace {

// On the way to a console that drops what it cannot show: a pause of its reader, a thread that is late and what a node
// gives at once cost nothing while they fit into so much.
constexpr std::uint32_t kConsoleBlocks = 64;        // at least,
constexpr std::uint64_t kConsoleBytes = 2U << 20U;  // or in so much,
constexpr std::uint64_t kMostConsoleBlocks = 4096;  // but no more

std::string megabytes(std::uint64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / 1048576.0);
}

}  // namespace

std::uint32_t Plan::latency_frames() const {
  std::uint32_t longest = 0;
  for (const PlanSlot& slot : slots_) { longest = std::max(longest, slot.latency_frames); }
  return longest;
}

class Planner {
 public:
  Planner(const ValidGraph& graph, const PlanOptions& options, const PlanBefore* before = nullptr)
      : plan_(graph, options), before_(before) {}

  Checked<Plan> run() {
    const ValidGraph& graph = plan_.graph_;
    if (before_ == nullptr) {
      plan_.partition_ = partition(graph, plan_.options_.threads, plan_.options_.cores);
    } else {
      auto beside = partition_beside(graph, plan_.options_.threads, before_->plan->domains(),
                                     before_->partner, before_->is_over);
      if (!beside) { return tl::unexpected(beside.error()); }
      plan_.partition_ = *std::move(beside);
    }
    plan_.nodes_.resize(graph.nodes().size());
    is_behind_queue_.resize(graph.nodes().size());
    for (const std::size_t n : graph.order()) { prepare(n); }
    if (errors_.empty()) {
      find_endless();
      share_frames();
      check_memory();
    }
    if (!errors_.empty()) { return tl::unexpected(std::move(errors_)); }
    return std::move(plan_);
  }

 private:
  // Into how many blocks a frame of the signal may have been cut, on the average, by the source whose blocks are the
  // reason: where streams meet they are cut at the ends of each other's blocks.
  using Density = std::map<std::size_t, double>;

  void add(const std::string& where, std::string what, std::string expected = {}, std::string hint = {}) {
    errors_.push_back({ErrorCode::refused, where, std::move(what), std::move(expected), std::move(hint)});
  }

  // Makes and prepares node `n`; the nodes before it are done. Without their formats (one failed) it is left
  // out, so that one mistake is reported once.
  void prepare(std::size_t n) {
    const ValidNode& valid = plan_.graph_.nodes()[n];
    PlanNode& planned = plan_.nodes_[n];
    planned.domain = plan_.partition_.domain_of[n];
    is_behind_queue_[n] = comes_through_a_queue(n);
    if (!connect_inputs(n)) { return; }
    std::vector<const StreamFormat*> formats;
    for (const PlanInput& input : planned.inputs) {
      formats.push_back(plan_.slots_[input.slot].format.get());
    }
    if (!check_formats(n, formats)) { return; }
    if (auto late = refuse_late_nodes(plan_, n)) { return errors_.push_back(*std::move(late)); }

    planned.ahead_blocks = plan_separate_inputs(n);
    if (const PlanNode* const running = running_node(n)) {
      planned.node = running->node;
      planned.outputs = running->outputs;
      planned.factor_run = running->factor_run;
    } else {
      PrepareContext context(plan_.options_.host);
      context.inputs = formats;
      context.sample_rate_hz = plan_.graph_.config().sample_rate_hz;
      context.block_size = plan_.options_.block_size;
      context.device = plan_.options_.device ? &*plan_.options_.device : nullptr;
      context.lossless = plan_.options_.lossless;
      context.ahead_blocks = planned.ahead_blocks;
      auto outputs = make_prepared(*valid.entry, valid.params, context, planned.node);
      if (!outputs) {
        errors_.push_back(valid.located(outputs.error()));
        return;
      }
      planned.outputs = *std::move(outputs);
      if (const auto factor = planned.node->constant_factor()) { planned.factor_run = factor->run; }
    }
    planned.is_passing = before_ != nullptr && std::find(before_->passing.begin(), before_->passing.end(),
                                                         valid.id) != before_->passing.end();
    if (!is_separate(n)) { plan_join(planned); }
    keep_join_blocks(n);
    add_slots(n, planned.outputs);
  }

  // The node of the running graph that goes on as node `n`: what it gets is what it gets now.
  const PlanNode* running_node(std::size_t n) const {
    if (before_ == nullptr || !before_->partner[n]) { return nullptr; }
    const PlanNode& planned = plan_.nodes_[n];
    const PlanNode& running = before_->plan->nodes()[*before_->partner[n]];
    if (planned.inputs.size() != running.inputs.size() || planned.ahead_blocks != running.ahead_blocks) {
      return nullptr;
    }
    for (std::size_t i = 0; i < planned.inputs.size(); ++i) {
      const StreamFormat& now = *before_->plan->slots()[running.inputs[i].slot].format;
      if (!(*plan_.slots_[planned.inputs[i].slot].format == now)) { return nullptr; }
    }
    return &running;
  }
  // A join that goes on holds what it holds.
  void keep_join_blocks(std::size_t n) {
    if (before_ == nullptr || !before_->partner[n]) { return; }
    const auto& now = before_->plan->nodes()[*before_->partner[n]].join_blocks;
    auto& planned = plan_.nodes_[n].join_blocks;
    for (std::size_t i = 0; i < std::min(planned.size(), now.size()); ++i) {
      planned[i] = std::max(planned[i], now[i]);
    }
  }

  // Is it a queue, or does all that it gets come through one? Asked in the order of the graph.
  bool comes_through_a_queue(std::size_t n) const {
    const auto& into = plan_.graph_.connections_into(n);
    return plan_.graph_.nodes()[n].info().queue == Queue::yes ||
           (!into.empty() && std::all_of(into.begin(), into.end(), [&](std::size_t c) {
             return is_behind_queue_[plan_.graph_.connections()[c].from_node];
           }));
  }

  bool is_separate(std::size_t n) const {
    return plan_.nodes_[n].inputs.size() > 1 &&
           plan_.graph_.nodes()[n].info().input_mode == InputMode::separate;
  }

  bool connect_inputs(std::size_t n) {
    const ValidNode& valid = plan_.graph_.nodes()[n];
    PlanNode& planned = plan_.nodes_[n];
    planned.inputs.resize(valid.input_count);
    for (const std::size_t index : plan_.graph_.connections_into(n)) {
      const ValidConnection& c = plan_.graph_.connections()[index];
      const PlanNode& from = plan_.nodes_[c.from_node];
      if (from.slots.empty()) { return false; }  // could not be prepared, which has been said
      PlanInput& input = planned.inputs[c.to_port];
      input.slot = from.slots[c.from_port];
      if (from.domain != planned.domain) {
        input.edge = plan_.edges_.size();
        plan_.edges_.push_back(edge_of(c, input.slot, from.domain, planned.domain));
      }
    }
    return true;
  }
  bool is_real_time(std::size_t domain) const {
    return plan_.partition_.device_domain == domain && !plan_.options_.lossless &&
           !plan_.options_.device_may_wait;
  }
  bool leads_outside(const ValidConnection& c) const { return plan_.graph_.nodes()[c.to_node].waits(); }
  bool leads_to_console(const ValidConnection& c) const {
    return plan_.graph_.nodes()[c.to_node].writes_to_console();
  }
  PlanEdge edge_of(const ValidConnection& c, std::size_t slot, std::size_t from, std::size_t to) const {
    const auto device = plan_.partition_.device_domain;
    PlanEdge edge;
    edge.slot = slot;
    edge.to_node = c.to_node;
    edge.to_input = c.to_port;
    edge.from_domain = from;
    edge.to_domain = to;
    edge.reblocks = device == to;
    if (!plan_.options_.lossless && !edge.reblocks) {
      // Behind a queue, what waits fills the queue, which is there for that.
      const bool must_not_wait = is_real_time(from) || (leads_outside(c) && !is_behind_queue_[c.from_node]);
      edge.policy = c.policy.value_or(must_not_wait ? OverflowPolicy::drop_oldest : OverflowPolicy::block);
    }
    edge.capacity = c.capacity.value_or(plan_.graph_.config().edge_capacity);
    const bool by_itself = !c.policy && !c.capacity && device != from;
    if (by_itself && edge.policy == OverflowPolicy::drop_oldest && leads_to_console(c)) {
      const PlanSlot& from_slot = plan_.slots_[slot];
      const std::uint64_t blocks =
          std::min(kMostConsoleBlocks, kConsoleBytes / frame_bytes(*from_slot.format));
      edge.capacity =
          std::max({edge.capacity, kConsoleBlocks, from_slot.max_blocks, static_cast<std::uint32_t>(blocks)});
    }
    if (edge.policy == OverflowPolicy::latest) { edge.capacity = 1; }
    // Who waits does so before a round, for all that it may bring.
    if (!is_real_time(from) && edge.policy == OverflowPolicy::block) {
      edge.capacity = std::max(edge.capacity, plan_.slots_[slot].max_blocks);
    }
    return edge;
  }

  bool check_formats(std::size_t n, const std::vector<const StreamFormat*>& formats) {
    const ValidNode& valid = plan_.graph_.nodes()[n];
    const auto ports = valid.info().inputs;
    bool ok = true;
    for (std::size_t i = 0; i < formats.size(); ++i) {
      const PortInfo& port = ports[std::min(i, ports.size() - 1)];
      if ((port.kinds & mask(formats[i]->kind)) == 0) {
        add(valid.pointer, fmt::format("\"{}\" does not take {}", valid.id, to_string(formats[i]->kind)));
        ok = false;
      } else if (formats.size() > 1 && !is_separate(n) && formats[i]->kind != StreamKind::audio) {
        add(valid.pointer, fmt::format("\"{}\" joins streams of {}", valid.id, to_string(formats[i]->kind)),
            "audio on every input");
        ok = false;
      }
      const auto broken_by = plan_.slots_[plan_.nodes_[n].inputs[i].slot].broken_by;
      if (formats.size() > 1 && !is_separate(n) && broken_by) {
        const ValidNode& breaks = plan_.graph_.nodes()[*broken_by];
        add(valid.pointer,
            fmt::format(
                "\"{}\" joins its inputs by their positions, which \"{}\" ({}) before it does not keep",
                valid.id, breaks.id, breaks.info().name),
            "on every input a stream without pauses of any length",
            fmt::format("put the {} behind \"{}\"", breaks.info().name, valid.id));
        ok = false;
      }
      if (!is_separate(n) && formats[i]->sample_rate_hz != formats[0]->sample_rate_hz) {
        const auto& inputs = plan_.nodes_[n].inputs;
        const auto id = [&](std::size_t input) {
          return plan_.graph_.nodes()[plan_.slots_[inputs[input].slot].node].id;
        };
        add(valid.pointer,
            fmt::format("\"{}\" joins \"{}\" at {} Hz and \"{}\" at {} Hz", valid.id, id(0),
                        formats[0]->sample_rate_hz, id(i), formats[i]->sample_rate_hz),
            "one sample rate");
        ok = false;
      }
    }
    return ok;
  }

  void add_slots(std::size_t n, const std::vector<OutputFormat>& outputs) {
    PlanNode& planned = plan_.nodes_[n];
    std::uint32_t latency = 0;
    std::uint32_t held = 0;
    std::uint64_t queued = 0;
    Density density;
    std::optional<std::size_t> broken_by;
    bool endless = planned.inputs.empty() && planned.node->is_endless();
    for (const PlanInput& input : planned.inputs) {
      const PlanSlot& from = plan_.slots_[input.slot];
      queued = std::max(queued, queued_before(input));
      latency = std::max(latency, from.latency_frames);
      held = std::max(held, from.held_frames);
      if (from.broken_by) { broken_by = from.broken_by; }
      endless = endless || from.endless;
      for (const auto& [source, blocks] : densities_[input.slot]) {
        density[source] = std::max(density[source], blocks);
      }
    }
    for (const std::uint32_t blocks : planned.join_blocks) {
      queued = std::max<std::uint64_t>(queued, blocks);
    }
    if (plan_.graph_.nodes()[n].info().timeline == Timeline::broken) { broken_by = n; }
    const std::uint32_t blocks_in = blocks_taken_in_a_round(n, density);
    for (std::size_t port = 0; port < outputs.size(); ++port) {
      PlanSlot slot;
      slot.node = n;
      slot.port = port;
      slot.format = std::make_shared<const StreamFormat>(outputs[port].format);
      slot.max_blocks = blocks_in * std::max<std::uint32_t>(1, outputs[port].max_blocks);
      densities_.push_back(density);
      if (planned.inputs.empty()) {
        densities_.back()[n] = 1.0 / std::max<std::uint32_t>(1, slot.format->max_frames);
      }
      if (outputs[port].recuts) {
        densities_.back()[n] = 1.0 / std::max<std::uint32_t>(1, slot.format->max_frames);
      } else {
        for (auto& [source, blocks] : densities_.back()) {
          blocks *= std::max<std::uint32_t>(1, outputs[port].max_blocks);
        }
      }
      slot.latency_frames = latency + outputs[port].latency_frames;
      slot.length_frames = outputs[port].length_frames;
      slot.held_frames = static_cast<std::uint32_t>(
          std::min<std::uint64_t>(std::uint64_t{held} + outputs[port].held_frames, UINT32_MAX));
      slot.queued_blocks = queued;
      slot.broken_by = broken_by;
      slot.endless = endless && plan_.graph_.nodes()[n].info().ends == Ends::with_input;
      planned.slots.push_back(plan_.slots_.size());
      plan_.slots_.push_back(std::move(slot));
    }
  }

  // For how many blocks, or aligned sets of blocks, a node is called in one round.
  std::uint32_t blocks_taken_in_a_round(std::size_t n, const Density& density) const {
    const auto& inputs = plan_.nodes_[n].inputs;
    std::uint32_t sum = 0;
    for (const PlanInput& input : inputs) { sum += blocks_in_a_round(input); }
    if (inputs.size() < 2 || is_separate(n)) { return std::max<std::uint32_t>(1, sum); }
    // A join may have to cut its inputs into as many pieces as come. What is left it gives in the next round;
    // where a device or the caller asks for a round, all must come in this one.
    const bool once = plan_.options_.threads.kind == ThreadPolicy::Kind::one_domain ||
                      plan_.partition_.device_domain == plan_.nodes_[n].domain;
    if (!once) { return 1; }
    double frames = 0.0;
    for (const PlanInput& input : inputs) {
      frames = std::max<double>(frames, plan_.slots_[input.slot].format->max_frames);
    }
    // Where joins follow each other the same cuts meet again: there are no more than the sources make.
    double pieces = 0.0;
    for (const auto& [source, blocks] : density) { pieces += std::max(1.0, std::ceil(blocks * frames)); }
    return static_cast<std::uint32_t>(std::min(2.0 * sum, 2.0 * pieces));
  }
  // From another domain one block comes at a time.
  std::uint32_t blocks_in_a_round(const PlanInput& input) const {
    return input.edge ? 1 : plan_.slots_[input.slot].max_blocks;
  }
  std::uint64_t queued_before(const PlanInput& input) const {
    constexpr std::uint64_t kInHands = 2;  // one at either end of an edge
    const std::uint64_t in_edge = input.edge ? plan_.edges_[*input.edge].capacity + kInHands : 0;
    return plan_.slots_[input.slot].queued_blocks + in_edge;
  }

  // Which inputs of a node with separate inputs may be kept waiting, and how far each may run ahead of the
  // others: a common source goes on until the edges on the slowest way are full. Empty for other nodes.
  std::vector<std::uint32_t> plan_separate_inputs(std::size_t n) {
    if (!is_separate(n)) { return {}; }
    auto& inputs = plan_.nodes_[n].inputs;
    std::vector<std::vector<bool>> sources;
    std::uint64_t queued = 0;
    std::uint32_t held = 0;
    for (const PlanInput& input : inputs) {
      sources.push_back(sources_of(plan_.slots_[input.slot].node));
      queued = std::max(queued, queued_before(input));
      held = std::max(held, plan_.slots_[input.slot].held_frames);
    }
    std::vector<std::uint32_t> ahead;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      inputs[i].may_be_held = true;
      for (std::size_t j = 0; j < inputs.size(); ++j) {
        if (i != j && share_one(sources[i], sources[j])) { inputs[i].may_be_held = false; }
      }
      const std::uint64_t of_source =
          queued + held / std::max<std::uint32_t>(1, plan_.options_.block_size) + 2;
      const std::uint64_t blocks = of_source * blocks_in_a_round(inputs[i]);
      ahead.push_back(static_cast<std::uint32_t>(std::min<std::uint64_t>(blocks, kMaxCapacity)));
    }
    return ahead;
  }
  // By node: does it feed `n`, and has no inputs of its own?
  std::vector<bool> sources_of(std::size_t n) const {
    std::vector<bool> before(plan_.nodes_.size(), false);
    std::vector<std::size_t> left{n};
    std::vector<bool> sources(plan_.nodes_.size(), false);
    while (!left.empty()) {
      const std::size_t at = left.back();
      left.pop_back();
      if (before[at]) { continue; }
      before[at] = true;
      sources[at] = plan_.nodes_[at].inputs.empty();
      for (const PlanInput& input : plan_.nodes_[at].inputs) {
        left.push_back(plan_.slots_[input.slot].node);
      }
    }
    return sources;
  }
  static bool share_one(const std::vector<bool>& a, const std::vector<bool>& b) {
    for (std::size_t n = 0; n < a.size(); ++n) {
      if (a[n] && b[n]) { return true; }
    }
    return false;
  }

  // How much each input of a join must be able to hold back: while another lacks its part, as much may come as is
  // inside the nodes before that one, and what one round brings.
  void plan_join(PlanNode& planned) {
    if (planned.inputs.size() < 2) { return; }
    if (planned.is_passing && plan_.partition_.device_domain != planned.domain) {
      for (const PlanInput& input : planned.inputs) {
        planned.join_blocks.push_back(blocks_in_a_round(input));
      }
      return;
    }
    std::uint64_t frames = 0;
    for (const PlanInput& input : planned.inputs) {
      const PlanSlot& from = plan_.slots_[input.slot];
      frames = std::max<std::uint64_t>(frames, from.held_frames);
    }
    for (const PlanInput& input : planned.inputs) {
      frames += 2ULL * blocks_in_a_round(input) * plan_.slots_[input.slot].format->max_frames;
    }
    planned.join_frames = frames;
    constexpr double kSpareBlocks = 4.0;  // short ones: a stream's last, and those around a gap
    for (const PlanInput& input : planned.inputs) {
      double blocks_per_frame = 0.0;
      for (const auto& [source, blocks] : densities_[input.slot]) { blocks_per_frame += blocks; }
      const double held = std::ceil(static_cast<double>(frames) * std::min(1.0, blocks_per_frame));
      const auto sources =
          static_cast<double>(densities_[input.slot].size());  // a cut more for each, at worst
      const double blocks = held + sources + 2.0 * blocks_in_a_round(input) + kSpareBlocks;
      planned.join_blocks.push_back(static_cast<std::uint32_t>(std::min(blocks, 4e9)));
    }
  }

  // A run does not end by itself if an endless stream has a last reader, or none: a source ends when nobody needs more.
  void find_endless() {
    std::vector<bool> is_read(plan_.slots_.size(), false);
    for (const PlanNode& node : plan_.nodes_) {
      const bool is_last = node.slots.empty();
      for (const PlanInput& input : node.inputs) {
        is_read[input.slot] = true;
        plan_.endless_ = plan_.endless_ || (is_last && plan_.slots_[input.slot].endless);
      }
    }
    for (std::size_t s = 0; s < is_read.size(); ++s) {
      plan_.endless_ = plan_.endless_ || (!is_read[s] && plan_.slots_[s].endless);
    }
  }

  // A node may refill the frame of its input if nobody else in the domain reads that frame after it. (Edges
  // copy a block right after it was made, before anybody refills it.)
  void share_frames() {
    std::vector<std::size_t> readers(plan_.slots_.size(), 0);
    for (const PlanNode& node : plan_.nodes_) {
      for (const PlanInput& input : node.inputs) {
        if (!input.edge) { ++readers[input.slot]; }
      }
    }
    for (std::size_t n = 0; n < plan_.nodes_.size(); ++n) {
      PlanNode& node = plan_.nodes_[n];
      if (plan_.graph_.nodes()[n].info().in_place == InPlace::no) { continue; }
      if (node.inputs.size() != 1 || node.slots.size() != 1 || node.inputs[0].edge) { continue; }
      const PlanSlot& from = plan_.slots_[node.inputs[0].slot];
      PlanSlot& to = plan_.slots_[node.slots[0]];
      const bool same = *from.format == *to.format && from.max_blocks == to.max_blocks;
      if (same && readers[node.inputs[0].slot] == 1) { to.shares = node.inputs[0].slot; }
    }
  }

  void check_memory() {
    plan_.memory_bytes_ = memory_of(plan_);
    if (plan_.memory_bytes_ > plan_.options_.memory_limit_bytes) {
      add("/pipeline_config",
          fmt::format("the graph's blocks and edges would take {}", megabytes(plan_.memory_bytes_)),
          fmt::format("at most {}", megabytes(plan_.options_.memory_limit_bytes)),
          "a smaller block_size or edge_capacity takes less");
    }
  }

  Plan plan_;
  const PlanBefore* const before_;
  std::vector<Density> densities_;     // by slot
  std::vector<bool> is_behind_queue_;  // by node
  Errors errors_;
};

namespace {

// A plan of a graph that writes over nothing that it reads, and nothing twice; or all that speaks against it.
Checked<Plan> with_files_checked(const ValidGraph& graph, Checked<Plan> plan) {
  Errors errors = check_files(graph);
  if (plan && errors.empty()) { return plan; }
  if (!plan) {
    graph.name_nodes(plan.error());
    for (Error& error : plan.error()) { errors.push_back(std::move(error)); }
  }
  return tl::unexpected(std::move(errors));
}

}  // namespace

Checked<Plan> make_plan(const ValidGraph& graph, const PlanOptions& options) {
  PlanOptions complete = options;
  if (complete.block_size == 0) { complete.block_size = graph.config().block_size; }
  if (complete.block_size == 0) { complete.block_size = kDefaultBlockSize; }
  return with_files_checked(graph, Planner(graph, complete).run());
}

Checked<Plan> plan_beside(const ValidGraph& graph, const PlanBefore& before) {
  return with_files_checked(graph, Planner(graph, before.plan->options(), &before).run());
}

}  // namespace streamlab
