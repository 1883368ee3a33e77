// hal/backends.hpp
//
// The list of device types, and which of them "default" means.
//
//   default                     the first of these that exists: a running JACK server, an ALSA card, the
//                               simulated card. DeviceFormat::notice says which it was, and why
//   jack, jack:SERVER           a running JACK server                            hal/jack/jack_driver.hpp
//   alsa, alsa:PCM              any PCM of the ALSA library; "alsa" is its default hal/alsa/alsa_driver.hpp
//   sim, sim:FILE, file:FILE    the simulated card                               hal/sim/sim_device.hpp
//
// A device that exists but cannot be opened as requested (other rate, busy) is refused by its backend:
// "default" does not try the next one, because then it would be unclear what is being recorded.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "engine/run/driver.hpp"

namespace streamlab {

// Opens the device that request.device names. Control thread; blocks while the device answers. The one function of
// this name, to be given as it is: options.open_device = open_device.
Result<std::unique_ptr<Driver>> open_device(const DeviceRequest& request);

// Whether `format` is that of a simulated card that stands in for one that was not found: what a program must not
// keep to itself.
bool is_stand_in(const DeviceFormat& format);

// One device, as `streamlab devices` lists it.
struct DeviceEntry {
  std::string device;                       // name for a configuration
  std::string description;                  // for people
  bool available = true;                    // false: it exists, but cannot be opened now
  std::string note;                         // why not, or which program holds it; may be empty
  std::uint32_t inputs = 0;                 // maximum number of channels
  std::uint32_t outputs = 0;                // likewise
  std::vector<double> sample_rates_hz;      // empty: any
  std::vector<std::string> sample_formats;  // of the hardware; empty: float64
  std::uint32_t period_frames = 0;          // 0: as asked
  std::vector<std::string> ports;           // JACK: those that can be named in "ports"
};

struct DeviceList {
  std::vector<DeviceEntry> devices;
  std::vector<std::string> notes;  // what was not found, and why
};

// Every device that can be found. Control thread; blocks for some milliseconds, 3 s with a hanging JACK
// server.
DeviceList list_devices();

// ---- The same over a list of backends, for tests.
struct Backend {
  std::string name;                // of the device type, before the colon
  std::vector<std::string> forms;  // the possible spellings, for messages
  // Finds such a device for "default": its name for messages, or why there is none. Empty: never a default.
  std::function<Result<std::string>()> find;
  DeviceOpener open;
  std::function<Result<std::vector<DeviceEntry>>()> list;  // empty: lists nothing
  bool scripted = false;                                   // uses DeviceRequest::sim_script
  bool has_ports = false;                                  // uses DeviceRequest::input_ports and output_ports
};

Result<std::unique_ptr<Driver>> open_device_of(std::span<const Backend> backends,
                                               const DeviceRequest& request);
DeviceList list_devices_of(std::span<const Backend> backends);

}  // namespace streamlab
