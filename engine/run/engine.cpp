// engine/run/engine.cpp
#include "engine/run/engine.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "engine/base/nearest_name.hpp"
#include "engine/channel/registry.hpp"
#include "engine/graph/read_params.hpp"
#include "engine/rt/thread.hpp"
#include "engine/run/channel_tap.hpp"
#include "engine/run/domain.hpp"
#include "engine/run/param_control.hpp"
#include "engine/run/subscriptions.hpp"
#include "engine/run/tick_times.hpp"

namespace streamlab {
namespace {

using SteadyClock = WakeSignal::Clock;

// Channels get the same names as in a recording of the device, so that live and offline runs agree.
DeviceStream stream_of(const DeviceFormat& format) {
  const auto names = [](const std::vector<std::string>& connectors) {
    return default_channel_names(static_cast<std::uint32_t>(connectors.size()));
  };
  DeviceStream stream;
  stream.sample_rate_hz = format.sample_rate_hz;
  stream.max_block_frames = format.max_block_frames;
  stream.input_names = names(format.input_names);
  stream.output_names = names(format.output_names);
  stream.input_latency_frames = format.input_latency_frames;
  stream.output_latency_frames = format.output_latency_frames;
  stream.input_clip_level = format.input_clip_level;
  return stream;
}

double as_us(std::uint64_t ns) { return static_cast<double>(ns) * 1e-3; }

// A device that gave no block for this long, and for eight of its periods, counts as away, even while its
// driver tries to reopen it.
constexpr std::chrono::milliseconds kSilence{500};
// When the run is stopped, a shorter silence is enough for its frames to count as missing: they will not come any more.
constexpr std::chrono::milliseconds kSilenceAtTheEnd{100};

}  // namespace

bool EngineStatus::data_lost() const {
  const bool in_device = driver && (driver->xruns > 0 || driver->gaps > 0 || driver->lost_frames > 0);
  const bool in_edges = std::any_of(edges.begin(), edges.end(),
                                    [](const EdgeReport& edge) { return edge.counters.dropped > 0; });
  const bool in_nodes =
      std::any_of(notes.begin(), notes.end(), [](const auto& note) { return note.second.data_lost; });
  return in_device || in_edges || in_nodes || gaps > 0 || underrun_frames > 0 || missing_frames > 0;
}

class Engine::Impl final : public DeviceClient {
 public:
  Impl(const ValidGraph& graph, EngineOptions options)
      : options_(std::move(options)),
        graph_(graph),
        registry_(options_.channels ? options_.channels : std::make_shared<ChannelRegistry>()) {}
  ~Impl() override {
    stop(std::chrono::nanoseconds(0));
    for (const std::string& name : channel_names_) { static_cast<void>(registry_->remove(name)); }
  }

  Errors create() {
    PlanOptions plan_options;
    plan_options.threads = options_.threads.value_or(graph_.config().threads);
    plan_options.cores =
        options_.cores > 0 ? options_.cores : std::max(1U, std::thread::hardware_concurrency());
    plan_options.console = options_.console;
    plan_options.console_file = options_.console_file;
    plan_options.overwrite = options_.overwrite;
    plan_options.naming = options_.naming;
    plan_options.lossless = !options_.triggered;
    plan_options.device_may_wait = options_.triggered;
    plan_options.channels = options_.look_only ? nullptr : registry_.get();
    if (graph_.has_device()) {
      Errors errors = options_.triggered ? imagine_device(plan_options) : open_device(plan_options);
      if (!errors.empty()) { return errors; }
    }
    auto plan = make_plan(graph_, plan_options);
    if (!plan) { return plan.error(); }
    plan_ = std::make_unique<Plan>(std::move(*plan));
    const bool limited = options_.frame_limit > 0 || duration_s() > 0.0;
    if (plan_->is_endless() && !limited && !options_.triggered && driver_ == nullptr) {
      return {{ErrorCode::refused, "/pipeline_config",
               "the graph's sources never end, and no device ends the run",
               "\"duration_s\" here, or --seconds or --frames on the command line", ""}};
    }
    if (options_.look_only) { return {}; }  // a dry run needs no memory for the running graph
    wire();
    params_ = std::make_unique<ParamControl>(*plan_, domains_);
    Errors errors = wire_channels();
    for (auto& domain : domains_) { domain->build(); }
    return errors;
  }

  // Why an engine cannot be started (again).
  const char* why_not_new() const {
    if (closed_) { return "the engine was stopped"; }
    return started_ ? "the engine is already running" : "the engine was created for a dry run (look_only)";
  }

  ChannelRegistry& channels() { return *registry_; }
  const Plan& plan() const { return *plan_; }
  const DeviceFormat* device() const { return driver_ != nullptr ? &driver_->format() : nullptr; }

