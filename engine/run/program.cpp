// engine/run/program.cpp
#include "engine/run/program.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include "engine/run/steps/factor_step.hpp"
#include "engine/run/steps/join_step.hpp"
#include "engine/run/steps/queue_step.hpp"
#include "engine/run/steps/separate_step.hpp"

namespace streamlab {
namespace {

EdgePlace place_of(const BlockStream& stream, EdgeLink& link) {
  return {&link, std::min(stream.frames.size(), link.edge.capacity())};
}

// Puts other lists in place of those of a running program.
class Rewire final : public Change {
 public:
  Rewire(DomainStep& step, BlockStream& stream, std::vector<EdgeLink*> links,
         std::shared_ptr<const void> owner)
      : step_(step), stream_(stream), links_(std::move(links)), owner_(std::move(owner)) {}
  // Closed at once where the stream is over already.
  void set_new(EdgeLink& link) { new_ = &link; }
  void add(Ways& ways, std::vector<EdgePlace> places) { places_.push_back({&ways, std::move(places)}); }

  void apply(std::unique_ptr<Program>& /*program*/) noexcept override {
    stream_.outgoing.swap(links_);
    for (OfWays& of : places_) { of.ways->edges.swap(of.places); }
    step_.notice_change();
    if (new_ != nullptr && stream_.closed) {
      new_->edge.close();
      new_->wake_consumer();
    }
  }

 private:
  struct OfWays {
    Ways* ways = nullptr;
    std::vector<EdgePlace> places;
  };
  DomainStep& step_;
  BlockStream& stream_;
  std::vector<EdgeLink*> links_;
  std::vector<OfWays> places_;
  EdgeLink* new_ = nullptr;
  std::shared_ptr<const void> owner_;
};

}  // namespace

class ProgramBuilder {
 public:
  ProgramBuilder(Program& program, Plan& plan, std::size_t domain, const DomainWiring& wiring)
      : program_(program), plan_(plan), domain_(domain), wiring_(wiring) {}

  void build() {
    program_.may_wait_ = wiring_.may_wait;
    make_streams();
    for (const DomainWiring::In& in : wiring_.in) { add_incoming(in); }
    for (const DomainWiring::Out& out : wiring_.out) {
      program_.stream_of_slot_[out.slot]->outgoing.push_back(out.link);
    }
    for (const std::size_t n : plan_.graph().order()) {
      if (plan_.nodes()[n].domain == domain_) { program_.all_steps_.push_back(make_step(n)); }
    }
    find_ways();
    fuse();
    for (DomainStep* step : program_.steps_) {
      for (BlockStream* stream : step->in) { stream->readers.push_back(step); }
    }
  }

 private:
  void make_streams() {
    auto& of_slot = program_.stream_of_slot_;
    of_slot.assign(plan_.slots().size(), nullptr);
    for (const std::size_t n :
         plan_.graph().order()) {  // a slot that shares frames follows the one that owns them
      if (plan_.nodes()[n].domain != domain_) { continue; }
      for (const std::size_t s : plan_.nodes()[n].slots) {
        const PlanSlot& slot = plan_.slots()[s];
        BlockStream& stream = program_.streams_.emplace_back();
        of_slot[s] = &stream;
        if (slot.shares) {
          stream.frames = of_slot[*slot.shares]->frames;
          continue;
        }
        stream.storage.reserve(slot.max_blocks);
        for (std::uint32_t b = 0; b < slot.max_blocks; ++b) { stream.storage.emplace_back(slot.format); }
        for (DataFrame& frame : stream.storage) { stream.frames.push_back(&frame); }
      }
    }
  }

  void add_incoming(const DomainWiring::In& from) {
    IncomingEdge& in = program_.incoming_.emplace_back();
    in.link = from.link;
    in.stream.frames.assign(1, nullptr);
    if (from.edge->reblocks) {
      in.reblock = std::make_unique<Reblock>(*plan_.slots()[from.edge->slot].format,
                                             plan_.options().device->max_block_frames);
    }
  }

  BlockStream* stream_into(const PlanInput& input) {
    if (!input.edge) { return program_.stream_of_slot_[input.slot]; }
    const PlanEdge* const edge = &plan_.edges()[*input.edge];
    const auto at = std::find_if(wiring_.in.begin(), wiring_.in.end(),
                                 [edge](const DomainWiring::In& in) { return in.edge == edge; });
    return &program_.incoming_[static_cast<std::size_t>(at - wiring_.in.begin())].stream;
  }
  bool is_separate(std::size_t n) const {
    return plan_.nodes()[n].inputs.size() > 1 &&
           plan_.graph().nodes()[n].info().input_mode == InputMode::separate;
  }

