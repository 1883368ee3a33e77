// engine/run/pipeline.hpp
//
// The four ways to run a graph from C++, all of them partitions and drivers of the one loop in domain.hpp.
//
//   Pipeline           one domain; the caller's thread; process(frame) or run()
//   AsyncPipeline      several domains on threads; trigger(frame), subscribe(node)
//   RealtimePipeline   a device ticks one domain, workers do the rest
//   PipelinePool       N pipelines of one graph, reused; execute(frame) gives a future
//
// Each is made from a graph (create), or from the text of a configuration in JSON or YAML (from_json, from_yaml), with
// what the command line gives, too:
//
//   auto pipeline = Pipeline::from_yaml(text, {.variables = {{"gain_db", "-6"}}, .engine = {.host = {.overwrite = true}}});
//
// from_file() reads it from a file, by the file's name as JSON or YAML. What was lost on the way, status() says.
//
// A frame that is passed in has the channels of the graph's device input, by name and in their order, as the
// configuration names them (else: main_channel; left, right; ch1, ch2, …); another one is refused. A pipeline that was
// moved from does nothing: what can say so says "was moved from".
#pragma once

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/graph/validate.hpp"
#include "engine/run/engine.hpp"

namespace streamlab {

// What goes with the text of a configuration.
struct PipelineOptions {
  Variables variables = {};   // for "${name}" in it: what `streamlab run --set name=value` gives
  EngineOptions engine = {};  // as for Engine; each kind of pipeline says what it cannot use
};

namespace detail {
// Of an object of the type `what` that was moved from.
tl::unexpected<Error> moved_from(std::string_view what);
}  // namespace detail

class Pipeline {
 public:
  // The result is what the last node of the graph gives, or, when that is a sink, what it gets. Refused, as of no use
  // here: EngineOptions::threads, for all runs on the caller's; open_device, for process() feeds a device input.
  static Checked<Pipeline> from_json(std::string_view json, const PipelineOptions& options = {},
                                     const NodeCatalog& catalog = default_catalog());
  static Checked<Pipeline> from_yaml(std::string_view yaml, const PipelineOptions& options = {},
                                     const NodeCatalog& catalog = default_catalog());
  static Checked<Pipeline> from_file(const std::string& path, const PipelineOptions& options = {},
                                     const NodeCatalog& catalog = default_catalog());
  static Checked<Pipeline> create(const ValidGraph& graph, const EngineOptions& options = {});
  Pipeline(Pipeline&&) noexcept;
  Pipeline& operator=(Pipeline&&) noexcept;
  ~Pipeline();

  // Passes one frame through the graph; returns all result blocks that came of it (0 to many). Sources take
  // time and sequence id from `frame`, the device input, if any, its samples.
  Result<std::vector<DataFrame>> process(const DataFrame& frame);
  // The same without copies or allocation: the blocks are valid until the next call. Real-time safe if every
  // node is.
  Result<std::span<DataFrame* const>> process_in_place(const DataFrame& frame);
  // Runs the sources until they end, as fast as possible.
  Result<void> run();
  // Ends the stream and returns what the nodes still hold. Then process() and run() are refused until
  // reset().
  Result<std::vector<DataFrame>> drain();
  // The same, and files are closed.
  Result<std::vector<DataFrame>> finish();
  // Back to the initial state: a new stream begins.
  void reset();

  // What the stream has met so far, and what nodes have to say of it: what was lost, clipped, left out. Complete after
  // run(), drain() or finish(). `streamlab run` ends with exit code 3 where data_lost() is true. There is no device, and
  // there are no edges.
  EngineStatus status() const;
  // Not of one that was moved from.
  const Plan& plan() const;

