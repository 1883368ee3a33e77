// engine/run/run_to_end.hpp
//
// The life of an engine from start to stop, for everything that runs one and waits for it.
#pragma once

#include <chrono>
#include <functional>

#include "engine/run/engine.hpp"

namespace streamlab {

// What the one who waits does meanwhile. All of it on the waiting thread.
struct RunWatch {
  std::function<bool()> ends = {};  // shall the run end now? Asked every `interval`
  std::function<bool()> gives_up =
      {};                           // shall it lose what is still inside? Engine::stop() asks while it waits
  std::function<void()> look = {};  // every `interval`, for who shows what goes on
  std::chrono::nanoseconds interval = std::chrono::milliseconds(100);
  std::chrono::nanoseconds patience = std::chrono::seconds(5);  // with a reader that takes nothing
};

// Waits until a started engine is over. False if `ends` was true before that. Stops nothing.
bool wait_until_over(Engine& engine, const RunWatch& watch = {});

struct RunOutcome {
  EngineStatus status;     // after the stop; how the device's thread was scheduled, from before
  bool cut_short = false;  // `ends` was true before the engine was over
};
// Starts the engine, waits until it is over, stops it. Fails only if it does not start; what fails later is in the status.
Result<RunOutcome> run_to_end(Engine& engine, const RunWatch& watch = {});
// The same of an engine that has been started.
RunOutcome run_started_to_end(Engine& engine, const RunWatch& watch = {});

}  // namespace streamlab
