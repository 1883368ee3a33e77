// engine/run/domain_wiring.cpp
//
// How a domain is put together before it runs: streams, steps, and where the blocks of each source go.
#include <algorithm>
#include <cmath>
#include <set>

#include "engine/run/domain.hpp"

namespace streamlab {

Domain::Domain(Plan& plan, std::size_t index, Pace pace) : plan_(plan), index_(index), pace_(pace) {
  make_streams();
}

void Domain::make_streams() {
  stream_of_slot_.assign(plan_.slots().size(), nullptr);
  for (const std::size_t n :
       plan_.graph().order()) {  // a slot that shares frames follows the one that owns them
    if (plan_.nodes()[n].domain != index_) { continue; }
    for (const std::size_t s : plan_.nodes()[n].slots) {
      const PlanSlot& slot = plan_.slots()[s];
      Stream& stream = streams_.emplace_back();
      stream_of_slot_[s] = &stream;
      if (slot.shares) {
        stream.frames = stream_of_slot_[*slot.shares]->frames;
        continue;
      }
      for (std::uint32_t b = 0; b < slot.max_blocks; ++b) { stream.storage.emplace_back(slot.format); }
      for (DataFrame& frame : stream.storage) { stream.frames.push_back(&frame); }
    }
  }
}

void Domain::attach_incoming(const PlanEdge& plan, EdgeLink& link) {
  Incoming& in = incoming_.emplace_back();
  in.link = &link;
  in.stream.frames.assign(1, nullptr);
  if (plan.reblocks) {
    in.reblock =
        std::make_unique<Reblock>(*plan_.slots()[plan.slot].format, plan_.options().device->max_block_frames);
  }
}

void Domain::attach_outgoing(std::size_t slot, EdgeLink& link) {
  stream_of_slot_[slot]->outgoing.push_back(&link);
}

void Domain::set_limit(std::int64_t frames, double seconds) {
  for (std::size_t s = 0; s < stream_of_slot_.size(); ++s) {
    const PlanSlot& slot = plan_.slots()[s];
    if (stream_of_slot_[s] == nullptr || !plan_.nodes()[slot.node].inputs.empty()) { continue; }
    std::int64_t& limit = stream_of_slot_[s]->limit;
    if (frames > 0) { limit = std::min(limit, frames); }
    if (seconds > 0.0) {
      limit = std::min<std::int64_t>(limit, std::llround(seconds * slot.format->sample_rate_hz));
    }
  }
}

Domain::Step Domain::make_step(std::size_t n) {
  const PlanNode& planned = plan_.nodes()[n];
  const NodeInfo& info = plan_.graph().nodes()[n].info();
  Step step;
  step.node_index = n;
  step.node = planned.node.get();
  std::vector<std::shared_ptr<const StreamFormat>> formats;
  for (const PlanInput& input : planned.inputs) {
    const PlanSlot& slot = plan_.slots()[input.slot];
    formats.push_back(slot.format);
    if (input.edge) {
      // Incoming edges were attached in the plan's order.
      std::size_t nth = 0;
      for (std::size_t e = 0; e < *input.edge; ++e) { nth += plan_.edges()[e].to_domain == index_ ? 1 : 0; }
      step.in.push_back(&incoming_[nth].stream);
    } else {
      step.in.push_back(stream_of_slot_[input.slot]);
    }
  }
  const bool is_separate = planned.inputs.size() > 1 && info.input_mode == InputMode::separate;
  std::uint32_t blocks_in = planned.inputs.empty() ? 1 : 0;  // in one round
  for (const PlanInput& input : planned.inputs) {
    blocks_in += input.edge ? 1 : plan_.slots()[input.slot].max_blocks;
  }
  for (const std::size_t s : planned.slots) {
    step.out.push_back(stream_of_slot_[s]);
    const std::uint32_t in_all = plan_.slots()[s].max_blocks;
    step.max_blocks.push_back(planned.inputs.size() == 1 || is_separate ? in_all / blocks_in : in_all);
  }
  step.ports.resize(step.out.size());

  if (info.boundary == Boundary::device_input) {
    step.kind = StepKind::device_input;
  } else if (info.boundary == Boundary::device_output) {
    step.kind = StepKind::device_output;
  } else if (step.in.empty()) {
    step.kind = StepKind::source;
  } else if (info.queue == Queue::yes) {
    step.kind = StepKind::queue;
  } else if (is_separate) {
    step.kind = StepKind::separate;
    step.shown.assign(step.in.size(), nullptr);
    step.told_end.assign(step.in.size(), false);
  } else if (step.in.size() > 1) {
    step.kind = StepKind::join;
    step.join = std::make_unique<Join>(formats, planned.join_blocks);
  }
  return step;
}

// A domain must not block in the middle of a round: while it waits with one block, it cannot deliver the
// block that the other end may be waiting for (deadlock). So sources, queues, joins, incoming edges and
// finish() run only when the joins, queues and edges that they feed have room for everything one round may
// produce. docs/decisions/no-graph-stands-still.md says why some part of the graph can always go on.
void Domain::find_ways() {
  for (Step& step : all_steps_) {
    const auto& inputs = plan_.nodes()[step.node_index].inputs;
    for (std::size_t i = 0; i < step.in.size(); ++i) {
      const bool holds = step.kind == StepKind::join || (step.kind == StepKind::queue && may_wait_) ||
                         (step.kind == StepKind::separate && may_wait_ && inputs[i].may_be_held);
      if (!holds) { continue; }
      const JoinInput to{&step, i, step.in[i]->frames.size()};
      follow_back(step.in[i], [&to](Ways& ways) { ways.joins.push_back(to); });
    }
  }
  for (Stream& stream : streams_) {
    for (EdgeLink* link : stream.outgoing) {
      if (!may_wait_ || link->edge.policy() != OverflowPolicy::block) { continue; }
      const OutgoingEdge edge{link, std::min(stream.frames.size(), link->edge.capacity())};
      follow_back(&stream, [&edge](Ways& ways) { ways.edges.push_back(edge); });
    }
  }
}

// Calls `note` for every step and incoming edge that feeds `from`, back to the next join or queue.
template <class Note>
void Domain::follow_back(Stream* from, const Note& note) {
  std::vector<Stream*> left{from};
  std::set<Stream*> seen{from};
  std::set<Step*> told;
  while (!left.empty()) {
    Stream* const at = left.back();
    left.pop_back();
    for (Incoming& in : incoming_) {
      if (&in.stream == at) { note(in.ways); }
    }
    for (Step& step : all_steps_) {
      if (std::find(step.out.begin(), step.out.end(), at) == step.out.end()) { continue; }
      if (!told.insert(&step).second) { continue; }
      note(step.ways);
      if (step.kind == StepKind::queue || step.kind == StepKind::join) { continue; }
      for (Stream* stream : step.in) {
        if (seen.insert(stream).second) { left.push_back(stream); }
      }
    }
  }
}

bool Domain::may_fuse(const Step& step) const {
  if (step.kind != StepKind::each_block || step.out.size() != 1 || !step.out[0]->storage.empty()) {
    return false;
  }
  return step.node->constant_factor().has_value();
}

bool Domain::continues(const Step& before, const Step& step) const {
  return before.out[0] == step.in[0] && before.out[0]->outgoing.empty() &&
         before.node->constant_factor()->run == step.node->constant_factor()->run;
}

void Domain::build() {
  for (const std::size_t n : plan_.graph().order()) {
    if (plan_.nodes()[n].domain == index_) { all_steps_.push_back(make_step(n)); }
  }
  find_ways();
  const std::size_t count = all_steps_.size();
  for (std::size_t i = 0; i < count; ++i) {
    Step& step = all_steps_[i];
    if (step.kind == StepKind::device_input) {
      device_input_ = &step;
      step.out[0]->has_position = true;  // its stream begins at 0: missing frames at the start are a gap
    }
    if (step.kind == StepKind::device_output) {
      device_output_channels_.resize(plan_.options().device->output_names.size());
      silence_.assign(plan_.options().device->max_block_frames, 0.0);
      std::fill(device_output_channels_.begin(), device_output_channels_.end(), silence_.data());
    }
    Step* last = steps_.empty() ? nullptr : steps_.back();
    if (!may_fuse(step)) {
      steps_.push_back(&step);
    } else if (last != nullptr && last->kind == StepKind::factors && continues(*last->members.back(), step)) {
      last->members.push_back(&step);
      last->out = step.out;
    } else {
      Step run;
      run.kind = StepKind::factors;
      run.node_index = step.node_index;
      run.in = step.in;
      run.out = step.out;
      run.members = {&step};
      all_steps_.push_back(std::move(run));
      steps_.push_back(&all_steps_.back());
    }
  }
  for (Step* step : steps_) {
    step->factors.reserve(step->members.size());
    for (Stream* stream : step->in) { stream->readers.push_back(step); }
  }
}

}  // namespace streamlab
