// hal/sim/sim_device.hpp
//
// The simulated sound card: a Driver that needs no hardware and follows a script.
//
//   device             input                                              clock
//   sim                as DeviceRequest::sim_script says; else a voice    as the script says; else real time
//   sim:SOUND_FILE     the file                                           as the script says; else real time
//   sim:SCRIPT.json    as the script in this file says                    as the script says; else real time
//   file:SOUND_FILE    the file                                           virtual: as fast as the graph takes it
//
// The script is described in hal/sim/sim_script.hpp, the two clocks in hal/sim/sim_driver.hpp. The card takes
// the sample rate of a file; asking for another one is refused. A recorded voice is heard on every input.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/run/driver.hpp"

namespace streamlab {

// Control thread; reads files. The message has every error of a script.
Result<std::unique_ptr<Driver>> open_sim_device(const DeviceRequest& request);

// The files that the card would read and write, including the script. None if the request is for another
// device or invalid: opening the device then says why.
struct SimFiles {
  std::vector<std::string> reads;
  std::vector<std::string> writes;
};
SimFiles sim_files(const DeviceRequest& request);

}  // namespace streamlab