  Result<Receiver> subscribe(std::string_view output, std::size_t capacity,
                             std::optional<OverflowPolicy> policy) {
    if (closed_ || options_.look_only) {
      return refused(std::string(output), why_not_new(), "subscribe() before stop()");
    }
    const auto slot = find_slot(output);
    if (!slot) { return tl::unexpected(slot.error()); }
    Domain& domain = *domains_[plan_->nodes()[plan_->slots()[*slot].node].domain];
    const bool real_time = is_real_time(domain.index());
    const OverflowPolicy chosen =
        policy.value_or(real_time ? OverflowPolicy::drop_oldest : OverflowPolicy::block);
    if (real_time && chosen == OverflowPolicy::block) {
      return refused(std::string(output), "\"block\" cannot be used here: a real-time domain must not wait",
                     "\"drop_oldest\", \"drop_newest\", \"drop_buffer\", \"latest\" or \"fail\"");
    }
    auto receiver =
        subscriptions_->add(domain, {.slot = *slot,
                                     .name = fmt::format("{} -> subscriber", output),
                                     .capacity = capacity > 0 ? capacity : graph_.config().channel_capacity,
                                     .policy = chosen,
                                     .format = plan_->slots()[*slot].format,
                                     .of_real_time = real_time});
    if (!receiver && closed_) {
      return refused(std::string(output), why_not_new(), "subscribe() before stop()");
    }
    if (!receiver) { return failed(std::string(output), "too many changes are pending", "", "try again"); }
    return std::move(*receiver);
  }

  Result<void> may_start() const {
    if (!started_ && !closed_ && !options_.look_only) { return {}; }
    return failed("", why_not_new(), closed_ ? "a new engine for another run" : "");
  }
  Result<void> start() {
    for (const std::size_t n : graph_.order()) {
      auto opened = plan_->node(n).start();
      if (!opened) { return tl::unexpected(graph_.nodes()[n].located(opened.error())); }
      opened_.push_back(n);
    }
    subscriptions_->started();
    started_ = true;
    start_time_ = SteadyClock::now();
    workers_left_.store(0);
    for (auto& domain : domains_) {
      if (domain->index() == plan_->domains().device_domain && driver_ != nullptr) { continue; }
      if (auto started = start_worker(*domain, [d = domain.get()] { return d->run(); }); !started) {
        return started;
      }
    }
    for (auto& tap : taps_) {
      const auto body = [t = tap.get()] {
        t->run();
        return Domain::Round::ended;
      };
      if (auto started = start_thread("sl-channel", body); !started) { return started; }
    }
    if (driver_ != nullptr) {
      if (auto started = driver_->start(*this); !started) { return started; }
    }
    begun_ = true;
    return {};
  }

  // ---- triggers

  Result<Triggered> offer(const DataFrame& frame) {
    const std::scoped_lock lock(trigger_mutex_);
    if (!started_ || stopping_) {
      return failed("", "the pipeline is not running", "a call between start() and stop()");
    }
    for (const auto& trigger : triggers_) {
      if (trigger->link.abandoned.load(std::memory_order_acquire)) {
        return failed("", "the pipeline has ended or failed", "", "status() says why");
      }
    }
    if (auto fits = check_trigger(frame); !fits) { return tl::unexpected(fits.error()); }
    std::vector<DataFrame*> buffers;
    for (const auto& trigger : triggers_) {
      buffers.push_back(trigger->link.edge.acquire());
      if (buffers.back() == nullptr) {
        return Triggered::full;
      }  // what was acquired is kept for the next call
    }
    for (std::size_t i = 0; i < buffers.size(); ++i) {
      if (buffers[i]->channel_count() == frame.channel_count()) {
        buffers[i]->copy_from(frame);
      } else {
        buffers[i]->header() = frame.header();
      }
      triggers_[i]->link.edge.commit(buffers[i]);
      triggers_[i]->link.wake_consumer();
    }
    return Triggered::taken;
  }
  Result<Triggered> trigger_until(const DataFrame& frame, SteadyClock::time_point deadline) {
    while (true) {
      const std::uint32_t ticket = trigger_signal_->ticket();
      auto offered = offer(frame);
      if (!offered || *offered == Triggered::taken || SteadyClock::now() >= deadline) { return offered; }
      trigger_signal_->wait(ticket, deadline);
    }
  }

  // ---- control

  // Why nothing may change.
  Errors may_change() const {
    if (!closed_ && !options_.look_only) { return {}; }
    return {{ErrorCode::failed, "", why_not_new(), "", ""}};
  }
  template <class... Change>
  Errors set_params(Change... change) {
    if (Errors errors = may_change(); !errors.empty()) { return errors; }
    return params_->set(change...);
  }
  std::string param_values() const { return params_->values(); }

