// hal/alsa/alsa_driver.hpp
//
// Any PCM of the ALSA library as a Driver.
//
// device    "alsa:PCM"; "alsa" is "alsa:default"
// rate      exactly as requested; never resampled. Zero: 48000 Hz if the device can, else the nearest
// period    exactly as requested. Zero: about 5 ms. One tick is one period
// channels  any of the device's channels. Empty: the device's default, or 2 if it leaves the choice
// format    as requested, or the device's best; see DeviceRequest::sample_format
// access    memory-mapped where offered, else read and write; interleaved or not
// latency   captured frames arrive one period after the connector; playback is kept filled with two periods
//           (or `periods`, if given) when a block has just been written, so from tick() to the connector it
//           is one period less. The converters' own delay is not included: ALSA reports it only while running
// refused   what the device cannot do; the error says what it can
// xrun      counted; the streams start again at once, and the position jumps by the frames missed
// loss      No frame for half a second (whatever the device reports), ENODEV, or three errors without a frame
//           between them: closed, reopened after 50 ms, then at intervals that double up to 500 ms. The first
//           position after that has jumped by the number of frames of the device's clock meanwhile. With
//           OnDeviceLoss::stop, and when the device comes back without the agreed rate, period or channels,
//           the driver fails
// hang      Every wait for ALSA is limited: if a call of a plug-in does not return within 2 s, its thread is
//           abandoned, and the device is reopened; see alsa_session.hpp
// stop      what is queued for playback is played; then no more tick(). At most 1 s, hung plug-ins included
#pragma once

#include <memory>

#include "engine/base/error.hpp"
#include "engine/run/driver.hpp"
#include "hal/alsa/alsa_session.hpp"

namespace streamlab {

// Control thread; takes up to 10 s if a plug-in hangs.
Result<std::unique_ptr<Driver>> open_alsa_driver(const DeviceRequest& request, const AlsaTuning& tuning = {});

}  // namespace streamlab
