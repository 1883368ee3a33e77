// engine/run/domain.hpp
//
// Domain: nodes run by one thread, in a fixed order, on one clock. round() is the only processing loop of the
// project; live runs, offline runs and pools differ only in who calls it and when.
//
// In one round every source emits a block (or the block of the trigger or the device comes in), one block is
// taken from each incoming edge, every node runs once for each of its input blocks, and blocks that leave the
// domain are copied into the outgoing edges.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "engine/graph/plan.hpp"
#include "engine/run/change.hpp"
#include "engine/run/driver.hpp"
#include "engine/run/edge_link.hpp"
#include "engine/run/loop.hpp"
#include "engine/run/program.hpp"

namespace streamlab {

class Domain {
 public:
  enum class Round : std::uint8_t {
    worked,   // something moved: call again
    idle,     // nothing to do until an edge or a trigger brings something
    ended,    // everything is processed, and the outgoing edges are closed
    failed,   // a node or an edge failed: failure() says which
    stopped,  // abort() was called
  };

  // Control thread. The plan must outlive the domain.
  Domain(Plan& plan, std::size_t index, SourcePace pace, DomainWiring wiring = {})
      : plan_(plan), index_(index), wiring_(std::move(wiring)) {
    loop_.pace = pace;
    loop_.may_wait = wiring_.may_wait;
  }
  Domain(const Domain&) = delete;
  Domain& operator=(const Domain&) = delete;

  // --- wiring, before anything runs. Control thread.
  void set_pace(SourcePace pace) { loop_.pace = pace; }
  std::size_t index() const { return index_; }
  // Shared: others may still notify it after this domain is destroyed.
  const std::shared_ptr<WakeSignal>& signal() const { return loop_.signal; }
  void attach_incoming(const PlanEdge& plan, EdgeLink& link) { wiring_.in.push_back({&plan, &link}); }
  void attach_outgoing(std::size_t slot, EdgeLink& link) { wiring_.out.push_back({slot, &link}); }
  // See DomainWiring.
  void set_may_wait(bool may_wait) { wiring_.may_wait = loop_.may_wait = may_wait; }
  void set_limit(std::int64_t frames, double seconds) {
    wiring_.frame_limit = frames;
    wiring_.duration_s = seconds;
  }
  // Where the triggers of this domain come from, instead of trigger().
  void attach_triggers(EdgeLink& link) { triggers_ = &link; }
  // After the wiring: makes the program. Or takes one that was made.
  void build() { adopt(std::make_unique<Program>(plan_, index_, wiring_)); }
  void adopt(std::unique_ptr<Program> program);

  // --- running. The domain's thread.
  Round round() noexcept;
  // One block for the sources and the device input of a triggered domain. `frame`: its header, and the
  // samples for the device input; without such a node it may have no channels.
  void trigger(const DataFrame& frame) noexcept;
  // Rounds until idle or ended; waits for room and for blocks. For a domain with its own thread.
  Round run() noexcept;
  // After the device's last tick: its stream ends, and what is inside is processed.
  Round drain() noexcept;
  // Back to the state before the first block. Nothing may be running.
  void reset() noexcept;

  // --- the device's side. The driver's thread.
  std::span<double* const> device_inputs() noexcept;
  std::span<const double* const> device_outputs() const noexcept;
  Round tick(const TickInfo& info) noexcept;

  // --- the control thread
  // Changes are applied before the next round.
  ChangeQueue& changes() noexcept { return changes_; }
  Program& program() noexcept { return *program_; }
  // False: too many are pending.
  bool change(std::unique_ptr<Change> change) noexcept;
  bool has_room_for_change() noexcept;
  // As change(), while changes().lock() is held, and there is room.
  void send(std::unique_ptr<Change> change) noexcept;
  // Did end, fail or stop; what left it has ended, or the sender of a change is just ending it. What it is to run afterwards ends at
  // once. Any thread.
  bool is_over() const noexcept { return is_over_.load(std::memory_order_acquire); }

  // --- any thread
  // The sources end now; what is inside is processed.
  void end_sources() noexcept;
  // round() gives up as soon as it can. (Its nodes may still wait: see Node::stop_waiting().)
  void abort() noexcept;

  // --- after a round, on its thread; or when nothing runs
  // The blocks that this slot emitted in the last round.
  std::span<DataFrame* const> blocks(std::size_t slot) const noexcept;
  std::optional<Error> failure() const;
  // Of the device's playback. Any thread.
  std::uint64_t underrun_frames() const noexcept {
    return loop_.underrun_frames.load(std::memory_order_relaxed);
  }
  // Frames emitted so far by the sources of this domain; the largest count of any source.
  std::int64_t source_frames() const noexcept { return loop_.source_frames.load(std::memory_order_relaxed); }
  // Of the device's input; null without one.
  const InputCounts* input_counts() const noexcept;

 private:
  bool take_trigger() noexcept;
  bool take_incoming() noexcept;
  void release_incoming() noexcept;
  void take_from_device(const TickInfo& info, FrameHeader& header) noexcept;
  void fill_for_tick(std::uint32_t frame_count) noexcept;
  bool fill_reblocks(std::uint32_t frame_count) noexcept;
  void pull_reblocks(const FrameHeader& header, std::uint32_t frame_count) noexcept;
  Round run_steps() noexcept;
  struct Moved {
    bool anything = false;
    bool to_the_end = true;
  };
  template <class Run>
  Moved run_each(const Run& run) noexcept;
  Moved run_each_measured() noexcept;
  bool end_what_nobody_needs() noexcept;
  bool has_to_poll() const noexcept;
  void close_outgoing() noexcept;

  Plan& plan_;  // that it was made from; a program knows its own
  const std::size_t index_;
  DomainWiring wiring_;
  std::unique_ptr<Program> program_;  // made by build(), or by a reload
  bool has_device_input_ = false;
  Loop loop_;
  EdgeLink* triggers_ = nullptr;
  MeasuredRounds measured_;
  std::uint64_t rounds_ = 0;
  std::optional<Round> over_;  // ended, failed or stopped: the domain is over
  std::atomic<bool> is_over_{false};

  ChangeQueue changes_;
};

}  // namespace streamlab
