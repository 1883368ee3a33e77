// engine/run/pipeline_pool.cpp
//
// PipelinePool: threads that share a queue of frames, each with a pipeline of its own.
#include <algorithm>
#include <condition_variable>
#include <deque>
#include <iterator>
#include <mutex>

#include <fmt/format.h>

#include "engine/rt/denormals.hpp"
#include "engine/rt/thread.hpp"
#include "engine/run/pipeline.hpp"

namespace streamlab {

struct PipelinePool::Impl {
  struct Job {
    DataFrame frame;
    std::promise<Result<std::vector<DataFrame>>> promise;
  };

  Impl(ValidGraph valid, std::size_t limit, EngineOptions engine_options)
      : graph(std::move(valid)), options(std::move(engine_options)), max_concurrent(limit) {}
  ~Impl() {
    {
      const std::scoped_lock lock(mutex);
      closing = true;
    }
    changed.notify_all();
    threads.clear();  // joins: pending frames are done first
  }

  std::future<Result<std::vector<DataFrame>>> execute(DataFrame frame) {
    Job job{std::move(frame), {}};
    auto future = job.promise.get_future();
    {
      const std::scoped_lock lock(mutex);
      const bool all_busy = idle <= jobs.size();
      if (all_busy && threads.size() < max_concurrent) {
        auto thread = Thread::start(fmt::format("sl-pool-{}", threads.size()), [this] { work(); });
        if (thread) {
          threads.push_back(std::move(*thread));
        } else if (threads.empty()) {
          job.promise.set_value(tl::unexpected(thread.error()));
          return future;
        }
      }
      jobs.push_back(std::move(job));
    }
    changed.notify_one();
    return future;
  }

  void work() {
    flush_denormals();
    std::optional<Pipeline> pipeline;
    std::unique_lock lock(mutex);
    while (true) {
      ++idle;
      changed.wait(lock, [this] { return closing || !jobs.empty(); });
      --idle;
      if (jobs.empty()) { return; }
      Job job = std::move(jobs.front());
      jobs.pop_front();
      high_water = std::max(high_water, ++busy);
      lock.unlock();
      auto result = run(pipeline, job.frame);
      const EngineStatus met = pipeline ? pipeline->status() : EngineStatus{};
      lock.lock();
      --busy;
      count(met, result.has_value());
      job.promise.set_value(std::move(result));
    }
  }
  void count(const EngineStatus& met, bool ended_well) {  // with the mutex held
    ++status.jobs;
    status.failed += ended_well ? 0 : 1;
    status.with_loss += met.data_lost() ? 1 : 0;
    for (const auto& note : met.notes) {
      if (status.notes.size() < PoolStatus::kMostNotes) { status.notes.push_back(note); }
    }
  }
  Result<std::vector<DataFrame>> run(std::optional<Pipeline>& pipeline, const DataFrame& frame) const {
    if (pipeline) {
      pipeline->reset();
    } else {
      auto made = Pipeline::create(graph, options);
      if (!made) { return tl::unexpected(made.error().front()); }
      pipeline = std::move(*made);
    }
    auto blocks = pipeline->process(frame);
    if (!blocks) { return blocks; }
    auto rest = pipeline->drain();
    if (!rest) { return rest; }
    std::move(rest->begin(), rest->end(), std::back_inserter(*blocks));
    return blocks;
  }

  const ValidGraph graph;
  const EngineOptions options;
  const std::size_t max_concurrent;
  std::mutex mutex;
  std::condition_variable changed;
  // With the mutex held.
  std::deque<Job> jobs;
  std::size_t idle = 0;
  std::size_t busy = 0;
  std::size_t high_water = 0;
  PoolStatus status;
  bool closing = false;
  std::vector<Thread> threads;
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
std::size_t PipelinePool::max_concurrent() const { return impl_ != nullptr ? impl_->max_concurrent : 0; }
std::size_t PipelinePool::high_water() const {
  if (impl_ == nullptr) { return 0; }
  const std::scoped_lock lock(impl_->mutex);
  return impl_->high_water;
}
PoolStatus PipelinePool::status() const {
  if (impl_ == nullptr) { return {}; }
  const std::scoped_lock lock(impl_->mutex);
  return impl_->status;
}

}  // namespace streamlab
