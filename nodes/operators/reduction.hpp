// nodes/operators/reduction.hpp
//
// Reduction: reduces many numbers to one, in stream order, so that the result is bit-identical for any block
// size. Sums carry their rounding error along (A. Neumaier, Z. angew. Math. Mech. 54 (1974), algorithm IV):
// no digits are lost over hours of samples.
//
// Levels are logarithms of powers: their means and sums are those of the powers, turned back into a level. A
// level of -infinity is silence, a power of 0, and counts. All other numbers that are not finite are left out
// and counted.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>

#include "nodes/analysis/level_unit.hpp"

namespace streamlab {

enum class Operation : std::uint8_t { mean, power_mean, max, min, sum };

// What the numbers are, by their unit: levels, powers (level_unit.hpp), or else linear.
enum class PowerScale : std::uint8_t { level, power, linear };

inline PowerScale power_scale_of(std::string_view unit) {
  if (is_level(unit)) { return PowerScale::level; }
  return is_power(unit) ? PowerScale::power : PowerScale::linear;
}

class Reduction {
 public:
  Reduction(Operation operation, PowerScale scale) : operation_(operation), scale_(scale) {}

  // --- real-time safe
  void restart() noexcept {
    sum_ = lost_ = weight_ = 0.0;
    used_ = 0;
  }
  // `weight`: how much it counts in a mean, against the others.
  void add(double x, double weight = 1.0) noexcept {
    const bool is_silence = scale_ == PowerScale::level && x == -std::numeric_limits<double>::infinity();
    if (!std::isfinite(x) && !is_silence) { return; }
    ++used_;
    switch (operation_) {
      case Operation::mean:
      case Operation::power_mean:
        weight_ += weight;
        return accumulate(weight * to_summand(x));
      case Operation::sum:
        return accumulate(to_summand(x));
      case Operation::max:
        sum_ = used_ == 1 || x > sum_ ? x : sum_;
        return;
      case Operation::min:
        sum_ = used_ == 1 || x < sum_ ? x : sum_;
        return;
    }
  }
  // How many of the numbers were used.
  std::uint64_t used() const noexcept { return used_; }
  // NaN if none was finite.
  double result() const noexcept {
    if (used_ == 0) { return std::numeric_limits<double>::quiet_NaN(); }
    const double total = sum_ + lost_;
    switch (operation_) {
      case Operation::mean:
      case Operation::power_mean:
        return from_sum(total / weight_);
      case Operation::sum:
        return from_sum(total);
      case Operation::max:
      case Operation::min:
        break;
    }
    return sum_;
  }

 private:
  double to_summand(double x) const noexcept {
    if (scale_ == PowerScale::level) { return std::pow(10.0, 0.1 * x); }
    return operation_ == Operation::power_mean && scale_ == PowerScale::linear ? x * x : x;
  }
  double from_sum(double sum) const noexcept {
    if (scale_ == PowerScale::level) { return 10.0 * std::log10(sum); }
    return operation_ == Operation::power_mean && scale_ == PowerScale::linear ? std::sqrt(sum) : sum;
  }
  void accumulate(double x) noexcept {
    const double sum = sum_ + x;
    lost_ += std::abs(sum_) >= std::abs(x) ? (sum_ - sum) + x : (x - sum) + sum_;
    sum_ = sum;
  }

  Operation operation_;
  PowerScale scale_;
  double sum_ = 0.0;     // or the extreme so far
  double lost_ = 0.0;    // what rounding took from the sum
  double weight_ = 0.0;  // of all that is in it
  std::uint64_t used_ = 0;
};

}  // namespace streamlab
