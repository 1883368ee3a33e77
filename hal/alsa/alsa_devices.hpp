// hal/alsa/alsa_devices.hpp
//
// What the ALSA library of this machine offers: sound cards, and the PCMs that its configuration defines.
// Control thread. Every probe is non-blocking, and abandoned after a second if a plug-in hangs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "hal/alsa/alsa_setup.hpp"

namespace streamlab {

// One PCM in one direction.
struct AlsaDirection {
  AlsaOffer offer;      // if it could be opened
  bool busy = false;    // it is in use; `trouble` says by which program, if known
  std::string trouble;  // why it could not be opened; empty if it could
};

struct AlsaDevice {
  std::string pcm;                        // name for DeviceRequest::device, after "alsa:"
  std::string description;                // for people
  bool hardware = false;                  // a card's own PCM
  std::optional<AlsaDirection> capture;   // empty: it has none
  std::optional<AlsaDirection> playback;  // likewise
};

// The cards' PCMs, then `default` and the configured PCMs that open or are busy. PCMs that only convert or
// discard, or that connect to another sound system, are left out.
std::vector<AlsaDevice> list_alsa_devices();

// Whether "alsa" (its PCM `default`) can record from a real card: the card's name for messages, `the ALSA
// card "…"`, or why not. Dummy and loop-back cards do not count.
Result<std::string> find_alsa_default();

}  // namespace streamlab
