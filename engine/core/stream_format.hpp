// engine/core/stream_format.hpp
//
// StreamFormat: what flows along an edge, agreed before anything runs. Every block of the stream has this
// shape.
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
  values,    // one number per channel a block, each with its unit; NaN stands for "undefined"
  bytes,     // opaque; not used by the nodes of this version
};

std::string_view to_string(StreamKind kind);

struct ChannelInfo {
  std::string name;
  std::string unit;  // "FS" for samples re full scale, "dB", "Hz", …; empty for a plain ratio
  // Audio: a sample with |x| from here on is clipped. Where samples come from integers that is their largest code,
  // which lies below 1; what has been calculated since knows no codes any more, and 1 stands.
  double clip_level = 1.0;

  friend bool operator==(const ChannelInfo&, const ChannelInfo&) = default;
};

// Where the bins of a spectrum lie: bin k at start + k * step, in `unit`.
struct Axis {
  std::string quantity;  // "frequency"
  std::string unit;      // "Hz"
  double start = 0.0;
  double step = 0.0;

  friend bool operator==(const Axis&, const Axis&) = default;
};

struct StreamFormat {
  StreamKind kind = StreamKind::audio;
  double sample_rate_hz = 0.0;  // of the positions: frames per second of the stream that was measured
  std::vector<ChannelInfo> channels;
  Axis axis;                                 // of spectra
  std::uint32_t max_frames = 0;              // largest block: frames, bins, or 1 for values
  std::map<std::string, std::string> notes;  // conventions a reader must know: {"window": "hann", …}
  // Blocks repeat frames of the blocks before them (windows with a hop below their size): each is to be
  // looked at by itself, and one after the other they are no stream.
  bool overlapping = false;

  std::uint32_t channel_count() const { return static_cast<std::uint32_t>(channels.size()); }
  friend bool operator==(const StreamFormat&, const StreamFormat&) = default;
};

// An audio format with channels of unit "FS".
StreamFormat audio_format(double sample_rate_hz, const std::vector<std::string>& channel_names,
                          std::uint32_t max_frames, double clip_level = 1.0);

// The same with clip levels of 1: of what a node calculates from samples of `format`.
StreamFormat with_new_values(StreamFormat format);

// The usual names of `count` channels: "main_channel" for one, "left" and "right" for two, else "ch1", "ch2",
// …
std::vector<std::string> default_channel_names(std::uint32_t count);

// "2 channels of audio at 48000 Hz, blocks of up to 256 frames", for people.
std::string describe(const StreamFormat& format);

}  // namespace streamlab
