// engine/run/domain.hpp
//
// Domain: nodes run by one thread, in a fixed order, on one clock. round() is the only processing loop of the
// project; live runs, offline runs and pools differ only in who calls it and when.
//
// In one round every source emits a block (or the block of the trigger or the device comes in), one block is
// taken from each incoming edge, every node runs once for each of its input blocks, and blocks that leave the
// domain are copied into the outgoing edges.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/graph/plan.hpp"
#include "engine/rt/spsc_ring.hpp"
#include "engine/run/driver.hpp"
#include "engine/run/edge_link.hpp"
#include "engine/run/join.hpp"
#include "engine/run/loss_marker.hpp"
#include "engine/run/reblock.hpp"

namespace streamlab {

// A parameter change, applied to a running node between two blocks.
struct ParamChange {
  std::size_t node = 0;
  std::size_t param = 0;
  double value = 0.0;
};

class Domain {
 public:
  enum class Round : std::uint8_t {
    worked,   // something moved: call again
    idle,     // nothing to do until an edge or a trigger brings something
    ended,    // everything is processed, and the outgoing edges are closed
    failed,   // a node or an edge failed: failure() says which
    stopped,  // abort() was called
  };

  // How the sources of this domain are paced.
  enum class Pace : std::uint8_t {
    free,       // a block every round
    triggered,  // a block for every trigger()
    device,     // the device's tick()
  };

  // Control thread. The plan must outlive the domain.
  Domain(Plan& plan, std::size_t index, Pace pace);
  Domain(const Domain&) = delete;
  Domain& operator=(const Domain&) = delete;

  // --- wiring, before anything runs. Control thread.
  void set_pace(Pace pace) { pace_ = pace; }
  std::size_t index() const { return index_; }
  // Shared: others may still notify it after this domain is destroyed.
  const std::shared_ptr<WakeSignal>& signal() const { return signal_; }
  void attach_incoming(const PlanEdge& plan, EdgeLink& link);
  void attach_outgoing(std::size_t slot, EdgeLink& link);
  // A real-time domain never blocks: a block that does not fit into an outgoing `block` edge is counted as
  // lost.
  void set_may_wait(bool may_wait) { may_wait_ = may_wait; }
  // Where the triggers of this domain come from, instead of trigger().
  void attach_triggers(EdgeLink& link) { triggers_ = &link; }
  // Ends every source of this domain, and the device's input, after this many frames, or seconds, of its
  // signal. Zero: no limit.
  void set_limit(std::int64_t frames, double seconds);
  // After the wiring: fixes the order and which steps are fused into one pass.
  void build();

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
  std::span<const double* const> device_outputs() const noexcept { return device_output_channels_; }
  Round tick(const TickInfo& info) noexcept;

  // --- any thread
  // The sources end now; what is inside is processed.
  void end_sources() noexcept;
  // Nodes stop waiting in process(): what is inside is processed as fast as possible.
  void stop_waiting() noexcept;
  // round() gives up as soon as it can.
  void abort() noexcept;
  // False when too many changes are pending. One caller at a time.
  bool change(const ParamChange& change) noexcept { return changes_.try_push(change); }

  // --- after a round, on its thread; or when nothing runs
  // The blocks that this slot emitted in the last round.
  std::span<DataFrame* const> blocks(std::size_t slot) const noexcept;
  std::optional<Error> failure() const;
  std::uint64_t underrun_frames() const noexcept;  // of the device's playback
  // Frames emitted so far by the sources of this domain; the largest count of any source.
  std::int64_t source_frames() const noexcept { return source_frames_.load(std::memory_order_relaxed); }
  std::uint64_t gap_count() const noexcept { return gaps_.load(std::memory_order_relaxed); }
  std::uint64_t gap_frames() const noexcept { return gap_frames_.load(std::memory_order_relaxed); }
  std::uint64_t clipped_blocks() const noexcept { return clipped_.load(std::memory_order_relaxed); }
  std::uint64_t not_finite_blocks() const noexcept { return not_finite_.load(std::memory_order_relaxed); }

 private:
  struct Step;
  // The blocks of one stream in one round.
  struct Stream {
    std::vector<DataFrame> storage;  // empty when the frames belong to another stream or to an edge
    std::vector<DataFrame*> frames;
    std::uint32_t count = 0;
    bool ended = false;
    bool closed = false;               // the end mark has gone out
    std::vector<const Step*> readers;  // in this domain
    std::vector<EdgeLink*> outgoing;
    std::int64_t position = 0;  // expected of the next block
    bool has_position = false;
    std::int64_t given_frames = 0;  // emitted by a source, gaps included
    std::int64_t limit = INT64_MAX;
  };
  // An input of a join, of a node with separate inputs or of a queue, and how many blocks it may get per
  // round.
  struct JoinInput {
    const Step* step = nullptr;
    std::size_t input = 0;
    std::size_t blocks = 1;

    bool has_room() const noexcept;
  };
  // An edge that waits instead of dropping, and how many blocks it may get per round.
  struct OutgoingEdge {
    EdgeLink* link = nullptr;
    std::size_t blocks = 1;

