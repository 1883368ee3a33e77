// engine/stream/stream_run.cpp
#include "engine/stream/stream_run.hpp"

#include <utility>

namespace streamlab {

StreamRun::StreamRun(const RunOptions& options, std::shared_ptr<Shared> shared, OnFailure on_failure)
    : clock_(options.clock != nullptr ? options.clock : &steady_clock()),
      drain_(options.drain),
      signal_(std::make_shared<WakeSignal>()),
      shared_(std::move(shared)),
      on_failure_(on_failure) {
  listen(options.cancel, drain_);
}

StreamRun::StreamRun(const StreamRun& outer, const std::stop_token& cancel)
    : clock_(outer.clock_),
      drain_(outer.drain_),
      signal_(std::make_shared<WakeSignal>()),
      shared_(outer.shared_),
      on_failure_(outer.on_failure_) {
  listen(cancel, drain_);
}

StreamRun::StreamRun(const StreamRun& outer, Within within)
    : clock_(outer.clock_), drain_(std::move(within.drain)), signal_(outer.signal_), shared_(outer.shared_) {
  listen({}, drain_);
}

void StreamRun::listen(const std::stop_token& cancel, const std::stop_token& drain) {
  if (cancel.stop_possible()) { on_cancel_.emplace(cancel, Raise{&cancelled_, signal_}); }
  if (drain.stop_possible()) { on_drain_.emplace(drain, Raise{&draining_, signal_}); }
}

Result<Thread> StreamRun::start_thread(std::string name, const std::stop_token& cancel,
                                       std::function<void(StreamRun&)> body) const {
  const auto own = std::make_shared<StreamRun>(*this, cancel);  // made here, while this run is there
  // Stages call functions of the user, one inside the other.
  return Thread::start(
      std::move(name), [own, body = std::move(body)] { body(*own); }, Thread::Stack::system);
}

Poll StreamRun::fail(const std::string& stage, std::uint64_t item, Error error) {
  const std::lock_guard lock(shared_->mutex);
  if (!shared_->error) { shared_->error = StreamError{stage, item, std::move(error)}; }
  return Poll::failed;
}

bool StreamRun::has_failed() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->error.has_value();
}

void StreamRun::collect(const std::string& stage, std::uint64_t item, Error error) {
  const std::lock_guard lock(shared_->mutex);
  ++shared_->collected_count;
  if (shared_->collected.size() < StreamReport::kMaxCollected) {
    shared_->collected.push_back({stage, item, std::move(error)});
  }
}

void StreamRun::note(std::string text) {
  const std::lock_guard lock(shared_->mutex);
  shared_->notes.push_back(std::move(text));
}

}  // namespace streamlab
