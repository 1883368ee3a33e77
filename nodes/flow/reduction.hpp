// nodes/flow/reduction.hpp
//
// Reduction: reduces many numbers to one, in stream order, so that the result is bit-identical for any block
// size. Sums carry their rounding error along (A. Neumaier, Z. angew. Math. Mech. 54 (1974), algorithm IV):
// no digits are lost over hours of samples.
//
// Numbers that are not finite are ignored and counted.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>

namespace streamlab {

enum class Operation : std::uint8_t { mean, power_mean, max, min, sum };

// What a power mean averages: numbers are converted to powers, and their mean is converted back.
enum class PowerScale : std::uint8_t {
  decibel,  // 10 lg mean 10^(x / 10)
  power,    // mean x: they are already powers
  linear,   // √ mean x²: the rms
};

// By the unit: "dB…" and "LU…" are levels, a unit with "²" is one of power, all others are linear.
inline PowerScale power_scale_of(std::string_view unit) {
  if (unit.starts_with("dB") || unit.starts_with("LU")) { return PowerScale::decibel; }
  return unit.find("²") != std::string_view::npos ? PowerScale::power : PowerScale::linear;
}

class Reduction {
 public:
  Reduction(Operation operation, PowerScale scale) : operation_(operation), scale_(scale) {}

  // --- real-time safe
  void restart() noexcept {
    sum_ = lost_ = 0.0;
    used_ = 0;
  }
  void add(double x) noexcept {
    if (!std::isfinite(x)) { return; }
    ++used_;
    switch (operation_) {
      case Operation::mean:
      case Operation::sum:
        return accumulate(x);
      case Operation::power_mean:
        return accumulate(scale_ == PowerScale::decibel  ? std::pow(10.0, 0.1 * x)
                          : scale_ == PowerScale::linear ? x * x
                                                         : x);
      case Operation::max:
        sum_ = used_ == 1 || x > sum_ ? x : sum_;
        return;
      case Operation::min:
        sum_ = used_ == 1 || x < sum_ ? x : sum_;
        return;
    }
  }
  // How many of the numbers were finite.
  std::uint64_t used() const noexcept { return used_; }
  // NaN if none was finite.
  double result() const noexcept {
    if (used_ == 0) { return std::numeric_limits<double>::quiet_NaN(); }
    const double total = sum_ + lost_;
    const double mean = total / static_cast<double>(used_);
    switch (operation_) {
      case Operation::mean:
        return mean;
      case Operation::power_mean:
        return scale_ == PowerScale::decibel  ? 10.0 * std::log10(mean)
               : scale_ == PowerScale::linear ? std::sqrt(mean)
                                              : mean;
      case Operation::max:
      case Operation::min:
        return sum_;
      case Operation::sum:
        return total;
    }
    return mean;
  }

 private:
  void accumulate(double x) noexcept {
    const double sum = sum_ + x;
    lost_ += std::abs(sum_) >= std::abs(x) ? (sum_ - sum) + x : (x - sum) + sum_;
    sum_ = sum;
  }

  Operation operation_;
  PowerScale scale_;
  double sum_ = 0.0;   // or the extreme so far
  double lost_ = 0.0;  // the rounding error of the sum
  std::uint64_t used_ = 0;
};

}  // namespace streamlab
