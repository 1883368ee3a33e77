// nodes/dsp/level_stats.hpp
//
// LevelStats: peak, rms, DC, crest and counts of one channel over an interval.
//
//   dc = Σx / N    ac_rms = √(Σ(x - dc)² / N)    rms = √(ac_rms² + dc²)
//
// Full scale is ±1. Sums are built from sub-blocks of kSubBlock samples that begin at multiples of kSubBlock
// since the start of the interval, each in two passes about its own mean, and are joined as T. F. Chan, G. H.
// Golub and R. J. LeVeque, The American Statistician 37 (1983), eq. 2.1. Nothing cancels when DC is large,
// and the result is bit-identical for any block size and on every vector path.
//
// Samples that are NaN or infinite enter no sum and no peak; they are counted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "nodes/dsp/cpu_path.hpp"

namespace streamlab::dsp {

// Levels of an interval. Levels of silence are -infinity. NaN: not defined (no finite sample; the crest of silence).
struct Levels {
  std::uint64_t samples = 0;     // in the interval, finite or not
  std::uint64_t not_finite = 0;  // NaN or infinite, excluded from everything below
  std::uint64_t clipped = 0;     // |x| at or above the clip level
  double peak = 0.0;             // largest |x|
  double rms = 0.0;
  double dc = 0.0;
  double ac_rms = 0.0;        // rms without dc
  double peak_db = 0.0;       // re 1.0
  double rms_db = 0.0;        // re 1.0
  double rms_db_aes17 = 0.0;  // re the rms of a full-scale sine (AES17): rms_db + 3.0103
  double crest_db = 0.0;      // peak_db - rms_db
};

// 20 lg x: -infinity for 0, which is no energy.
double level_db(double x) noexcept;

class LevelStats {
 public:
  static constexpr std::size_t kSubBlock = 1024;

  // `clip_level`: samples with |x| at or above it are counted as clipped.
  explicit LevelStats(CpuPath path = cpu_path(), double clip_level = 1.0) noexcept
      : path_(path), clip_level_(clip_level) {}

  // Adds the next samples. Any thread; no allocation.
  void add(std::span<const double> samples) noexcept;

  // Levels of all samples since construction or restart().
  Levels levels() const noexcept;

  void restart() noexcept;

  // One sub-block, or several combined.
  struct Sums {
    std::uint64_t finite = 0;
    std::uint64_t clipped = 0;
    double peak = 0.0;
    double sum = 0.0;
    double sum_lost = 0.0;      // rounding of sum (Neumaier)
    double squares = 0.0;       // Σ(x - mean)²
    double squares_lost = 0.0;  // rounding of squares
  };

 private:
  void join(Sums& total, std::span<const double> sub_block) const noexcept;

  CpuPath path_;
  double clip_level_;
  std::uint64_t samples_ = 0;
  Sums sums_;                                            // of whole sub-blocks
  std::size_t pending_count_ = 0;                        // < kSubBlock
  alignas(64) std::array<double, kSubBlock> pending_{};  // the current sub-block
};

}  // namespace streamlab::dsp
