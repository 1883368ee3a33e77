// nodes/dsp/sine.cpp
//
// Phase in 128-bit integers; sine of a sum of two angles, both known to 2^-62.
#include "nodes/dsp/sine.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

namespace streamlab::dsp {
namespace {

__extension__ typedef unsigned __int128 Uint128;

constexpr Uint128 join(Turns t) noexcept { return (Uint128{t.hi} << 64U) | t.lo; }
constexpr Turns split(Uint128 v) noexcept {
  return {static_cast<std::uint64_t>(v >> 64U), static_cast<std::uint64_t>(v)};
}

// x to the nearest multiple of `unit`, a power of two; |x| < 2^51 unit.
constexpr double to_multiple(double x, double unit) noexcept {
  const double magic = 0x1.8p52 * unit;
  return (x + magic) - magic;
}

// A number as top + rest: top is a multiple of 2^-26, so that a product of two tops, and the sum of two such
// products, is exact.
constexpr double kTopUnit = 0x1p-26;

// The sine and cosine of the multiples of 1/128 turn.
constexpr unsigned kSegments = 128;

std::array<Phasor, kSegments> make_segments() noexcept {
  struct Parts {
    double top, rest;
  };
  const auto parts = [](long double x) {
    const double top = to_multiple(static_cast<double>(x), kTopUnit);
    return Parts{top, static_cast<double>(x - static_cast<long double>(top))};
  };
  std::array<Phasor, kSegments> segments{};
  for (unsigned k = 0; k < kSegments; ++k) {
    // By symmetry from the first eighth, so that 0, ±1 and equal values are exactly so.
    constexpr unsigned kQuarter = kSegments / 4;
    const unsigned in_quarter = k % kQuarter;
    const bool past_eighth = in_quarter > kQuarter / 2;
    const unsigned folded = past_eighth ? kQuarter - in_quarter : in_quarter;
    const long double angle = 2.0L * std::numbers::pi_v<long double> * folded / kSegments;
    Parts sine = parts(std::sin(angle));
    Parts cosine = parts(std::cos(angle));
    if (past_eighth) { std::swap(sine, cosine); }
    for (unsigned quarter = 0; quarter < k / kQuarter; ++quarter) {
      const Parts turned{-sine.top, -sine.rest};
      sine = cosine;
      cosine = turned;
    }
    segments[k] = {sine.top, sine.rest, cosine.top, cosine.rest};
  }
  return segments;
}
const std::array<Phasor, kSegments> kSegmentPhasors = make_segments();

// 2π · 2^-34 = kTurnTop + kTurnRest: the first part has 26 bits.
constexpr double kTwoPi = 6.283185307179586;
constexpr double kTwoPiTail = 2.4492935982947064e-16;  // 2π - kTwoPi
constexpr double kTwoPiTop = to_multiple(kTwoPi, 0x1p-23);
constexpr double kTurnTop = kTwoPiTop * 0x1p-34;
constexpr double kTurnRest = ((kTwoPi - kTwoPiTop) + kTwoPiTail) * 0x1p-34;

// The nearest segment's angle plus r, |r| <= π/128: sin(t + r) = sin t + cos t sin r - sin t (1 - cos r). What
// is rounded is below 3e-4, so that sine and cosine are known to about 2^-64.
Phasor phasor_at(Turns phase) noexcept {
  const std::uint64_t segment = (phase.hi + (1ULL << 56U)) >> 57U;
  const auto offset = static_cast<std::int64_t>(phase.hi - (segment << 57U));  // 2^-64 turn
  const std::int64_t high = (offset + (1LL << 29U)) >> 30U;                    // 27 bits
  const double low = static_cast<double>(offset - (high << 30U)) + static_cast<double>(phase.lo) * 0x1p-64;
  const double exact = static_cast<double>(high) * kTurnTop;
  const double r_top = to_multiple(exact, 0x1p-31);
  const double r_rest = (exact - r_top) + (static_cast<double>(high) * kTurnRest + low * (kTwoPi * 0x1p-64));

  const double r = r_top + r_rest;
  const double z = r * r;
  const double sine_rest = r_rest + r * z * (-1.0 / 6 + z * (1.0 / 120 - z * (1.0 / 5040)));  // sin r - r_top
  const double below_one = z * (0.5 - z * (1.0 / 24 - z * (1.0 / 720 - z * (1.0 / 40320))));  // 1 - cos r

  const Phasor& t = kSegmentPhasors[segment % kSegments];
  const double sin_t = t.sin_top + t.sin_rest;
  const double cos_t = t.cos_top + t.cos_rest;
  const double sin_move = t.cos_top * r_top;  // exact, as is the next
  const double cos_move = -t.sin_top * r_top;
  const double sin_small = t.sin_rest + ((t.cos_rest * r_top + cos_t * sine_rest) - sin_t * below_one);
  const double cos_small = t.cos_rest - ((t.sin_rest * r_top + sin_t * sine_rest) + cos_t * below_one);

  Phasor p;
  p.sin_top = to_multiple(t.sin_top + (sin_move + sin_small), kTopUnit);
  p.cos_top = to_multiple(t.cos_top + (cos_move + cos_small), kTopUnit);
  p.sin_rest = ((t.sin_top - p.sin_top) + sin_move) + sin_small;
  p.cos_rest = ((t.cos_top - p.cos_top) + cos_move) + cos_small;
  return p;
}

// Vectors of `width` numbers. (typedef: g++ 12 loses the attribute of an alias-declaration here.)
template <std::size_t width>
struct Vector {
  typedef double Reals __attribute__((vector_size(width * sizeof(double))));
};
template <>
struct Vector<1> {
  using Reals = double;
};

// amplitude · sin(a + b): what is exact first, then the rest, which is below 2^-25.
template <std::size_t width>
SL_KERNEL_BODY void turn_lanes(Phasor a, const SineLanes& b, std::size_t lane, double amplitude,
                               double* out) noexcept {
  using Reals = typename Vector<width>::Reals;
  Reals sin_top;
  Reals sin_rest;
  Reals sine;
  Reals cos_top;
  Reals cos_rest;
  Reals cosine;
  std::memcpy(&sin_top, &b.sin_top[lane], sizeof sin_top);
  std::memcpy(&sin_rest, &b.sin_rest[lane], sizeof sin_rest);
  std::memcpy(&sine, &b.sine[lane], sizeof sine);
  std::memcpy(&cos_top, &b.cos_top[lane], sizeof cos_top);
  std::memcpy(&cos_rest, &b.cos_rest[lane], sizeof cos_rest);
  std::memcpy(&cosine, &b.cosine[lane], sizeof cosine);
  const Reals exact = a.sin_top * cos_top + a.cos_top * sin_top;
  const Reals rest =
      (a.sin_top * cos_rest + a.sin_rest * cosine) + (a.cos_top * sin_rest + a.cos_rest * sine);
  const Reals y = (exact + rest) * amplitude;
  std::memcpy(out, &y, sizeof y);
}

template <std::size_t width>
SL_KERNEL_BODY void turn(const Phasor& phasor, const SineLanes& b, std::size_t lane, std::size_t count,
                         double amplitude, double* out) noexcept {
  const Phasor a = phasor;  // stays in registers, as `out` cannot overlap it
  std::size_t n = 0;
  for (; n + width <= count; n += width) { turn_lanes<width>(a, b, lane + n, amplitude, out + n); }
  for (; n < count; ++n) { turn_lanes<1>(a, b, lane + n, amplitude, out + n); }
}

void turn_baseline(const Phasor& a, const SineLanes& b, std::size_t lane, std::size_t count, double amplitude,
                   double* out) noexcept {
  turn<2>(a, b, lane, count, amplitude, out);
}
SL_TARGET_AVX2 void turn_avx2(const Phasor& a, const SineLanes& b, std::size_t lane, std::size_t count,
                              double amplitude, double* out) noexcept {
  turn<4>(a, b, lane, count, amplitude, out);
}
SL_TARGET_AVX512 void turn_avx512(const Phasor& a, const SineLanes& b, std::size_t lane, std::size_t count,
                                  double amplitude, double* out) noexcept {
  turn<8>(a, b, lane, count, amplitude, out);
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
    : path_(path), amplitude_(amplitude), phase_(turns_of_ratio(phase_deg, 360.0)), origin_(phase_) {
  set_step(turns_of_ratio(frequency_hz, sample_rate_hz));
}

void Sine::set_step(Turns step) noexcept {
  step_ = step;
  for (std::size_t k = 0; k < SineLanes::kCount; ++k) {
    const Phasor p = phasor_at(split(join(step) * k));
    lanes_.cos_top[k] = p.cos_top;
    lanes_.cos_rest[k] = p.cos_rest;
    lanes_.cosine[k] = p.cos_top + p.cos_rest;
    lanes_.sin_top[k] = p.sin_top;
    lanes_.sin_rest[k] = p.sin_rest;
    lanes_.sine[k] = p.sin_top + p.sin_rest;
  }
}

Turns Sine::phase_at(std::uint64_t sample) const noexcept {
  return split(join(origin_) + join(step_) * sample);
}

double Sine::continue_from(const Sine& before, std::uint64_t sample) noexcept {
  const Uint128 ahead = join(phase_) - join(before.phase_);
  origin_ = split(join(before.phase_at(sample)) + ahead - join(step_) * sample);
  return static_cast<double>(static_cast<std::int64_t>(split(ahead).hi)) * 0x1p-64;
}

void Sine::fill(std::uint64_t first_sample, std::span<double> out) const noexcept {
  fill_ahead({}, amplitude_, first_sample, out);
}

void Sine::fill_both(std::uint64_t first_sample, std::span<double> sine,
                     std::span<double> cosine) const noexcept {
  constexpr Turns kQuarter{1ULL << 62U, 0};
  fill_ahead({}, 1.0, first_sample, sine);
  fill_ahead(kQuarter, 1.0, first_sample, cosine);
}

void Sine::fill_ahead(Turns ahead, double amplitude, std::uint64_t first_sample,
                      std::span<double> out) const noexcept {
  const auto turn_here = path_ == CpuPath::avx512 ? turn_avx512
                         : path_ == CpuPath::avx2 ? turn_avx2
                                                  : turn_baseline;
  // Groups begin at multiples of kCount in the stream, not in the block: how a sample's phase is cut into two
  // angles, and so its rounding, depends on its number alone.
  std::size_t done = 0;
  while (done < out.size()) {
    const std::uint64_t sample = first_sample + done;
    const auto lane = static_cast<std::size_t>(sample % SineLanes::kCount);
    const std::size_t count = std::min(SineLanes::kCount - lane, out.size() - done);
    const Turns phase = split(join(phase_at(sample - lane)) + join(ahead));
    turn_here(phasor_at(phase), lanes_, lane, count, amplitude, out.data() + done);
    done += count;
  }
}

}  // namespace streamlab::dsp
