// engine/run/run_to_end.cpp
#include "engine/run/run_to_end.hpp"

#include <optional>

namespace streamlab {

bool wait_until_over(Engine& engine, const RunWatch& watch) {
  while (!watch.ends || !watch.ends()) {
    if (engine.wait_for(watch.interval)) { return true; }
    if (watch.look) { watch.look(); }
  }
  return engine.wait_for(std::chrono::seconds(0));
}

Result<RunOutcome> run_to_end(Engine& engine, const RunWatch& watch) {
  if (auto started = engine.start(); !started) { return tl::unexpected(started.error()); }
  return run_started_to_end(engine, watch);
}

RunOutcome run_started_to_end(Engine& engine, const RunWatch& watch) {
  RunOutcome outcome;
  outcome.cut_short = !wait_until_over(engine, watch);
  // What is in force on the device's thread is known only while that thread is there.
  std::optional<DriverStatus> running;
  if (engine.device() != nullptr) { running = engine.status().driver; }
  engine.stop(watch.patience, watch.gives_up);
  outcome.status = engine.status();
  if (running) { outcome.status.driver->real_time = running->real_time; }
  return outcome;
}

}  // namespace streamlab