  bool wait_for(std::chrono::nanoseconds timeout) {
    const bool is_virtual = driver_ != nullptr && !driver_->format().real_time;
    const auto look_again = is_virtual ? std::chrono::milliseconds(2) : std::chrono::milliseconds(20);
    const auto now = SteadyClock::now();
    const auto deadline =
        timeout > SteadyClock::time_point::max() - now ? SteadyClock::time_point::max() : now + timeout;
    while (true) {
      const std::uint32_t ticket = done_->ticket();
      if (device_is_through()) { end_device(); }
      if (is_over()) { return true; }
      if (SteadyClock::now() >= deadline) { return false; }
      done_->wait(ticket, std::min(deadline, SteadyClock::now() + look_again));
    }
  }

  void stop(std::chrono::nanoseconds patience, const std::function<bool()>& gives_up = {}) {
    const std::scoped_lock lock(stop_mutex_);  // a second caller returns when the first has stopped it
    if (closed_) { return; }
    was_over_ = is_over();
    if (started_) { run_through(patience, gives_up); }
    close_nodes();
    subscriptions_->stopped();
    closed_ = true;
  }
  void stop_now() {
    abort();
    stop(std::chrono::nanoseconds(0));
  }

  EngineStatus status() const {
    EngineStatus status;
    status.running = started_ && !closed_;
    if (driver_ != nullptr) {
      status.driver = driver_->status();
      status.device = driver_->format();
      const double rate = status.device->sample_rate_hz;
      status.tick = TickReport{status.device->period_frames * 1e6 / rate, as_us(tick_times_.quantile_ns(0.5)),
                               as_us(tick_times_.quantile_ns(0.99)), as_us(tick_times_.worst_ns())};
      if (domain_over_.load(std::memory_order_acquire)) {
        status.driver->xruns = device_xruns_.load(std::memory_order_relaxed);
        status.driver->gaps = device_gaps_.load(std::memory_order_relaxed);
        status.driver->lost_frames = device_lost_.load(std::memory_order_relaxed);
      }
      status.frames = device_frames_.load(std::memory_order_relaxed);
      if (device_limit() > 0) { status.frames = std::min(status.frames, device_limit()); }
    }
    for (const auto& trigger : triggers_) { status.edges.push_back(report(trigger->link)); }
    for (const auto& link : links_) { status.edges.push_back(report(*link)); }
    subscriptions_->for_each([&](const EdgeLink& link) { status.edges.push_back(report(link)); });
    for (const auto& [name, counters] : subscriptions_->of_those_who_left()) {
      status.edges.push_back({name + "s that left", OverflowPolicy::drop_oldest, 0, counters, 0, 0});
    }
    for (const auto& tap : taps_) { status.edges.push_back(report(tap->link())); }
    for (const auto& domain : domains_) {
      if (driver_ == nullptr) {
        status.frames = std::max(status.frames, static_cast<std::uint64_t>(domain->source_frames()));
      }
      if (const InputCounts* const input = domain->input_counts()) {
        status.gaps += input->gaps.load(std::memory_order_relaxed);
        status.gap_frames += input->gap_frames.load(std::memory_order_relaxed);
        status.clipped_blocks += input->clipped_blocks.load(std::memory_order_relaxed);
        status.not_finite_blocks += input->not_finite_blocks.load(std::memory_order_relaxed);
        if (driver_ != nullptr) { status.frames = input->frames.load(std::memory_order_relaxed); }
      }
      status.underrun_frames += domain->underrun_frames();
    }
    // A gap that reaches beyond the end of the graph was lost only up to there.
    if (status.driver && graph_.find(Boundary::device_input) &&
        domain_over_.load(std::memory_order_acquire)) {
      status.driver->lost_frames = status.gap_frames;
    }
    status.missing_frames = missing_frames_.load(std::memory_order_relaxed);
    if (closed_) { status.notes = notes_; }
    status.failures = failures();
    return status;
  }

  std::uint64_t dropped_before(std::string_view output) const {
    const auto slot = find_slot(output);
    if (!slot) { return 0; }
    std::uint64_t dropped = 0;
    std::vector<bool> seen(plan_->nodes().size(), false);
    std::vector<std::size_t> left{plan_->slots()[*slot].node};
    while (!left.empty()) {
      const std::size_t node = left.back();
      left.pop_back();
      if (seen[node]) { continue; }
      seen[node] = true;
      for (const PlanInput& input : plan_->nodes()[node].inputs) {
        if (input.edge) { dropped += links_[*input.edge]->edge.dropped(); }
        left.push_back(plan_->slots()[input.slot].node);
      }
    }
    return dropped;
  }

  // ---- DeviceClient: the driver's thread

