// nodes/analysis/interval_measurement.hpp
//
// IntervalMeasurement: a node that measures a stream stretch by stretch and gives one result for each. A
// stretch is usually an interval of a grid that begins at position 0 (nodes/analysis/interval_grid.hpp); it
// can also be a number of frames, one block, or the whole stream.
//
// A node has
//
//   restart()   forgets what was measured: a stretch begins
//   measure()   takes the frames that belong to the stretch
//   give()      writes the result
//
// Done here, once, and the same for any block size:
//
//   - Blocks are cut where a stretch ends. In audio each frame belongs to the stretch of its position. Values
//     and spectra, which are results themselves, belong to that of their last frame.
//   - A result's position, time and length are those of its stretch, as far as the stream has it; of values that say how
//     long they are, those of what they cover.
//   - Flag `gap`, with the frames missing since the end of the last result, so that each counts once.
//   - Flag `incomplete` where frames are missing inside, and where the stretch is cut off: by the end of the
//     stream, or because the stream restarts its count.
//   - The flags of the measured frames (nodes/analysis/flag_trail.hpp).
//   - A stretch that is entirely missing gives no result.
//   - A new interval (plan_interval(), apply_interval()) holds from the end of the one under way on. Its grid begins at
//     position 0, too, so that results are those of a node that began so, except the first: it begins where the last one
//     ended, and where that is inside an interval of the new grid it is one that is entered late.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/core/node.hpp"
#include "nodes/analysis/flag_trail.hpp"
#include "nodes/analysis/interval_grid.hpp"

namespace streamlab {

class IntervalMeasurement : public Node {
 public:
  void reset() noexcept override;
  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept final;
  Status finish(std::span<OutputPort> out) noexcept final;

 protected:
  struct Stretches {
    enum class Over : std::uint8_t { interval, count, block, stream };
    // The first interval when the stream begins inside it.
    enum class EnteredLate : std::uint8_t {
      incomplete,  // covers less than it should. Frames missing before the interval are not told.
      accepted,    // is as long as the stream has it. All frames missing before the first block are told.
    };
    Over over = Over::interval;
    double interval_s = 0.0;
    std::int64_t count = 0;  // frames of audio, else values or spectra
    EnteredLate entered_late = EnteredLate::incomplete;
    // Why blocks may not overlap, except with Over::block.
    std::string_view why_no_overlap = "an interval would count them more than once";
  };

  using Over = Stretches::Over;

  // What a result is about.
  struct Stretch {
    std::int64_t interval_frames = 0;  // of an interval: from its beginning to its end on the grid
    std::int64_t measured = 0;         // frames of audio, else values or spectra
    std::int64_t missing_frames = 0;   // lost inside
  };

  // Part of prepare(). Refused: overlapping blocks, at /config/interval_s an interval shorter than a frame.
  // Sets the max_blocks and held_frames of `out`. reset() must follow, when the node is ready for restart().
  Result<void> prepare_stretches(const StreamFormat& in, const Stretches& stretches, OutputFormat& out);

  // Part of plan_change(): another interval. Refused: one shorter than a frame; one so short that a block could end more of
  // them than was said by prepare(); intervals where there were none, and the reverse.
  Result<IntervalGrid> plan_interval(double interval_s) const;
  // Part of apply().
  void apply_interval(const IntervalGrid& grid) noexcept;
  // Of the interval under way. Real-time safe, in give().
  double interval_s() const noexcept { return grid_.interval_frames() / sample_rate_hz_; }

  // The format of results that are one number a channel; the channels are to be filled in.
  static StreamFormat values_format(const StreamFormat& in);

  // --- real-time safe, as process()
  virtual void restart() noexcept = 0;
  // Frames `first` … `first + count - 1` of `x` belong to the stretch. Of values one is given at a time, of
  // spectra the whole block, with a count of 1.
  virtual void measure(const DataFrame& x, std::uint32_t first, std::uint32_t count) noexcept = 0;
  // Writes the numbers of the result and its frame count; may add flags and metadata. The header is made, the
  // metadata are empty.
  virtual void give(const Stretch& stretch, DataFrame& y) noexcept = 0;
  // Metadata of an interval: interval_frames, frames (measured), missing_frames.
  static void set_metadata(const Stretch& stretch, DataFrame& y) noexcept;

 private:
  void add_audio(const DataFrame& x, OutputPort& out) noexcept;
  void add_results(const DataFrame& x, OutputPort& out) noexcept;
  void add_result(const DataFrame& x, std::uint32_t index, std::int64_t moment) noexcept;
  void begin_stream(const FrameHeader& header) noexcept;
  void go_to(std::int64_t position, OutputPort& out) noexcept;
  void open(std::int64_t position) noexcept;
  void end_stretch(OutputPort& out, bool whole) noexcept;
  std::int64_t end_of_result(bool whole) const noexcept;
  std::uint32_t blocks_per_input(const IntervalGrid& grid) const noexcept;

  Stretches stretches_;  // fixed by prepare_stretches(), as are the next
  StreamKind kind_ = StreamKind::audio;
  double sample_rate_hz_ = 1.0;
  IntervalGrid initial_grid_;
  std::uint32_t max_blocks_ = 0;
  std::uint32_t max_frames_ = 0;

  IntervalGrid grid_;          // of the stretch under way
  IntervalGrid next_grid_;     // of those behind it
  bool started_ = false;       // a block has come
  std::int64_t begin_ = 0;     // of the stretch under way
  std::int64_t end_ = 0;       // likewise, of an interval
  std::int64_t first_ = 0;     // frame of the stretch that the stream has, missing or not
  std::int64_t next_ = 0;      // audio: position of the next frame; else of the last block
  std::int64_t measured_ = 0;  // in the stretch
  std::int64_t missing_ = 0;   // frames lost inside the stretch
  std::int64_t last_end_ = 0;  // end of the last stretch, or where the stream began
  std::int64_t timestamp_us_ = 0;
  std::uint64_t results_ = 0;
  FlagTrail trail_;  // of audio

  // Of values and spectra.
  std::int64_t step_ = 0;     // between the last two blocks
  std::int64_t covered_ = 0;  // end of the last one in the stretch
  bool length_known_ = true;  // each in the stretch said how long it is
  bool gap_ = false;          // one in the stretch had that flag
  std::uint32_t flags_ = 0;   // of those in the stretch
};

}  // namespace streamlab
