// hal/alsa/alsa_setup.hpp
//
// From a request to an AlsaPcm that is ready to be prepared: opening, and choosing access, format, channels,
// rate, period and buffer out of what the PCM offers. What it does not offer is refused with what it does.
//
// ALSA's converting plug-ins never resample and never invent channels for us: a measurement must know its
// clock and its inputs. They convert the number format only when a format is asked for by name that the
// device does not have itself.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "hal/alsa/alsa_pcm.hpp"

namespace streamlab {

// What a PCM offers in one direction.
struct AlsaOffer {
  std::uint32_t least_rate_hz = 0;
  std::uint32_t most_rate_hz = 0;
  std::vector<std::uint32_t> rates_hz;  // those of the usual rates that it takes
  std::uint32_t least_channels = 0;
  std::uint32_t most_channels = 0;
  std::vector<std::string> formats;  // as in DeviceRequest::sample_format, best first
  std::uint32_t least_period_frames = 0;
  std::uint32_t most_period_frames = 0;
};

// For people: "44100 or 48000 Hz", "8000 to 768000 Hz"; "2 channels", "1 to 64 channels".
std::string rates_text(const AlsaOffer& offer);
std::string channels_text(const AlsaOffer& offer);

// Opens without blocking. Errors: unknown name (refused, with the names there are), busy (failed, with who
// holds it), anything else (failed). May take as long as the plug-in takes.
Result<AlsaHandle> open_alsa(const std::string& name, bool capture);

// What an open PCM offers before it is set up.
AlsaOffer offer_of(snd_pcm_t* pcm);

// Sets up the PCM as asked; `handle` is taken. Reopens it when a converted format is asked for. Every refusal
// says what is possible.
Result<std::unique_ptr<AlsaPcm>> set_up_alsa(AlsaHandle handle, const AlsaPcmRequest& request);

// The last message of the ALSA library on this thread, which goes there instead of to stderr.
std::string take_alsa_message();

}  // namespace streamlab
