// engine/graph/plan.cpp
#include "engine/graph/plan.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace streamlab {
namespace {

std::uint64_t frame_bytes(const StreamFormat& format) {
  constexpr std::uint64_t kLine = 64;
  const std::uint64_t channel = (format.max_frames * sizeof(double) + kLine - 1) / kLine * kLine;
  return channel * format.channels.size() + sizeof(DataFrame);
}

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
  Planner(const ValidGraph& graph, const PlanOptions& options) : plan_(graph, options) {}

  Checked<Plan> run() {
    const ValidGraph& graph = plan_.graph_;
    plan_.partition_ = partition(graph, plan_.options_.threads, plan_.options_.cores);
    plan_.nodes_.resize(graph.nodes().size());
    for (const std::size_t n : graph.order()) { prepare(n); }
    if (errors_.empty()) {
      share_frames();
      check_memory();
    }
    if (!errors_.empty()) { return tl::unexpected(std::move(errors_)); }
    return std::move(plan_);
  }

 private:
  void add(const std::string& where, std::string what, std::string expected = {}, std::string hint = {}) {
    errors_.push_back({ErrorCode::refused, where, std::move(what), std::move(expected), std::move(hint)});
  }

  // Makes and prepares node `n`; the nodes before it are done. Without their formats (one failed) it is left
  // out, so that one mistake is reported once.
  void prepare(std::size_t n) {
    const ValidNode& valid = plan_.graph_.nodes()[n];
    PlanNode& planned = plan_.nodes_[n];
    planned.domain = plan_.partition_.domain_of[n];
    if (!connect_inputs(n)) { return; }
    std::vector<const StreamFormat*> formats;
    for (const PlanInput& input : planned.inputs) {
      formats.push_back(plan_.slots_[input.slot].format.get());
    }
    if (!check_formats(n, formats)) { return; }

    PrepareContext context;
    context.inputs = formats;
    context.sample_rate_hz = plan_.graph_.config().sample_rate_hz;
    context.block_size = plan_.options_.block_size;
    context.device = plan_.options_.device ? &*plan_.options_.device : nullptr;
    context.console = plan_.options_.console;
    context.console_file = plan_.options_.console_file;
    context.overwrite = plan_.options_.overwrite;
    context.lossless = plan_.options_.lossless;
    context.channels = plan_.options_.channels;
    const std::vector<std::uint32_t> ahead = plan_separate_inputs(n);
    context.ahead_blocks = ahead;
    planned.node = valid.entry->make(valid.params);
    auto outputs = planned.node->prepare(context);
    if (!outputs) {
      Error error = outputs.error();
      error.where = valid.pointer + error.where;
      errors_.push_back(std::move(error));
      return;
    }
    if (valid.info().inputs.empty() && planned.node->is_endless()) { plan_.endless_ = true; }
    add_slots(n, *outputs);
    if (!is_separate(n)) { plan_join(planned); }
  }

  bool is_separate(std::size_t n) const {
    return plan_.nodes_[n].inputs.size() > 1 &&
           plan_.graph_.nodes()[n].info().input_mode == InputMode::separate;
  }

  bool connect_inputs(std::size_t n) {
    const ValidNode& valid = plan_.graph_.nodes()[n];
    PlanNode& planned = plan_.nodes_[n];
    planned.inputs.resize(valid.input_count);
    for (const ValidConnection& c : plan_.graph_.connections()) {
      if (c.to_node != n) { continue; }
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
  bool leads_outside(const ValidConnection& c) const {
    return plan_.graph_.nodes()[c.to_node].info().waits == Waits::yes;
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
      const bool must_not_wait = device == from || leads_outside(c);
      edge.policy = c.policy.value_or(must_not_wait ? OverflowPolicy::drop_oldest : OverflowPolicy::block);
    }
    edge.capacity = c.capacity.value_or(plan_.graph_.config().channel_capacity);
    if (edge.policy == OverflowPolicy::latest) { edge.capacity = 1; }
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
    std::uint32_t blocks_in = planned.inputs.size() > 1 ? 0 : 1;
    std::uint32_t latency = 0;
    std::uint32_t held = 0;
    std::uint64_t queued = 0;
    const std::uint32_t pieces = is_separate(n) ? 1 : 2;
    for (const PlanInput& input : planned.inputs) {
      const PlanSlot& from = plan_.slots_[input.slot];
      // A join may have to cut its inputs into as many pieces as come.
      const std::uint32_t blocks = blocks_in_a_round(input);
      blocks_in = planned.inputs.size() > 1 ? blocks_in + pieces * blocks : blocks;
      queued = std::max(queued, queued_before(input));
      latency = std::max(latency, from.latency_frames);
      held = std::max(held, from.held_frames);
    }
    for (std::size_t port = 0; port < outputs.size(); ++port) {
      PlanSlot slot;
      slot.node = n;
      slot.port = port;
      slot.format = std::make_shared<const StreamFormat>(outputs[port].format);
      slot.max_blocks = blocks_in * std::max<std::uint32_t>(1, outputs[port].max_blocks);
      slot.latency_frames = latency + outputs[port].latency_frames;
      slot.held_frames = held + outputs[port].held_frames;
      slot.queued_blocks = queued;
      planned.slots.push_back(plan_.slots_.size());
      plan_.slots_.push_back(std::move(slot));
    }
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

  // Where paths split and join again, the faster one must be held back by as much as may be inside the
  // slower.
  void plan_join(PlanNode& planned) {
    if (planned.inputs.size() < 2) { return; }
    std::uint32_t least = UINT32_MAX;
    std::uint32_t most = 0;
    std::uint32_t blocks = 0;
    for (const PlanInput& input : planned.inputs) {
      const PlanSlot& from = plan_.slots_[input.slot];
      least = std::min(least, from.held_frames);
      most = std::max(most, from.held_frames);
      blocks += from.max_blocks * from.format->max_frames;
    }
    planned.join_frames = most - least + 2 * blocks;
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
    for (const PlanSlot& slot : plan_.slots_) {
      if (!slot.shares) { plan_.memory_bytes_ += slot.max_blocks * frame_bytes(*slot.format); }
    }
    for (const PlanEdge& edge : plan_.edges_) {
      plan_.memory_bytes_ += (edge.capacity + 2ULL) * frame_bytes(*plan_.slots_[edge.slot].format);
    }
    for (const PlanNode& node : plan_.nodes_) {
      for (const PlanInput& input : node.inputs) {
        plan_.memory_bytes_ += std::uint64_t{node.join_frames} * sizeof(double) *
                               plan_.slots_[input.slot].format->channel_count();
      }
    }
    if (plan_.memory_bytes_ > plan_.options_.memory_limit_bytes) {
      add("/pipeline_config",
          fmt::format("the graph's blocks and edges would take {}", megabytes(plan_.memory_bytes_)),
          fmt::format("at most {}", megabytes(plan_.options_.memory_limit_bytes)),
          "a smaller block_size or channel_capacity takes less");
    }
  }

  Plan plan_;
  Errors errors_;
};

Checked<Plan> make_plan(const ValidGraph& graph, const PlanOptions& options) {
  PlanOptions complete = options;
  if (complete.block_size == 0) { complete.block_size = graph.config().block_size; }
  if (complete.block_size == 0) { complete.block_size = kDefaultBlockSize; }
  return Planner(graph, complete).run();
}

}  // namespace streamlab
