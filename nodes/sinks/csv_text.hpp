// nodes/sinks/csv_text.hpp
//
// CsvText: blocks as rows of a table (RFC 4180), with a first row of names and units.
//
//   values    one row/block:    COLUMNS,"rms [dB]",…
//   spectra   one row/bin:      COLUMNS,"frequency [Hz]","left [dB]",…
//   audio     one row/frame:    position,seconds,flags,gap_frames,"left [FS]",…
//
// COLUMNS are position,seconds,timestamp_us,sequence_id,flags,gap_frames,length_frames; the last is empty if
// the length of the result is not known. CsvStyle may add one more, date_time, behind timestamp_us (audio: seconds).
//
// Numbers read back as the same float64; NaN is an empty field, infinities are inf and -inf. Several flags
// are separated by spaces. For audio, position, seconds and flags are those of the row; gap_frames is in the
// row after the gap.
#pragma once

#include <cstdint>
#include <string>

#include "engine/core/data_frame.hpp"

namespace streamlab {

struct CsvStyle {
  // A column with the date and time of the first frame, "2026-11-30 14:03:21.480"; empty where it is no time of day.
  enum class DateTime : std::uint8_t { none, local, utc } date_time = DateTime::none;
  bool has_decimal_comma = false;  // and semicolons between the fields
};

class CsvText {
 public:
  CsvText() = default;
  explicit CsvText(const StreamFormat& format, CsvStyle style = {}) : format_(format), style_(style) {}

  std::string heading() const;
  // Appends the rows of `x`.
  void append(const DataFrame& x, std::string& rows) const;

 private:
  // Row `n` of the block: its frame, bin or, always 0, its value.
  void append_row(const DataFrame& x, std::uint32_t n, std::string& rows) const;

  StreamFormat format_;
  CsvStyle style_;
};

}  // namespace streamlab
