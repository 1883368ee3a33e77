// engine/run/engine_reload.cpp
//
// How an engine goes over to another graph (reload.hpp), twice where what is played is faded (fade_graph.hpp).
#include <thread>

#include "engine/run/engine_impl.hpp"
#include "engine/run/fade_graph.hpp"

namespace streamlab {

Checked<ReloadPlan> Engine::Impl::plan_reload(const ValidGraph& after) const {
  const std::shared_lock lock(structure_);
  if (Errors errors = may_reload(after); !errors.empty()) { return tl::unexpected(std::move(errors)); }
  auto reloads = plan_reloads(after);
  if (!reloads) { return tl::unexpected(reloads.error()); }
  return std::move(reloads->report);
}

Checked<ReloadPlan> Engine::Impl::reload(const ValidGraph& after, const ReloadOptions& options) {
  const std::scoped_lock stop_lock(stop_mutex_);
  if (Errors errors = may_reload(after); !errors.empty()) { return tl::unexpected(std::move(errors)); }
  auto reloads = plan_reloads(after);
  if (!reloads) { return tl::unexpected(reloads.error()); }
  const ReloadPlan report = std::move(reloads->report);
  if (!report.jumps.empty() && !options.allow_gap) {
    return tl::unexpected(Errors{
        {ErrorCode::refused, "",
         fmt::format("what is played would jump at \"{}\"", fmt::join(report.jumps, "\", \"")),
         "a change that can be faded", "--allow-gap with --watch (allow_gap in C++) takes it over so"}});
  }
  if (!reloads->fade) {
    if (Errors errors = take_over(reloads->direct, options, {}); !errors.empty()) {
      return tl::unexpected(std::move(errors));
    }
  } else if (Errors errors = fade_over(after, *std::move(reloads), options); !errors.empty()) {
    return tl::unexpected(std::move(errors));
  }
  events_->send({.kind = EngineEvent::Kind::reload, .what = to_string(report)});
  return report;
}

Errors Engine::Impl::may_reload(const ValidGraph& after) const {
  const auto refuse = [](std::string what, std::string expected) -> Errors {
    return {{ErrorCode::failed, "", std::move(what), std::move(expected), ""}};
  };
  if (!started_ || closed_) { return refuse(closed_ ? why_not_new() : "the engine does not run", ""); }
  if (trigger_port_ != nullptr) {
    return refuse("a graph that the caller triggers cannot be reloaded", "a graph that runs by itself");
  }
  if (!valid().channels().empty() || !after.channels().empty()) {
    return refuse("a graph with named channels cannot be reloaded", "");
  }
  if (is_over()) { return refuse("the graph has ended", ""); }
  if (device_side_ != nullptr && device_side_->is_away()) {
    return refuse("the device is away", "a device that gives blocks");
  }
  return {};
}

Checked<Engine::Impl::Reloads> Engine::Impl::plan_reloads(const ValidGraph& after) const {
  auto direct = Reload::make(graph_, after);
  if (!direct) { return tl::unexpected(direct.error()); }
  ReloadPlan report = direct->report();
  FormerIds ids;
  auto fade = plan_fade(*direct, report, ids);
  return Reloads{*std::move(direct), std::move(fade), std::move(ids), std::move(report)};
}

std::optional<Reload> Engine::Impl::plan_fade(const Reload& direct, ReloadPlan& report,
                                              FormerIds& ids) const {
  const double fade_ms = direct.plan().graph().config().reload_fade_ms;
  auto changes = fade_ms > 0.0 ? sound_changes(direct.succession()) : std::vector<SoundChange>{};
  while (!changes.empty()) {
    const auto jump = [&](const SoundChange& change) { report.jumps.push_back(change.name); };
    auto both = make_fade_graph(direct.succession(), changes, fade_ms);
    auto fade = both ? Reload::make(graph_, both->graph, both->former_ids, both->fades)
                     : tl::unexpected(both.error());
    if (!fade) {  // the two graphs cannot be one
      std::for_each(changes.begin(), changes.end(), jump);
      return std::nullopt;
    }
    std::vector<SoundChange> possible;
    for (std::size_t c = 0; c < changes.size(); ++c) {
      if (runs_beside(fade->plan(), both->fades[c])) {
        possible.push_back(changes[c]);
      } else {
        jump(changes[c]);
      }
    }
    if (possible.size() == changes.size()) {
      for (const SoundChange& change : changes) { report.faded.push_back(change.name); }
      ids = std::move(both->former_ids);
      return *std::move(fade);
    }
    changes = std::move(possible);
  }
  return std::nullopt;
}

Errors Engine::Impl::fade_over(const ValidGraph& after, Reloads reloads, const ReloadOptions& options) {
  given_up_reloads_.reserve(given_up_reloads_.size() + 3);  // (and one of the last)
  if (Errors errors = take_over(*reloads.fade, options, {}); !errors.empty()) { return errors; }
  // From here on it plays as the new graph will. Both graphs are in it: should the last step fail, they stay.
  const std::size_t kept = given_up_reloads_.size();
  given_up_reloads_.push_back(*std::move(reloads.fade));
  given_up_reloads_.push_back(std::move(reloads.direct));
  wait_for_fade(after.config().reload_fade_ms, options);
  auto last = Reload::make(graph_, after);
  Errors errors = last ? take_over(*last, options, reloads.ids) : last.error();
  if (errors.empty()) {
    given_up_reloads_.erase(given_up_reloads_.begin() + static_cast<std::ptrdiff_t>(kept),
                            given_up_reloads_.end());
  }
  return errors;
}

Errors Engine::Impl::take_over(Reload& reload, const ReloadOptions& options, const FormerIds& ids) {
  if (Errors errors = reload.prepare(graph_, domain_options()); !errors.empty()) { return errors; }
  outcomes_.resize(graph_.domains.size() + reload.new_domains().size(), Domain::Round::stopped);
  // Before the swap: domains that lose all their nodes end, and the graph is over when no thread is left.
  for (const auto& domain : reload.new_domains()) {
    auto started = start_worker(*domain, [d = domain.get()] { return d->run(); });
    if (started) { continue; }
    for (const auto& begun : reload.new_domains()) { begun->abort(); }
    given_up_reloads_.push_back(std::move(reload));
    return {started.error()};
  }
  {
    const std::unique_lock lock(structure_);
    const auto nobody_comes = subscriptions_->lock();
    reload.swap(graph_, *subscriptions_, [&] { return hurries(options); });
    subscriptions_->end_those_left_behind();
    auto params =
        std::make_unique<ParamControl>(*graph_.plan, graph_.domains, reload.values(params_->current()));
    params_ = std::move(params);
    opened_ = valid().order();
  }
  reload.close_removed(ids, notes_, close_errors_);
  return set_params(std::string_view(reload.changes()));
}

bool Engine::Impl::hurries(const ReloadOptions& options) {
  const bool hurries = given_up_ || ends_ || (options.gives_up && options.gives_up());
  // A device without a tick would never go over: it is ended, and its domain drained.
  if (hurries || device_is_through()) { end_device(); }
  return hurries;
}

// What the device takes meanwhile tells the time: the fade began with the first block after the swap.
void Engine::Impl::wait_for_fade(double fade_ms, const ReloadOptions& options) const {
  constexpr std::uint64_t kBlocks = 2;  // under way when it begins, and not through when it is over
  const DeviceFormat& device = driver_->format();
  const auto fade = static_cast<std::uint64_t>(std::ceil(fade_ms * 1e-3 * device.sample_rate_hz));
  const std::uint64_t until = device_side_->frames() + fade + kBlocks * device.max_block_frames;
  while (device_side_->frames() < until) {
    const bool is_over = given_up_ || ends_ || (options.gives_up && options.gives_up());
    if (is_over || device_is_through() || device_side_->is_over() || device_side_->is_away()) { return; }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace streamlab
