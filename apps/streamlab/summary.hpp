// apps/streamlab/summary.hpp
//
// What is said of a device when a run begins, and of the run when it is over.
#pragma once

#include <chrono>
#include <string>

#include <nlohmann/json.hpp>

#include "apps/streamlab/exit_code.hpp"
#include "engine/graph/config_text.hpp"
#include "engine/run/engine.hpp"

namespace streamlab::app {

// One line: `device: JACK server "default", 48000 Hz, periods of 256, 2 in, 2 out; …`.
std::string device_line(const DeviceFormat& device);
// {"type": "device", …}.
Document device_document(const DeviceFormat& device);

// ", nothing connected: input left", for a line that tells how far a run is; empty where all are connected.
std::string unconnected_text(const EngineStatus& status);

double seconds_since(std::chrono::steady_clock::time_point begin);

struct Summary {
  EngineStatus status;   // after stop()
  double rate_hz = 0.0;  // of the sources
  double wall_s = 0.0;   // that the run took
  bool interrupted = false;
  ExitCode exit_code = ExitCode::success;
  std::string headline;                  // instead of how long it ran
  std::string hint;                      // what to look at; may be empty
  Document params = Document::object();  // values of live parameters, by node
  Document file = Document(nullptr);     // the file that was made, where that is what the run was for
};

// For people, several lines. What is zero is left out, but for the counters of a live run.
std::string summary_text(const Summary& summary);
// Its last line, where data was lost; empty where none was.
std::string loss_text(const Summary& summary);
// {"type": "summary", …}: every counter.
Document summary_document(const Summary& summary);

}  // namespace streamlab::app
