// engine/run/driver.hpp
//
// Driver: ticks a domain on behalf of a device. The hardware layer (hal/) implements it; the engine
// implements DeviceClient, the other side. This file is all that they know of each other.
//
//   open     the hardware layer turns a DeviceRequest into a Driver, or refuses and says what is possible
//   format   what was agreed: rate, period, channels, latency
//   start    from now on the driver calls tick() on its own thread, once per block
//   stop     no tick() is running or will run any more when it returns; returns within a bound (1 s)
//
// Positions count frames of the device's stream. A position that jumps is a gap: the frames between were
// lost, and the size of the jump is their number, as exact as the device's clock model.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/base/error.hpp"

namespace streamlab {

enum class OnDeviceLoss {
  wait,  // pause the graph, reopen with growing delays, mark the gap, continue
  stop,  // end the run with an error
};

// What a graph asks of a device. Empty and zero mean: the device's default.
struct DeviceRequest {
  // "default", "jack[:SERVER]", "alsa:PCM", "sim[:FILE]"; see hal/backends.hpp
  std::string device = "default";
  bool may_be_simulated = true;  // "default": may the simulated card stand in where nothing else is found?
  bool capture = false;
  bool playback = false;
  double sample_rate_hz = 0.0;
  std::uint32_t period_frames = 0;
  std::vector<std::uint32_t> input_channels;   // 1-based, in the order in which the graph sees them
  std::vector<std::uint32_t> output_channels;  // likewise
  std::vector<std::string> input_ports;   // JACK ports to connect from, one per channel; empty: physical ones
  std::vector<std::string> output_ports;  // JACK ports to connect to
  std::string client_name = "streamlab";  // JACK client name
  // ALSA: "auto" or S16_LE, S24_3LE, S24_LE, S24_LE_HIGH, S32_LE, FLOAT_LE, FLOAT64_LE
  std::string sample_format = "auto";
  std::string access = "auto";  // ALSA: "auto", "mmap", "rw"
  std::uint32_t periods = 0;    // ALSA: periods in the buffer
  OnDeviceLoss on_device_loss = OnDeviceLoss::wait;
  std::string sim_script;  // sim: its JSON object of clock, input and faults, as text; empty: none
};

// What the device agreed to.
struct DeviceFormat {
  // For people: `JACK server "default"`, `ALSA hw:0 (S32_LE, mmap)`, `simulated card (…)`.
  std::string description;
  // For people: how the device was chosen or what is odd about it, one line; may be empty.
  std::string notice;
  double sample_rate_hz = 0.0;
  std::uint32_t period_frames = 0;
  std::uint32_t max_block_frames = 0;  // no tick is longer; a longer period is split into several ticks
  std::vector<std::string> input_names;
  std::vector<std::string> output_names;
  // False: the device's clock is virtual and waits for the graph, so nothing has to be dropped.
  bool real_time = true;
  std::uint32_t input_latency_frames = 0;   // from the connector to tick()
  std::uint32_t output_latency_frames = 0;  // from tick() to the connector
  double input_clip_level = 1.0;            // |x| of the largest code of its converters; 1 for floats
  // Frames until its input is over (a recording in place of a card); empty: it does not end, or that is not known.
  std::optional<std::uint64_t> length_frames = std::nullopt;
  // What of that recording is not played, because it is damaged, missing or behind its stated end: lost, each a sentence.
  std::vector<std::string> losses = {};
};

// One block, as the driver hands it over.
struct TickInfo {
  std::int64_t position = 0;      // of the block's first frame in the device's stream; a jump is a gap
  std::int64_t timestamp_us = 0;  // µs since the Unix epoch of that frame, from the driver's clock model
  std::uint32_t frame_count = 0;  // 1 .. max_block_frames
  bool xrun = false;              // the device reported an xrun since the last tick
};

// The graph, as seen by the driver. All calls come from the driver's thread and are real-time safe if the
// device is.
class DeviceClient {
 public:
  virtual ~DeviceClient() = default;
  // One pointer per input channel, each with room for max_block_frames doubles (full scale is 1.0). The
  // driver fills them before tick(). They stay the same from start() to stop().
  virtual std::span<double* const> inputs() noexcept = 0;
  // One pointer per output channel, valid after tick() until the next: frame_count doubles.
  virtual std::span<const double* const> outputs() noexcept = 0;
  virtual void tick(const TickInfo& info) noexcept = 0;
  // Does it need no further tick? Then a device whose clock waits for the graph ends, at the same frame in each run.
  // After a tick, on the same thread.
  virtual bool is_through() const noexcept { return false; }
};

enum class DriverState {
  idle,
  running,
  lost,    // the device is gone; trying to reopen it
  ended,   // the device's own input is over (a simulated card that played its file)
  failed,  // permanently: see DriverStatus::failure
};

// A connection that was asked for, of a device whose cables can be pulled while it runs (JACK).
struct PortConnection {
  bool is_input = true;
  std::uint32_t channel = 0;             // index in DeviceFormat::input_names or output_names
  std::string peer;                      // what it was connected to at the start
  bool connected = true;                 // to anything
  std::uint64_t interruptions = 0;       // times that it became unconnected
  std::uint64_t unconnected_frames = 0;  // handed to tick() meanwhile: silence that nobody played
};

// Counters since start(). Any thread may ask at any time.
struct DriverStatus {
  DriverState state = DriverState::idle;
  std::uint64_t ticks = 0;
  std::uint64_t frames = 0;             // handed to tick()
  std::uint64_t xruns = 0;              // blocks with TickInfo::xrun
  std::uint64_t xruns_without_gap = 0;  // of these, those that cost no frames
  std::uint64_t gaps = 0;               // position jumps
  std::uint64_t lost_frames = 0;        // their sum
  std::uint64_t reopened = 0;           // times the device came back
  std::vector<PortConnection> ports;    // empty where nothing can be unconnected
  std::string real_time;  // scheduling in force on the driver's thread, for people: "SCHED_FIFO 70, …"
  Error failure;          // with state failed
};

class Driver {
 public:
  virtual ~Driver() = default;
  virtual const DeviceFormat& format() const noexcept = 0;
  // Control thread. `client` must live until stop() has returned.
  virtual Result<void> start(DeviceClient& client) = 0;
  // Control thread; may be called twice; never hangs.
  virtual void stop() noexcept = 0;
  // Any thread.
  virtual DriverStatus status() const = 0;
};

// How the engine opens a driver without knowing the hardware layer.
using DeviceOpener = std::function<Result<std::unique_ptr<Driver>>(const DeviceRequest&)>;

}  // namespace streamlab
