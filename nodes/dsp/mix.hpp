// nodes/dsp/mix.hpp
//
// MatrixMix: every output channel is a weighted sum of the input channels.
//
//   y[r][n] = sum over c of m[r][c] x[c][n], added in the order of the columns
//
// An entry of 0 is left out of the sum: nothing of that input, not even NaN, reaches that output. A row with
// one entry is one multiplication (a copy for 1), a row with none is silence.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "nodes/dsp/ramp.hpp"

namespace streamlab::dsp {

class MatrixMix {
 public:
  // `values` [rows x columns], row after row.
  MatrixMix(std::size_t rows, std::size_t columns, std::span<const double> values);

  std::size_t rows() const noexcept { return first_.size() - 1; }
  std::size_t columns() const noexcept { return columns_; }
  std::span<const double> values() const noexcept { return values_; }

  // `in`: columns() pointers, `out`: rows() pointers, frame_count samples each. No output may overlap an
  // input. One thread; wait-free, does not allocate.
  void process(std::span<const double* const> in, std::span<double* const> out,
               std::size_t frame_count) const noexcept;

 private:
  struct Entry {
    std::size_t column;
    double factor;
  };
  std::size_t columns_;
  std::vector<double> values_;
  std::vector<Entry> entries_;      // the non-zero ones, row after row
  std::vector<std::size_t> first_;  // of each row in entries_, and the end
};

// MixRamp: every factor on the way from one matrix to another along a straight line (nodes/dsp/ramp.hpp).
//
//   y[r][n] = sum over c of (a[r][c] + (b[r][c] - a[r][c]) n / length) x[c][n],   n = 1 … length - 1
//
// An entry that is 0 in both is left out of the sum.
class MixRamp {
 public:
  MixRamp() = default;
  // Of matrices with so many entries; every line takes `length_frames`.
  MixRamp(std::size_t entries, std::uint32_t length_frames) : from_(entries), line_(1.0, length_frames) {}

  // --- real-time safe
  void reset() noexcept { line_.reset(1.0); }
  // Leaves from `now`, or from where the line to `now` is.
  void leave(const MatrixMix& now) noexcept;
  // How many frames are still on the way; behind them the target is reached.
  std::uint32_t frames_left() const noexcept { return line_.frames_left() > 0 ? line_.frames_left() - 1 : 0; }
  // As MatrixMix::process(), of at most frames_left() frames.
  void process(const MatrixMix& target, std::span<const double* const> in, std::span<double* const> out,
               std::uint32_t frames) noexcept;

 private:
  std::vector<double> from_;  // [rows x columns], where the line began
  Ramp line_{1.0};            // 0 … 1
};

}  // namespace streamlab::dsp
