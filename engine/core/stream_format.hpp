// engine/core/stream_format.hpp
//
// StreamFormat: the shape of every block of a stream, agreed before anything runs.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace streamlab {

enum class StreamKind : std::uint8_t {
  audio,     // float64 samples in time, full scale 1.0; a block is [channels x frames]
  spectrum,  // one spectrum a block: [channels x bins], the bins along `axis`
  values,  // one number per channel a block, each with its unit; NaN: undefined, -infinity: a level of silence
  bytes,   // opaque; not used by the nodes of this version
};

std::string_view to_string(StreamKind kind);

// How a mean of many such numbers is formed.
enum class Mean : std::uint8_t {
  as_unit,  // of levels (dB…, LU…) that of their powers, of all others that of the numbers
  energy,   // of effective values and amplitudes the root of the mean square, of levels that of their powers
  none,     // it would say nothing: of peaks, crest factors, counts of samples
};

struct ChannelInfo {
  std::string name;
  std::string unit;  // "FS" for samples re full scale, "dB", "Hz", …; empty for a plain ratio
  // Audio: a sample with |x| at or above this is clipped. For samples converted from integers it is the
  // largest code, which is below 1; for calculated samples it is 1.
  double clip_level = 1.0;
  Mean mean = Mean::as_unit;

  friend bool operator==(const ChannelInfo&, const ChannelInfo&) = default;
};

// The positions of the bins of a spectrum: bin k is at start + k * step, in `unit`.
struct Axis {
  std::string quantity;  // "frequency"
  std::string unit;      // "Hz"
  double start = 0.0;
  double step = 0.0;

  friend bool operator==(const Axis&, const Axis&) = default;
};

struct StreamFormat {
  StreamKind kind = StreamKind::audio;
  double sample_rate_hz = 0.0;  // of positions: frames per second of the measured stream
  std::vector<ChannelInfo> channels;
  Axis axis;                                 // of spectra
  std::uint32_t max_frames = 0;              // largest block: frames, bins, or 1 for values
  std::map<std::string, std::string> notes;  // conventions a consumer must know: {"window": "hann", …}
  // Blocks repeat frames of earlier blocks (windows with a hop below their size): treat each separately; in
  // sequence they are not a continuous stream.
  bool overlapping = false;
  // Of audio: frames may be missing inside a block (sessions): again, treat each separately.
  bool gaps_inside = false;

  // Is a jump in position between two blocks a gap?
  bool is_continuous() const { return kind == StreamKind::audio && !overlapping && !gaps_inside; }

  std::uint32_t channel_count() const { return static_cast<std::uint32_t>(channels.size()); }
  friend bool operator==(const StreamFormat&, const StreamFormat&) = default;
};

// An audio format with channels of unit "FS".
StreamFormat audio_format(double sample_rate_hz, const std::vector<std::string>& channel_names,
                          std::uint32_t max_frames, double clip_level = 1.0);

// The same with clip levels of 1: for the output of a node that calculates from samples of `format`.
StreamFormat with_new_values(StreamFormat format);

// The usual names of `count` channels: "main_channel" for one, "left" and "right" for two, else "ch1", "ch2",
// …
std::vector<std::string> default_channel_names(std::uint32_t count);

// "2 channels of audio at 48000 Hz, blocks of up to 256 frames", for messages.
std::string describe(const StreamFormat& format);

}  // namespace streamlab
