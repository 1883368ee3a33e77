// hal/jack/jack_driver.hpp
//
// A running JACK server as a Driver: capture and playback in the same cycle, at the server's rate and period.
//
// device    "jack": the default server (JACK_DEFAULT_SERVER, else "default"); "jack:SERVER": that one. Never
//           starts a server.
// channels  physical ports by number, or any ports by name (DeviceRequest.input_ports, output_ports; an empty
//           name leaves the channel unconnected). Our ports are in_N and out_N, N being the channel.
// refused   a rate or period other than the server's (zero: the server's); ports it does not have; options
//           that only ALSA has
// period    may change while running; a longer one is split into ticks of at most the first period's length
// latency   JACK's own; this driver adds none
// loss      The server announces its end, or makes no call for half a second: the graph is paused, the server
//           is searched after 50 ms, then at intervals that double up to 500 ms, the ports are reconnected,
//           and the first tick's position has jumped by the number of frames of the device's clock meanwhile.
//           With OnDeviceLoss::stop, and when the server comes back at another rate, the driver fails.
// cables    A port that we connected and to which nothing is connected any more (its program has ended, or somebody
//           disconnected it) is counted, with the frames it stays so: DriverStatus.ports. When its program comes
//           back, the port is connected again. What somebody disconnected while both programs run is left so:
//           among JACK's programs the last hand at the patch bay is right. Channels without a named port are not
//           watched.
// xruns     One is a cycle before which the server reported one or more, be it that the card was late or that any
//           program was. Whether it cost frames is seen within JackStream::kSuspectCycles cycles.
// stop      A thread that hangs in libjack, waiting for a server that does not answer, is abandoned.
//
// DriverStatus.state is `lost` until all ports are connected again.
#pragma once

#include <memory>

#include "engine/base/error.hpp"
#include "engine/run/driver.hpp"

namespace streamlab {

// Control thread; blocks until the server answers, a few seconds at most.
Result<std::unique_ptr<Driver>> open_jack_driver(const DeviceRequest& request);

}  // namespace streamlab
