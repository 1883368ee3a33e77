// engine/run/engine_impl.hpp
//
// What an engine does: engine.cpp is the door to it.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <deque>
#include <mutex>
#include <shared_mutex>
#include <thread>

#include <fmt/format.h>

#include "engine/channel/registry.hpp"
#include "engine/run/device_side.hpp"
#include "engine/run/domain.hpp"
#include "engine/run/edge_report.hpp"
#include "engine/run/engine.hpp"
#include "engine/run/event_finder.hpp"
#include "engine/run/events.hpp"
#include "engine/run/named_channels.hpp"
#include "engine/run/param_control.hpp"
#include "engine/run/reload.hpp"
#include "engine/run/running_graph.hpp"
#include "engine/run/stop_driver.hpp"
#include "engine/run/subscriptions.hpp"
#include "engine/run/trigger_port.hpp"
#include "engine/run/wiring.hpp"
#include "engine/run/workers.hpp"

namespace streamlab {

class Engine::Impl {
  using SteadyClock = WakeSignal::Clock;

 public:
  Impl(const ValidGraph& graph, EngineOptions options)
      : options_(std::move(options)),
        first_graph_(graph),
        registry_(options_.host.channels ? options_.host.channels : std::make_shared<ChannelRegistry>()) {}
  ~Impl() { stop(std::chrono::nanoseconds(0)); }

  Errors create() {
    PlanOptions plan_options;
    plan_options.threads = options_.threads.value_or(first_graph_.config().threads);
    plan_options.cores =
        options_.cores > 0 ? options_.cores : std::max(1U, std::thread::hardware_concurrency());
    plan_options.host = options_.host;
    plan_options.host.channels = options_.look_only ? nullptr : registry_;
    plan_options.lossless = !options_.triggered;
    plan_options.device_may_wait = options_.triggered;
    if (first_graph_.has_device()) {
      Errors errors;
      if (options_.triggered) {
        auto stream = device_stream_by_hand(first_graph_);
        if (!stream) { return stream.error(); }
        plan_options.device = std::move(*stream);
      } else {
        driver_ = open_device_of(first_graph_, options_.open_device, plan_options, errors);
      }
      if (!errors.empty()) { return errors; }
    }
    auto plan = make_plan(first_graph_, plan_options);
    if (!plan) { return plan.error(); }
    graph_.plan = std::make_unique<Plan>(std::move(*plan));
    const bool limited = options_.frame_limit > 0 || duration_s() > 0.0;
    if (graph_.plan->is_endless() && !limited && !options_.triggered && driver_ == nullptr) {
      return {{ErrorCode::refused, "/pipeline_config",
               "the graph's sources never end, and no device ends the run",
               "\"duration_s\" above 0 here, or --seconds or --frames on the command line", ""}};
    }
    if (options_.look_only) { return {}; }  // a dry run needs no memory for the running graph
    wire();
    params_ = std::make_unique<ParamControl>(*graph_.plan, graph_.domains);
    for (auto& domain : graph_.domains) { domain->build(); }
    return channels_.open(*graph_.plan, graph_.domains, subscriptions_);
  }

  // Why an engine cannot be started (again).
  const char* why_not_new() const {
    if (closed_) { return "the engine was stopped"; }
    return started_ ? "the engine is already running" : "the engine was created for a dry run (look_only)";
  }

  ChannelRegistry& channels() { return *registry_; }
  const Plan& plan() const { return *graph_.plan; }
  const DeviceFormat* device() const { return driver_ != nullptr ? &driver_->format() : nullptr; }