  std::span<double* const> inputs() noexcept override { return device_domain().device_inputs(); }
  std::span<const double* const> outputs() noexcept override { return device_domain().device_outputs(); }
  void tick(const TickInfo& info) noexcept override {
    const auto begin = SteadyClock::now();
    count_tick(info);
    const Domain::Round round = device_domain().tick(info);
    tick_times_.record(static_cast<std::uint64_t>((SteadyClock::now() - begin).count()));
    last_tick_.store(begin, std::memory_order_relaxed);
    if (round == Domain::Round::worked || round == Domain::Round::idle) { return; }
    domain_over_.store(true, std::memory_order_release);
    // What was played last has not reached the connector yet.
    tail_frames_ += info.frame_count;
    if (round == Domain::Round::failed || tail_frames_ > driver_->format().output_latency_frames) {
      device_over_.store(true, std::memory_order_release);
    }
  }

 private:
  // What the device gave and lost up to the end of the graph: a device runs on for a moment after it.
  void count_tick(const TickInfo& info) noexcept {
    if (domain_over_.load(std::memory_order_relaxed)) { return; }
    const auto count = [](std::atomic<std::uint64_t>& counter, std::uint64_t by) {
      counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
    };
    if (info.xrun) { count(device_xruns_, 1); }
    if (info.position > next_position_) {
      count(device_gaps_, 1);
      count(device_lost_, static_cast<std::uint64_t>(info.position - next_position_));
    }
    next_position_ = info.position + info.frame_count;
    count(device_frames_, info.frame_count);
  }

  double duration_s() const {
    return options_.duration_s > 0.0 ? options_.duration_s : graph_.config().duration_s;
  }
  Domain& device_domain() const { return *domains_[*plan_->domains().device_domain]; }
  bool is_real_time(std::size_t domain) const {
    return driver_ != nullptr && driver_->format().real_time && plan_->domains().device_domain == domain;
  }

  Errors imagine_device(PlanOptions& options) {
    auto stream = device_stream_by_hand(graph_);
    if (!stream) { return stream.error(); }
    options.device = std::move(*stream);
    return {};
  }
  Errors open_device(PlanOptions& options) {
    auto request = device_request(graph_);
    if (!request) { return {request.error()}; }
    const auto node = graph_.find(Boundary::device_input);
    const std::string where = graph_.nodes()[node ? *node : *graph_.find(Boundary::device_output)].pointer;
    if (!options_.open_device) {
      return {{ErrorCode::refused, where, "this graph needs a device, and none can be opened here", "", ""}};
    }
    auto driver = options_.open_device(*request);
    if (!driver) {
      Errors errors{driver.error()};
      std::string& place = errors.front().where;
      if (place.starts_with('/')) { place = where + "/config" + place; }
      graph_.name_nodes(errors);
      return errors;
    }
    driver_ = std::move(*driver);
    options.device = stream_of(driver_->format());
    options.lossless = !driver_->format().real_time;
    return {};
  }

  void wire() {
    const auto device = plan_->domains().device_domain;
    for (std::size_t d = 0; d < plan_->domains().domain_count; ++d) {
      SourcePace pace = SourcePace::free;
      if (options_.triggered) {
        pace = SourcePace::triggered;
      } else if (d == device) {
        pace = SourcePace::device;
      }
      domains_.push_back(std::make_unique<Domain>(*plan_, d, pace));
      domains_.back()->set_may_wait(!is_real_time(d));
      outcomes_.push_back(Domain::Round::stopped);
      if (!options_.triggered) { domains_.back()->set_limit(options_.frame_limit, duration_s()); }
    }
    for (const PlanEdge& edge : plan_->edges()) {
      const PlanSlot& slot = plan_->slots()[edge.slot];
      auto& link = links_.emplace_back(std::make_unique<EdgeLink>(
          fmt::format("{} -> {}", graph_.nodes()[slot.node].id, graph_.nodes()[edge.to_node].id),
          edge.capacity, edge.policy, slot.format));
      // A real-time thread must not signal, so its readers poll.
      const bool by_signal = !is_real_time(edge.from_domain) && !is_real_time(edge.to_domain);
      link->producer = by_signal ? domains_[edge.from_domain]->signal().get() : nullptr;
      link->consumer = by_signal ? domains_[edge.to_domain]->signal().get() : nullptr;
      domains_[edge.from_domain]->attach_outgoing(edge.slot, *link);
      domains_[edge.to_domain]->attach_incoming(edge, *link);
    }
    if (options_.triggered) { wire_triggers(); }
  }
  void wire_triggers() {
    static const auto kNoChannels = std::make_shared<const StreamFormat>();
    for (auto& domain : domains_) {
      std::shared_ptr<const StreamFormat> format;
      std::size_t first = 0;
      for (std::size_t n = 0; n < plan_->nodes().size(); ++n) {
        const PlanNode& node = plan_->nodes()[n];
        if (node.domain != domain->index() || !node.inputs.empty()) { continue; }
        if (!format) { first = n; }
        const bool is_device = graph_.nodes()[n].info().boundary == Boundary::device_input;
        format = is_device ? plan_->slots()[node.slots[0]].format : format ? format : kNoChannels;
        if (is_device) { trigger_format_ = format; }
      }
      if (!format) { continue; }
      EdgeLink& link = triggers_
                           .emplace_back(std::make_unique<Trigger>(
                               fmt::format("trigger -> {}", graph_.nodes()[first].id),
                               graph_.config().channel_capacity, format, domain->index()))
                           ->link;
      link.producer = trigger_signal_.get();
      link.consumer = domain->signal().get();
      domain->attach_triggers(link);
    }
  }

