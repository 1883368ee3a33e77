// hal/sim/sim_script.hpp
//
// What a simulated card is told to be and to do: the JSON object of DeviceRequest::sim_script, read and
// checked.
//
//   key                    value (default)
//   clock                  "real_time" or "virtual" ("virtual" for device "file:…", else "real_time")
//   input                  "voice", "silence", {"counting": true}, {"sine": {"frequency_hz": F, "amplitude":
//   A}} or the
//                          path of a sound file ("voice": the recordings of package alsa-utils, in a loop)
//   loop                   true: a sound file starts again at its end (false: the stream ends with it)
//   loopback               true: what is played comes back at the input (false); excludes `input`
//   sample_rate_hz         1 .. 10e6 (that of the input; 48000 for generated ones)
//   input_channels         channels of a generated input, 1 .. 1024 (2); a file has its own
//   output_channels        1 .. 1024 (2)
//   ppm                    rate error of the card's clock, -100000 .. 100000 (0); +50: 1.00005 s of frames a
//   second jitter_us              each timestamp, and in real time each tick, comes up to this much late (0)
//   seed                   of the jitter, 0 .. 2^53 (1)
//   epoch_us               timestamp of position 0, µs since the Unix epoch (virtual: 0, real time: when it
//   starts) frames, duration_s     one of them: length of the stream, lost frames included (without end, or
//   the file's) input_latency_frames   from the connector to the tick (one period) output_latency_frames from
//   the tick to the connector (one period) buffer_frames          how far the client may fall behind before
//   frames are lost (the longer of 4 periods
//                          and 0.25 s)
//   playback_to            path of a WAV file (64-bit float) that takes what is played, by position: lost
//   frames are
//                          zeros in it
//   overwrite              true: playback_to may exist already (false)
//   faults                 array, in the order of at_frame; each begins exactly at position at_frame:
//     {"at_frame": N, "type": "xrun", "lost_frames": n}             n >= 0 frames lost, an xrun is reported
//     {"at_frame": N, "type": "stall", "duration_ms": t}            no tick for t ms of the card's time. What
//     fits into
//                                                                   buffer_frames then comes at once; a
//                                                                   longer stall is an xrun that loses its
//                                                                   whole length
//     {"at_frame": N, "type": "unplug", "frames": n}                the card is gone for n frames of its time
//     {"at_frame": N, "type": "rate_change", "sample_rate_hz": R}   the card changes its rate: the driver
//     fails
//     {"at_frame": N, "type": "period_change", "period_frames": n}  longer periods than the first come in
//     several
//                                                                   ticks
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.hpp"

namespace streamlab {

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

// Empty: as the table above says.
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

// Reads a script; an empty text is an empty script, comments are allowed. Every error comes out, each with a
// JSON pointer that begins with /sim.
Checked<SimScript> parse_sim_script(std::string_view text);

}  // namespace streamlab
