// engine/run/pipeline.hpp
//
// The four ways to run a graph from C++, all of them partitions and drivers of the one loop in domain.hpp.
//
//   Pipeline           one domain; the caller's thread; process(frame) or run()
//   AsyncPipeline      several domains on threads; trigger(frame), subscribe(node)
//   RealtimePipeline   a device ticks one domain, workers do the rest
//   PipelinePool       N pipelines of one graph, reused; execute(frame) gives a future
#pragma once

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/run/engine.hpp"

namespace streamlab {

class Pipeline {
 public:
  // `json`: a configuration. The result is what the last node of the graph gives, or, when that is a sink,
  // what it gets.
  static Checked<Pipeline> from_json(std::string_view json, const NodeCatalog& catalog = default_catalog());
  static Checked<Pipeline> create(const ValidGraph& graph, const EngineOptions& options = {});
  Pipeline(Pipeline&&) noexcept;
  Pipeline& operator=(Pipeline&&) noexcept;
  ~Pipeline();

  // One frame through the graph; every block of the result that came of it (0 to many). Time and sequence id
  // of `frame` go to the sources, its samples to the device input if there is one.
  Result<std::vector<DataFrame>> process(const DataFrame& frame);
  // The same without copies or allocation: the blocks are valid until the next call. Real-time safe if every
  // node is.
  Result<std::span<DataFrame* const>> process_in_place(const DataFrame& frame);
  // The sources by themselves until they end, as fast as it goes.
  Result<void> run();
  // The stream ends: what the nodes still hold comes out. Then process() and run() are refused until reset().
  Result<std::vector<DataFrame>> drain();
  // The same, and files are closed.
  Result<std::vector<DataFrame>> finish();
  // As new: another stream begins.
  void reset();

  const Plan& plan() const;

 private:
  struct Impl;
  explicit Pipeline(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// How many triggers go in before the next one waits, when nobody reads a subscribed output of a chain of D
// domains: what the D + 1 edges on the way (into the first, between them, and the subscription) hold, (D + 1)
// c with equal capacities c. A domain takes no block into its hands that it could not pass on.
class AsyncPipeline {
 public:
  static Checked<AsyncPipeline> from_json(std::string_view json,
                                          const NodeCatalog& catalog = default_catalog());

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
  // `open_device`: the hardware layer, streamlab::open_device of hal/backends.hpp.
  static Checked<RealtimePipeline> from_json(std::string_view json, DeviceOpener open_device,
                                             const NodeCatalog& catalog = default_catalog());

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
  static Checked<PipelinePool> create(std::string_view json, std::size_t max_concurrent,
                                      const NodeCatalog& catalog = default_catalog());
  PipelinePool(PipelinePool&&) noexcept;
  PipelinePool& operator=(PipelinePool&&) noexcept;
  // Waits for what was given to execute().
  ~PipelinePool();

  // Any thread. `frame` as a stream of its own through an instance as new: every block of the result that it
  // makes, also those that nodes give only when their stream ends. Instances are made when first needed,
  // reused, and never more than max_concurrent() work at a time.
  std::future<Result<std::vector<DataFrame>>> execute(DataFrame frame);
  std::size_t max_concurrent() const;
  // Most instances that were at work at the same time so far.
  std::size_t high_water() const;

 private:
  struct Impl;
  explicit PipelinePool(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace streamlab
