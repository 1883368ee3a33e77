// engine/core/node.hpp
//
// Node: one processing step. The engine makes it with checked parameters and then calls, in this order,
//
//   prepare   once: input formats in, output formats out; may allocate, may refuse          control thread
//   start     once, after every node of the graph was prepared: open files                   control thread
//   reset     back to the initial state; between two streams                                 domain's thread
//   process   block after block                                                              domain's thread
//   plan_change, then apply between two blocks: new values of live parameters     control, then domain's thread
//   finish    after the last block, until it returns done: gives what is still inside        domain's thread
//   close     once: flush and close files, report failures                                   control thread
//
// process(), finish(), apply() and reset() of a node that is RtSafe::yes allocate nothing, lock nothing,
// make no system call. A node holds no thread, lock, atomic, clock, file or logger unless it is RtSafe::no.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/core/data_frame.hpp"
#include "engine/core/node_change.hpp"
#include "engine/core/node_entry.hpp"
#include "engine/core/node_host.hpp"

namespace streamlab {

enum class Status : std::uint8_t {
  ok,
  // A source: the stream is over; this call emitted nothing. finish(): nothing is left. Any other node: after
  // the blocks of this call it neither needs nor gives more (Take; a sink whose reader has gone). Its output
  // ends, finish() is not called, and upstream nodes that feed nothing else end too, back to the sources.
  done,
  fault,  // cannot go on; failure() says why
};

// What the device of the graph offers; for boundary nodes.
struct DeviceStream {
  double sample_rate_hz = 0.0;
  std::uint32_t max_block_frames = 0;
  std::vector<std::string> input_names;
  std::vector<std::string> output_names;
  std::uint32_t input_latency_frames = 0;
  std::uint32_t output_latency_frames = 0;
  double input_clip_level = 1.0;  // ChannelInfo::clip_level
};

// What the graph says of a node's place in it, beside what the program gives.
struct PrepareContext : NodeHost {
  PrepareContext() = default;
  explicit PrepareContext(const NodeHost& host) : NodeHost(host) {}

  std::span<const StreamFormat* const> inputs;  // one per connected input, in port order
  double sample_rate_hz = 0.0;                  // pipeline_config.sample_rate; 0 where it was left out
  std::uint32_t block_size = 0;                 // pipeline_config.block_size
  // Separate inputs only, one per input: how many blocks it may deliver while the others deliver none; this
  // is what edges and nodes on the paths from a common source can hold. Empty for other nodes.
  std::span<const std::uint32_t> ahead_blocks = {};
  const DeviceStream* device = nullptr;  // null where the graph has no device
  bool lossless = true;                  // no device paces the run: what is full waits instead of dropping
};

// What an output carries.
struct OutputFormat {
  StreamFormat format;
  std::uint32_t max_blocks = 1;  // most blocks emitted for one input block, or by one call of finish()
  // Most input frames taken before a block must come out (a framer's window).
  std::uint32_t held_frames = 0;
  std::uint32_t latency_frames = 0;  // delay of the signal itself
  // Audio: the node cuts its output itself, into blocks of format.max_frames, shorter only where an input block begins
  // (a gap). However many blocks may come at once, the stream is then not in smaller pieces than that.
  bool recuts = false;
  // Audio: a block holds frames of input blocks before the newest. A device that plays them in the tick in which they came
  // cannot have them so late.
  bool gathers = false;
  // A source: how many frames it will give in all, as far as it knows.
  std::optional<std::uint64_t> length_frames = std::nullopt;
};

// Where process() puts its blocks. The engine owns the frames.
class OutputPort {
 public:
  // The next block to fill. Its header, metadata and frame count are those of the (first) input block, and empty in
  // finish(); for an in-place node it may be the same frame. Call it at most `max_blocks` times per process(). What
  // is about other frames than those of the input block, a result, needs a header of its own.
  DataFrame& emit() noexcept {
    DataFrame& frame = next();
    if (&frame != like_) { take_header(frame); }
    return frame;
  }
  // For sources: a block of `frame_count` frames at `position` of a stream of `sample_rate_hz`. Sequence id
  // and time come from the trigger; if the trigger has no time, it is position / rate.
  DataFrame& emit_at(std::int64_t position, std::uint32_t frame_count, double sample_rate_hz) noexcept;

  // --- for the code that runs the node
  // `frames`: capacity pointers. Forgets earlier blocks.
  void bind(DataFrame* const* frames, std::uint32_t capacity) noexcept {
    frames_ = frames;
    capacity_ = capacity;
    count_ = 0;
    overrun_ = false;
    placed_ = false;
  }
  // The block whose header the following emissions copy.
  void follow(const DataFrame* like) noexcept { like_ = like; }
  // For sources: what triggers the next block.
  void trigger(std::uint64_t sequence_id, std::optional<std::int64_t> timestamp_us) noexcept {
    sequence_id_ = sequence_id;
    timestamp_us_ = timestamp_us;
  }
  std::uint32_t count() const noexcept { return count_; }
  bool overrun() const noexcept { return overrun_; }  // emitted more than it declared: a bug in the node
  // A block came by emit_at(): the node is a source, whatever it was given.
  bool placed() const noexcept { return placed_; }

