// engine/run/engine.cpp
#include "engine/run/engine.hpp"

#include "engine/run/engine_impl.hpp"

namespace streamlab {

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Engine::~Engine() = default;

Checked<std::unique_ptr<Engine>> Engine::create(const ValidGraph& graph, EngineOptions options) {
  auto impl = std::make_unique<Impl>(graph, std::move(options));
  Errors errors = impl->create();
  if (!errors.empty()) { return tl::unexpected(std::move(errors)); }
  return std::unique_ptr<Engine>(new Engine(std::move(impl)));
}

const Plan& Engine::plan() const { return impl_->plan(); }
Checked<ReloadPlan> Engine::plan_reload(const ValidGraph& graph) const { return impl_->plan_reload(graph); }
Checked<ReloadPlan> Engine::reload(const ValidGraph& graph, const ReloadOptions& options) {
  return impl_->reload(graph, options);
}
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
Result<Engine::Triggered> Engine::try_trigger(const DataFrame& frame) {
  return impl_->trigger_until(frame, WakeSignal::Clock::time_point::min());
}
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
std::string Engine::param_values(Params which) const { return impl_->param_values(which); }
EventReceiver Engine::events(std::size_t capacity) const { return impl_->events().listen({}, capacity); }
EventReceiver Engine::watch(std::size_t capacity) const {
  return impl_->events().listen(EngineEvent::Kind::change, capacity);
}
bool Engine::wait_for(std::chrono::nanoseconds timeout) { return impl_->wait_for(timeout); }
void Engine::stop(std::chrono::nanoseconds patience, const std::function<bool()>& gives_up) {
  impl_->stop(patience, gives_up);
}
void Engine::stop_now() { impl_->stop_now(); }
EngineStatus Engine::status() const { return impl_->status(); }
std::uint64_t Engine::dropped_before(std::string_view output) const { return impl_->dropped_before(output); }

}  // namespace streamlab
