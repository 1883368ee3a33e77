// engine/flow/run_flow.cpp
#include "engine/flow/run_flow.hpp"

#include <algorithm>
#include <map>
#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/channel/backoff.hpp"
#include "engine/flow/flow_channels.hpp"
#include "engine/flow/flow_checks.hpp"
#include "engine/flow/step_launch.hpp"
#include "engine/flow/step_verdict.hpp"

namespace streamlab {
namespace {

using Time = ChildSupervisor::Clock::time_point;
constexpr Time kNever = Time::max();
// For bytes still in transit when every step of a group has ended: no one writes or reads any more.
constexpr auto kLastBytes = std::chrono::seconds(5);
// How often a consumer that must not fall behind is checked.
constexpr auto kLookAtChannels = std::chrono::milliseconds(50);

Time now() { return ChildSupervisor::Clock::now(); }
Time after_s(double seconds) {
  return now() +
         std::chrono::duration_cast<ChildSupervisor::Clock::duration>(std::chrono::duration<double>(seconds));
}

class FlowRun {
 public:
  FlowRun(const ValidFlow& flow, FlowOptions& options, RunDirectory directory,
          std::unique_ptr<ChildSupervisor> children, std::vector<std::string> programs)
      : flow_(flow),
        options_(options),
        directory_(std::move(directory)),
        channels_(flow),
        children_(std::move(children)),
        launch_(flow, std::move(programs), options.graph_command, options.folder, directory_,
                channels_.registry()),
        states_(flow, options.state),
        steps_(flow.steps().size()),
        groups_(flow.groups().size()),
        max_steps_(flow.settings().max_steps.value_or(std::max(1U, std::thread::hardware_concurrency()))) {
    for (const FlowStep& step : flow_.steps()) { report_.steps.emplace_back().name = step.spec.name; }
  }

  // Before run(). Refuses what cannot run.
  Result<void> prepare() {
    if (auto made = channels_.make(); !made) { return made; }
    if (!options_.resume) { return {}; }
    if (auto restored = states_.restore(*options_.resume); !restored) { return restored; }
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      const auto& members = flow_.groups()[g].steps;
      const bool is_done =
          std::all_of(members.begin(), members.end(), [&](std::size_t s) { return states_.is_done(s); });
      if (!is_done) { continue; }
      groups_[g].phase = Group::Phase::done;
      for (const std::size_t s : members) { report_.steps[s].outcome = StepOutcome::resumed; }
    }
    return {};
  }

  FlowReport run() {
    const Time begin = now();
    const std::stop_callback wake(options_.stop, [this] { children_->wake(); });
    const std::stop_callback wake_now(options_.stop_now, [this] { children_->wake(); });
    bool has_killed = false;
    while (true) {
      const bool kills = options_.stop_now.stop_requested();
      if ((options_.stop.stop_requested() || kills) && !report_.was_stopped) {
        report_.was_stopped = true;
        end_all();
      }
      if (kills && !std::exchange(has_killed, true)) { children_->kill_all(); }
      start_what_is_ready();
      if (running_.empty() && !has_retry()) { break; }
      if (auto end = children_->wait_any(next_deadline())) { on_end(*std::move(end)); }
      look_at_clock();
    }
    finish();
    report_.wall_s = std::chrono::duration<double>(now() - begin).count();
    return std::move(report_);
  }

 private:
  struct Step {
    Time deadline = kNever;
    Time retry_at = kNever;
    std::optional<Backoff> backoff;
    bool timed_out = false;
    bool is_bad = false;  // failed permanently, or ended by us
    Document returned = Document::object();
  };
  struct Group {
    enum class Phase : std::uint8_t { waiting, running, done, failed };
    Phase phase = Phase::waiting;
    std::size_t left = 0;  // members that have not ended permanently
    Time deadline = kNever;
    bool may_fail = false;  // if a consumer falls behind
    bool channel_failed = false;
  };

  const FlowGroup& group_of(std::size_t step) const { return flow_.groups()[flow_.steps()[step].group]; }
  const StepSpec& spec(std::size_t step) const { return flow_.steps()[step].spec; }
  bool is_ending() const { return !report_.failures.empty() || report_.was_stopped; }
  bool has_retry() const {
    return std::any_of(steps_.begin(), steps_.end(), [](const Step& s) { return s.retry_at != kNever; });
  }
  void tell(FlowEvent::Kind kind, std::size_t step) {
    if (options_.on_event) { options_.on_event({kind, &report_.steps[step]}); }
  }

  // --- start

