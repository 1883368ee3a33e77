// nodes/dsp/sine.cpp
//
// Phase in 128-bit integers, sine by Taylor series, eight samples at a time.
#include "nodes/dsp/sine.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace streamlab::dsp {
namespace {

__extension__ typedef unsigned __int128 Uint128;

constexpr Uint128 join(Turns t) noexcept { return (Uint128{t.hi} << 64U) | t.lo; }
constexpr Turns split(Uint128 v) noexcept {
  return {static_cast<std::uint64_t>(v >> 64U), static_cast<std::uint64_t>(v)};
}

constexpr std::size_t kLanes = 8;

// Vectors of `width` numbers. (typedef: g++ 12 loses the attribute of an alias-declaration here.)
template <std::size_t width>
struct Vector {
  typedef double Reals __attribute__((vector_size(width * sizeof(double))));
  typedef std::uint64_t Words __attribute__((vector_size(width * sizeof(std::uint64_t))));
};

// 2π = kTwoPiTop + kTwoPiRest: the first part has 28 bits, so its product with a 25-bit integer is exact.
constexpr double kTwoPi = 6.283185307179586;
constexpr double kTwoPiTail = 2.4492935982947064e-16;  // 2π - kTwoPi
constexpr double kTwoPiTop =
    std::bit_cast<double>(std::bit_cast<std::uint64_t>(kTwoPi) & ~((1ULL << 25U) - 1));
constexpr double kTwoPiRest = (kTwoPi - kTwoPiTop) + kTwoPiTail;

// The phase of a lane, less its quarter turn, is high · 2^-28 + low · 2^-64 turn with |high| <= 2^25 and
// |low| <= 2^35, both integers.
constexpr double kHighTop = kTwoPiTop * 0x1p-28;
constexpr double kHighRest = kTwoPiRest * 0x1p-28;
constexpr double kLow = kTwoPi * 0x1p-64;

// An integer 0 <= k < 2^52 as double: its bits below the exponent of 2^52, less 2^52. Every vector unit can.
constexpr std::uint64_t kMagicBits = std::bit_cast<std::uint64_t>(0x1p52);

constexpr double inverse_factorial(int k) noexcept {
  double product = 1.0;  // exact up to 18!
  for (int i = 2; i <= k; ++i) { product *= i; }
  return 1.0 / product;
}

// sin(x + e) = x + (e (1 - z/2) + x z S(z)),  cos(x + e) = (1 - z/2) + (z² C(z) - x e),  z = x², |x| <= π/4,
// |e| below half an ulp of x. Truncation: x^19/19! < 9e-20 and x^18/18! < 3e-18.
template <std::size_t width>
SL_KERNEL_BODY void sine_groups(Turns start, Turns group_step, const std::uint64_t* lane_turns,
                                double amplitude, double* out, std::size_t groups) noexcept {
  using Reals = typename Vector<width>::Reals;
  using Words = typename Vector<width>::Words;
  Uint128 phase = join(start);
  const Uint128 step = join(group_step);
  for (std::size_t g = 0; g < groups; ++g) {
    const std::uint64_t eighth_ahead = static_cast<std::uint64_t>(phase >> 64U) + (1ULL << 61U);
    phase += step;
    for (std::size_t p = 0; p < kLanes / width; ++p) {
      // u: phase plus an eighth of a turn, so that its two top bits are the nearest quarter turn.
      Words u;
      std::memcpy(&u, lane_turns + p * width, sizeof u);
      u += eighth_ahead;
      const Words offset = u & ((1ULL << 62U) - 1);  // 2^61 + distance to that quarter turn
      const Words high = (offset + (1ULL << 35U)) >> 36U;
      const Words low = offset - (high << 36U);  // -2^35 … 2^35, wrapped
      Words high_bits = high + kMagicBits;
      Words low_bits = low + (kMagicBits + (1ULL << 51U));
      Reals h;
      Reals l;
      std::memcpy(&h, &high_bits, sizeof h);
      std::memcpy(&l, &low_bits, sizeof l);
      h -= 0x1p52 + 0x1p25;
      l -= 0x1p52 + 0x1p51;
      const Reals first = h * kHighTop;  // exact
      const Reals second = h * kHighRest + l * kLow;
      const Reals x = first + second;
      const Reals e = second - (x - first);
      const Reals z = x * x;
      const Reals half_z = 0.5 * z;

      Reals s = z * inverse_factorial(17) - inverse_factorial(15);
      s = s * z + inverse_factorial(13);
      s = s * z - inverse_factorial(11);
      s = s * z + inverse_factorial(9);
      s = s * z - inverse_factorial(7);
      s = s * z + inverse_factorial(5);
      s = s * z - inverse_factorial(3);
      const Reals sine = x + ((x * z) * s + e * (1.0 - half_z));

      Reals c = z * inverse_factorial(16) - inverse_factorial(14);
      c = c * z + inverse_factorial(12);
      c = c * z - inverse_factorial(10);
      c = c * z + inverse_factorial(8);
      c = c * z - inverse_factorial(6);
      c = c * z + inverse_factorial(4);
      const Reals near_one = 1.0 - half_z;
      const Reals cosine = near_one + (((1.0 - near_one) - half_z) + ((z * z) * c - x * e));

      Words sine_bits;
      Words cosine_bits;
      std::memcpy(&sine_bits, &sine, sizeof sine);
      std::memcpy(&cosine_bits, &cosine, sizeof cosine);
      const Words odd_quarter = 0ULL - ((u >> 62U) & 1ULL);  // all ones where the cosine is wanted
      const Words sign = u & (1ULL << 63U);                  // second half of the turn
      const Words bits = ((sine_bits & ~odd_quarter) | (cosine_bits & odd_quarter)) ^ sign;
      Reals y;
      std::memcpy(&y, &bits, sizeof y);
      y *= amplitude;
      std::memcpy(out + g * kLanes + p * width, &y, sizeof y);
    }
  }
}

void groups_baseline(Turns start, Turns step, const std::uint64_t* lane_turns, double amplitude, double* out,
                     std::size_t groups) noexcept {
  sine_groups<2>(start, step, lane_turns, amplitude, out, groups);
}
SL_TARGET_AVX2 void groups_avx2(Turns start, Turns step, const std::uint64_t* lane_turns, double amplitude,
                                double* out, std::size_t groups) noexcept {
  sine_groups<4>(start, step, lane_turns, amplitude, out, groups);
}
SL_TARGET_AVX512 void groups_avx512(Turns start, Turns step, const std::uint64_t* lane_turns,
                                    double amplitude, double* out, std::size_t groups) noexcept {
  sine_groups<8>(start, step, lane_turns, amplitude, out, groups);
}

}  // namespace

