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
#include <span>
#include <vector>

namespace streamlab::dsp {

class MatrixMix {
 public:
  // `values` [rows x columns], row after row.
  MatrixMix(std::size_t rows, std::size_t columns, std::span<const double> values);

  std::size_t rows() const noexcept { return first_.size() - 1; }
  std::size_t columns() const noexcept { return columns_; }

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
  std::vector<Entry> entries_;      // the non-zero ones, row after row
  std::vector<std::size_t> first_;  // of each row in entries_, and the end
};

}  // namespace streamlab::dsp
