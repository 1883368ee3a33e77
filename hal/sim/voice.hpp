// hal/sim/voice.hpp
//
// The default input of a simulated card, a recorded voice: the loudspeaker test of package alsa-utils, eight
// recordings of a speaker who names the loudspeaker positions, with a pause after each.
#pragma once

#include <string>
#include <vector>

#include "engine/base/error.hpp"

namespace streamlab {

inline constexpr const char* kVoiceDirectory = "/usr/share/sounds/alsa";
inline constexpr double kVoicePauseSeconds = 0.5;

struct SimVoice {
  double sample_rate_hz = 0.0;
  std::vector<double> samples;  // one channel, full scale 1.0
};

// Reads the recordings in `directory`. Refused, with the package to install, if one is missing.
Result<SimVoice> load_voice(const std::string& directory = kVoiceDirectory);

}  // namespace streamlab