  void start_what_is_ready() {
    for (std::size_t g = 0; g < groups_.size() && !is_ending() && !report_.interrupted_after; ++g) {
      const FlowGroup& group = flow_.groups()[g];
      if (groups_[g].phase != Group::Phase::waiting) { continue; }
      const bool is_ready = std::all_of(group.waits_for.begin(), group.waits_for.end(), [&](std::size_t w) {
        return groups_[w].phase == Group::Phase::done;
      });
      const bool fits = running_.empty() || running_.size() + group.steps.size() <= max_steps_;
      if (is_ready && fits) { start_group(g); }
    }
    for (std::size_t s = 0; s < steps_.size() && !is_ending(); ++s) {
      const bool fits = running_.empty() || running_.size() < max_steps_;
      if (steps_[s].retry_at <= now() && fits) {
        steps_[s].retry_at = kNever;
        start_step(s);
      }
    }
  }

  void start_group(std::size_t g) {
    const FlowGroup& group = flow_.groups()[g];
    Group& state = groups_[g];
    state.phase = Group::Phase::running;
    state.left = group.steps.size();
    state.may_fail = channels_.may_fail(group);
    for (const std::size_t s : down_the_flow(group)) {
      if (auto begun = states_.begin(s); !begun) {
        for (Error& error : begun.error()) { report_.failures.push_back(std::move(error)); }
      }
      if (is_ending()) { break; }  // steps after it need what it sees
    }
    if (is_ending()) {
      end_all();
      return give_up(g);
    }
    for (const std::size_t c : group.channels) {
      if (auto opened = channels_.open(c, directory_); !opened) {
        fail(flow_.channels()[c].producer.step, std::move(opened.error()));
        return give_up(g);
      }
    }
    if (group.steps.size() > 1 && flow_.settings().stream_timeout_s > 0.0) {
      state.deadline = after_s(flow_.settings().stream_timeout_s);
    }
    for (const std::size_t s : group.steps) {
      if (!start_step(s)) { return give_up_rest(g, s); }
    }
    for (const std::size_t c : group.channels) {
      if (auto started = channels_.at(c).start(); !started) {
        fail(flow_.channels()[c].producer.step, std::move(started.error()));
      }
    }
  }
  // Nothing of the group was started.
  void give_up(std::size_t g) {
    groups_[g].left = 0;
    close_group(g);
  }
  // `first` and the steps after it were not started.
  void give_up_rest(std::size_t g, std::size_t first) {
    const auto& members = flow_.groups()[g].steps;
    const auto at = std::find(members.begin(), members.end(), first);
    groups_[g].left -= static_cast<std::size_t>(members.end() - at);
    if (groups_[g].left == 0) { close_group(g); }
  }

  bool start_step(std::size_t s) {
    Step& step = steps_[s];
    step.timed_out = false;
    auto child = launch_.prepare(s, states_.seen(s));
    if (!child) {
      fail(s, std::move(child.error()));
      return false;
    }
    std::vector<Capture> captures;
    if (spec(s).kind != StepSpec::Kind::graph) {
      captures.push_back({kStateFd, flow_.settings().max_state_bytes, Capture::Beyond::ends_child});
    }
    auto id = children_->start(*std::move(child), std::move(captures));
    if (!id) {
      fail(s, std::move(id.error()));
      return false;
    }
    running_.emplace(*id, s);
    ++report_.steps[s].attempts;
    step.deadline = spec(s).timeout_s > 0.0 ? after_s(spec(s).timeout_s) : kNever;
    tell(FlowEvent::Kind::started, s);
    return true;
  }

  // --- time

  Time next_deadline() const {
    Time next = kNever;
    for (const auto& [id, s] : running_) { next = std::min(next, steps_[s].deadline); }
    for (const Group& group : groups_) {
      if (group.phase != Group::Phase::running) { continue; }
      next = std::min(next, group.deadline);
      if (group.may_fail) { next = std::min(next, now() + kLookAtChannels); }
    }
    const bool may_start = running_.empty() || running_.size() < max_steps_;
    for (const Step& step : steps_) {
      if (may_start) { next = std::min(next, step.retry_at); }
    }
    return next;
  }

  void look_at_clock() {
    const Time time = now();
    for (const auto& [id, s] : running_) {
      if (time < steps_[s].deadline) { continue; }
      steps_[s].deadline = kNever;
      steps_[s].timed_out = true;
      children_->terminate(id);
    }
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      Group& group = groups_[g];
      if (group.phase != Group::Phase::running) { continue; }
      look_at_channels(g);
      if (time < group.deadline) { continue; }
      group.deadline = kNever;
      std::vector<std::string> names;
      std::size_t first = kNoStep;
      for (const auto& [id, s] : running_) {
        if (flow_.steps()[s].group != g) { continue; }
        first = std::min(first, s);
        names.push_back(fmt::format("\"{}\"", spec(s).name));
      }
      if (first == kNoStep) { continue; }
      report_.failures.push_back({ErrorCode::failed, spec(first).pointer,
                                  fmt::format("{} took longer than {} s, the limit for steps with streams",
                                              fmt::join(names, ", "), flow_.settings().stream_timeout_s),
                                  "", "settings.parallel.streams.timeout sets this limit"});
      end_all();
    }
  }

