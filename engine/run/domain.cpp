// engine/run/domain.cpp
#include "engine/run/domain.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "engine/rt/denormals.hpp"
#include "engine/rt/rt_section.hpp"

namespace streamlab {
namespace {

// How often a thread polls a real-time thread, which sends no wake-ups.
constexpr std::chrono::microseconds kPollInterval{1000};

}  // namespace

// ---- one round

Domain::Round Domain::round() noexcept {
  if (over_) { return *over_; }
  const bool has_trigger = take_trigger();
  const bool has_blocks = take_incoming();
  const Round result = run_steps();
  return result == Round::idle && (has_trigger || has_blocks) ? Round::worked : result;
}

Domain::Round Domain::run_steps() noexcept {
  bool worked = false;
  bool finished = true;
  apply_changes();
  for (Step* step : steps_) {
    worked = run_step(*step) || worked;
    finished = finished && step->finished;
    if (failed_node_ || failed_link_ != nullptr) { break; }
  }
  release_incoming();
  const bool gives_up = abort_.load(std::memory_order_acquire);
  if (std::exchange(reader_left_, false) && !gives_up && end_what_nobody_needs()) { worked = true; }
  triggered_ = false;
  ++rounds_;
  if (gives_up) {
    over_ = Round::stopped;
  } else if (failed_node_ || failed_link_ != nullptr) {
    over_ = Round::failed;
  } else if (finished) {
    over_ = Round::ended;
  }
  if (over_) {
    close_outgoing();
    return *over_;
  }
  return worked ? Round::worked : Round::idle;
}

Domain::Round Domain::run() noexcept {
  flush_denormals();
  bool polls = std::any_of(incoming_.begin(), incoming_.end(),
                           [](const Incoming& in) { return in.link->consumer == nullptr; });
  for (const Stream& stream : streams_) {
    polls = polls || std::any_of(stream.outgoing.begin(), stream.outgoing.end(),
                                 [](const EdgeLink* link) { return link->producer == nullptr; });
  }
  while (true) {
    const std::uint32_t ticket = signal_->ticket();
    const Round result = round();
    if (result == Round::worked) { continue; }
    if (result != Round::idle) { return result; }
    if (polls) {
      signal_->wait(ticket, kPollInterval);
    } else {
      signal_->wait(ticket);
    }
  }
}

void Domain::trigger(const DataFrame& given) noexcept {
  triggered_ = true;
  trigger_header_ = given.header();
  if (device_input_ == nullptr) { return; }
  DataFrame& frame = *device_input_->out[0]->frames[0];
  frame.copy_from(given);
  frame.metadata().clear();
  device_block_is_there_ = true;
}

bool Domain::take_trigger() noexcept {
  if (triggers_ == nullptr || triggered_) { return false; }
  for (const Step* step : steps_) {
    if (step->in.empty() && !step->finished && !has_room(step->ways)) { return false; }
  }
  DataFrame* const frame = triggers_->edge.try_pop();
  if (frame == nullptr) {
    if (triggers_->edge.ended()) { sources_end_.store(true, std::memory_order_release); }
    return false;
  }
  trigger(*frame);
  triggers_->edge.release(frame);
  triggers_->wake_producer();
  return true;
}

bool Domain::JoinInput::has_room() const noexcept {
  if (step->finished) { return true; }  // a finished step ignores its input
  return step->join != nullptr ? step->join->has_room(input, blocks) : step->node->has_room(input, blocks);
}

bool Domain::has_room(const Ways& ways) noexcept {
  const auto has = [](const auto& place) { return place.has_room(); };
  return std::all_of(ways.joins.begin(), ways.joins.end(), has) &&
         std::all_of(ways.edges.begin(), ways.edges.end(), has);
}

bool Domain::take_incoming() noexcept {
  bool worked = false;
  for (Incoming& in : incoming_) {
    if (in.reblock != nullptr) { continue; }  // tick() fills it
    in.stream.count = 0;
    if (in.stream.ended || !has_room(in.ways)) { continue; }
    in.in_hand = in.link->edge.try_pop();
    if (in.in_hand != nullptr) {
      in.link->wake_producer();
      in.losses.mark(*in.in_hand, in.link->first_position);
      in.stream.frames[0] = in.in_hand;
      in.stream.count = 1;
      worked = true;
    } else if (!in.stream.ended && in.link->edge.ended()) {
      in.stream.ended = true;
      worked = true;
    }
  }
  return worked;
}

void Domain::release_incoming() noexcept {
  for (Incoming& in : incoming_) {
    if (in.in_hand != nullptr) {
      in.link->edge.release(in.in_hand);
      in.in_hand = nullptr;
    }
  }
}

void Domain::mark_gap(Stream& stream, DataFrame& frame) noexcept {
  if (frame.format().kind != StreamKind::audio) { return; }
  FrameHeader& header = frame.header();
  if (stream.has_position && header.position > stream.position) {
    header.set(FrameFlag::gap);
    header.gap_frames = static_cast<std::uint64_t>(header.position - stream.position);
  }
  stream.has_position = true;
  stream.position = header.position + frame.frame_count();
}

bool Domain::run_step(Step& step) noexcept {
  if (step.kind == StepKind::device_output) { return run_device_output(step); }
  if (step.kind == StepKind::factors) {
    const bool worked = run_factors(step);
    send(*step.out[0]);
    return worked;
  }
  for (Stream* stream : step.out) { stream->count = 0; }
  if (step.finished) { return false; }
  bool worked = false;
  switch (step.kind) {
    case StepKind::source:
    case StepKind::device_input:
      worked = run_source(step);
      break;
    case StepKind::join:
      worked = run_join(step);
      break;
    case StepKind::separate:
      worked = run_separate(step);
      break;
    case StepKind::queue:
      worked = run_queue(step);
      break;
    case StepKind::each_block:
      worked = run_each_block(step);
      break;
    case StepKind::factors:
    case StepKind::device_output:
      break;
  }
  if (step.had_enough && !failed_node_) { end(step); }
  for (Stream* stream : step.out) { send(*stream); }
  return worked;
}

bool Domain::run_source(Step& step) noexcept {
  bool ended = false;
  if (step.kind == StepKind::device_input) {
    step.out[0]->count = device_block_is_there_ ? 1 : 0;
    device_block_is_there_ = false;
    ended = step.out[0]->count == 0 && sources_end_.load(std::memory_order_acquire);
    if (!ended && step.out[0]->count == 0) { return false; }
  } else {
    ended = sources_end_.load(std::memory_order_acquire);
    if (!ended) {
      if (pace_ == Pace::triggered && !triggered_) { return false; }
      if (!has_room(step.ways)) { return false; }
      for (OutputPort& port : step.ports) {
        if (triggered_) {
          port.trigger(trigger_header_.sequence_id, trigger_header_.timestamp_us);
        } else {
          port.trigger(step.calls, std::nullopt);
        }
      }
      ++step.calls;
      call(step, {}, nullptr, false);
      ended = step.finished;
    }
  }
  for (Stream* stream : step.out) {
    ended = reached_limit(*stream) || ended;
    const std::int64_t most = std::max(source_frames_.load(std::memory_order_relaxed), stream->given_frames);
    source_frames_.store(most, std::memory_order_relaxed);
  }
  if (ended) { end(step); }
  return true;
}

void Domain::end(Step& step) noexcept {
  step.finished = true;
  for (Stream* stream : step.out) { stream->ended = true; }
}

bool Domain::reached_limit(Stream& stream) noexcept {
  for (std::uint32_t b = 0; b < stream.count; ++b) {
    DataFrame& frame = *stream.frames[b];
    stream.given_frames += static_cast<std::int64_t>(frame.header().gap_frames);
    const std::int64_t left = std::max<std::int64_t>(0, stream.limit - stream.given_frames);
    if (left <= frame.frame_count()) {
      frame.set_frame_count(static_cast<std::uint32_t>(left));
      stream.given_frames += left;
      stream.count = b + 1;
      return true;
    }
    stream.given_frames += frame.frame_count();
  }
  return false;
}

bool Domain::run_each_block(Step& step) noexcept {
  const Stream& in = *step.in[0];
  for (std::uint32_t b = 0; b < in.count && !failed_node_ && !step.had_enough; ++b) {
    const DataFrame* const block = in.frames[b];
    call(step, {&block, 1}, block, false);
  }
  if (!in.ended || failed_node_) { return in.count > 0; }
  return finish(step) || in.count > 0;
}

bool Domain::run_join(Step& step) noexcept {
  bool worked = false;
  for (std::size_t i = 0; i < step.in.size(); ++i) {
    const Stream& in = *step.in[i];
    for (std::uint32_t b = 0; b < in.count; ++b) {
      if (!step.join->push(i, *in.frames[b])) {
        overran_ = true;
        fail(step.node_index);
        return true;
      }
      worked = true;
    }
    if (in.ended) { step.join->end(i); }
  }
  if (!has_room(step.ways)) { return worked; }
  while (step.out.empty() || step.out[0]->count < step.out[0]->frames.size()) {
    const auto blocks = step.join->next();
    if (blocks.empty()) { break; }
    call(step, blocks, blocks[0], false);
    worked = true;
    if (failed_node_ || step.had_enough) { return true; }
  }
  return step.join->finished() ? finish(step) || worked : worked;
}

bool Domain::run_separate(Step& step) noexcept {
  bool worked = false;
  bool ended = true;
  for (std::size_t i = 0; i < step.in.size(); ++i) {
    const Stream& in = *step.in[i];
    for (std::uint32_t b = 0; b < in.count; ++b) {
      step.shown[i] = in.frames[b];
      call(step, step.shown, in.frames[b], false);
      step.shown[i] = nullptr;
      worked = true;
      if (failed_node_ || step.had_enough) { return true; }
    }
    if (in.ended && !step.told_end[i]) {
      step.told_end[i] = true;
      step.node->input_ended(i);
      worked = true;
    }
    ended = ended && in.ended;
  }
  return ended ? finish(step) || worked : worked;
}

// Takes all incoming blocks, and emits as many as there is room for downstream.
bool Domain::run_queue(Step& step) noexcept {
  const Stream& in = *step.in[0];
  const Stream& out = *step.out[0];
  for (std::uint32_t b = 0; b < in.count && !failed_node_; ++b) {
    const DataFrame* const block = in.frames[b];
    call(step, {&block, 1}, block, false);
  }
  bool worked = in.count > 0;
  if (!has_room(step.ways)) { return worked; }
  while (!failed_node_ && out.count < out.frames.size()) {
    const std::uint32_t before = out.count;
    call(step, {}, nullptr, false);
    if (out.count == before) { break; }
    worked = true;
  }
  if (!in.ended || failed_node_) { return worked; }
  return finish(step) || worked;
}

bool Domain::run_factors(Step& step) noexcept {
  const Stream& in = *step.in[0];
  Stream& out = *step.out[0];
  out.count = 0;
  if (step.finished) { return false; }
  if (step.factor_run == nullptr) {
    step.factors.clear();
    for (const Step* member : step.members) {
      const auto factor = member->node->constant_factor();
      if (!factor) { break; }
      step.factors.push_back(factor->factor);
    }
    if (step.factors.size() == step.members.size()) {
      step.factor_run = step.members[0]->node->constant_factor()->run;
    }
  }
  if (step.factor_run != nullptr) {
    for (std::uint32_t b = 0; b < in.count; ++b) {
      DataFrame& frame = *in.frames[b];
      for (std::uint32_t c = 0; c < frame.channel_count(); ++c) {
        step.factor_run(frame.channel_data(c), frame.frame_count(), step.factors);
      }
    }
  } else {
    for (Step* member : step.members) {
      member->out[0]->count = 0;
      for (std::uint32_t b = 0; b < in.count; ++b) {
        const DataFrame* const block = in.frames[b];
        call(*member, {&block, 1}, block, false);
      }
    }
  }
  out.count = in.count;
  step.finished = out.ended = in.ended;
  return in.count > 0 || in.ended;
}

bool Domain::finish(Step& step) noexcept {
  if (step.had_enough) { return true; }
  // finish() needs free output frames: call it after the blocks of this round have been passed on.
  if (std::any_of(step.out.begin(), step.out.end(), [](const Stream* stream) { return stream->count > 0; })) {
    return true;
  }
  if (!has_room(step.ways)) { return false; }
  call(step, {}, nullptr, true);
  if (step.finished) { end(step); }
  return true;
}

void Domain::call(Step& step, std::span<const DataFrame* const> in, const DataFrame* like,
                  bool finishing) noexcept {
  for (std::size_t o = 0; o < step.out.size(); ++o) {
    const Stream& stream = *step.out[o];
    const auto room = static_cast<std::uint32_t>(stream.frames.size()) - stream.count;
    step.ports[o].bind(stream.frames.data() + stream.count, std::min(room, step.max_blocks[o]));
    step.ports[o].follow(like);
  }
  const Status status = finishing ? step.node->finish(step.ports) : step.node->process(in, step.ports);
  for (std::size_t o = 0; o < step.out.size(); ++o) {
    step.out[o]->count += step.ports[o].count();
    if (step.ports[o].overrun()) {
      overran_ = true;
      fail(step.node_index);
    }
  }
  if (status == Status::fault) { fail(step.node_index); }
  if (status != Status::done) { return; }
  if (finishing || in.empty()) {
    step.finished = true;
  } else {
    step.had_enough = reader_left_ = true;
  }
}

void Domain::fail(std::size_t node) noexcept {
  if (!failed_node_) { failed_node_ = node; }
}

bool Domain::is_needed(const Stream& stream) noexcept {
  return std::any_of(stream.readers.begin(), stream.readers.end(),
                     [](const Step* reader) { return !reader->finished; }) ||
         std::any_of(stream.outgoing.begin(), stream.outgoing.end(),
                     [](const EdgeLink* link) { return !link->abandoned.load(std::memory_order_acquire); });
}

// Backwards, so that a node ends with the last of its readers, and a source with its node. True if anything
// ended.
bool Domain::end_what_nobody_needs() noexcept {
  bool ended = false;
  for (auto at = steps_.rbegin(); at != steps_.rend(); ++at) {
    Step& step = **at;
    // The caller decides how long a triggered source runs.
    if (step.finished || (step.in.empty() && pace_ == Pace::triggered)) { continue; }
    const auto is_read = [](const Stream* s) { return !s->readers.empty() || !s->outgoing.empty(); };
    const auto needed = [](const Stream* stream) { return is_needed(*stream); };
    if (std::none_of(step.out.begin(), step.out.end(), is_read)) { continue; }
    if (std::any_of(step.out.begin(), step.out.end(), needed)) { continue; }
    end(step);
    if (step.node != nullptr) { step.node->not_needed(); }
    for (Stream* stream : step.out) { close(*stream); }
    ended = true;
  }
  for (Incoming& in : incoming_) {
    if (in.stream.ended || is_needed(in.stream)) { continue; }
    in.stream.ended = true;
    in.link->had_enough.store(!misses_reader_, std::memory_order_relaxed);
    in.link->abandoned.store(true, std::memory_order_release);
    in.link->wake_producer();
    ended = true;
  }
  return ended;
}

void Domain::send(Stream& stream) noexcept {
  for (EdgeLink* link : stream.outgoing) {
    if (link->abandoned.load(std::memory_order_acquire)) {
      reader_left_ = true;
      misses_reader_ = misses_reader_ || !link->had_enough.load(std::memory_order_relaxed);
    }
    for (std::uint32_t b = 0; b < stream.count; ++b) { send_block(*link, *stream.frames[b]); }
  }
  if (stream.ended) {
    close(stream);
  }  // now, not at the end of the domain: a reader waiting for this end may stall others
}

void Domain::close(Stream& stream) noexcept {
  if (std::exchange(stream.closed, true)) { return; }
  for (EdgeLink* link : stream.outgoing) {
    link->edge.close();
    link->wake_consumer();
  }
}

void Domain::send_block(EdgeLink& link, const DataFrame& frame) noexcept {
  DataFrame* to = nullptr;
  while (true) {
    const std::uint32_t ticket = signal_->ticket();
    if (link.abandoned.load(std::memory_order_acquire)) {
      if (!link.had_enough.load(std::memory_order_relaxed)) {
        link.discarded.fetch_add(1, std::memory_order_relaxed);
      }
      return;
    }
    to = link.edge.acquire();
    if (to != nullptr || link.edge.policy() != OverflowPolicy::block || !may_wait_) { break; }
    if (abort_.load(std::memory_order_acquire)) {
      link.without_room.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    if (link.producer == nullptr) {
      signal_->wait(ticket, kPollInterval);
    } else {
      signal_->wait(ticket);
    }
  }
  if (to == nullptr) {
    if (link.edge.failed()) { failed_link_ = &link; }
    return;
  }
  to->copy_from(frame);
  to->set_edge_number(link.edge.pushed());
  if (link.edge.pushed() == 0) { link.first_position = frame.position(); }
  link.edge.commit(to);
  link.wake_consumer();
}

void Domain::close_outgoing() noexcept {
  for (Stream& stream : streams_) { close(stream); }
  // A producer must not wait for a domain that is over.
  for (Incoming& in : incoming_) {
    in.link->abandoned.store(true, std::memory_order_release);
    in.link->wake_producer();
  }
  if (triggers_ != nullptr) {
    triggers_->abandoned.store(true, std::memory_order_release);
    triggers_->wake_producer();
  }
}

void Domain::apply_changes() noexcept {
  ParamChange change;
  while (changes_.try_pop(change)) {
    plan_.node(change.node).set_param(change.param, change.value);
    for (Step* step : steps_) { step->factor_run = nullptr; }
  }
}

// ---- the device's side

std::span<double* const> Domain::device_inputs() noexcept {
  if (device_input_ == nullptr) { return {}; }
  return device_input_->out[0]->frames[0]->channel_pointers();
}

Domain::Round Domain::tick(const TickInfo& info) noexcept {
  const RtSection section;
  std::fill(device_output_channels_.begin(), device_output_channels_.end(), silence_.data());
  if (over_) { return *over_; }
  FrameHeader header;
  header.timestamp_us = info.timestamp_us;
  header.position = info.position;
  header.sequence_id = rounds_;
  if (info.xrun) { header.set(FrameFlag::xrun); }
  if (device_input_ != nullptr && !device_input_->finished) {
    Stream& stream = *device_input_->out[0];
    DataFrame& frame = *stream.frames[0];
    frame.set_header(header);
    frame.metadata().clear();
    frame.set_frame_count(info.frame_count);
    mark_gap(stream, frame);
    flag_bad_samples(frame);
    const FrameHeader& seen = frame.header();
    const auto count = [](std::atomic<std::uint64_t>& counter, std::uint64_t by) {
      counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
    };
    if (seen.has(FrameFlag::gap)) {
      count(gaps_, 1);
      count(gap_frames_, seen.gap_frames);
    }
    if (seen.has(FrameFlag::clipped)) { count(clipped_, 1); }
    if (seen.has(FrameFlag::not_finite)) { count(not_finite_, 1); }
    header = seen;
    device_block_is_there_ = true;
  }
  fill_reblocks(header, info.frame_count);
  return run_steps();
}

void Domain::fill_reblocks(const FrameHeader& header, std::uint32_t frame_count) noexcept {
  for (Incoming& in : incoming_) {
    in.stream.count = 0;
    if (in.stream.ended) { continue; }
    Reblock& reblock = *in.reblock;
    bool ended = false;
    while (reblock.held_frames() < frame_count) {
      const std::uint32_t ticket = signal_->ticket();
      DataFrame* const block = in.link->edge.try_pop();
      if (block != nullptr) {
        reblock.push(*block);
        in.link->edge.release(block);
        in.link->wake_producer();
        continue;
      }
      ended = in.link->edge.ended();
      if (ended || !may_wait_ || abort_.load(std::memory_order_acquire)) { break; }
      signal_->wait(ticket);
    }
    if (ended && reblock.held_frames() == 0) {
      in.stream.ended = true;
      continue;
    }
    in.stream.frames[0] = &reblock.pull(header, frame_count, ended);
    in.stream.count = 1;
  }
}

bool Domain::run_device_output(Step& step) noexcept {
  if (step.finished) { return false; }
  const Stream& in = *step.in[0];
  if (in.count > 0) {
    const DataFrame& block = *in.frames[0];
    for (std::size_t c = 0; c < device_output_channels_.size(); ++c) {
      // A single channel plays on every connector; otherwise prepare() has checked that the numbers match.
      const auto from = block.channel_count() == 1 ? 0U : static_cast<std::uint32_t>(c);
      device_output_channels_[c] = block.channel_data(from);
    }
  }
  step.finished = in.ended;
  return in.count > 0 || in.ended;
}

// ---- other threads, and afterwards

void Domain::end_sources() noexcept {
  sources_end_.store(true, std::memory_order_release);
  signal_->notify();
}

Domain::Round Domain::drain() noexcept {
  for (Incoming& in : incoming_) {
    if (in.reblock == nullptr) { continue; }
    in.stream.count = 0;
    in.stream.ended = true;
  }
  end_sources();
  return run();
}

void Domain::abort() noexcept {
  abort_.store(true, std::memory_order_release);
  stop_waiting();
  signal_->notify();
}

void Domain::stop_waiting() noexcept {
  for (const Step& step : all_steps_) {
    if (step.node != nullptr) { step.node->stop_waiting(); }
  }
}

void Domain::reset() noexcept {
  for (Step& step : all_steps_) {
    if (step.node != nullptr) { step.node->reset(); }
    if (step.join != nullptr) { step.join->reset(); }
    step.told_end.assign(step.told_end.size(), false);
    step.finished = false;
    step.had_enough = false;
    step.calls = 0;
    step.factor_run = nullptr;
  }
  const auto renew = [](Stream& stream) {
    stream.count = 0;
    stream.ended = false;
    stream.closed = false;
    stream.has_position = false;
    stream.given_frames = 0;
  };
  for (Stream& stream : streams_) { renew(stream); }
  if (device_input_ != nullptr) { device_input_->out[0]->has_position = true; }  // its stream begins at 0
  for (Incoming& in : incoming_) {
    renew(in.stream);
    in.losses.reset();
    if (in.reblock != nullptr) { in.reblock->reset(); }
  }
  source_frames_.store(0, std::memory_order_relaxed);
  triggered_ = device_block_is_there_ = overran_ = reader_left_ = misses_reader_ = false;
  rounds_ = 0;
  over_.reset();
  failed_node_.reset();
  failed_link_ = nullptr;
  sources_end_.store(false, std::memory_order_relaxed);
  abort_.store(false, std::memory_order_relaxed);
}

std::span<DataFrame* const> Domain::blocks(std::size_t slot) const noexcept {
  const Stream& stream = *stream_of_slot_[slot];
  return {stream.frames.data(), stream.count};
}

std::optional<Error> Domain::failure() const {
  if (failed_link_ != nullptr) {
    return Error{ErrorCode::failed, failed_link_->name, "the edge overflowed, and its policy is \"fail\"", "",
                 "a larger capacity, or another policy"};
  }
  if (!failed_node_) { return std::nullopt; }
  const ValidNode& node = plan_.graph().nodes()[*failed_node_];
  if (overran_) {
    return Error{ErrorCode::failed, node.id,
                 fmt::format("this {} held or emitted more blocks than it declared", node.info().name), "",
                 "this is a bug in the node"};
  }
  Error error = plan_.nodes()[*failed_node_].node->failure();
  if (error.where.empty()) { error.where = node.id; }
  if (error.where.starts_with("/config")) { return node.located(error); }
  return error;
}

std::uint64_t Domain::underrun_frames() const noexcept {
  std::uint64_t sum = 0;
  for (const Incoming& in : incoming_) {
    if (in.reblock != nullptr) { sum += in.reblock->underrun_frames(); }
  }
  return sum;
}

}  // namespace streamlab
