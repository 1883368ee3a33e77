// hal/sim/voice.cpp
#include "hal/sim/voice.hpp"

#include <cmath>
#include <cstddef>
#include <filesystem>

#include <fmt/format.h>

#include "hal/sim/sim_file.hpp"
#include "hal/sim/sim_file_source.hpp"

namespace streamlab {

Result<SimVoice> load_voice(const std::string& directory) {
  static constexpr const char* kNames[] = {"Front_Left", "Front_Center", "Front_Right", "Side_Right",
                                           "Rear_Right", "Rear_Center",  "Rear_Left",   "Side_Left"};
  SimVoice voice;
  for (const char* const name : kNames) {
    const std::string path = fmt::format("{}/{}.wav", directory, name);
    if (!std::filesystem::exists(path)) {
      return refused(
          "simulated card", fmt::format("the recorded voice is not installed: there is no {}", path),
          "the recordings of package alsa-utils",
          "install it (apt-get install alsa-utils) or choose another input: \"sim\": {\"input\": …}");
    }
    auto reader = SimFileReader::open(path, "simulated card");
    if (!reader) { return tl::unexpected(reader.error()); }
    if (voice.sample_rate_hz == 0.0) { voice.sample_rate_hz = reader->sample_rate_hz(); }
    if (reader->sample_rate_hz() != voice.sample_rate_hz) {
      return refused("simulated card", fmt::format("{} has a rate of {} Hz", path, reader->sample_rate_hz()),
                     fmt::format("{} Hz, like the recordings before it", voice.sample_rate_hz));
    }
    const auto samples = load_sound_file(*reader, {0});
    if (!samples) { return tl::unexpected(samples.error()); }
    voice.samples.insert(voice.samples.end(), samples->front().begin(), samples->front().end());
    const auto pause = static_cast<std::size_t>(std::lround(kVoicePauseSeconds * voice.sample_rate_hz));
    voice.samples.insert(voice.samples.end(), pause, 0.0);
  }
  return voice;
}

}  // namespace streamlab