Turns turns_of_ratio(double numerator, double denominator) noexcept {
  // Long division in base two. fmod, doubling, and a difference of numbers within a factor of two are exact.
  double rest = std::fmod(std::fabs(numerator), denominator);
  Uint128 quotient = 0;
  for (int bit = 0; bit < 128; ++bit) {
    rest *= 2.0;
    quotient <<= 1U;
    if (rest >= denominator) {
      rest -= denominator;
      quotient |= 1U;
    }
  }
  if (rest * 2.0 >= denominator) { ++quotient; }
  return split(numerator < 0.0 ? Uint128{0} - quotient : quotient);
}

Sine::Sine(double frequency_hz, double sample_rate_hz, double amplitude, double phase_deg,
           CpuPath path) noexcept
    : path_(path),
      sample_rate_hz_(sample_rate_hz),
      amplitude_(amplitude),
      origin_(turns_of_ratio(phase_deg, 360.0)) {
  static_assert(Sine::kLanes == dsp::kLanes);
  set_step(turns_of_ratio(frequency_hz, sample_rate_hz));
}

void Sine::set_step(Turns step) noexcept {
  step_ = step;
  group_step_ = split(join(step) * kLanes);
  for (std::size_t k = 0; k < kLanes; ++k) { lane_turns_[k] = split(join(step) * k).hi; }
}

Turns Sine::phase_at(std::uint64_t sample) const noexcept {
  return split(join(origin_) + join(step_) * sample);
}

void Sine::set_frequency(double frequency_hz, std::uint64_t from_sample) noexcept {
  const Uint128 phase = join(phase_at(from_sample));
  set_step(turns_of_ratio(frequency_hz, sample_rate_hz_));
  origin_ = split(phase - join(step_) * from_sample);
}

void Sine::fill_groups(Turns phase, double* out, std::size_t groups) const noexcept {
  switch (path_) {
    case CpuPath::avx512:
      groups_avx512(phase, group_step_, lane_turns_.data(), amplitude_, out, groups);
      return;
    case CpuPath::avx2:
      groups_avx2(phase, group_step_, lane_turns_.data(), amplitude_, out, groups);
      return;
    case CpuPath::baseline:
      groups_baseline(phase, group_step_, lane_turns_.data(), amplitude_, out, groups);
      return;
  }
}

void Sine::fill(std::uint64_t first_sample, std::span<double> out) const noexcept {
  // Groups begin at multiples of kLanes in the stream, not in the block: a sample's lane, and so its
  // rounding, depends on its number alone.
  std::array<double, kLanes> group{};
  std::size_t done = 0;
  while (done < out.size()) {
    const std::uint64_t sample = first_sample + done;
    const std::size_t lane = static_cast<std::size_t>(sample % kLanes);
    const std::size_t left = out.size() - done;
    const Turns phase = phase_at(sample - lane);
    if (lane == 0 && left >= kLanes) {
      const std::size_t groups = left / kLanes;
      fill_groups(phase, out.data() + done, groups);
      done += groups * kLanes;
    } else {
      const std::size_t part = std::min(kLanes - lane, left);
      fill_groups(phase, group.data(), 1);
      std::copy_n(group.data() + lane, part, out.data() + done);
      done += part;
    }
  }
}

}  // namespace streamlab::dsp