  // Consumers that must not fall behind but did.
  void look_at_channels(std::size_t g) {
    while (groups_[g].may_fail) {
      auto failure = channels_.next_failure(flow_.groups()[g]);
      if (!failure) { return; }
      groups_[g].channel_failed = true;
      report_.failures.push_back(*std::move(failure));
      end_all();
    }
  }

  // --- end

  void on_end(ChildEnd end) {
    const auto found = running_.find(end.id);
    if (found == running_.end()) { return; }
    const std::size_t s = found->second;
    running_.erase(found);
    steps_[s].deadline = kNever;
    launch_.clean(s);
    // Before any end that it caused.
    look_at_channels(flow_.steps()[s].group);
    const bool readers_went_first = channels_.readers_went_first(s);
    channels_.registry().end_step(spec(s).name);
    StepReport& report = report_.steps[s];
    StepCircumstances circumstances;
    circumstances.attempt = report.attempts;
    circumstances.timed_out = steps_[s].timed_out;
    circumstances.run_is_ending = is_ending();
    circumstances.readers_went_first = readers_went_first;
    circumstances.max_state_bytes = flow_.settings().max_state_bytes;
    auto verdict = judge_step(spec(s), end, circumstances);
    end.captured.clear();
    report.outcome = verdict ? verdict->outcome : StepOutcome::failed;
    report.gave_state = verdict && verdict->gave_state;
    report.lost_data = verdict && verdict->lost_data;
    const bool retries = !verdict && may_retry(s);
    if (!verdict && !retries) { end_all(); }  // the others must not run on while we wait for its stream
    if (auto text = end_of_stderr_stream(s)) { end.stderr_end = *std::move(text); }
    report.end = std::move(end);
    if (retries) {
      steps_[s].retry_at = now() + std::chrono::duration_cast<ChildSupervisor::Clock::duration>(*next_wait_);
      return tell(FlowEvent::Kind::retrying, s);
    }
    steps_[s].is_bad = !verdict || verdict->outcome == StepOutcome::ended_by_us;
    tell(FlowEvent::Kind::ended, s);
    if (verdict) {
      steps_[s].returned = std::move(verdict->returned);
    } else {
      Error error = std::move(verdict.error());
      if (const std::string quoted = quote_end(report.end->stderr_end); !quoted.empty()) {
        error.hint +=
            fmt::format("{}the end of its standard error:\n{}", error.hint.empty() ? "" : "; ", quoted);
      }
      fail(s, std::move(error));
    }
    const std::size_t g = flow_.steps()[s].group;
    if (--groups_[g].left == 0) { close_group(g); }
    const bool interrupts = spec(s).interrupts_after && report.outcome == StepOutcome::succeeded;
    if (interrupts && !is_ending() && !report_.interrupted_after) {
      report_.interrupted_after = spec(s).name;
    }
  }

  // Its standard error, if that is connected to a channel.
  std::optional<std::string> end_of_stderr_stream(std::size_t s) {
    for (std::size_t c = 0; c < flow_.channels().size(); ++c) {
      const FlowChannel::End& producer = flow_.channels()[c].producer;
      if (producer.step != s || producer.stream.direction != StreamDirection::stderr_) { continue; }
      if (report_.steps[s].outcome == StepOutcome::failed) { channels_.at(c).close(now() + kLastBytes); }
      return channels_.at(c).report().relay.tail;
    }
    return std::nullopt;
  }

  // next_wait_ is then the delay before it.
  bool may_retry(std::size_t s) {
    if (!spec(s).retry || is_ending()) { return false; }
    const RetrySpec& retry = *spec(s).retry;
    if (report_.steps[s].attempts >= retry.attempts) { return false; }
    const auto nanos = [](double ms) {
      return std::chrono::duration_cast<Nanos>(std::chrono::duration<double, std::milli>(ms));
    };
    if (!steps_[s].backoff) {
      BackoffConfig config;
      config.first = nanos(retry.backoff_ms);
      config.factor = retry.backoff_factor;
      config.cap = nanos(retry.max_backoff_ms);
      auto backoff = Backoff::make(config);
      if (!backoff) { return false; }
      steps_[s].backoff = *backoff;
    }
    next_wait_ = steps_[s].backoff->next();
    return next_wait_.has_value();
  }