  Result<std::size_t> find_slot(std::string_view output) const {
    const std::size_t dot = output.find('.');
    const auto n = graph_.find(output.substr(0, dot));
    if (!n) {
      std::vector<std::string_view> ids;
      for (const ValidNode& node : graph_.nodes()) { ids.push_back(node.id); }
      return refused(std::string(output), "there is no node with this id", "",
                     did_you_mean(output.substr(0, dot), ids));
    }
    const auto ports = graph_.nodes()[*n].info().outputs;
    const auto slots = plan_->nodes()[*n].slots;
    if (ports.empty()) { return refused(std::string(output), "this node has no output"); }
    if (dot == std::string_view::npos) { return slots[0]; }
    std::vector<std::string_view> names;
    for (std::size_t p = 0; p < ports.size(); ++p) {
      if (ports[p].name == output.substr(dot + 1)) { return slots[p]; }
      names.push_back(ports[p].name);
    }
    return refused(std::string(output), "this node has no output of that name", "",
                   did_you_mean(output.substr(dot + 1), names));
  }

  Result<void> check_trigger(const DataFrame& frame) const {
    if (trigger_format_ == nullptr) { return {}; }
    if (frame.channel_count() != trigger_format_->channel_count()) {
      return refused("frame", fmt::format("a frame of {} channels", frame.channel_count()),
                     fmt::format("{} channels, as the device input has", trigger_format_->channel_count()));
    }
    if (frame.frame_count() > trigger_format_->max_frames) {
      return refused("frame", fmt::format("a block of {} frames", frame.frame_count()),
                     fmt::format("at most {}, the block_size", trigger_format_->max_frames));
    }
    return {};
  }

  // The named channels, open to subscribers.
  Errors wire_channels() {
    Errors errors;
    for (const ValidChannel& channel : graph_.channels()) {
      const std::uint32_t capacity = channel.capacity.value_or(graph_.config().channel_capacity);
      auto sender = broadcast<DataFrame>(capacity);
      if (auto added = registry_->add(channel.name, sender.clone()); !added) {
        Error error = added.error();
        error.where = channel.pointer + "/channel";
        errors.push_back(std::move(error));
        continue;
      }
      channel_names_.push_back(channel.name);
      const std::size_t slot = plan_->nodes()[channel.from_node].slots[channel.from_port];
      Domain& domain = *domains_[plan_->nodes()[channel.from_node].domain];
      const bool real_time = is_real_time(domain.index());
      const OverflowPolicy usual = real_time ? OverflowPolicy::drop_oldest : OverflowPolicy::block;
      const OverflowPolicy policy =
          plan_->options().lossless ? OverflowPolicy::block : channel.policy.value_or(usual);
      auto& tap = taps_.emplace_back(std::make_unique<ChannelTap>(
          fmt::format("{} -> channel {}", graph_.nodes()[channel.from_node].id, channel.name), capacity,
          policy, plan_->slots()[slot].format, domain.signal(), std::move(sender)));
      if (real_time) { tap->set_real_time_producer(); }
      domain.attach_outgoing(slot, tap->link());
    }
    return errors;
  }

  void abort() {
    given_up_ = true;
    for (auto& domain : domains_) { domain->abort(); }
    for (auto& tap : taps_) { tap->stop(); }
  }

  // Counts the worker before it starts, because it may end at once; undone if it does not start.
  class Worker {
   public:
    explicit Worker(std::atomic<std::size_t>& left) : left_(left) {
      left.fetch_add(1, std::memory_order_relaxed);
    }
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;
    ~Worker() {
      if (!runs_) { left_.fetch_sub(1, std::memory_order_relaxed); }
    }
    void runs() noexcept { runs_ = true; }

   private:
    std::atomic<std::size_t>& left_;
    bool runs_ = false;
  };
  template <class Body>
  Result<void> start_worker(Domain& domain, Body body) {
    // (Read once the thread has ended.)
    return start_thread(fmt::format("sl-worker-{}", domain.index()),
                        [body, outcome = &outcomes_[domain.index()]] { return *outcome = body(); });
  }
  template <class Body>
  Result<void> start_thread(const std::string& name, Body body) {
    threads_.reserve(threads_.size() + 1);  // once the thread runs, nothing may fail and leave it behind
    Worker worker(workers_left_);
    auto thread = Thread::start(name, [this, body] {
      if (body() == Domain::Round::failed) { worker_failed_.store(true, std::memory_order_release); }
      workers_left_.fetch_sub(1, std::memory_order_release);
      done_->notify();
    });
    if (!thread) { return tl::unexpected(thread.error()); }
    worker.runs();
    threads_.push_back(std::move(*thread));
    return {};
  }

