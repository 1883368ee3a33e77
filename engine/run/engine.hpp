// engine/run/engine.hpp
//
// Engine: a running graph. Domains on their threads, the edges between them, and the driver that ticks one of
// them.
//
//   create     opens the device (it does not tick yet), prepares every node, builds edges; writes nothing
//   start      opens output files, starts threads and device
//   wait_for   until sources or device input ended, something failed, or the time is up
//   stop       ends the sources, lets what is inside run through, closes files; always returns
//
// Everything here is called from the control thread unless it says otherwise.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/graph/plan.hpp"
#include "engine/run/driver.hpp"
#include "engine/run/events.hpp"
#include "engine/run/receiver.hpp"
#include "engine/run/reload_plan.hpp"

namespace streamlab {

struct EngineOptions {
  std::optional<ThreadPolicy> threads = {};  // instead of the configuration's
  std::uint32_t cores = 0;                   // that "auto" may use; 0: what the machine has
  NodeHost host = {};             // what nodes are given: console, rules for output files, channels, a clock
  std::int64_t frame_limit = 0;   // ends every source after this many frames; 0: none
  double duration_s = 0.0;        // likewise in seconds of signal
  DeviceOpener open_device = {};  // needed by graphs with a device
  // Limits that are given go before that of the configuration.
  double duration_or(double configured_s) const {
    return frame_limit > 0 || duration_s > 0.0 ? duration_s : configured_s;
  }
  // Dry run (`check`): the graph will not be started; do not consume one-shot inputs such as pipes.
  bool look_only = false;
  // Blocks come from trigger() instead of a device or a clock.
  bool triggered = false;
};

struct EdgeReport {
  std::string name;  // "mic -> spec"
  OverflowPolicy policy = OverflowPolicy::block;
  std::size_t capacity = 0;
  EdgeCounters counters;
  std::uint64_t discarded = 0;   // sent after the reader had left of its own accord
  std::uint64_t given_up = 0;    // part of counters.dropped: lost because the run was given up, or failed
  bool reader_may_lose = false;  // it said so (OnLag::lose), and is told: what it loses is no loss of the run
  std::string of_link = {};      // of subscribers that have left, together: the name that each had
};

struct TickReport {  // of the device domain: the engine's share of the callback
  double period_us = 0.0;
  double p50_us = 0.0;
  double p99_us = 0.0;
  double worst_us = 0.0;
};

// How long the rounds of a node take: its calls, and passing on what it gave. Some rounds are measured (run/node_times.hpp), to about
// 10 ns; after a reload, from then on.
struct NodeReport {
  std::string id;
  std::uint64_t measured = 0;     // rounds in which it worked
  double mean_ns = 0.0;           // of these; 0 without one
  double worst_ns = 0.0;          // likewise
  double share = 0.0;             // of what the measured rounds of its thread took in all: 0 .. 1
  std::uint32_t in_one_pass = 1;  // with neighbours: then the times are its share of the pass
};

struct EngineStatus {
  bool running = false;
  std::optional<DriverStatus> driver;
  bool device_is_away = false;  // lost, or silent for half a second: no reload is possible
  std::optional<DeviceFormat> device;
  std::optional<TickReport> tick;
  std::vector<EdgeReport> edges;
  std::vector<NodeReport> nodes;
  std::uint64_t gaps = 0;  // in the input from the device
  std::uint64_t gap_frames = 0;
  std::uint64_t clipped_blocks = 0;
  std::uint64_t not_finite_blocks = 0;
  std::uint64_t underrun_frames = 0;  // silence played because blocks came too late, after the first
  // Frames that a lost device would have given or taken between its loss and the end of the run: up to the
  // requested end, else by the clock. Known after stop().
  std::uint64_t missing_frames = 0;
  std::uint64_t frames = 0;  // so far: from the device, else from the source that gave most
  std::vector<std::pair<std::string, NodeNote>>
      notes;        // node id and its note; after stop(), of the "device" at once
  Errors failures;  // nodes, edges, device, files

