// nodes/sound_file/sound_file_info.hpp
//
// What a sound file holds, as its reader found it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace streamlab {

struct SoundFileInfo {
  std::uint32_t sample_rate_hz = 0;
  std::uint32_t channels = 0;
  std::uint64_t frames = 0;           // that can be read; meaningless unless length_known
  bool length_known = true;           // false: only reading to the end tells (a FLAC that came from a pipe)
  std::string container;              // "WAV", "RF64", "W64", "FLAC", "AIFF", …
  std::string subtype;                // "16-bit PCM", "32-bit float", "64-bit float", "Vorbis", …
  std::vector<std::string> warnings;  // where the header and the file disagree; sentences without full stop
  // |x| of the largest code, where the samples have one: sound that clipped on its way into the file has it.
  double clip_level = 1.0;
};

// The length in seconds; 0 unless it is known.
double duration_s(const SoundFileInfo& info);

// For people: one line of facts ("WAV, 16-bit PCM, 48000 Hz, 2 channels, 96000 frames, 2.000 s"), then one
// line per warning or loss ("warning: …"), each with its line end. `losses`: SoundFileReader::losses().
std::string describe(const SoundFileInfo& info, const std::vector<std::string>& losses = {});

}  // namespace streamlab
