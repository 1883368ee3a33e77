// engine/run/pipeline_pool.cpp
//
// PipelinePool: frames as jobs of a JobPool, each on a pipeline that no other job uses meanwhile.
#include <iterator>
#include <mutex>
#include <utility>

#include "engine/run/job_pool.hpp"
#include "engine/run/pipeline.hpp"

namespace streamlab {

struct PipelinePool::Impl {
  using Blocks = Result<std::vector<DataFrame>>;

  struct FrameJob final : JobPool::Job {
    FrameJob(Impl& the_pool, DataFrame the_frame) : pool(the_pool), frame(std::move(the_frame)) {}
    void run() override { blocks = pool.run(frame); }
    void deliver() override { promise.set_value(std::move(blocks)); }

    Impl& pool;
    const DataFrame frame;
    Blocks blocks;
    std::promise<Blocks> promise;
  };

  Impl(ValidGraph valid, std::size_t limit, EngineOptions engine_options)
      : graph(std::move(valid)), options(std::move(engine_options)), jobs("sl-pool", limit) {}

  std::future<Blocks> execute(DataFrame frame) {
    const auto job = std::make_shared<FrameJob>(*this, std::move(frame));
    auto future = job->promise.get_future();
    if (auto added = jobs.add(job); !added) { job->promise.set_value(tl::unexpected(added.error())); }
    return future;
  }

  Blocks run(const DataFrame& frame) {
    auto pipeline = take_idle();
    if (pipeline) {
      pipeline->reset();
    } else {
      auto made = Pipeline::create(graph, options);
      if (!made) {
        const std::scoped_lock lock(mutex);
        count({}, false);
        return tl::unexpected(made.error().front());
      }
      pipeline = std::move(*made);
    }
    auto blocks = run_through(*pipeline, frame);
    const EngineStatus met = pipeline->status();
    const std::scoped_lock lock(mutex);
    count(met, blocks.has_value());
    idle.push_back(*std::move(pipeline));
    return blocks;
  }
  void count(const EngineStatus& met, bool ended_well) {  // with the mutex held
    ++status.jobs;
    status.failed += ended_well ? 0 : 1;
    status.with_loss += met.data_lost() ? 1 : 0;
    for (const auto& note : met.notes) {
      if (status.notes.size() < PoolStatus::kMostNotes) { status.notes.push_back(note); }
    }
  }
  static Blocks run_through(Pipeline& pipeline, const DataFrame& frame) {
    auto blocks = pipeline.process(frame);
    if (!blocks) { return blocks; }
    auto rest = pipeline.drain();
    if (!rest) { return rest; }
    std::move(rest->begin(), rest->end(), std::back_inserter(*blocks));
    return blocks;
  }
  std::optional<Pipeline> take_idle() {
    const std::scoped_lock lock(mutex);
    if (idle.empty()) { return std::nullopt; }
    std::optional<Pipeline> pipeline(std::move(idle.back()));
    idle.pop_back();
    return pipeline;
  }

  const ValidGraph graph;
  const EngineOptions options;
  std::mutex mutex;
  // With the mutex held:
  std::vector<Pipeline> idle;  // never more than have run at the same time
  PoolStatus status;
  JobPool jobs;  // last: its threads use the others
};

PipelinePool::PipelinePool(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PipelinePool::PipelinePool(PipelinePool&&) noexcept = default;
PipelinePool& PipelinePool::operator=(PipelinePool&&) noexcept = default;
PipelinePool::~PipelinePool() = default;

Checked<PipelinePool> PipelinePool::from_json(std::string_view json, std::size_t max_concurrent,
                                              const PipelineOptions& options, const NodeCatalog& catalog) {
  return load_graph(json, ConfigLanguage::json, options.variables, catalog)
      .and_then([&](const ValidGraph& graph) { return create(graph, max_concurrent, options.engine); });
}
Checked<PipelinePool> PipelinePool::from_yaml(std::string_view yaml, std::size_t max_concurrent,
                                              const PipelineOptions& options, const NodeCatalog& catalog) {
  return load_graph(yaml, ConfigLanguage::yaml, options.variables, catalog)
      .and_then([&](const ValidGraph& graph) { return create(graph, max_concurrent, options.engine); });
}
Checked<PipelinePool> PipelinePool::create(const ValidGraph& graph, std::size_t max_concurrent,
                                           EngineOptions options) {
  if (max_concurrent == 0) {
    return tl::unexpected(Errors{{ErrorCode::refused, "max_concurrent", "0 instances", "at least 1", ""}});
  }
  // One instance is made now, so that what is wrong with the graph is said here and not by the first future.
  auto first = Pipeline::create(graph, options);
  if (!first) { return tl::unexpected(first.error()); }
  return PipelinePool(std::make_unique<Impl>(graph, max_concurrent, std::move(options)));
}

std::future<Result<std::vector<DataFrame>>> PipelinePool::execute(DataFrame frame) {
  if (impl_ == nullptr) {
    std::promise<Result<std::vector<DataFrame>>> refused;
    refused.set_value(detail::moved_from("PipelinePool"));
    return refused.get_future();
  }
  return impl_->execute(std::move(frame));
}
std::size_t PipelinePool::max_concurrent() const { return impl_ != nullptr ? impl_->jobs.max_threads() : 0; }
std::size_t PipelinePool::high_water() const { return impl_ != nullptr ? impl_->jobs.high_water() : 0; }
PoolStatus PipelinePool::status() const {
  if (impl_ == nullptr) { return {}; }
  const std::scoped_lock lock(impl_->mutex);
  return impl_->status;
}

}  // namespace streamlab
