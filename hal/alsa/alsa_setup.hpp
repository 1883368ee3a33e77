// hal/alsa/alsa_setup.hpp
//
// From a request to an AlsaPcm that can be prepared: opens it and chooses access, format, channels, rate,
// period and buffer from what the PCM offers. Refuses everything else, saying what is offered.
//
// ALSA's converting plug-ins never resample and never invent channels for us: a measurement must know its
// clock and its inputs. They convert the number format only when a format is requested by name that the
// device does not have.
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
  std::vector<std::uint32_t> rates_hz;  // the usual rates that it supports
  std::uint32_t least_channels = 0;
  std::uint32_t most_channels = 0;
  std::vector<std::string> formats;  // as in DeviceRequest::sample_format, best first
  std::uint32_t least_period_frames = 0;
  std::uint32_t most_period_frames = 0;
};

// For people: "44100 or 48000 Hz", "8000 to 768000 Hz"; "2 channels", "1 to 64 channels".
std::string rates_text(const AlsaOffer& offer);
std::string channels_text(const AlsaOffer& offer);

// Opens in non-blocking mode. Errors: unknown name (refused, with the existing names), busy (failed, with the
// program that holds it), anything else (failed). Takes as long as the plug-in takes.
Result<AlsaHandle> open_alsa(const std::string& name, bool capture);

// What an open PCM offers before it is set up.
AlsaOffer offer_of(snd_pcm_t* pcm);

// Sets up the PCM as requested; takes `handle`. Reopens it when a converted format is requested. Every
// refusal says what is possible.
Result<std::unique_ptr<AlsaPcm>> set_up_alsa(AlsaHandle handle, const AlsaPcmRequest& request);

// The last message of the ALSA library on this thread, captured instead of going to stderr.
std::string take_alsa_message();

}  // namespace streamlab
