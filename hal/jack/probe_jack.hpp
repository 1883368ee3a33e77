// hal/jack/probe_jack.hpp
//
// Whether a JACK server is running, and what it offers. Never starts one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/error.hpp"

namespace streamlab {

struct JackServer {
  std::string name;  // as requested; empty: the default server
  double sample_rate_hz = 0.0;
  std::uint32_t period_frames = 0;
  bool real_time = false;                   // its clients' threads have real-time scheduling
  std::vector<std::string> capture_ports;   // physical, in the order of channels
  std::vector<std::string> playback_ports;  // likewise
  std::vector<std::string> other_outputs;   // of programs: can be captured from
  std::vector<std::string> other_inputs;    // of programs: can be played to
};

// `server` empty: the default server (JACK_DEFAULT_SERVER or "default"). An Error when none answers. Control
// thread; blocks for a few milliseconds, 3 s at most.
Result<JackServer> probe_jack(const std::string& server);

}  // namespace streamlab