  bool is_over() const {
    if (!started_ || closed_ || worker_failed_.load(std::memory_order_acquire)) { return true; }
    if (driver_ == nullptr || device_is_ended_.load(std::memory_order_acquire)) {
      return workers_left_.load(std::memory_order_acquire) == 0;
    }
    if (device_is_through()) { return false; }  // wait_for() drains it first
    const DriverState state = driver_->status().state;
    if (state == DriverState::ended || state == DriverState::failed) { return true; }
    if (device_over_.load(std::memory_order_acquire)) { return true; }
    // A device that is away gives no frames to count: then wall-clock time decides.
    return is_away(state) && limit_has_passed();
  }

  // Its input has ended, or the graph has had enough of it.
  bool device_is_through() const {
    if (driver_ == nullptr || !started_ || closed_ || device_is_ended_.load(std::memory_order_acquire)) {
      return false;
    }
    if (driver_->format().real_time) { return false; }  // a live run does not wait for a program that hangs
    return device_over_.load(std::memory_order_acquire) || driver_->status().state == DriverState::ended;
  }
  // Stops the device; its domain gives what it holds to the others, on a thread of its own. Once, though one thread
  // may wait while another stops.
  void end_device() {
    if (driver_ == nullptr) { return; }
    const std::scoped_lock lock(device_mutex_);
    if (device_is_ended_.load(std::memory_order_relaxed)) { return; }
    missing_frames_.store(count_missing(), std::memory_order_relaxed);
    driver_->stop();
    Domain& domain = device_domain();
    if (!start_draining(domain)) { domain.abort(); }
    device_is_ended_.store(true, std::memory_order_release);  // now that the worker is counted
  }

  bool is_away(DriverState state, std::chrono::milliseconds patience = kSilence) const {
    if (state == DriverState::lost) { return true; }
    const DeviceFormat& device = driver_->format();
    const std::chrono::duration<double> silence = SteadyClock::now() - last_tick();
    const double patience_s = std::max(std::chrono::duration<double>(patience).count(),
                                       8.0 * device.period_frames / device.sample_rate_hz);
    return device.real_time && silence.count() > patience_s;
  }
  SteadyClock::time_point last_tick() const {
    return std::max(start_time_, last_tick_.load(std::memory_order_relaxed));
  }
  // In frames of the device; 0: none.
  std::uint64_t device_limit() const {
    const double frames = duration_s() * driver_->format().sample_rate_hz;
    return static_cast<std::uint64_t>(options_.frame_limit > 0 ? options_.frame_limit : std::llround(frames));
  }
  bool limit_has_passed() const {
    const std::chrono::duration<double> elapsed = SteadyClock::now() - start_time_;
    const double frames = elapsed.count() * driver_->format().sample_rate_hz;
    return device_limit() > 0 && frames > static_cast<double>(device_limit());
  }
  // For a device that has not come back. Call before it is stopped.
  std::uint64_t count_missing() const {
    const DriverStatus status = driver_->status();
    const bool over = device_over_.load(std::memory_order_acquire);
    if (over || status.state == DriverState::ended || !driver_->format().real_time ||
        !is_away(status.state, kSilenceAtTheEnd)) {
      return 0;
    }
    const std::uint64_t had = status.frames + status.lost_frames;
    const std::uint64_t left =
        device_limit() > 0 ? device_limit() - std::min(device_limit(), had) : UINT64_MAX;
    if (limit_has_passed()) { return left; }
    const std::chrono::duration<double> silence = SteadyClock::now() - last_tick();
    const double frames = silence.count() * driver_->format().sample_rate_hz;
    return std::min(left, static_cast<std::uint64_t>(std::llround(frames)));
  }