 private:
  DataFrame& next() noexcept {
    if (count_ == capacity_) [[unlikely]] {
      overrun_ = true;
      return *frames_[capacity_ - 1];
    }
    return *frames_[count_++];
  }
  void take_header(DataFrame& frame) const noexcept;

  DataFrame* const* frames_ = nullptr;
  const DataFrame* like_ = nullptr;
  std::uint32_t capacity_ = 0;
  std::uint32_t count_ = 0;
  bool overrun_ = false;
  bool placed_ = false;
  std::uint64_t sequence_id_ = 0;
  std::optional<std::int64_t> timestamp_us_;
};

// What a node reports at the end of a run: "3 samples clipped in out.wav".
struct NodeNote {
  std::string text;
  std::uint64_t count = 0;
  bool data_lost = false;  // the run ends with exit code 3
};

// Multiplies each of `count` samples by all factors, in their order.
using FactorRun = void (*)(double* samples, std::size_t count, std::span<const double> factors) noexcept;

struct ConstantFactor {
  double factor = 1.0;
  FactorRun run = nullptr;
};

class Node {
 public:
  virtual ~Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // One OutputFormat per output port. The `where` of an error is relative to the node: "/config/frequency".
  virtual Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) = 0;
  virtual Result<void> start() { return {}; }
  virtual void reset() noexcept = 0;

  // What makes the values `now` take effect, of which those of live parameters (Live::yes) may be new. Control thread,
  // also while process() runs: reads only what prepare() has fixed. May allocate, and refuse.
  virtual Result<std::unique_ptr<NodeChange>> plan_change([[maybe_unused]] const ParamValues& now) const {
    return nullptr;
  }
  // Takes a change that this node has planned. Domain's thread, between two blocks, real-time safe as process(). What it
  // replaces it leaves in `change`, which the control thread destroys.
  virtual void apply([[maybe_unused]] NodeChange& change) noexcept {}

  // `in`: one entry per connected input. Joined inputs have the same position and frame count. With separate
  // inputs, all entries but one are null. `out`: one per output.
  virtual Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept = 0;
  virtual Status finish([[maybe_unused]] std::span<OutputPort> out) noexcept { return Status::done; }

  // Nothing downstream needs more output, for all have had enough: neither process() nor finish() is called again until
  // reset(), and what the node holds is not lost. Domain's thread, real-time safe as process().
  virtual void not_needed() noexcept {}

  // Separate inputs: this one has ended. finish() follows when all have. Domain's thread, real-time safe as
  // process().
  virtual void input_ended([[maybe_unused]] std::size_t input) noexcept {}
  // Can this input accept `blocks` more blocks? If not, a domain that may block leaves them in the edge. Only
  // called for separate inputs and queues. process() must still cope if they arrive: paths that split from
  // one source and rejoin cannot be held back without a deadlock. Domain's thread.
  virtual bool has_room([[maybe_unused]] std::size_t input,
                        [[maybe_unused]] std::size_t blocks) const noexcept {
    return true;
  }

  // The run is about to end: a node that waits in process() (RtSafe::no) stops waiting, and does not wait
  // again until reset(). Any thread, also while process() runs; may be called repeatedly.
  virtual void stop_waiting() noexcept {}
  // What is still inside will be lost: a node that goes on in process() or finish() for as long as another program does
  // (Waits::yes) returns with what it has, and counts the rest. Any thread, after stop_waiting(); not undone until reset().
  virtual void give_up() noexcept {}

  // Set if process() does nothing but y = factor * x on every sample until the next apply() or reset().
  // The engine then fuses neighbours with the same `run` into one pass, with bit-identical results. Domain's
  // thread.
  virtual std::optional<ConstantFactor> constant_factor() const noexcept { return std::nullopt; }

  // True for a source that never returns done. After prepare().
  virtual bool is_endless() const { return false; }

  // The reason for Status::fault. Control thread.
  virtual Error failure() const { return {ErrorCode::failed, "", "the node failed", "", ""}; }
  // Right before close(): how the run ended, for nodes that write files. not_begun: another node or the
  // device could not be started.
  virtual void set_ending([[maybe_unused]] Ending ending) noexcept {}
  virtual Result<void> close() { return {}; }
  // After the run. Control thread.
  virtual std::vector<NodeNote> notes() const { return {}; }

 protected:
  Node() = default;
};

template <class T>
std::unique_ptr<Node> make_node(const ParamValues& params) {
  return std::make_unique<T>(params);
}

}  // namespace streamlab
