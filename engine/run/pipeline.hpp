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
// For a file: read_config_file(path), and language_of(path) for load_graph().
#pragma once

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/graph/validate.hpp"
#include "engine/run/engine.hpp"

namespace streamlab {

// What goes with the text of a configuration.
struct PipelineOptions {
  Variables variables = {};   // for "${name}" in it: what `streamlab run --set name=value` gives
  EngineOptions engine = {};  // as for Engine; each kind of pipeline says what it cannot use
};

class Pipeline {
 public:
  // The result is what the last node of the graph gives, or, when that is a sink, what it gets. Refused, as of no use
  // here: EngineOptions::threads, for all runs on the caller's; open_device, for process() feeds a device input.
  static Checked<Pipeline> from_json(std::string_view json, const PipelineOptions& options = {},
                                     const NodeCatalog& catalog = default_catalog());
  static Checked<Pipeline> from_yaml(std::string_view yaml, const PipelineOptions& options = {},
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
  static Checked<AsyncPipeline> create(const ValidGraph& graph, EngineOptions options = {});

  Result<void> start() { return engine_->start(); }
  // Waits when full.
  Result<void> trigger(const DataFrame& frame) { return engine_->trigger(frame); }
  Result<Engine::Triggered> try_trigger(const DataFrame& frame) { return engine_->try_trigger(frame); }
  Result<Engine::Triggered> trigger_for(const DataFrame& frame, std::chrono::nanoseconds timeout) {
    return engine_->trigger_for(frame, timeout);
  }
  Result<Receiver> subscribe(std::string_view output, std::size_t capacity = 0,
                             std::optional<OverflowPolicy> policy = {}) {
    return engine_->subscribe(output, capacity, policy);
  }
  Result<void> set_param(std::string_view node, std::string_view param, double value) {
    return engine_->set_param(node, param, value);
  }
  // See Engine::stop().
  void stop(std::chrono::nanoseconds patience = std::chrono::seconds(5)) { engine_->stop(patience); }
  void stop_now() { engine_->stop_now(); }
  EngineStatus status() const { return engine_->status(); }
  const Plan& plan() const { return engine_->plan(); }

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
  static Checked<RealtimePipeline> create(const ValidGraph& graph, DeviceOpener open_device,
                                          EngineOptions options = {});

  Result<void> start() { return engine_->start(); }
  Result<Receiver> subscribe(std::string_view output, std::size_t capacity = 0,
                             std::optional<OverflowPolicy> policy = {}) {
    return engine_->subscribe(output, capacity, policy);
  }
  Result<void> set_param(std::string_view node, std::string_view param, double value) {
    return engine_->set_param(node, param, value);
  }
  bool wait_for(std::chrono::nanoseconds timeout) { return engine_->wait_for(timeout); }
  // See Engine::stop().
  void stop(std::chrono::nanoseconds patience = std::chrono::seconds(5)) { engine_->stop(patience); }
  void stop_now() { engine_->stop_now(); }
  EngineStatus status() const { return engine_->status(); }

 private:
  explicit RealtimePipeline(std::unique_ptr<Engine> engine) : engine_(std::move(engine)) {}
  std::unique_ptr<Engine> engine_;
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
  static Checked<PipelinePool> create(const ValidGraph& graph, std::size_t max_concurrent,
                                      EngineOptions options = {});
  PipelinePool(PipelinePool&&) noexcept;
  PipelinePool& operator=(PipelinePool&&) noexcept;
  // Waits until everything given to execute() is done.
  ~PipelinePool();

  // Any thread. Runs `frame` as a separate stream through an instance in its initial state; the future holds
  // all result blocks, including those that nodes emit only at the end of the stream. Instances are created
  // on demand and reused; at most max_concurrent() run at the same time.
  std::future<Result<std::vector<DataFrame>>> execute(DataFrame frame);
  std::size_t max_concurrent() const;
  // Most instances that have run at the same time so far.
  std::size_t high_water() const;

 private:
  struct Impl;
  explicit PipelinePool(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace streamlab
