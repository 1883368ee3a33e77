// nodes/sinks/brief_text.hpp
//
// BriefText: a block as lines that are read while it runs, one a channel:
//
//   [Level] 0:00.500  left   peak   -6.65 dBFS  rms  -21.93 dB re 1 FS  crest   15.28 dB
//   [Spectrum] 14:03:21.480  left    -3.01 dBFS at 1000.0 Hz
//   [Mic] 0:00.021  left   rms 0.354 FS  mean 0.000123 FS
//
// The time is that of the block's first frame: of day where the block says it (a live one does), else since the
// beginning of the stream. Levels have two decimals, whatever their size; other numbers three significant digits.
// "--" is a value that does not exist, such as the crest factor of silence. Names, units and the label come from files
// and are made printable: what they hold is no line of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/data_frame.hpp"
#include "nodes/dsp/tone_peaks.hpp"
#include "nodes/sinks/level_bar.hpp"

namespace streamlab {

// "3.14", "-0.0123", "12300"; "null" for NaN.
std::string three_digits(double value);

// "14:03:21.480" of a time since the Unix epoch, in the local time zone; "0:01.500", "1:02:03.004" of a shorter one.
std::string clock_text(std::int64_t timestamp_us);
// Is it a time since the Unix epoch, rather than one since the beginning of a stream?
bool is_time_of_day(std::int64_t timestamp_us);

class BriefText {
 public:
  enum class Bars : bool { no, yes };

  // What the blocks of a stream of `format` look like; with Bars::yes, a bar stands before levels re full scale.
  BriefText(const StreamFormat& format, std::string label, Bars bars);

  void reset() { holds_.assign(lines_.size(), {}); }
  std::string operator()(const DataFrame& frame);

 private:
  struct Quantity {
    std::string name;  // as it is shown
    std::string unit;
    std::uint32_t channel = 0;  // of the block
    bool is_count = false;      // shown where it is not 0
  };
  struct Line {
    std::string name;  // of the channel, padded
    std::vector<Quantity> quantities;
    // Channels of the block for the bar.
    std::optional<std::uint32_t> level;
    std::optional<std::uint32_t> peak;
    std::string prefix = {};  // of the names of the quantities: "max " behind a Reduce
  };

  void list_values(const StreamFormat& format);
  void find_bars(const StreamFormat& format);
  void pad_names();
  std::string values_of(const DataFrame& frame, Line& line, PeakHold& hold) const;
  std::string peaks_of(const DataFrame& frame, std::uint32_t channel) const;
  struct Level {
    double value;
    std::string unit;
  };
  Level level_of(double amplitude, const std::string& unit) const;
  static std::string audio_of(const DataFrame& frame, std::uint32_t channel);

  const std::string label_;
  const Bars bars_;
  const std::string scaling_;  // of spectra: "amplitude", "rms", …; empty where nobody says it
  dsp::TonePeaks peaks_;
  std::vector<Line> lines_;
  std::vector<PeakHold> holds_;  // by line
};

}  // namespace streamlab
