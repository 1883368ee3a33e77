// hal/jack/jack_driver.hpp
//
// A running JACK server as a Driver: capture and playback in the same cycle, at the server's rate and period.
//
// device    "jack": the default server (JACK_DEFAULT_SERVER, else "default"); "jack:SERVER": that one. Never
//           starts a server.
// channels  physical ports by number, or any ports by name (DeviceRequest.input_ports, output_ports; an empty
//           name leaves the channel unconnected). Our ports are in_N and out_N, N being the channel.
// refused   another rate or period than the server's (zero takes the server's); ports it does not have;
//           options that only ALSA has
// period    may change while running; a longer one comes as several ticks of at most the first one's length
// latency   JACK's own; this driver adds none
// loss      The server says that it ends, or calls nothing for half a second: the graph is held, the server
//           is looked for after 50 ms, then in pauses that double up to 500 ms, the ports are connected again,
//           and the first tick's position has jumped by the frames that the device's clock made meanwhile.
//           With OnDeviceLoss::stop, and when the server comes back at another rate, the driver fails.
// stop      A thread that hangs in libjack, waiting for a server that does not answer, is left behind.
//
// DriverStatus.state is `lost` until all ports are connected again.
#pragma once

#include <memory>

#include "engine/base/error.hpp"
#include "engine/run/driver.hpp"

namespace streamlab {

// Control thread; blocks while the server answers, at most some seconds.
Result<std::unique_ptr<Driver>> open_jack_driver(const DeviceRequest& request);

}  // namespace streamlab
