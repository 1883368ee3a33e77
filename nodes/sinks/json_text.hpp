// nodes/sinks/json_text.hpp
//
// JsonText: blocks as lines of JSON.
//
//   {"position":48000,"seconds":1,"timestamp_us":1000000,"sequence_id":46,"flags":["gap"],"gap_frames":256,
//    "length_frames":4800,"axis":{…},"channels":{"left":{"unit":"dB","value":-20.5}},"metadata":{…}}
//
// A channel has "value" (values), "bins" (a spectrum, along "axis") or "samples" (audio). gap_frames,
// length_frames, axis and metadata are only there if they apply. Numbers read back as the same float64; NaN
// and infinities are null.
#pragma once

#include <string>
#include <vector>

#include "engine/core/data_frame.hpp"

namespace streamlab {

class JsonText {
 public:
  JsonText() = default;
  // `label` is in each line, unless it is empty.
  JsonText(const StreamFormat& format, const std::string& label);

  // A line that describes the stream: kind, rate, channels, axis, notes.
  std::string header_line() const;
  // Appends the line of `x`.
  void append(const DataFrame& x, std::string& line) const;

 private:
  void append_header(const FrameHeader& header, std::string& line) const;
  void append_channel(const DataFrame& x, std::uint32_t c, std::string& line) const;

  StreamFormat format_;
  std::string label_;                        // `"label":"left",`, or nothing
  std::vector<std::string> channel_starts_;  // `"left":{"unit":"dB",` by channel
};

}  // namespace streamlab