    bool has_room() const noexcept {
      return link->abandoned.load(std::memory_order_acquire) || link->edge.has_room(blocks);
    }
  };
  // The next places where blocks of a step or of an incoming edge may find no room.
  struct Ways {
    std::vector<JoinInput> joins;
    std::vector<OutgoingEdge> edges;
  };
  // An edge from another domain, and its stream in this one.
  struct Incoming {
    EdgeLink* link = nullptr;
    Stream stream;
    DataFrame* in_hand = nullptr;
    LossMarker losses;
    Ways ways;
    std::unique_ptr<Reblock> reblock;  // set in the device domain
  };
  enum class StepKind : std::uint8_t {
    source,
    device_input,
    each_block,
    join,
    separate,
    queue,
    factors,
    device_output
  };
  struct Step {
    StepKind kind = StepKind::each_block;
    std::size_t node_index = 0;
    Node* node = nullptr;
    std::vector<Stream*> in;
    std::vector<Stream*> out;
    std::vector<std::uint32_t> max_blocks;  // by output: for one input block
    std::vector<OutputPort> ports;
    std::unique_ptr<Join> join;
    std::vector<const DataFrame*> shown;  // separate: what process() gets, all null but one
    std::vector<bool> told_end;           // separate: by input
    Ways ways;
    bool finished = false;
    bool had_enough = false;  // returned done although its input had not ended
    std::uint64_t calls = 0;  // of a source: the number of its next block
    // factors: the steps fused into one pass, and their factors while all of them are constant
    std::vector<Step*> members;
    std::vector<double> factors;
    FactorRun factor_run = nullptr;
  };

  void make_streams();
  Step make_step(std::size_t node);
  void find_ways();
  template <class Note>
  void follow_back(Stream* from, const Note& note);
  static bool has_room(const Ways& ways) noexcept;
  bool may_fuse(const Step& step) const;
  bool continues(const Step& before, const Step& step) const;

  bool take_trigger() noexcept;
  bool take_incoming() noexcept;
  void fill_reblocks(const FrameHeader& header, std::uint32_t frame_count) noexcept;
  void release_incoming() noexcept;
  Round run_steps() noexcept;
  void mark_gap(Stream& stream, DataFrame& frame) noexcept;
  bool run_step(Step& step) noexcept;
  bool run_source(Step& step) noexcept;
  bool run_each_block(Step& step) noexcept;
  bool run_join(Step& step) noexcept;
  bool run_separate(Step& step) noexcept;
  bool run_queue(Step& step) noexcept;
  bool run_factors(Step& step) noexcept;
  bool run_device_output(Step& step) noexcept;
  static void end(Step& step) noexcept;
  bool finish(Step& step) noexcept;
  // `like`: the block whose header is passed on; null if there is none.
  void call(Step& step, std::span<const DataFrame* const> in, const DataFrame* like, bool finishing) noexcept;
  bool reached_limit(Stream& stream) noexcept;
  static bool is_needed(const Stream& stream) noexcept;
  bool end_what_nobody_needs() noexcept;
  void send(Stream& stream) noexcept;
  void send_block(EdgeLink& link, const DataFrame& frame) noexcept;
  static void close(Stream& stream) noexcept;
  void close_outgoing() noexcept;
  void apply_changes() noexcept;
  void fail(std::size_t node) noexcept;

  Plan& plan_;
  const std::size_t index_;
  Pace pace_;
  bool may_wait_ = true;

  std::deque<Stream> streams_;           // of this domain's own slots
  std::vector<Stream*> stream_of_slot_;  // by slot; null for those of other domains
  std::deque<Incoming> incoming_;
  std::deque<Step> all_steps_;
  std::vector<Step*> steps_;  // in order; members of a fused factor run appear only in its step
  Step* device_input_ = nullptr;
  std::vector<const double*> device_output_channels_;
  std::vector<double> silence_;

  // Pending work for the next round.
  EdgeLink* triggers_ = nullptr;
  bool triggered_ = false;
  FrameHeader trigger_header_;
  bool device_block_is_there_ = false;
  std::uint64_t rounds_ = 0;
  std::optional<Round> over_;  // ended, failed or stopped: the domain is over

  SpscRing<ParamChange> changes_{64};
  std::shared_ptr<WakeSignal> signal_ = std::make_shared<WakeSignal>();
  std::atomic<bool> sources_end_{false};
  std::atomic<bool> abort_{false};
  std::optional<std::size_t> failed_node_;
  EdgeLink* failed_link_ = nullptr;
  bool overran_ = false;
  bool reader_left_ = false;    // in this round: a step had enough, or an edge's reader
  bool misses_reader_ = false;  // a reader left for another reason: what it does not get is lost
  std::atomic<std::int64_t> source_frames_{0};
  std::atomic<std::uint64_t> gaps_{0};
  std::atomic<std::uint64_t> gap_frames_{0};
  std::atomic<std::uint64_t> clipped_{0};
  std::atomic<std::uint64_t> not_finite_{0};
};

}  // namespace streamlab
