// hal/alsa/alsa_driver.hpp
//
// Any PCM of the ALSA library as a Driver.
//
// device    "alsa:PCM"; "alsa" is "alsa:default"
// rate      exactly as asked; never resampled. Zero: 48000 Hz if the device can, else the nearest
// period    exactly as asked. Zero: about 5 ms. One tick is one period
// channels  out of as many as the device has. Empty: the device's own, 2 of it if it leaves the choice
// format    as asked, or the device's own best; see DeviceRequest::sample_format
// access    memory-mapped where offered, else read and write; interleaved or not
// latency   captured frames arrive one period after the connector; playback is kept two periods full (or
//           `periods`, if given) when a block has just been written, so from tick() to the connector it is
//           one period less. The converters' own delay, which ALSA does not tell before it runs, is not in it
// refused   what the device cannot do, with what it can
// xrun      counted; the streams start again at once, and the position jumps by the frames missed
// loss      No frame for half a second (whatever the device says of itself), ENODEV, or three errors
//           without a frame between them: closed, opened again after 50 ms, then in pauses that double up to 500 ms.
//           The first position after that has jumped by the frames that the device's clock made meanwhile.
//           With OnDeviceLoss::stop, and when the device comes back without the agreed rate, period or
//           channels, the driver fails
// hang      Nothing here waits for ALSA without a limit: a call of a plug-in that does not return within 2 s
//           has its thread left behind, and the device is opened again; see alsa_session.hpp
// stop      what is queued for playback is played; then no tick() any more. At most 1 s, hung plug-ins
//           included
#pragma once

#include <memory>

#include "engine/base/error.hpp"
#include "engine/run/driver.hpp"
#include "hal/alsa/alsa_session.hpp"

namespace streamlab {

// Control thread; at most 10 s, if a plug-in hangs.
Result<std::unique_ptr<Driver>> open_alsa_driver(const DeviceRequest& request, const AlsaTuning& tuning = {});

}  // namespace streamlab
