// engine/run/domain.cpp
#include "engine/run/domain.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "engine/rt/denormals.hpp"
#include "engine/rt/rt_section.hpp"

namespace streamlab {
namespace {

// Those who come and go do not count: nothing ends because of them, or goes on for them.
bool is_read(const BlockStream& stream) noexcept {
  return stream.named_is_over != nullptr || !stream.readers.empty() ||
         std::any_of(stream.outgoing.begin(), stream.outgoing.end(),
                     [](const EdgeLink* link) { return !link->comes_and_goes; });
}
bool is_needed(const BlockStream& stream) noexcept {
  return stream.named_is_over != nullptr ||
         std::any_of(stream.readers.begin(), stream.readers.end(),
                     [](const DomainStep* reader) { return !reader->finished; }) ||
         std::any_of(stream.outgoing.begin(), stream.outgoing.end(), [](const EdgeLink* link) {
           return !link->comes_and_goes && !link->abandoned.load(std::memory_order_acquire);
         });
}

}  // namespace

void Domain::adopt(std::unique_ptr<Program> program) {
  program_ = std::move(program);
  has_device_input_ = program_->device_input() != nullptr;
}

// ---- one round

Domain::Round Domain::round() noexcept {
  if (over_) { return *over_; }
  changes_.apply_all(program_);
  const bool has_trigger = take_trigger();
  const bool has_blocks = take_incoming();
  const Round result = run_steps();
  return result == Round::idle && (has_trigger || has_blocks) ? Round::worked : result;
}

template <class Run>
Domain::Moved Domain::run_each(const Run& run) noexcept {
  Moved moved;
  for (DomainStep* step : program_->steps()) {
    moved.anything = run(*step) || moved.anything;
    moved.to_the_end = moved.to_the_end && step->finished;
    if (loop_.failed() || loop_.failed_link != nullptr) { break; }
  }
  return moved;
}

Domain::Moved Domain::run_each_measured() noexcept {
  auto times = program_->times().begin();
  const Moved moved = run_each([&](DomainStep& step) {
    bool worked = false;
    const std::uint64_t ns = measured_.measure([&] { worked = step.run(loop_); });
    if (worked) { times->record(ns); }
    ++times;
    return worked;
  });
  if (!moved.anything) { measured_.was_idle(); }
  return moved;
}

Domain::Round Domain::run_steps() noexcept {
  auto [worked, finished] = measured_.begin()
                                ? run_each_measured()
                                : run_each([this](DomainStep& step) { return step.run(loop_); });
  release_incoming();
  const bool gives_up = loop_.abort.load(std::memory_order_acquire);
  if (std::exchange(loop_.reader_left, false) && !gives_up && end_what_nobody_needs()) { worked = true; }
  loop_.triggered = false;
  ++rounds_;
  if (gives_up) {
    over_ = Round::stopped;
  } else if (loop_.failed() || loop_.failed_link != nullptr) {
    over_ = Round::failed;
  } else if (finished) {
    over_ = Round::ended;
  }
  if (over_) {
    changes_.close(program_, [this]() noexcept { close_outgoing(); });
    is_over_.store(true, std::memory_order_release);
    return *over_;
  }
  return worked ? Round::worked : Round::idle;
}

Domain::Round Domain::run() noexcept {
  flush_denormals();
  const Program* polled = nullptr;
  bool polls = false;
  while (true) {
    const std::uint32_t ticket = loop_.signal->ticket();
    const Round result = round();
    if (result == Round::worked) { continue; }
    if (result != Round::idle) { return result; }
    if (std::exchange(polled, program_.get()) != program_.get()) { polls = has_to_poll(); }
    if (polls) {
      loop_.signal->wait(ticket, kLookAgain);
    } else {
      loop_.signal->wait(ticket);
    }
  }
}

// Real-time threads, at the other ends of its edges, wake nobody.
bool Domain::has_to_poll() const noexcept {
  const auto& incoming = program_->incoming();
  bool polls = std::any_of(incoming.begin(), incoming.end(),
                           [](const IncomingEdge& in) { return in.link->consumer == nullptr; });
  for (const BlockStream& stream : program_->streams()) {
    polls = polls || std::any_of(stream.outgoing.begin(), stream.outgoing.end(),
                                 [](const EdgeLink* link) { return link->producer == nullptr; });
  }
  return polls;
}

void Domain::trigger(const DataFrame& given) noexcept {
  loop_.triggered = true;
  loop_.trigger = given.header();
  DeviceInputStep* const input = program_->device_input();
  if (input == nullptr) { return; }
  DataFrame& frame = input->block();
  frame.copy_from(given);
  frame.metadata().clear();
  loop_.device_block_is_there = true;
}

bool Domain::take_trigger() noexcept {
  if (triggers_ == nullptr || loop_.triggered) { return false; }
  for (const DomainStep* step : program_->steps()) {
    if (step->is_source() && !step->finished && !step->ways.have_room()) { return false; }
  }
  DataFrame* const frame = triggers_->edge.try_pop();
  if (frame == nullptr) {
    if (triggers_->edge.ended()) { loop_.sources_end.store(true, std::memory_order_release); }
    return false;
  }
  trigger(*frame);
  triggers_->edge.release(frame);
  triggers_->wake_producer();
  return true;
}

bool Domain::take_incoming() noexcept {
  bool worked = false;
  for (IncomingEdge& in : program_->incoming()) {
    if (in.reblock != nullptr) { continue; }  // tick() fills it
    in.stream.count = 0;
    if (in.stream.ended || !in.ways.have_room()) { continue; }
    in.in_hand = in.link->edge.try_pop();
    if (in.in_hand != nullptr) {
      in.link->wake_producer();
      in.losses.mark(*in.in_hand, in.link->first_position);
      in.stream.frames[0] = in.in_hand;
      in.stream.count = 1;
      worked = true;
    } else if (in.link->edge.ended()) {
      in.stream.ended = true;
      worked = true;
    }
  }
  return worked;
}

void Domain::release_incoming() noexcept {
  for (IncomingEdge& in : program_->incoming()) {
    if (in.in_hand != nullptr) {
      in.link->edge.release(in.in_hand);
      in.in_hand = nullptr;
    }
  }
}

// Backwards, so that a node ends with the last of its readers, and a source with its node. True if anything
// ended.
bool Domain::end_what_nobody_needs() noexcept {
  bool ended = false;
  const auto steps = program_->steps();
  for (auto at = steps.rbegin(); at != steps.rend(); ++at) {
    DomainStep& step = **at;
    // The caller decides how long a triggered source runs.
    if (step.finished || (step.is_source() && loop_.pace == SourcePace::triggered)) { continue; }
    const auto read = [](const BlockStream* stream) { return is_read(*stream); };
    const auto needed = [](const BlockStream* stream) { return is_needed(*stream); };
    if (std::none_of(step.out.begin(), step.out.end(), read)) { continue; }
    if (std::any_of(step.out.begin(), step.out.end(), needed)) { continue; }
    step.end();
    // A reader that was given up has not had enough: what the node still holds is lost.
    if (step.node != nullptr && !loop_.misses_reader) { step.node->not_needed(); }
    for (BlockStream* stream : step.out) { Loop::close(*stream); }
    ended = true;
  }
  for (IncomingEdge& in : program_->incoming()) {
    if (in.stream.ended || is_needed(in.stream)) { continue; }
    in.stream.ended = true;
    in.link->had_enough.store(!loop_.misses_reader, std::memory_order_relaxed);
    in.link->abandoned.store(true, std::memory_order_release);
    in.link->wake_producer();
    ended = true;
  }
  return ended;
}

void Domain::close_outgoing() noexcept {
  for (BlockStream& stream : program_->streams()) { Loop::close(stream); }
  // A producer must not wait for a domain that is over.
  for (IncomingEdge& in : program_->incoming()) {
    in.link->abandoned.store(true, std::memory_order_release);
    in.link->wake_producer();
  }
  if (triggers_ != nullptr) {
    triggers_->abandoned.store(true, std::memory_order_release);
    triggers_->wake_producer();
  }
}

// ---- the device's side

std::span<double* const> Domain::device_inputs() noexcept {
  DeviceInputStep* const input = program_->device_input();
  if (input == nullptr) { return {}; }
  return input->block().channel_pointers();
}

std::span<const double* const> Domain::device_outputs() const noexcept {
  const DeviceOutputStep* const output = program_->device_output();
  if (output == nullptr) { return {}; }
  return output->channels();
}

Domain::Round Domain::tick(const TickInfo& info) noexcept {
  const RtSection section;
  if (!over_) { changes_.apply_all(program_); }
  if (DeviceOutputStep* const output = program_->device_output()) {
    output->begin_tick(info.position, info.frame_count);
  }
  if (over_) { return *over_; }
  FrameHeader header;
  header.timestamp_us = info.timestamp_us;
  header.position = info.position;
  header.sequence_id = rounds_;
  if (info.xrun) { header.set(FrameFlag::xrun); }
  take_from_device(info, header);
  fill_for_tick(info.frame_count);
  pull_reblocks(header, info.frame_count);
  const Round result = run_steps();
  if (DeviceOutputStep* const output = program_->device_output()) { output->end_tick(); }
  return result;
}

// Makes a block of what the driver has written; `header`: of this tick, then of the block.
void Domain::take_from_device(const TickInfo& info, FrameHeader& header) noexcept {
  DeviceInputStep* const input = program_->device_input();
  if (input == nullptr || input->finished) { return; }
  DataFrame& frame = input->block();
  frame.set_header(header);
  frame.metadata().clear();
  frame.set_frame_count(info.frame_count);
  input->mark_gap();
  flag_bad_samples(frame);
  header = frame.header();
  loop_.device_block_is_there = true;
}

// Takes from the edges what the tick needs. True: one that is read no more has run dry, and the program that reads another
// one in its place is due.
bool Domain::fill_reblocks(std::uint32_t frame_count) noexcept {
  bool is_dry = false;
  for (IncomingEdge& in : program_->incoming()) {
    while (!in.stream.ended && in.reblock->held_frames() < frame_count) {
      const std::uint32_t ticket = loop_.signal->ticket();
      const bool is_released = in.link->released.load(std::memory_order_acquire);
      DataFrame* const block = in.link->edge.try_pop();
      if (block != nullptr) {
        in.reblock->push(*block);
        in.link->edge.release(block);
        in.link->wake_producer();
        continue;
      }
      is_dry = is_dry || is_released;
      const bool gives_up = !loop_.may_wait || loop_.abort.load(std::memory_order_acquire);
      if (is_released || gives_up || in.link->edge.ended()) { break; }
      loop_.signal->wait(ticket);
    }
  }
  return is_dry;
}

void Domain::fill_for_tick(std::uint32_t frame_count) noexcept {
  while (fill_reblocks(frame_count)) {
    const Program* const now = program_.get();
    const std::uint32_t ticket = loop_.signal->ticket();
    changes_.apply_all(program_);
    if (program_.get() != now) { continue; }
    if (!loop_.may_wait || loop_.abort.load(std::memory_order_acquire)) { return; }
    loop_.signal->wait(ticket, kLookAgain);
  }
}

void Domain::pull_reblocks(const FrameHeader& header, std::uint32_t frame_count) noexcept {
  for (IncomingEdge& in : program_->incoming()) {
    in.stream.count = 0;
    if (in.stream.ended) { continue; }
    Reblock& reblock = *in.reblock;
    const bool ended = reblock.held_frames() < frame_count && in.link->edge.ended();
    if (ended && reblock.held_frames() == 0) {
      in.stream.ended = true;
      continue;
    }
    const std::uint64_t before = reblock.underrun_frames();
    in.stream.frames[0] = &reblock.pull(header, frame_count, ended);
    loop_.count_underrun(reblock.underrun_frames() - before);
    in.stream.count = 1;
  }
}

// ---- other threads, and afterwards

bool Domain::change(std::unique_ptr<Change> change) noexcept {
  const auto lock = changes_.lock();
  if (!changes_.has_room()) { return false; }
  send(std::move(change));
  return true;
}

bool Domain::has_room_for_change() noexcept {
  const auto lock = changes_.lock();
  return changes_.has_room();
}

void Domain::send(std::unique_ptr<Change> change) noexcept {
  changes_.send(std::move(change), program_, [this]() noexcept { close_outgoing(); });
  loop_.signal->notify();
}

void Domain::end_sources() noexcept {
  loop_.sources_end.store(true, std::memory_order_release);
  loop_.signal->notify();
}

Domain::Round Domain::drain() noexcept {
  for (IncomingEdge& in : program_->incoming()) {
    if (in.reblock == nullptr) { continue; }
    in.stream.count = 0;
    in.stream.ended = true;
  }
  end_sources();
  return run();
}

void Domain::abort() noexcept {
  loop_.abort.store(true, std::memory_order_release);
  loop_.signal->notify();
}

void Domain::reset() noexcept {
  program_->restart();
  loop_.restart();
  changes_.restart();
  rounds_ = 0;
  over_.reset();
  is_over_.store(false, std::memory_order_release);
}

std::span<DataFrame* const> Domain::blocks(std::size_t slot) const noexcept {
  const BlockStream& stream = program_->stream_of(slot);
  return {stream.frames.data(), stream.count};
}

std::optional<Error> Domain::failure() const {
  if (loop_.failed_link != nullptr) {
    return Error{ErrorCode::failed, loop_.failed_link->name,
                 "the edge overflowed, and its policy is \"fail\"", "",
                 "a larger capacity, or another policy"};
  }
  if (!loop_.failed_node) { return std::nullopt; }
  const Plan& plan = program_->plan();
  const ValidNode& node = plan.graph().nodes()[*loop_.failed_node];
  if (loop_.overran) {
    return Error{ErrorCode::failed, node.id,
                 fmt::format("this {} held or emitted more blocks than it declared", node.info().name), "",
                 "this is a bug in the node"};
  }
  Error error = plan.nodes()[*loop_.failed_node].node->failure();
  if (error.where.empty()) { error.where = node.id; }
  if (error.where.starts_with("/config")) { return node.located(error); }
  return error;
}

const InputCounts* Domain::input_counts() const noexcept {
  return has_device_input_ ? &loop_.input_counts : nullptr;
}

}  // namespace streamlab