  Result<Receiver> subscribe(std::string_view output, std::size_t capacity,
                             std::optional<OverflowPolicy> policy) {
    if (closed_ || options_.look_only) {
      return refused(std::string(output), why_not_new(), "subscribe() before stop()");
    }
    const std::shared_lock lock(structure_);
    const auto slot = find_output(*graph_.plan, output);
    if (!slot) { return tl::unexpected(slot.error()); }
    Domain& domain = *graph_.domains[graph_.plan->nodes()[graph_.plan->slots()[*slot].node].domain];
    const bool real_time = is_real_time(*graph_.plan, domain.index());
    const OverflowPolicy chosen =
        policy.value_or(real_time ? OverflowPolicy::drop_oldest : OverflowPolicy::block);
    if (real_time && chosen == OverflowPolicy::block) {
      return refused(std::string(output), "\"block\" cannot be used here: a real-time domain must not wait",
                     "\"drop_oldest\", \"drop_newest\", \"drop_buffer\", \"latest\" or \"fail\"");
    }
    auto receiver =
        subscriptions_->add(domain, {.slot = *slot,
                                     .name = fmt::format("{} -> subscriber", output),
                                     .capacity = capacity > 0 ? capacity : valid().config().edge_capacity,
                                     .policy = chosen,
                                     .format = graph_.plan->slots()[*slot].format,
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
    for (const std::size_t n : valid().order()) {
      auto opened = graph_.plan->node(n).start();
      if (!opened) { return tl::unexpected(valid().nodes()[n].located(opened.error())); }
      opened_.push_back(n);
    }
    subscriptions_->started();
    started_ = true;
    if (trigger_port_ != nullptr) { trigger_port_->open(); }
    for (auto& domain : graph_.domains) {
      if (device_side_ != nullptr && domain->index() == graph_.plan->domains().device_domain) { continue; }
      if (auto started = start_worker(*domain, [d = domain.get()] { return d->run(); }); !started) {
        return started;
      }
    }
    if (device_side_ != nullptr) {
      device_side_->begin();
      if (auto started = driver_->start(*device_side_); !started) { return started; }
    }
    begun_ = true;
    return {};
  }

  Result<Triggered> trigger_until(const DataFrame& frame, SteadyClock::time_point deadline) {
    if (trigger_port_ == nullptr) {
      return failed("", "this graph takes no triggers", "EngineOptions::triggered");
    }
    return trigger_port_->offer_until(frame, deadline);
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
    const std::scoped_lock one_after_the_other(tell_mutex_);
    const auto changed = [&] {
      const std::shared_lock lock(structure_);
      return params_->set(change...);
    }();
    if (!changed) { return changed.error(); }
    // (Who looks at the engine meanwhile takes the lock again.)
    if (!changed->empty()) { events_->send({.kind = EngineEvent::Kind::change, .what = *changed}); }
    return {};
  }
  std::string param_values(Params which) const {
    const std::shared_lock lock(structure_);
    return params_->values(which == Params::live);
  }

  // ---- reload (engine_reload.cpp)
  Checked<ReloadPlan> plan_reload(const ValidGraph& after) const;
  Checked<ReloadPlan> reload(const ValidGraph& after, const ReloadOptions& options);

  bool wait_for(std::chrono::nanoseconds timeout) {
    const bool is_virtual = driver_ != nullptr && !driver_->format().real_time;
    const auto look_again = is_virtual ? std::chrono::milliseconds(2) : std::chrono::milliseconds(20);
    const auto now = SteadyClock::now();
    const auto deadline =
        timeout > SteadyClock::time_point::max() - now ? SteadyClock::time_point::max() : now + timeout;
    while (true) {
      const std::uint32_t ticket = workers_.ended().ticket();
      if (device_is_through()) { end_device(); }
      events_->look();
      if (is_over()) { return true; }
      if (SteadyClock::now() >= deadline) { return false; }
      workers_.ended().wait(ticket, std::min(deadline, SteadyClock::now() + look_again));
    }
  }

  void stop(std::chrono::nanoseconds patience, const std::function<bool()>& gives_up = {}) {
    ends_ = true;
    const std::scoped_lock lock(stop_mutex_);  // a second caller returns when the first has stopped it
    if (closed_) { return; }
    was_over_ = is_over();
    if (started_) { run_through({patience, gives_up}); }
    close_nodes();
    subscriptions_->stopped();
    closed_ = true;
    events_->finish();
  }
  void stop_now() {
    abort();
    stop(std::chrono::nanoseconds(0));
  }

  EventHub& events() const { return *events_; }
  EngineStatus status() const {
    const std::shared_lock lock(structure_);
    EngineStatus status;
    status.running = started_ && !closed_;
    if (device_side_ != nullptr) { device_side_->report(status); }
    if (trigger_port_ != nullptr) {
      trigger_port_->for_each(
          [&](const EdgeLink& link, std::size_t) { status.edges.push_back(report_of(link)); });
    }
    graph_.report(status);
    subscriptions_->report(status);
    status.missing_frames = missing_frames_.load(std::memory_order_relaxed);
    if (closed_) { status.notes.insert(status.notes.end(), notes_.begin(), notes_.end()); }
    status.failures = failures();
    return status;
  }

  std::uint64_t dropped_before(std::string_view output) const {
    const std::shared_lock lock(structure_);
    return graph_.dropped_before(output);
  }

 private:
  // A reload that was planned: at once, or by way of a fade.
  struct Reloads {
    Reload direct;
    std::optional<Reload> fade;
    FormerIds ids;  // of those that play in the fade
    ReloadPlan report;
  };
  // Why it cannot be reloaded now.
  Errors may_reload(const ValidGraph& after) const;
  Checked<Reloads> plan_reloads(const ValidGraph& after) const;
  std::optional<Reload> plan_fade(const Reload& direct, ReloadPlan& report, FormerIds& ids) const;
  Errors take_over(Reload& reload, const ReloadOptions& options, const FormerIds& ids);
  Errors fade_over(const ValidGraph& after, Reloads reloads, const ReloadOptions& options);
  void wait_for_fade(double fade_ms, const ReloadOptions& options) const;
  bool hurries(const ReloadOptions& options);

  double duration_s() const { return options_.duration_or(valid().config().duration_s); }
  const ValidGraph& valid() const { return graph_.plan->graph(); }
  DomainOptions domain_options() const {
    return {.triggered = options_.triggered, .frame_limit = options_.frame_limit, .duration_s = duration_s()};
  }
  void wire() {
    graph_.domains = make_domains(*graph_.plan, domain_options());
    outcomes_.assign(graph_.domains.size(), Domain::Round::stopped);
    graph_.links = link_domains(*graph_.plan, graph_.domains);
    if (options_.triggered) { trigger_port_ = std::make_unique<TriggerPort>(*graph_.plan, graph_.domains); }
    if (driver_ != nullptr) {
      device_domain_ = &graph_.device_domain();
      const double frames = duration_s() * driver_->format().sample_rate_hz;
      const std::int64_t limit = options_.frame_limit > 0 ? options_.frame_limit : std::llround(frames);
      device_side_ =
          std::make_unique<DeviceSide>(*device_domain_, *driver_, static_cast<std::uint64_t>(limit));
    }
  }
  EngineView see() {
    EngineView view{.status = status(), .gaps = {}};
    if (device_side_ != nullptr) { device_side_->report(view); }
    return view;
  }
  void abort() {
    given_up_ = true;
    const std::shared_lock lock(structure_);
    for (auto& domain : graph_.domains) { domain->abort(); }
    graph_.give_up();
  }

  template <class Body>
  Result<void> start_worker(Domain& domain, Body body) {
    // (Read once the thread has ended.)
    return workers_.start(fmt::format("sl-worker-{}", domain.index()),
                          [body, outcome = &outcomes_[domain.index()]] { return *outcome = body(); });
  }
  bool is_over() const {
    if (!started_ || closed_ || workers_.any_failed()) { return true; }
    if (device_side_ == nullptr || device_is_ended_.load(std::memory_order_acquire)) {
      return workers_.left() == 0;
    }
    if (device_is_through()) { return false; }  // wait_for() drains it first
    return device_side_->is_over() || device_side_->has_ended();
  }

  // Its input has ended, or the graph has had enough of it.
  bool device_is_through() const {
    if (device_side_ == nullptr || !started_ || closed_ || device_is_ended_.load(std::memory_order_acquire)) {
      return false;
    }
    if (driver_->format().real_time) { return false; }  // a live run does not wait for a program that hangs
    return device_side_->is_over() || driver_->status().state == DriverState::ended;
  }
  // Stops the device; its domain gives what it holds to the others, on a thread of its own. Once, though one thread
  // may wait while another stops.
  void end_device(const Patience* patience = nullptr) {
    if (device_side_ == nullptr) { return; }
    const std::scoped_lock lock(device_mutex_);
    if (device_is_ended_.load(std::memory_order_relaxed)) { return; }
    missing_frames_.store(device_side_->count_missing(), std::memory_order_relaxed);
    stop_driver(
        *driver_, patience, [this] { return progress(); }, [this] { abort(); });
    if (!start_draining(*device_domain_)) { device_domain_->abort(); }
    device_is_ended_.store(true, std::memory_order_release);  // now that the worker is counted
  }

  void run_through(const Patience& patience) {
    if (trigger_port_ != nullptr) { trigger_port_->close(); }
    end_device(&patience);
    if (trigger_port_ == nullptr) {
      for (auto& domain : graph_.domains) { domain->end_sources(); }
    }
    graph_.stop_waiting();
    wait_with(
        patience, workers_.ended(), [this] { return workers_.left() == 0; }, [this] { return progress(); },
        [this] { abort(); });
    workers_.join();
    // A domain that did not reach its end no longer takes the blocks still queued for it.
    const auto settle = [this](EdgeLink& link, std::size_t to_domain) {
      link.left_early.store(outcomes_[to_domain] != Domain::Round::ended, std::memory_order_release);
    };
    for (std::size_t e = 0; e < graph_.links.size(); ++e) {
      settle(*graph_.links[e], graph_.plan->edges()[e].to_domain);
    }
    if (trigger_port_ != nullptr) { trigger_port_->for_each(settle); }
  }
  // Nothing may throw while an engine is destroyed.
  bool start_draining(Domain& domain) noexcept {
    try {
      return start_worker(domain, [d = &domain] { return d->drain(); }).has_value();
    } catch (const std::bad_alloc&) { return false; }
  }
  // Grows whenever a block is taken from any edge.
  std::uint64_t progress() const {
    std::uint64_t sum = graph_.delivered() + subscriptions_->delivered();
    if (trigger_port_ != nullptr) {
      trigger_port_->for_each([&](const EdgeLink& link, std::size_t) { sum += link.edge.delivered(); });
    }
    return sum;
  }

  // Is it over by itself: by its limit, or as a graph is that reads files? Stopped before, it has written a part.
  bool has_an_end() const {
    if (driver_ != nullptr || options_.triggered) { return false; }
    return options_.frame_limit > 0 || duration_s() > 0.0 ||
           std::all_of(graph_.plan->slots().begin(), graph_.plan->slots().end(), [&](const PlanSlot& slot) {
             return !graph_.plan->nodes()[slot.node].inputs.empty() || slot.length_frames.has_value();
           });
  }
  // How complete the files are; threads and device have ended.
  Ending how_it_ended() const {
    // A device that has given nothing: no old file is to go for an empty one.
    if (!begun_ || (driver_ != nullptr && driver_->status().frames == 0)) { return Ending::not_begun; }
    const bool is_whole = was_over_ || (options_.host.naming == Naming::at_once && !has_an_end());
    const bool failed = given_up_ || !is_whole ||
                        std::any_of(graph_.domains.begin(), graph_.domains.end(),
                                    [](const auto& domain) { return domain->failure().has_value(); }) ||
                        (driver_ != nullptr && driver_->status().state == DriverState::failed);
    return failed ? Ending::cut_short : Ending::complete;
  }

  void close_nodes() {
    const Ending ending = how_it_ended();
    for (const std::size_t n : opened_) {
      graph_.plan->node(n).set_ending(ending);
      if (auto closed = graph_.plan->node(n).close(); !closed) {
        Error error = closed.error();
        if (error.where.empty()) { error.where = valid().nodes()[n].id; }
        close_errors_.push_back(std::move(error));
      }
      for (NodeNote& note : graph_.plan->node(n).notes()) {
        notes_.emplace_back(valid().nodes()[n].id, std::move(note));
      }
    }
  }

  Errors failures() const {
    Errors errors;
    const bool settled = workers_.left() == 0 && (driver_ == nullptr || closed_);
    if (settled) {
      for (const auto& domain : graph_.domains) {
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

  const EngineOptions options_;
  const ValidGraph first_graph_;                     // with which it was created
  const std::shared_ptr<ChannelRegistry> registry_;  // declared before the plan, whose nodes use it
  std::unique_ptr<Driver> driver_;  // declared before the domains: destroyed last, when its thread has ended
  RunningGraph graph_;
  mutable std::shared_mutex structure_;  // of graph_, params_ and opened_: a reload changes them
  std::unique_ptr<ParamControl> params_;
  std::deque<Domain::Round> outcomes_;  // per domain: how its thread ended; they stay where they are
  const std::shared_ptr<Subscriptions> subscriptions_ = std::make_shared<Subscriptions>();
  NamedChannels channels_{registry_};

  const std::shared_ptr<EventHub> events_ = std::make_shared<EventHub>([this] { return see(); });

  std::unique_ptr<TriggerPort> trigger_port_;  // of a triggered graph
  std::unique_ptr<DeviceSide> device_side_;    // of a graph with a driver
  Domain* device_domain_ = nullptr;            // likewise; a reload leaves it where it is

  std::atomic<bool> started_{false};
  std::atomic<bool> closed_{false};
  std::atomic<std::uint64_t> missing_frames_{0};
  std::vector<std::size_t> opened_;  // nodes whose start() succeeded
  bool begun_ = false;               // start() has succeeded
  std::mutex stop_mutex_;            // of stop() and reload()
  std::mutex tell_mutex_;            // of set_params(): changes are told in the order in which they were made
  std::atomic<bool> ends_{false};    // stop() was called
  std::mutex device_mutex_;
  std::atomic<bool> device_is_ended_{false};  // stopped, and its domain is being drained
  bool was_over_ = false;                     // when it was stopped
  std::atomic<bool> given_up_{false};         // what was inside
  std::vector<Reload> given_up_reloads_;      // half-way: what still runs may use what is theirs
  std::vector<std::pair<std::string, NodeNote>> notes_;
  Errors close_errors_;

  Workers workers_;  // declared last: they end before anything they use is destroyed
};

}  // namespace streamlab