  std::unique_ptr<DomainStep> make_step(std::size_t n) {
    const PlanNode& planned = plan_.nodes()[n];
    const NodeInfo& info = plan_.graph().nodes()[n].info();
    Node* const node = planned.node.get();
    std::vector<BlockStream*> in;
    for (const PlanInput& input : planned.inputs) { in.push_back(stream_into(input)); }
    if (info.boundary == Boundary::device_input) {
      auto step = std::make_unique<DeviceInputStep>(n, node, program_.stream_of_slot_[planned.slots[0]],
                                                    limit_of(planned.slots[0]));
      program_.device_input_ = step.get();
      return step;
    }
    if (info.boundary == Boundary::device_output) {
      const DeviceStream& device = *plan_.options().device;
      auto step = std::make_unique<DeviceOutputStep>(n, node, device.output_names.size(),
                                                     device.max_block_frames, !planned.inputs[0].edge);
      step->in = std::move(in);
      program_.device_output_ = step.get();
      return step;
    }
    std::unique_ptr<NodeStep> step;
    if (in.empty()) {
      auto source = std::make_unique<SourceStep>(n, node);
      std::vector<FrameLimit> limits;
      for (const std::size_t s : planned.slots) { limits.push_back(limit_of(s)); }
      source->set_limits(std::move(limits));
      step = std::move(source);
    } else if (info.queue == Queue::yes) {
      step = std::make_unique<QueueStep>(n, node);
    } else if (is_separate(n)) {
      step = std::make_unique<SeparateStep>(n, node, in.size());
    } else if (in.size() > 1) {
      std::vector<std::shared_ptr<const StreamFormat>> formats;
      for (const PlanInput& input : planned.inputs) { formats.push_back(plan_.slots()[input.slot].format); }
      step = std::make_unique<JoinStep>(n, node, formats, planned.join_blocks, planned.join_frames);
    } else {
      step = std::make_unique<EachBlockStep>(n, node, planned.factor_run);
    }
    step->in = std::move(in);
    set_outputs(*step, n);
    return step;
  }

  void set_outputs(NodeStep& step, std::size_t n) {
    const PlanNode& planned = plan_.nodes()[n];
    std::uint32_t blocks_in = planned.inputs.empty() ? 1 : 0;  // in one round
    for (const PlanInput& input : planned.inputs) {
      blocks_in += input.edge ? 1 : plan_.slots()[input.slot].max_blocks;
    }
    std::vector<BlockStream*> streams;
    std::vector<std::uint32_t> max_blocks;
    for (const std::size_t s : planned.slots) {
      streams.push_back(program_.stream_of_slot_[s]);
      const std::uint32_t in_all = plan_.slots()[s].max_blocks;
      max_blocks.push_back(planned.inputs.size() == 1 || is_separate(n) ? in_all / blocks_in : in_all);
    }
    step.set_outputs(std::move(streams), std::move(max_blocks));
  }

  FrameLimit limit_of(std::size_t slot) const {
    std::int64_t frames = std::numeric_limits<std::int64_t>::max();
    if (wiring_.frame_limit > 0) { frames = wiring_.frame_limit; }
    if (wiring_.duration_s > 0.0) {
      const double rate = plan_.slots()[slot].format->sample_rate_hz;
      frames = std::min<std::int64_t>(frames, std::llround(wiring_.duration_s * rate));
    }
    return FrameLimit(frames);
  }

  // Sources, queues, joins, incoming edges and finish() run only when the joins, queues and edges that they feed have room
  // for everything that one round may produce. docs/decisions/no-graph-stands-still.md says why some part of the graph can
  // always go on.
  void find_ways() {
    for (IncomingEdge& in : program_.incoming_) { program_.edge_of_stream_[&in.stream] = &in; }
    for (const auto& step : program_.all_steps_) {
      for (BlockStream* stream : step->out) { program_.step_of_stream_[stream] = step.get(); }
    }
    for (const auto& step : program_.all_steps_) {
      const auto& inputs = plan_.nodes()[step->node_index].inputs;
      for (std::size_t i = 0; i < step->in.size(); ++i) {
        if (!is_held_back(*step, inputs[i])) { continue; }
        const InputPlace place{step.get(), i, step->in[i]->frames.size()};
        program_.follow_back(step->in[i], [&place](Ways& ways) { ways.inputs.push_back(place); });
      }
    }
    for (BlockStream& stream : program_.streams_) {
      for (EdgeLink* link : stream.outgoing) {
        if (!program_.waits_for(*link)) { continue; }
        const EdgePlace place = place_of(stream, *link);
        program_.follow_back(&stream, [&place](Ways& ways) { ways.edges.push_back(place); });
      }
    }
  }
  bool is_held_back(const DomainStep& step, const PlanInput& input) const {
    if (is_separate(step.node_index)) { return wiring_.may_wait && input.may_be_held; }
    const bool is_queue = plan_.graph().nodes()[step.node_index].info().queue == Queue::yes;
    return step.holds_blocks() && (wiring_.may_wait || !is_queue);
  }