  void fail(std::size_t s, Error error) {
    error.code = ErrorCode::failed;
    if (error.where != spec(s).pointer) {
      if (!error.where.empty()) { error.what = fmt::format("{}: {}", error.where, error.what); }
      error.where = spec(s).pointer;
    }
    report_.steps[s].outcome = StepOutcome::failed;
    report_.failures.push_back(std::move(error));
    end_all();
  }
  void end_all() {
    children_->terminate_all();
    for (std::size_t s = 0; s < steps_.size(); ++s) {
      if (std::exchange(steps_[s].retry_at, kNever) != kNever) { steps_[s].is_bad = true; }
    }
  }

  // All members have ended.
  void close_group(std::size_t g) {
    const FlowGroup& group = flow_.groups()[g];
    look_at_channels(g);
    const Time deadline = now() + kLastBytes;
    for (const std::size_t c : group.channels) { channels_.at(c).close(deadline); }
    look_at_channels(g);
    bool is_good = !groups_[g].channel_failed;
    for (const std::size_t s : group.steps) {
      is_good = is_good && !steps_[s].is_bad && report_.steps[s].attempts > 0 &&
                report_.steps[s].outcome != StepOutcome::failed;
    }
    if (is_good) { is_good = finish_states(group); }
    groups_[g].phase = is_good ? Group::Phase::done : Group::Phase::failed;
  }
  bool finish_states(const FlowGroup& group) {
    for (const std::size_t s : down_the_flow(group)) {
      if (auto finished = states_.finish(s, std::exchange(steps_[s].returned, {})); !finished) {
        for (Error& error : finished.error()) { report_.failures.push_back(std::move(error)); }
        end_all();
        return false;
      }
    }
    return true;
  }
  // Each step before its successors.
  std::vector<std::size_t> down_the_flow(const FlowGroup& group) const {
    std::vector<std::size_t> left = group.steps;
    std::vector<std::size_t> ordered;
    while (!left.empty()) {
      const auto next = std::find_if(left.begin(), left.end(), [&](std::size_t s) {
        return std::none_of(left.begin(), left.end(),
                            [&](std::size_t other) { return flow_.is_upstream(other, s); });
      });
      ordered.push_back(*next);
      left.erase(next);
    }
    return ordered;
  }

  void finish() {
    channels_.registry().close(now());
    report_.channels = channels_.registry().reports();
    const bool is_all = std::all_of(groups_.begin(), groups_.end(),
                                    [](const Group& group) { return group.phase == Group::Phase::done; });
    if (is_all && report_.failures.empty()) {
      report_.was_stopped = false;        // it came too late
      report_.interrupted_after.reset();  // nothing is left to continue with
      auto state = states_.result();
      if (state) {
        report_.state = *std::move(state);
        return;
      }
      for (Error& error : state.error()) { report_.failures.push_back(std::move(error)); }
    }
    report_.state = states_.so_far();
    if (is_ending()) {
      report_.interrupted_after.reset();
    } else if (options_.save) {
      if (auto saved = options_.save(states_.progress()); !saved) {
        report_.failures.push_back(saved.error());
      }
    }
  }

  static constexpr std::size_t kNoStep = static_cast<std::size_t>(-1);

  const ValidFlow& flow_;
  FlowOptions& options_;
  RunDirectory directory_;
  FlowChannels channels_;
  std::unique_ptr<ChildSupervisor> children_;
  StepLaunch launch_;
  FlowStates states_;
  FlowReport report_;
  std::vector<Step> steps_;
  std::vector<Group> groups_;
  std::map<ChildId, std::size_t> running_;
  const std::size_t max_steps_;
  std::optional<Nanos> next_wait_;
};

}  // namespace

Checked<FlowReport> run_flow(const ValidFlow& flow, FlowOptions options) {
  auto programs = check_before_start(flow, options);
  if (!programs) { return tl::unexpected(programs.error()); }
  auto directory = RunDirectory::create(options.run_directory_parent);
  if (!directory) { return tl::unexpected(Errors{directory.error()}); }
  auto children = ChildSupervisor::create(options.supervisor);
  if (!children) { return tl::unexpected(Errors{children.error()}); }
  FlowRun run(flow, options, *std::move(directory), *std::move(children), *std::move(programs));
  if (auto prepared = run.prepare(); !prepared) { return tl::unexpected(Errors{prepared.error()}); }
  return run.run();
}

}  // namespace streamlab