  void run_through(std::chrono::nanoseconds patience, const std::function<bool()>& gives_up) {
    {
      const std::scoped_lock lock(trigger_mutex_);
      stopping_ = true;
      for (auto& trigger : triggers_) {
        trigger->link.edge.close();
        trigger->link.wake_consumer();
      }
    }
    trigger_signal_->notify();
    end_device();
    if (triggers_.empty()) {
      for (auto& domain : domains_) { domain->end_sources(); }
    }
    for (auto& domain : domains_) { domain->stop_waiting(); }
    std::uint64_t seen = progress();
    auto since = SteadyClock::now();
    while (workers_left_.load(std::memory_order_acquire) > 0) {
      const std::uint32_t ticket = done_->ticket();
      if (workers_left_.load(std::memory_order_acquire) == 0) { break; }
      done_->wait(ticket, std::chrono::milliseconds(20));
      const std::uint64_t now = progress();
      if (now != std::exchange(seen, now)) { since = SteadyClock::now(); }
      if (SteadyClock::now() - since >= patience || (gives_up && gives_up())) {
        abort();
        since = SteadyClock::now();
      }
    }
    threads_.clear();
    // A domain that did not reach its end no longer takes the blocks still queued for it.
    const auto settle = [this](EdgeLink& link, std::size_t to_domain) {
      link.left_early.store(outcomes_[to_domain] != Domain::Round::ended, std::memory_order_release);
    };
    for (std::size_t e = 0; e < links_.size(); ++e) { settle(*links_[e], plan_->edges()[e].to_domain); }
    for (const auto& trigger : triggers_) { settle(trigger->link, trigger->to_domain); }
  }
  // Nothing may throw while an engine is destroyed.
  bool start_draining(Domain& domain) noexcept {
    try {
      return start_worker(domain, [d = &domain] { return d->drain(); }).has_value();
    } catch (const std::bad_alloc&) { return false; }
  }
  // Grows whenever a block is taken from any edge.
  std::uint64_t progress() const {
    std::uint64_t sum = 0;
    for (const auto& link : links_) { sum += link->edge.delivered(); }
    subscriptions_->for_each([&](const EdgeLink& link) { sum += link.edge.delivered(); });
    for (const auto& trigger : triggers_) { sum += trigger->link.edge.delivered(); }
    for (const auto& tap : taps_) { sum += tap->link().edge.delivered(); }
    return sum;
  }

  // How complete the files are; threads and device have ended.
  Ending how_it_ended() const {
    if (!begun_) { return Ending::not_begun; }
    const bool is_whole = was_over_ || options_.naming == Naming::at_once;
    const bool failed = given_up_ || !is_whole ||
                        std::any_of(domains_.begin(), domains_.end(),
                                    [](const auto& domain) { return domain->failure().has_value(); }) ||
                        (driver_ != nullptr && driver_->status().state == DriverState::failed);
    return failed ? Ending::cut_short : Ending::complete;
  }

  void close_nodes() {
    const Ending ending = how_it_ended();
    for (const std::size_t n : opened_) {
      plan_->node(n).set_ending(ending);
      if (auto closed = plan_->node(n).close(); !closed) {
        Error error = closed.error();
        if (error.where.empty()) { error.where = graph_.nodes()[n].id; }
        close_errors_.push_back(std::move(error));
      }
      for (NodeNote& note : plan_->node(n).notes()) {
        notes_.emplace_back(graph_.nodes()[n].id, std::move(note));
      }
    }
  }

  Errors failures() const {
    Errors errors;
    const bool settled =
        workers_left_.load(std::memory_order_acquire) == 0 && (driver_ == nullptr || closed_);
    if (settled) {
      for (const auto& domain : domains_) {
        if (auto failure = domain->failure()) { errors.push_back(std::move(*failure)); }
      }
    }
    if (driver_ != nullptr) {
      DriverStatus status = driver_->status();
      if (status.state == DriverState::failed) { errors.push_back(std::move(status.failure)); }
    }
    if (!closed_) { return errors; }
    for (const Error& error : close_errors_) {
      // A file that could not be written says so again when it is closed.
      const bool was_said = std::any_of(errors.begin(), errors.end(), [&](const Error& said) {
        return said.what == error.what && said.where.ends_with(error.where);
      });
      if (!was_said) { errors.push_back(error); }
    }
    return errors;
  }

  static EdgeReport report(const EdgeLink& link) {
    const bool by_itself = !link.left_early.load(std::memory_order_acquire);
    const EdgeCounters counters = link.counters();
    return {link.name,
            link.edge.policy(),
            link.edge.capacity(),
            counters,
            by_itself ? link.discarded.load(std::memory_order_relaxed) : 0,
            counters.dropped - link.edge.dropped()};
  }

  const EngineOptions options_;
  const ValidGraph graph_;
  const std::shared_ptr<ChannelRegistry> registry_;  // declared before the plan, whose nodes use it
  std::vector<std::string> channel_names_;           // that this engine added to it
  std::unique_ptr<Driver> driver_;  // declared before the domains: destroyed last, when its thread has ended
  std::unique_ptr<Plan> plan_;
  std::vector<std::unique_ptr<Domain>> domains_;
  std::unique_ptr<ParamControl> params_;
  std::vector<Domain::Round> outcomes_;  // per domain: how its thread ended
  std::vector<std::unique_ptr<EdgeLink>> links_;
  const std::shared_ptr<Subscriptions> subscriptions_ = std::make_shared<Subscriptions>();
  std::vector<std::unique_ptr<ChannelTap>> taps_;