  // Was anything lost, dropped or missed? (Such a run has not failed, but has not fully succeeded.)
  bool data_lost() const;
};

class Engine {
 public:
  static Checked<std::unique_ptr<Engine>> create(const ValidGraph& graph, EngineOptions options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  const Plan& plan() const;
  // What the device agreed to; null without one.
  const DeviceFormat* device() const;

  // Copies of every block of this output ("node" or "node.port") from now on: before start() the whole stream, later from
  // the next block. A subscriber of before the start is a reader as those in the graph are: what feeds only it ends when
  // it goes. One that comes later may go again, and nothing ends. Refused: unknown names, after stop(). Default policy:
  // block, or drop_oldest out of a real-time domain, where block is refused. Any thread.
  Result<Receiver> subscribe(std::string_view output, std::size_t capacity = 0,
                             std::optional<OverflowPolicy> policy = {});

  // Channels of blocks (broadcast<DataFrame>): those that the graph names, and those of its ChannelSource and
  // ChannelSink nodes. Subscribers may join at any time and get every block from then on. One of a named output has an edge
  // of its own, as subscribe() makes it: with OnLag::wait it stalls a graph that may wait, but never a real-time domain, whose
  // edge drops; with OnLag::lose it stalls nothing, and is told what it lost.
  // A named channel is closed when its stream ends, and leaves the registry with the engine.
  // Any thread.
  ChannelRegistry& channels();

  Result<void> start();

  // With options.triggered: one block through the graph. `frame` provides time and sequence id, and the
  // samples of a device input. Waits while the graph is full (forever; or `timeout`). Refused: wrong
  // channels, too many frames, not running. One thread at a time; any thread.
  Result<void> trigger(const DataFrame& frame);
  enum class Triggered : std::uint8_t { taken, full };
  Result<Triggered> try_trigger(const DataFrame& frame);
  Result<Triggered> trigger_for(const DataFrame& frame, std::chrono::nanoseconds timeout);

  // New values for live parameters, as JSON: {"eq": {"gain_db": -3, "q": 2}, "out": {"gain": 0.5}}. Checked as those of
  // a configuration are: every reason why they are refused, and then nothing changes; or all of them take effect before
  // the next block, in each domain at one block edge. Blocks that already wait in an edge are behind that edge: they get the
  // new values, too. At most 64 transactions may wait for one domain. Any thread.
  Checked<void> set_params(std::string_view changes);
  // One number or boolean (0, 1); one choice or text.
  Result<void> set_param(std::string_view node, std::string_view param, double value);
  Result<void> set_param(std::string_view node, std::string_view param, std::string_view value);
  // The values in force, or about to be, of all parameters, or of the live ones, as JSON in the shape of set_params(). Any thread.
  enum class Params : std::uint8_t { all, live };
  std::string param_values(Params which = Params::all) const;

  // Lets another graph take the place of the running one, without a gap: nodes with the same id, type and parameters (but for
  // those that are live) go on with their state, and the device keeps ticking. Says what it did; refused, with nothing changed,
  // where that cannot be: another device, rate, block size, duration or set of threads, a file that would be written again, a
  // node that would have to move to another thread. New sources begin where the stream is. A value of a live parameter that the
  // new graph does not change stays as it was set. What is played goes over by a cross-fade (pipeline_config.reload_fade_ms), for
  // which it waits. plan() is another one afterwards. One thread at a time.
  Checked<ReloadPlan> reload(const ValidGraph& graph, const ReloadOptions& options = {});
  // What that would do.
  Checked<ReloadPlan> plan_reload(const ValidGraph& graph) const;

  // What happens from now on: the device goes or comes back, frames or blocks are lost, parameters change, something fails, the end.
  // Each listener has a queue of its own, and is told how many events it lost. Any thread.
  static constexpr std::size_t kEvents = 256;
  EventReceiver events(std::size_t capacity = kEvents) const;
  // Changes of parameters alone, made by any thread.
  EventReceiver watch(std::size_t capacity = kEvents) const;

  // True when the run is over within `timeout`: the sources have ended, nothing needs their output any more,
  // or something failed.
  bool wait_for(std::chrono::nanoseconds timeout);
  // Ends the sources and waits until everything is processed. Stops waiting for a reader that takes nothing
  // for `patience`: what is queued for it, in edges or as triggers, is counted as lost
  // (EdgeReport::given_up); what is in a subscription can still be received. Then closes files. Any thread, also
  // several: each returns when the engine has stopped. `gives_up` is polled every 20 ms; once it returns true this acts as stop_now().
  void stop(std::chrono::nanoseconds patience = std::chrono::seconds(5),
            const std::function<bool()>& gives_up = {});
  // Discards what is inside and counts it the same way. Files are closed and valid.
  void stop_now();

  // Any time, any thread.
  EngineStatus status() const;
  // Blocks dropped by edges on the way to this output, without the edge to its subscriber. 0 for unknown
  // names. Any time, any thread.
  std::uint64_t dropped_before(std::string_view output) const;

 private:
  class Impl;
  explicit Engine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// What the graph's device nodes ask of the device.
Result<DeviceRequest> device_request(const ValidGraph& graph);

// The format of a device input that is fed by the caller instead of a device: rate and block size of
// pipeline_config, channels of the node.
Checked<DeviceStream> device_stream_by_hand(const ValidGraph& graph);

}  // namespace streamlab
