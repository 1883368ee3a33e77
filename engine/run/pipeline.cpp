// engine/run/pipeline.cpp
#include "engine/run/pipeline.hpp"

#include <fmt/format.h>

#include "engine/run/domain.hpp"
#include "engine/run/edge_report.hpp"
#include "engine/run/node_reports.hpp"

namespace streamlab {
namespace {

// The result of a pipeline: the output of the last node, or its input if it has no output.
std::size_t result_slot(const Plan& plan) {
  const PlanNode& last = plan.nodes()[plan.graph().order().back()];
  return last.slots.empty() ? last.inputs[0].slot : last.slots[0];
}

// What a pipeline on the caller's thread, fed by the caller, has no use for.
Errors useless_options(const EngineOptions& options) {
  Errors errors;
  if (options.threads && options.threads->kind != ThreadPolicy::Kind::one_domain) {
    errors.push_back({ErrorCode::refused, "EngineOptions::threads",
                      "a Pipeline runs on the thread of its caller", "",
                      "AsyncPipeline and RealtimePipeline have threads"});
  }
  if (options.open_device) {
    errors.push_back({ErrorCode::refused, "EngineOptions::open_device", "a Pipeline opens no device", "",
                      "process() feeds a device input; RealtimePipeline opens devices"});
  }
  return errors;
}

// The format of the device input; null without one.
const StreamFormat* input_format(const Plan& plan) {
  const auto node = plan.graph().find(Boundary::device_input);
  return node ? plan.slots()[plan.nodes()[*node].slots[0]].format.get() : nullptr;
}

Checked<ValidGraph> load_graph_file(const std::string& path, const Variables& variables,
                                    const NodeCatalog& catalog) {
  const auto text = read_config_file(path);
  if (!text) { return tl::unexpected(Errors{text.error()}); }
  return load_graph(*text, language_of(path), variables, catalog);
}

}  // namespace

namespace detail {
tl::unexpected<Error> moved_from(std::string_view what) {
  return failed("", fmt::format("this {} was moved from", what), "the one that it was moved to");
}
}  // namespace detail

struct Pipeline::Impl {
  // This order matters: the domain refers to the plan.
  std::unique_ptr<Plan> plan;
  std::unique_ptr<Domain> domain;
  std::size_t result = 0;
  const StreamFormat* input = nullptr;  // format of the device input; null without one
  bool started = false;
  bool closed = false;
  bool begun = false;  // its stream has
  bool over = false;   // and has ended
  bool has_failed = false;
  std::optional<Error> failure = {};

  ~Impl() {
    if (started) { static_cast<void>(close()); }
  }