  struct Trigger {
    Trigger(std::string name, std::size_t capacity, const std::shared_ptr<const StreamFormat>& format,
            std::size_t domain)
        : link(std::move(name), capacity, OverflowPolicy::block, format), to_domain(domain) {}
    EdgeLink link;
    const std::size_t to_domain;
  };
  std::vector<std::unique_ptr<Trigger>> triggers_;
  std::shared_ptr<const StreamFormat> trigger_format_;  // of the device input's frames; null without one
  std::shared_ptr<WakeSignal> trigger_signal_ = std::make_shared<WakeSignal>();
  std::mutex trigger_mutex_;

  std::atomic<bool> started_{false};
  bool stopping_ = false;  // under trigger_mutex_
  std::atomic<bool> closed_{false};
  std::atomic<std::uint64_t> missing_frames_{0};
  SteadyClock::time_point start_time_;
  std::vector<std::size_t> opened_;  // nodes whose start() succeeded
  bool begun_ = false;               // start() has succeeded
  std::mutex stop_mutex_;
  std::mutex device_mutex_;
  std::atomic<bool> device_is_ended_{false};  // stopped, and its domain is being drained
  bool was_over_ = false;                     // when it was stopped
  std::atomic<bool> given_up_{false};         // what was inside
  std::atomic<std::size_t> workers_left_{0};
  std::atomic<bool> worker_failed_{false};
  std::shared_ptr<WakeSignal> done_ = std::make_shared<WakeSignal>();
  std::vector<std::pair<std::string, NodeNote>> notes_;
  Errors close_errors_;

  // The driver's thread writes.
  TickTimes tick_times_;
  std::int64_t next_position_ = 0;
  std::atomic<std::uint64_t> device_frames_{0};
  std::atomic<std::uint64_t> device_xruns_{0};
  std::atomic<std::uint64_t> device_gaps_{0};
  std::atomic<std::uint64_t> device_lost_{0};
  std::atomic<bool> domain_over_{false};
  std::uint64_t tail_frames_ = 0;
  std::atomic<bool> device_over_{false};
  std::atomic<SteadyClock::time_point> last_tick_{};

  std::vector<Thread> threads_;  // declared last: they end before anything they use is destroyed
};

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Engine::~Engine() = default;

Checked<std::unique_ptr<Engine>> Engine::create(const ValidGraph& graph, EngineOptions options) {
  auto impl = std::make_unique<Impl>(graph, std::move(options));
  Errors errors = impl->create();
  if (!errors.empty()) { return tl::unexpected(std::move(errors)); }
  return std::unique_ptr<Engine>(new Engine(std::move(impl)));
}

const Plan& Engine::plan() const { return impl_->plan(); }
const DeviceFormat* Engine::device() const { return impl_->device(); }
ChannelRegistry& Engine::channels() { return impl_->channels(); }

Result<Receiver> Engine::subscribe(std::string_view output, std::size_t capacity,
                                   std::optional<OverflowPolicy> policy) {
  return impl_->subscribe(output, capacity, policy);
}

Result<void> Engine::start() {
  if (auto may = impl_->may_start(); !may) { return may; }  // a running engine continues
  auto started = impl_->start();
  if (!started) { impl_->stop(std::chrono::nanoseconds(0)); }
  return started;
}

Result<void> Engine::trigger(const DataFrame& frame) {
  auto taken = impl_->trigger_until(frame, WakeSignal::Clock::time_point::max());
  if (!taken) { return tl::unexpected(taken.error()); }
  return {};
}
Result<Engine::Triggered> Engine::try_trigger(const DataFrame& frame) { return impl_->offer(frame); }
Result<Engine::Triggered> Engine::trigger_for(const DataFrame& frame, std::chrono::nanoseconds timeout) {
  return impl_->trigger_until(frame, WakeSignal::Clock::now() + timeout);
}

namespace {

Result<void> first_of(Errors errors) {
  if (errors.empty()) { return {}; }
  return tl::unexpected(std::move(errors.front()));
}

}  // namespace

Checked<void> Engine::set_params(std::string_view changes) {
  if (Errors errors = impl_->set_params(changes); !errors.empty()) {
    return tl::unexpected(std::move(errors));
  }
  return {};
}
Result<void> Engine::set_param(std::string_view node, std::string_view param, double value) {
  return first_of(impl_->set_params(node, param, value));
}
Result<void> Engine::set_param(std::string_view node, std::string_view param, std::string_view value) {
  return first_of(impl_->set_params(node, param, value));
}
std::string Engine::param_values() const { return impl_->param_values(); }
bool Engine::wait_for(std::chrono::nanoseconds timeout) { return impl_->wait_for(timeout); }
void Engine::stop(std::chrono::nanoseconds patience, const std::function<bool()>& gives_up) {
  impl_->stop(patience, gives_up);
}
void Engine::stop_now() { impl_->stop_now(); }
EngineStatus Engine::status() const { return impl_->status(); }
std::uint64_t Engine::dropped_before(std::string_view output) const { return impl_->dropped_before(output); }

}  // namespace streamlab
