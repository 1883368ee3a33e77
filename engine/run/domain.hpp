// engine/run/domain.hpp
//
// Domain: nodes run by one thread, in a fixed order, at one clock. round() is the only processing loop of the
// project; who calls it, and when, is all that tells a live run from an offline one or from a pool.
//
// In one round every source gives a block (or the trigger's, or the device's block comes in), one block is
// taken from each incoming edge, every node runs once for each block that lies before it, and what leaves the
// domain is copied into the outgoing edges.
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

// Told to a running node between two blocks.
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
    ended,    // everything is through, and the outgoing edges are closed
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
  // Shared with whoever may wake this domain even after it has gone.
  const std::shared_ptr<WakeSignal>& signal() const { return signal_; }
  void attach_incoming(const PlanEdge& plan, EdgeLink& link);
  void attach_outgoing(std::size_t slot, EdgeLink& link);
  // A real-time domain never waits: a full `block` edge out of it counts as a loss.
  void set_may_wait(bool may_wait) { may_wait_ = may_wait; }
  // Where the triggers of this domain come from, instead of trigger().
  void attach_triggers(EdgeLink& link) { triggers_ = &link; }
  // Ends every source of this domain, and the device's input, after so many frames of its signal, or so many
  // seconds. Zero: no limit.
  void set_limit(std::int64_t frames, double seconds);
  // After the wiring: fixes the order and what runs in one pass.
  void build();

  // --- running. The domain's thread.
  Round round() noexcept;
  // One block for the sources and the device input of a triggered domain. `frame`: its header, and what the
  // device input gets; without such a node it may have no channels.
  void trigger(const DataFrame& frame) noexcept;
  // Rounds until idle or ended; waits for room and for blocks. For threads of their own.
  Round run() noexcept;
  // When the device ticks no more: its stream ends, and what is inside runs through.
  Round drain() noexcept;
  // Everything as before the first block. Nothing may be running.
  void reset() noexcept;

  // --- the device's side. The driver's thread.
  std::span<double* const> device_inputs() noexcept;
  std::span<const double* const> device_outputs() const noexcept { return device_output_channels_; }
  Round tick(const TickInfo& info) noexcept;

  // --- any thread
  // The sources end now; what is inside runs through.
  void end_sources() noexcept;
  // Nodes that wait in process() do so no longer: what is inside runs through as fast as it can.
  void stop_waiting() noexcept;
  // round() gives up at the next chance.
  void abort() noexcept;
  // False when too many changes wait already. One caller at a time.
  bool change(const ParamChange& change) noexcept { return changes_.try_push(change); }

  // --- after a round, on its thread; or when nothing runs
  // The blocks that this slot gave in the last round.
  std::span<DataFrame* const> blocks(std::size_t slot) const noexcept;
  std::optional<Error> failure() const;
  std::uint64_t underrun_frames() const noexcept;  // of the device's playback
  // Frames that the sources of this domain have given so far; of the one that gave most.
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
    std::int64_t position = 0;  // that the next block should have
    bool has_position = false;
    std::int64_t given_frames = 0;  // by a source, gaps counted in
    std::int64_t limit = INT64_MAX;
  };
  // An input of a join, of a node with separate inputs or of a queue, and how many blocks one round may bring
  // it.
  struct JoinInput {
    const Step* step = nullptr;
    std::size_t input = 0;
    std::size_t blocks = 1;

    bool has_room() const noexcept;
  };
  // An edge that waits rather than drops, and how many blocks one round may bring it.
  struct OutgoingEdge {
    EdgeLink* link = nullptr;
    std::size_t blocks = 1;

    bool has_room() const noexcept {
      return link->abandoned.load(std::memory_order_acquire) || link->edge.has_room(blocks);
    }
  };
  // Where the blocks of a step or of an incoming edge end up next, and may find no room.
  struct Ways {
    std::vector<JoinInput> joins;
    std::vector<OutgoingEdge> edges;
  };
  // An edge from another domain, and the stream that it becomes here.
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
    std::vector<std::uint32_t> max_blocks;  // by output: for one block taken
    std::vector<OutputPort> ports;
    std::unique_ptr<Join> join;
    std::vector<const DataFrame*> shown;  // separate: what process() gets, null but for one
    std::vector<bool> told_end;           // separate: by input
    Ways ways;
    bool finished = false;
    bool had_enough = false;  // said done while more might come
    std::uint64_t calls = 0;  // of a source: the number of its next block
    // factors: the steps that are run in one pass, and what they multiply by while all of them are steady
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
  // `like`: the block whose header goes on; null where there is none.
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
  std::vector<Step*> steps_;  // in order; members of a factor run stand only in its step
  Step* device_input_ = nullptr;
  std::vector<const double*> device_output_channels_;
  std::vector<double> silence_;

  // What the next round begins with.
  EdgeLink* triggers_ = nullptr;
  bool triggered_ = false;
  FrameHeader trigger_header_;
  bool device_block_is_there_ = false;
  std::uint64_t rounds_ = 0;
  std::optional<Round> over_;  // ended, failed or stopped: nothing moves any more

  SpscRing<ParamChange> changes_{64};
  std::shared_ptr<WakeSignal> signal_ = std::make_shared<WakeSignal>();
  std::atomic<bool> sources_end_{false};
  std::atomic<bool> abort_{false};
  std::optional<std::size_t> failed_node_;
  EdgeLink* failed_link_ = nullptr;
  bool overran_ = false;
  bool reader_left_ = false;    // in this round: a step had enough, or an edge's reader
  bool misses_reader_ = false;  // one that went otherwise: what it does not get is missed
  std::atomic<std::int64_t> source_frames_{0};
  std::atomic<std::uint64_t> gaps_{0};
  std::atomic<std::uint64_t> gap_frames_{0};
  std::atomic<std::uint64_t> clipped_{0};
  std::atomic<std::uint64_t> not_finite_{0};
};

}  // namespace streamlab
