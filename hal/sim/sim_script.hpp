// hal/sim/sim_script.hpp
//
// The script of a simulated card: the JSON object of DeviceRequest::sim_script, read and checked.
//
//   key (default)               value
//   clock ("real_time")         "real_time" or "virtual"; device "file:…" is always "virtual"
//   input ("voice")             "voice": the recordings of package alsa-utils, in a loop; "silence";
//                               {"counting": true}: hal/sim/counting.hpp;
//                               {"sine": {"frequency_hz": 997, "amplitude": 0.5}};
//                               or the path of a sound file
//   loop (false)                true: a sound file starts again at its end, else the stream ends with it
//   loopback (false)            true: the output is connected to the input; excludes `input`
//   sample_rate_hz              1 .. 10e6; the rate of the input, or 48000 if that has none
//   input_channels (2)          1 .. 1024; a sound file has its own
//   output_channels (2)         1 .. 1024
//   ppm (0)                     rate error of the card's clock, -100000 .. 100000; with +50 a second holds
//                               1.00005 times the frames
//   jitter_us (0)               each timestamp, and in real time each tick, comes up to this much late
//   seed (1)                    of the jitter, 0 .. 2^53
//   epoch_us                    timestamp of position 0, µs since the Unix epoch; 0 with a virtual clock, the
//                               time of start() in real time
//   frames, duration_s          length of the stream, lost frames included: one of the two, or none for a
//                               stream without end (a file has its own)
//   input_latency_frames        from the connector to the tick; one period
//   output_latency_frames       from the tick to the connector; one period
//   buffer_frames               how far the client may lag before frames are lost; the longer of 4 periods
//                               and 0.25 s
//   playback_to                 path of a WAV file (64-bit float) for the output, each frame at its position:
//                               lost frames are zeros
//   overwrite (false)           true: playback_to may already exist
//   faults ([])                 objects in the order of at_frame; each begins exactly at position at_frame:
//
//   {"at_frame": N, "type": "xrun", "lost_frames": n}
//       an xrun is reported and n >= 0 frames are lost
//   {"at_frame": N, "type": "stall", "duration_ms": t}
//       no tick for t ms of the card's time. Frames that fit into buffer_frames then come at once, and
//       nothing is lost; a stall longer than that is an xrun that loses its whole length
//   {"at_frame": N, "type": "unplug", "frames": n}
//       the card is gone for n >= 1 frames of its time
//   {"at_frame": N, "type": "rate_change", "sample_rate_hz": R}
//       the card changes its rate, and the driver fails
//   {"at_frame": N, "type": "period_change", "period_frames": n}
//       a period longer than the first one is split into several ticks
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.hpp"

namespace streamlab {

inline constexpr std::uint32_t kDefaultChannels = 2;  // in and out, unless the file or the script sets it

enum class SimClock { real_time, virtual_time };

struct SimInput {
  enum class Kind { voice, silence, counting, sine, file };
  Kind kind = Kind::voice;
  std::string path;             // file
  double frequency_hz = 997.0;  // sine
  double amplitude = 0.5;       // sine: peak

  friend bool operator==(const SimInput&, const SimInput&) = default;
};

struct SimFault {
  enum class Kind { xrun, stall, unplug, rate_change, period_change };
  Kind kind = Kind::xrun;
  std::int64_t at_frame = 0;
  std::int64_t lost_frames = 0;     // xrun, unplug
  double duration_ms = 0.0;         // stall
  double sample_rate_hz = 0.0;      // rate_change
  std::uint32_t period_frames = 0;  // period_change

  friend bool operator==(const SimFault&, const SimFault&) = default;
};

// Empty: the defaults of the table above.
struct SimScript {
  std::optional<SimClock> clock;
  std::optional<SimInput> input;
  bool loop = false;
  bool loopback = false;
  std::optional<double> sample_rate_hz;
  std::optional<std::uint32_t> input_channels;
  std::optional<std::uint32_t> output_channels;
  double ppm = 0.0;
  double jitter_us = 0.0;
  std::uint64_t seed = 1;
  std::optional<std::int64_t> epoch_us;
  std::optional<std::int64_t> frames;
  std::optional<double> duration_s;
  std::optional<std::uint32_t> input_latency_frames;
  std::optional<std::uint32_t> output_latency_frames;
  std::optional<std::uint32_t> buffer_frames;
  std::string playback_to;
  bool overwrite = false;
  std::vector<SimFault> faults;
};

// Reads a script; an empty text is an empty script, comments are allowed. Returns all errors, each with a
// JSON pointer that begins with /sim.
Checked<SimScript> parse_sim_script(std::string_view text);

}  // namespace streamlab