  // The order of the steps; neighbours that only multiply become one.
  void fuse() {
    const std::size_t count = program_.all_steps_.size();
    FactorStep* pass = nullptr;
    program_.step_of_node_.assign(plan_.nodes().size(), nullptr);
    for (std::size_t i = 0; i < count; ++i) {
      DomainStep*& of_node = program_.step_of_node_[program_.all_steps_[i]->node_index];
      auto* const step = dynamic_cast<EachBlockStep*>(program_.all_steps_[i].get());
      if (step == nullptr || !FactorStep::may_hold(*step)) {
        program_.steps_.push_back(of_node = program_.all_steps_[i].get());
        pass = nullptr;
      } else if (pass != nullptr && pass->is_continued_by(*step)) {
        pass->add(*step);
        of_node = pass;
      } else {
        auto begun = std::make_unique<FactorStep>(*step);
        pass = begun.get();
        program_.steps_.push_back(of_node = pass);
        program_.all_steps_.push_back(std::move(begun));
      }
    }
    program_.times_ = std::vector<NodeTimes>(program_.steps_.size());
  }

  Program& program_;
  Plan& plan_;
  const std::size_t domain_;
  const DomainWiring& wiring_;
};

Program::Program(Plan& plan, std::size_t domain, const DomainWiring& wiring) : plan_(plan) {
  ProgramBuilder(*this, plan, domain, wiring).build();
}

DomainStep* Program::own_step_of(std::size_t node_index) const noexcept {
  for (const auto& step : all_steps_) {
    if (step->node != nullptr && step->node_index == node_index) { return step.get(); }
  }
  return nullptr;
}

template <class Note>
void Program::follow_back(BlockStream* from, const Note& note) {
  std::vector<BlockStream*> left{from};
  std::set<BlockStream*> seen{from};
  std::set<DomainStep*> told;
  while (!left.empty()) {
    BlockStream* const at = left.back();
    left.pop_back();
    if (const auto edge = edge_of_stream_.find(at); edge != edge_of_stream_.end()) {
      note(edge->second->ways);
      continue;
    }
    DomainStep* const step = step_of_stream_.at(at);
    if (!told.insert(step).second) { continue; }
    note(step->ways);
    if (step->holds_blocks()) { continue; }
    for (BlockStream* stream : step->in) {
      if (seen.insert(stream).second) { left.push_back(stream); }
    }
  }
}

bool Program::waits_for(const EdgeLink& link) const {
  return may_wait_ && link.edge.policy() == OverflowPolicy::block;
}

std::vector<EdgeLink*>& Program::planned_links(BlockStream& stream) {
  return planned_links_.try_emplace(&stream, stream.outgoing).first->second;
}
std::vector<EdgePlace>& Program::planned_places(Ways& ways) {
  return planned_places_.try_emplace(&ways, ways.edges).first->second;
}

IncomingEdge* Program::edge_of(const BlockStream* stream) const noexcept {
  const auto found = edge_of_stream_.find(stream);
  return found == edge_of_stream_.end() ? nullptr : found->second;
}

std::int64_t Program::end_position(const BlockStream* stream) const noexcept {
  // A node that works in place gives the frames of its input, which are there no more.
  while (stream->storage.empty() && edge_of(stream) == nullptr) {
    const DomainStep& step = *step_of_stream_.at(stream);
    if (step.in.empty()) { return BlockStream::kNowhere; }
    stream = step.in.front();
  }
  if (const IncomingEdge* const edge = edge_of(stream)) {
    return edge->losses.next_position().value_or(edge->stream.first_position());
  }
  return stream->end_position();
}

std::unique_ptr<Change> Program::attach(std::size_t slot, EdgeLink& link, std::shared_ptr<const void> owner) {
  BlockStream& stream = *stream_of_slot_[slot];
  std::vector<EdgeLink*>& links = planned_links(stream);
  links.push_back(&link);
  auto change = std::make_unique<Rewire>(step_of(step_of_stream_.at(&stream)->node_index), stream, links,
                                         std::move(owner));
  change->set_new(link);
  if (!waits_for(link)) { return change; }
  follow_back(&stream, [&](Ways& ways) {
    std::vector<EdgePlace>& places = planned_places(ways);
    places.push_back(place_of(stream, link));
    change->add(ways, places);
  });
  return change;
}

std::unique_ptr<Change> Program::detach(std::size_t slot, EdgeLink& link, std::shared_ptr<const void> owner) {
  BlockStream& stream = *stream_of_slot_[slot];
  std::vector<EdgeLink*>& links = planned_links(stream);
  links.erase(std::remove(links.begin(), links.end(), &link), links.end());
  auto change = std::make_unique<Rewire>(step_of(step_of_stream_.at(&stream)->node_index), stream, links,
                                         std::move(owner));
  if (!waits_for(link)) { return change; }
  follow_back(&stream, [&](Ways& ways) {
    std::vector<EdgePlace>& places = planned_places(ways);
    places.erase(std::remove_if(places.begin(), places.end(),
                                [&](const EdgePlace& place) { return place.link == &link; }),
                 places.end());
    change->add(ways, places);
  });
  return change;
}

void Program::restart() noexcept {
  for (const auto& step : all_steps_) {
    if (step->node != nullptr) { step->node->reset(); }
    step->restart();
  }
  for (BlockStream& stream : streams_) { stream.restart(); }
  for (IncomingEdge& in : incoming_) {
    in.stream.restart();
    in.losses.reset();
    if (in.reblock != nullptr) { in.reblock->reset(); }
  }
}

}  // namespace streamlab