 private:
  struct Impl;
  explicit Pipeline(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// If the subscribed output of a chain of D domains is not read, trigger() accepts as many blocks as the D + 1
// edges on the way can hold (into the first, between them, and the subscription): (D + 1) c with equal
// capacities c. A domain takes no block that it could not pass on.
class AsyncPipeline {
 public:
  // EngineOptions::triggered is always set.
  static Checked<AsyncPipeline> from_json(std::string_view json, const PipelineOptions& options = {},
                                          const NodeCatalog& catalog = default_catalog());
  static Checked<AsyncPipeline> from_yaml(std::string_view yaml, const PipelineOptions& options = {},
                                          const NodeCatalog& catalog = default_catalog());
  static Checked<AsyncPipeline> from_file(const std::string& path, const PipelineOptions& options = {},
                                          const NodeCatalog& catalog = default_catalog());
  static Checked<AsyncPipeline> create(const ValidGraph& graph, EngineOptions options = {});

  Result<void> start();
  // Waits when full.
  Result<void> trigger(const DataFrame& frame);
  Result<Engine::Triggered> try_trigger(const DataFrame& frame);
  Result<Engine::Triggered> trigger_for(const DataFrame& frame, std::chrono::nanoseconds timeout);
  Result<Receiver> subscribe(std::string_view output, std::size_t capacity = 0,
                             std::optional<OverflowPolicy> policy = {});
  // See Engine::set_param().
  Result<void> set_param(std::string_view node, std::string_view param, double value);
  // See Engine::stop().
  void stop(std::chrono::nanoseconds patience = std::chrono::seconds(5));
  void stop_now();
  EngineStatus status() const;
  // Not of one that was moved from.
  const Plan& plan() const { return engine_->plan(); }
  // The engine beneath, for what it can do besides: values, events, reload, … It lives as long as the pipeline.
  Engine& engine() { return *engine_; }

 private:
  explicit AsyncPipeline(std::unique_ptr<Engine> engine) : engine_(std::move(engine)) {}
  std::unique_ptr<Engine> engine_;
};

class RealtimePipeline {
 public:
  // `open_device`: the hardware layer, streamlab::open_device of hal/backends.hpp; it takes the place of
  // EngineOptions::open_device.
  static Checked<RealtimePipeline> from_json(std::string_view json, DeviceOpener open_device,
                                             const PipelineOptions& options = {},
                                             const NodeCatalog& catalog = default_catalog());
  static Checked<RealtimePipeline> from_yaml(std::string_view yaml, DeviceOpener open_device,
                                             const PipelineOptions& options = {},
                                             const NodeCatalog& catalog = default_catalog());
  static Checked<RealtimePipeline> from_file(const std::string& path, DeviceOpener open_device,
                                             const PipelineOptions& options = {},
                                             const NodeCatalog& catalog = default_catalog());
  static Checked<RealtimePipeline> create(const ValidGraph& graph, DeviceOpener open_device,
                                          EngineOptions options = {});

  Result<void> start();
  Result<Receiver> subscribe(std::string_view output, std::size_t capacity = 0,
                             std::optional<OverflowPolicy> policy = {});
  // See Engine::set_param().
  Result<void> set_param(std::string_view node, std::string_view param, double value);
  bool wait_for(std::chrono::nanoseconds timeout);
  // See Engine::stop().
  void stop(std::chrono::nanoseconds patience = std::chrono::seconds(5));
  void stop_now();
  EngineStatus status() const;
  // The engine beneath, for what it can do besides: values, events, reload, … It lives as long as the pipeline.
  Engine& engine() { return *engine_; }

 private:
  explicit RealtimePipeline(std::unique_ptr<Engine> engine) : engine_(std::move(engine)) {}
  std::unique_ptr<Engine> engine_;
};

// What a pool has done so far.
struct PoolStatus {
  static constexpr std::size_t kMostNotes = 1000;

  std::uint64_t jobs = 0;       // that are done
  std::uint64_t failed = 0;     // of them; their futures hold the errors
  std::uint64_t with_loss = 0;  // of them: in which something was lost
  // Node id and note, of the jobs in the order in which they were done; the first kMostNotes.
  std::vector<std::pair<std::string, NodeNote>> notes;

  bool data_lost() const { return with_loss > 0; }
};

class PipelinePool {
 public:
  // Options as for Pipeline; they hold for every instance.
  static Checked<PipelinePool> from_json(std::string_view json, std::size_t max_concurrent,
                                         const PipelineOptions& options = {},
                                         const NodeCatalog& catalog = default_catalog());
  static Checked<PipelinePool> from_yaml(std::string_view yaml, std::size_t max_concurrent,
                                         const PipelineOptions& options = {},
                                         const NodeCatalog& catalog = default_catalog());
  static Checked<PipelinePool> from_file(const std::string& path, std::size_t max_concurrent,
                                         const PipelineOptions& options = {},
                                         const NodeCatalog& catalog = default_catalog());
  static Checked<PipelinePool> create(const ValidGraph& graph, std::size_t max_concurrent,
                                      EngineOptions options = {});
  PipelinePool(PipelinePool&&) noexcept;
  PipelinePool& operator=(PipelinePool&&) noexcept;
  // Waits until everything given to execute() is done.
  ~PipelinePool();

  // Any thread. Runs `frame`, of at most block_size frames, as a separate stream through an instance in its initial
  // state; the future holds all result blocks, including those that nodes emit only at the end of the stream. Instances
  // are created on demand and reused; at most max_concurrent() run at the same time. Every job runs the same graph: it
  // has no variables of its own.
  std::future<Result<std::vector<DataFrame>>> execute(DataFrame frame);
  std::size_t max_concurrent() const;
  // Most instances that have run at the same time so far.
  std::size_t high_water() const;
  // Any thread.
  PoolStatus status() const;

 private:
  struct Impl;
  explicit PipelinePool(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace streamlab
