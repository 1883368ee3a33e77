// nodes/dsp/level_stats.cpp
//
// Sub-block sums in vector lanes, combined in compensated arithmetic.
#include "nodes/dsp/level_stats.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

namespace streamlab::dsp {
namespace {

// Sums of `count` samples, a multiple of kLanes: sample n belongs to lane n mod kLanes, whatever the width of
// the machine's vectors, so that every path adds the same numbers in the same order.
constexpr std::size_t kLanes = 16;

// Vectors of `width` numbers. (typedef: g++ 12 loses the attribute of an alias-declaration here.)
template <std::size_t width>
struct Vector {
  typedef double Reals __attribute__((vector_size(width * sizeof(double))));
  typedef std::int64_t Words __attribute__((vector_size(width * sizeof(std::int64_t))));
};

SL_KERNEL_BODY double fold(const double* lanes) noexcept {
  double sums[kLanes];
  std::copy_n(lanes, kLanes, sums);
  for (std::size_t half = kLanes / 2; half > 0; half /= 2) {
    for (std::size_t k = 0; k < half; ++k) { sums[k] += sums[k + half]; }
  }
  return sums[0];
}

template <std::size_t width>
SL_KERNEL_BODY void sum_lanes(const double* x, std::size_t count, double clip_level,
                              LevelStats::Sums& out) noexcept {
  using Reals = typename Vector<width>::Reals;
  using Words = typename Vector<width>::Words;
  constexpr std::size_t kParts = kLanes / width;
  constexpr std::int64_t kSignless = std::numeric_limits<std::int64_t>::max();

  Reals sum[kParts] = {};
  Reals peak[kParts] = {};
  Words finite[kParts] = {};
  Words clipped[kParts] = {};
  for (std::size_t n = 0; n < count; n += kLanes) {
    for (std::size_t p = 0; p < kParts; ++p) {
      Reals value;
      Words bits;
      std::memcpy(&value, x + n + p * width, sizeof value);
      std::memcpy(&bits, &value, sizeof bits);
      const Words is_finite = (value - value) == 0.0;  // all ones or zero
      bits &= is_finite;
      std::memcpy(&value, &bits, sizeof value);
      sum[p] += value;
      finite[p] -= is_finite;
      bits &= kSignless;
      Reals magnitude;
      std::memcpy(&magnitude, &bits, sizeof magnitude);
      clipped[p] -= magnitude >= clip_level;
      peak[p] = magnitude > peak[p] ? magnitude : peak[p];
    }
  }
  double lanes[kLanes];
  std::memcpy(lanes, sum, sizeof lanes);
  out.sum = fold(lanes);
  std::int64_t counts[kLanes];
  std::memcpy(counts, finite, sizeof counts);
  out.finite = static_cast<std::uint64_t>(std::accumulate(counts, counts + kLanes, std::int64_t{0}));
  std::memcpy(counts, clipped, sizeof counts);
  out.clipped = static_cast<std::uint64_t>(std::accumulate(counts, counts + kLanes, std::int64_t{0}));
  std::memcpy(lanes, peak, sizeof lanes);
  out.peak = *std::max_element(lanes, lanes + kLanes);

  const double mean = out.finite == 0 ? 0.0 : out.sum / static_cast<double>(out.finite);
  Reals squares[kParts] = {};
  for (std::size_t n = 0; n < count; n += kLanes) {
    for (std::size_t p = 0; p < kParts; ++p) {
      Reals value;
      std::memcpy(&value, x + n + p * width, sizeof value);
      const Words is_finite = (value - value) == 0.0;
      Reals difference = value - mean;
      Words bits;
      std::memcpy(&bits, &difference, sizeof bits);
      bits &= is_finite;
      std::memcpy(&difference, &bits, sizeof difference);
      squares[p] += difference * difference;
    }
  }
  std::memcpy(lanes, squares, sizeof lanes);
  out.squares = fold(lanes);
}

void sum_baseline(const double* x, std::size_t count, double clip_level, LevelStats::Sums& out) noexcept {
  sum_lanes<2>(x, count, clip_level, out);
}
SL_TARGET_AVX2 void sum_avx2(const double* x, std::size_t count, double clip_level,
                             LevelStats::Sums& out) noexcept {
  sum_lanes<4>(x, count, clip_level, out);
}
SL_TARGET_AVX512 void sum_avx512(const double* x, std::size_t count, double clip_level,
                                 LevelStats::Sums& out) noexcept {
  sum_lanes<8>(x, count, clip_level, out);
}

// sum += term, collecting the rounding error in `lost` (A. Neumaier, ZAMM 54, 1974).
void add_compensated(double& sum, double& lost, double term) noexcept {
  const double next = sum + term;
  lost += std::fabs(sum) >= std::fabs(term) ? (sum - next) + term : (term - next) + sum;
  sum = next;
}

}  // namespace

double level_db(double x) noexcept { return 20.0 * std::log10(x); }

void LevelStats::restart() noexcept {
  samples_ = 0;
  sums_ = {};
  pending_count_ = 0;
}

void LevelStats::join(Sums& total, std::span<const double> sub_block) const noexcept {
  // The lanes need whole vectors: the rest of a short sub-block is NaN, which is not counted.
  Sums part;
  const auto sum = [this](const double* x, std::size_t count, Sums& out) {
    switch (path_) {
      case CpuPath::avx512:
        return sum_avx512(x, count, clip_level_, out);
      case CpuPath::avx2:
        return sum_avx2(x, count, clip_level_, out);
      case CpuPath::baseline:
        return sum_baseline(x, count, clip_level_, out);
    }
  };
  if (sub_block.size() % kLanes == 0) {
    sum(sub_block.data(), sub_block.size(), part);
  } else {
    std::array<double, kSubBlock> padded;
    const std::size_t count = (sub_block.size() + kLanes - 1) / kLanes * kLanes;
    std::copy(sub_block.begin(), sub_block.end(), padded.begin());
    std::fill(padded.begin() + static_cast<std::ptrdiff_t>(sub_block.size()),
              padded.begin() + static_cast<std::ptrdiff_t>(count), std::numeric_limits<double>::quiet_NaN());
    sum(padded.data(), count, part);
  }
  if (part.finite == 0) { return; }
  if (total.finite == 0) {
    total = part;
    return;
  }
  const double n = static_cast<double>(total.finite);
  const double m = static_cast<double>(part.finite);
  const double difference = part.sum / m - (total.sum + total.sum_lost) / n;
  add_compensated(total.squares, total.squares_lost, part.squares);
  add_compensated(total.squares, total.squares_lost, difference * difference * (n * m / (n + m)));
  add_compensated(total.sum, total.sum_lost, part.sum);
  total.finite += part.finite;
  total.clipped += part.clipped;
  total.peak = std::max(total.peak, part.peak);
}

void LevelStats::add(std::span<const double> samples) noexcept {
  samples_ += samples.size();
  while (!samples.empty()) {
    if (pending_count_ == 0 && samples.size() >= kSubBlock) {
      join(sums_, samples.first(kSubBlock));
      samples = samples.subspan(kSubBlock);
      continue;
    }
    const std::size_t part = std::min(samples.size(), kSubBlock - pending_count_);
    std::copy_n(samples.begin(), part, pending_.begin() + static_cast<std::ptrdiff_t>(pending_count_));
    pending_count_ += part;
    samples = samples.subspan(part);
    if (pending_count_ == kSubBlock) {
      join(sums_, pending_);
      pending_count_ = 0;
    }
  }
}

Levels LevelStats::levels() const noexcept {
  Sums all = sums_;
  join(all, std::span(pending_).first(pending_count_));
  Levels levels;
  levels.samples = samples_;
  levels.not_finite = samples_ - all.finite;
  levels.clipped = all.clipped;
  if (all.finite == 0) {
    constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();
    levels.peak = levels.rms = levels.dc = levels.ac_rms = kUndefined;
    levels.peak_db = levels.rms_db = levels.rms_db_aes17 = levels.crest_db = kUndefined;
    return levels;
  }
  const double n = static_cast<double>(all.finite);
  const double mean_square = (all.squares + all.squares_lost) / n;
  levels.dc = (all.sum + all.sum_lost) / n;
  levels.ac_rms = std::sqrt(mean_square);
  levels.rms = std::sqrt(mean_square + levels.dc * levels.dc);
  levels.peak = all.peak;
  levels.peak_db = level_db(levels.peak);
  levels.rms_db = level_db(levels.rms);
  levels.rms_db_aes17 = levels.rms_db + 3.010299956639812;  // 20 lg √2
  levels.crest_db = levels.peak_db - levels.rms_db;
  return levels;
}

}  // namespace streamlab::dsp