  Result<void> start() {
    if (started) { return {}; }
    std::vector<Node*> open;
    for (const std::size_t n : plan->graph().order()) {
      if (auto opened = plan->node(n).start(); !opened) {
        for (Node* node : open) {
          node->set_ending(Ending::not_begun);
          static_cast<void>(node->close());
        }
        return tl::unexpected(plan->graph().nodes()[n].located(opened.error()));
      }
      open.push_back(&plan->node(n));
    }
    started = true;
    return {};
  }
  Result<void> close() {
    if (closed) { return {}; }
    closed = true;
    Result<void> first;
    for (const std::size_t n : plan->graph().order()) {
      plan->node(n).set_ending(has_failed ? Ending::cut_short : Ending::complete);
      if (auto node_closed = plan->node(n).close(); !node_closed && first) { first = node_closed; }
    }
    return first;
  }
  Result<void> check(const DataFrame& frame) const {
    if (auto has_place = check_place(frame.header()); !has_place) { return has_place; }
    if (input == nullptr) { return {}; }
    if (frame.channel_count() != input->channel_count() || frame.frame_count() > input->max_frames) {
      return refused(
          "frame",
          fmt::format("a block of {} channels and {} frames", frame.channel_count(), frame.frame_count()),
          fmt::format("{} channels and at most {} frames", input->channel_count(), input->max_frames));
    }
    return check_channels(frame, *input);
  }
  Result<void> check_not_over() const {
    if (!over) { return {}; }
    return failed("", "the pipeline's stream has ended", "reset(), which begins a new one");
  }
  Result<void> run_once(const DataFrame& frame) {
    if (auto goes_on = check_not_over(); !goes_on) { return goes_on; }
    if (auto opened = start(); !opened) { return opened; }
    if (auto fits = check(frame); !fits) { return fits; }
    begun = true;
    domain->trigger(frame);
    return verdict(domain->round());
  }
  Result<void> verdict(Domain::Round round) {
    if (round != Domain::Round::failed) { return {}; }
    has_failed = true;
    failure = domain->failure().value_or(Error{ErrorCode::failed, "", "the graph failed", "", ""});
    return tl::unexpected(*failure);
  }
  EngineStatus status() const {
    EngineStatus status;
    if (!begun) { return status; }  // what nodes still know is of the stream before
    status.running = !over;
    if (const InputCounts* const input_counts = domain->input_counts()) {
      report(*input_counts, status);
    } else {
      status.frames = static_cast<std::uint64_t>(domain->source_frames());
    }
    status.nodes = report_nodes(*plan, {&domain, 1});
    for (const std::size_t n : plan->graph().order()) {
      for (NodeNote& note : plan->node(n).notes()) {
        status.notes.emplace_back(plan->graph().nodes()[n].id, std::move(note));
      }
    }
    if (failure) { status.failures.push_back(*failure); }
    return status;
  }
  void collect(std::vector<DataFrame>& into) const {
    for (const DataFrame* frame : domain->blocks(result)) { into.push_back(*frame); }
  }
};

Pipeline::Pipeline(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Pipeline::Pipeline(Pipeline&&) noexcept = default;
Pipeline& Pipeline::operator=(Pipeline&&) noexcept = default;
Pipeline::~Pipeline() = default;

Checked<Pipeline> Pipeline::from_json(std::string_view json, const PipelineOptions& options,
                                      const NodeCatalog& catalog) {
  return load_graph(json, ConfigLanguage::json, options.variables, catalog)
      .and_then([&](const ValidGraph& graph) { return create(graph, options.engine); });
}
Checked<Pipeline> Pipeline::from_yaml(std::string_view yaml, const PipelineOptions& options,
                                      const NodeCatalog& catalog) {
  return load_graph(yaml, ConfigLanguage::yaml, options.variables, catalog)
      .and_then([&](const ValidGraph& graph) { return create(graph, options.engine); });
}

Checked<Pipeline> Pipeline::from_file(const std::string& path, const PipelineOptions& options,
                                      const NodeCatalog& catalog) {
  return load_graph_file(path, options.variables, catalog).and_then([&](const ValidGraph& graph) {
    return create(graph, options.engine);
  });
}

Checked<Pipeline> Pipeline::create(const ValidGraph& graph, const EngineOptions& options) {
  if (auto refusals = useless_options(options); !refusals.empty()) {
    return tl::unexpected(std::move(refusals));
  }
  PlanOptions plan_options;
  plan_options.threads.kind = ThreadPolicy::Kind::one_domain;
  plan_options.host = options.host;
  if (graph.has_device()) {
    auto stream = device_stream_by_hand(graph);
    if (!stream) { return tl::unexpected(stream.error()); }
    plan_options.device = std::move(*stream);
  }
  auto plan = make_plan(graph, plan_options);
  if (!plan) { return tl::unexpected(plan.error()); }
  auto impl = std::make_unique<Impl>();
  impl->plan = std::make_unique<Plan>(std::move(*plan));
  impl->domain = std::make_unique<Domain>(*impl->plan, 0, SourcePace::triggered);
  impl->domain->set_limit(options.frame_limit, options.duration_or(graph.config().duration_s));
  impl->domain->build();
  impl->result = result_slot(*impl->plan);
  impl->input = input_format(*impl->plan);
  return Pipeline(std::move(impl));
}

Result<std::vector<DataFrame>> Pipeline::process(const DataFrame& frame) {
  if (impl_ == nullptr) { return detail::moved_from("Pipeline"); }
  if (auto done = impl_->run_once(frame); !done) { return tl::unexpected(done.error()); }
  std::vector<DataFrame> blocks;
  impl_->collect(blocks);
  return blocks;
}

Result<std::span<DataFrame* const>> Pipeline::process_in_place(const DataFrame& frame) {
  if (impl_ == nullptr) { return detail::moved_from("Pipeline"); }
  if (auto done = impl_->run_once(frame); !done) { return tl::unexpected(done.error()); }
  return impl_->domain->blocks(impl_->result);
}

Result<void> Pipeline::run() {
  if (impl_ == nullptr) { return detail::moved_from("Pipeline"); }
  if (impl_->input != nullptr) {
    return refused("", "this graph has a device input",
                   "process(frame), or a graph with a source of its own");
  }
  if (auto goes_on = impl_->check_not_over(); !goes_on) { return goes_on; }
  if (auto opened = impl_->start(); !opened) { return opened; }
  impl_->begun = impl_->over = true;
  impl_->domain->set_pace(SourcePace::free);
  if (auto ran = impl_->verdict(impl_->domain->run()); !ran) { return ran; }
  return impl_->close();
}

Result<std::vector<DataFrame>> Pipeline::drain() {
  if (impl_ == nullptr) { return detail::moved_from("Pipeline"); }
  std::vector<DataFrame> blocks;
  impl_->begun = impl_->over = true;
  impl_->domain->end_sources();
  Domain::Round round = Domain::Round::worked;
  while (round == Domain::Round::worked) {
    round = impl_->domain->round();
    impl_->collect(blocks);
  }
  if (auto ran = impl_->verdict(round); !ran) { return tl::unexpected(ran.error()); }
  return blocks;
}

Result<std::vector<DataFrame>> Pipeline::finish() {
  auto blocks = drain();
  if (!blocks) { return blocks; }
  if (auto closed = impl_->close(); !closed) { return tl::unexpected(closed.error()); }
  return blocks;
}

void Pipeline::reset() {
  if (impl_ == nullptr) { return; }
  impl_->begun = impl_->over = false;
  impl_->domain->reset();
  impl_->domain->set_pace(SourcePace::triggered);
  impl_->closed = false;  // files start over, and have to be closed again
  impl_->has_failed = false;
  impl_->failure.reset();
}

EngineStatus Pipeline::status() const { return impl_ != nullptr ? impl_->status() : EngineStatus{}; }
const Plan& Pipeline::plan() const { return *impl_->plan; }

Checked<AsyncPipeline> AsyncPipeline::from_json(std::string_view json, const PipelineOptions& options,
                                                const NodeCatalog& catalog) {
  return load_graph(json, ConfigLanguage::json, options.variables, catalog)
      .and_then([&](const ValidGraph& graph) { return create(graph, options.engine); });
}
Checked<AsyncPipeline> AsyncPipeline::from_yaml(std::string_view yaml, const PipelineOptions& options,
                                                const NodeCatalog& catalog) {
  return load_graph(yaml, ConfigLanguage::yaml, options.variables, catalog)
      .and_then([&](const ValidGraph& graph) { return create(graph, options.engine); });
}
Checked<AsyncPipeline> AsyncPipeline::from_file(const std::string& path, const PipelineOptions& options,
                                                const NodeCatalog& catalog) {
  return load_graph_file(path, options.variables, catalog).and_then([&](const ValidGraph& graph) {
    return create(graph, options.engine);
  });
}
Checked<AsyncPipeline> AsyncPipeline::create(const ValidGraph& graph, EngineOptions options) {
  options.triggered = true;
  auto engine = Engine::create(graph, std::move(options));
  if (!engine) { return tl::unexpected(engine.error()); }
  return AsyncPipeline(std::move(*engine));
}

Result<void> AsyncPipeline::trigger(const DataFrame& frame) {
  if (engine_ == nullptr) { return detail::moved_from("AsyncPipeline"); }
  return engine_->trigger(frame);
}
Result<Engine::Triggered> AsyncPipeline::try_trigger(const DataFrame& frame) {
  if (engine_ == nullptr) { return detail::moved_from("AsyncPipeline"); }
  return engine_->try_trigger(frame);
}
Result<Engine::Triggered> AsyncPipeline::trigger_for(const DataFrame& frame,
                                                     std::chrono::nanoseconds timeout) {
  if (engine_ == nullptr) { return detail::moved_from("AsyncPipeline"); }
  return engine_->trigger_for(frame, timeout);
}
Result<void> AsyncPipeline::start() {
  if (engine_ == nullptr) { return detail::moved_from("AsyncPipeline"); }
  return engine_->start();
}
Result<Receiver> AsyncPipeline::subscribe(std::string_view output, std::size_t capacity,
                                          std::optional<OverflowPolicy> policy) {
  if (engine_ == nullptr) { return detail::moved_from("AsyncPipeline"); }
  return engine_->subscribe(output, capacity, policy);
}
Result<void> AsyncPipeline::set_param(std::string_view node, std::string_view param, double value) {
  if (engine_ == nullptr) { return detail::moved_from("AsyncPipeline"); }
  return engine_->set_param(node, param, value);
}
void AsyncPipeline::stop(std::chrono::nanoseconds patience) {
  if (engine_ != nullptr) { engine_->stop(patience); }
}
void AsyncPipeline::stop_now() {
  if (engine_ != nullptr) { engine_->stop_now(); }
}
EngineStatus AsyncPipeline::status() const { return engine_ != nullptr ? engine_->status() : EngineStatus{}; }

Checked<RealtimePipeline> RealtimePipeline::from_json(std::string_view json, DeviceOpener open_device,
                                                      const PipelineOptions& options,
                                                      const NodeCatalog& catalog) {
  return load_graph(json, ConfigLanguage::json, options.variables, catalog)
      .and_then(
          [&](const ValidGraph& graph) { return create(graph, std::move(open_device), options.engine); });
}
Checked<RealtimePipeline> RealtimePipeline::from_yaml(std::string_view yaml, DeviceOpener open_device,
                                                      const PipelineOptions& options,
                                                      const NodeCatalog& catalog) {
  return load_graph(yaml, ConfigLanguage::yaml, options.variables, catalog)
      .and_then(
          [&](const ValidGraph& graph) { return create(graph, std::move(open_device), options.engine); });
}
Checked<RealtimePipeline> RealtimePipeline::from_file(const std::string& path, DeviceOpener open_device,
                                                      const PipelineOptions& options,
                                                      const NodeCatalog& catalog) {
  return load_graph_file(path, options.variables, catalog).and_then([&](const ValidGraph& graph) {
    return create(graph, std::move(open_device), options.engine);
  });
}
Checked<RealtimePipeline> RealtimePipeline::create(const ValidGraph& graph, DeviceOpener open_device,
                                                   EngineOptions options) {
  options.open_device = std::move(open_device);
  auto engine = Engine::create(graph, std::move(options));
  if (!engine) { return tl::unexpected(engine.error()); }
  return RealtimePipeline(std::move(*engine));
}

Result<void> RealtimePipeline::start() {
  if (engine_ == nullptr) { return detail::moved_from("RealtimePipeline"); }
  return engine_->start();
}
Result<Receiver> RealtimePipeline::subscribe(std::string_view output, std::size_t capacity,
                                             std::optional<OverflowPolicy> policy) {
  if (engine_ == nullptr) { return detail::moved_from("RealtimePipeline"); }
  return engine_->subscribe(output, capacity, policy);
}
Result<void> RealtimePipeline::set_param(std::string_view node, std::string_view param, double value) {
  if (engine_ == nullptr) { return detail::moved_from("RealtimePipeline"); }
  return engine_->set_param(node, param, value);
}
bool RealtimePipeline::wait_for(std::chrono::nanoseconds timeout) {
  return engine_ == nullptr || engine_->wait_for(timeout);
}
void RealtimePipeline::stop(std::chrono::nanoseconds patience) {
  if (engine_ != nullptr) { engine_->stop(patience); }
}
void RealtimePipeline::stop_now() {
  if (engine_ != nullptr) { engine_->stop_now(); }
}
EngineStatus RealtimePipeline::status() const {
  return engine_ != nullptr ? engine_->status() : EngineStatus{};
}

Checked<PipelinePool> PipelinePool::from_file(const std::string& path, std::size_t max_concurrent,
                                              const PipelineOptions& options, const NodeCatalog& catalog) {
  return load_graph_file(path, options.variables, catalog).and_then([&](const ValidGraph& graph) {
    return create(graph, max_concurrent, options.engine);
  });
}

}  // namespace streamlab
