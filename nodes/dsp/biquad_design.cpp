// nodes/dsp/biquad_design.cpp
#include "nodes/dsp/biquad_design.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <numbers>
#include <utility>

namespace streamlab::dsp {
namespace {

constexpr std::array<std::string_view, 12> kNames{"peaking",
                                                  "lowpass",
                                                  "highpass",
                                                  "bandpass",
                                                  "notch",
                                                  "allpass",
                                                  "lowshelf",
                                                  "highshelf",
                                                  "butterworth_lowpass",
                                                  "butterworth_highpass",
                                                  "linkwitz_riley_lowpass",
                                                  "linkwitz_riley_highpass"};

std::string name_of(FilterType type) { return std::string(kNames[static_cast<std::size_t>(type)]); }

bool is_shelf(FilterType type) { return type == FilterType::lowshelf || type == FilterType::highshelf; }
bool has_gain(FilterType type) { return type == FilterType::peaking || is_shelf(type); }
bool has_order(FilterType type) { return type >= FilterType::butterworth_lowpass; }
bool is_linkwitz_riley(FilterType type) { return type >= FilterType::linkwitz_riley_lowpass; }
bool is_highpass(FilterType type) {
  return type == FilterType::highpass || type == FilterType::butterworth_highpass ||
         type == FilterType::linkwitz_riley_highpass;
}

std::string text(double value) {
  std::array<char, 32> buffer;
  std::snprintf(buffer.data(), buffer.size(), "%.10g", value);
  return buffer.data();
}

std::optional<DesignError> must_be_positive(const char* field, const std::optional<double>& value) {
  if (!value || (std::isfinite(*value) && *value > 0.0)) { return std::nullopt; }
  return DesignError{field, text(*value) + " is not a positive number", "a number above 0"};
}

std::optional<DesignError> check(const FilterSpec& spec, double sample_rate_hz) {
  const double nyquist_hz = 0.5 * sample_rate_hz;
  if (!(std::isfinite(spec.frequency_hz) && spec.frequency_hz > 0.0 && spec.frequency_hz < nyquist_hz)) {
    return DesignError{"frequency",
                       text(spec.frequency_hz) + " Hz cannot be filtered at a sample rate of " +
                           text(sample_rate_hz) + " Hz",
                       "above 0 and below " + text(nyquist_hz) + " Hz"};
  }
  const std::string name = name_of(spec.type);
  const auto not_used = [&name](const char* field, std::string expected) {
    return DesignError{field, "a filter of type \"" + name + "\" has no " + field, std::move(expected)};
  };
  if (spec.q && has_order(spec.type)) { return not_used("q", "\"order\""); }
  if (spec.bandwidth_octaves && (has_order(spec.type) || is_shelf(spec.type))) {
    return not_used("bandwidth", is_shelf(spec.type) ? "\"q\" or \"slope\"" : "\"order\"");
  }
  if (spec.slope && !is_shelf(spec.type)) {
    return not_used("slope", has_order(spec.type) ? "\"order\"" : "\"q\" or \"bandwidth\"");
  }
  if (spec.bandwidth_octaves && spec.q) {
    return DesignError{"bandwidth", "the bandwidth is given twice, as bandwidth and as q",
                       "only one of the two"};
  }
  if (spec.slope && spec.q) {
    return DesignError{"slope", "the slope is given twice, as slope and as q", "only one of the two"};
  }
  for (const auto& error :
       {must_be_positive("q", spec.q), must_be_positive("bandwidth", spec.bandwidth_octaves),
        must_be_positive("slope", spec.slope)}) {
    if (error) { return error; }
  }
  if (has_gain(spec.type)) {
    if (!spec.gain_db) {
      return DesignError{"gain_db", "a filter of type \"" + name + "\" needs a gain", "a number of dB"};
    }
    if (!std::isfinite(*spec.gain_db)) {
      return DesignError{"gain_db", text(*spec.gain_db) + " is not a finite number", "a number of dB"};
    }
  } else if (spec.gain_db) {
    return not_used("gain_db", "no gain, or a type that has one: \"peaking\", \"lowshelf\", \"highshelf\"");
  }
  if (!has_order(spec.type)) {
    if (spec.order) {
      return not_used("order", "no order, or a type that has one: \"butterworth_…\", \"linkwitz_riley_…\"");
    }
    return std::nullopt;
  }
  const bool even_only = is_linkwitz_riley(spec.type);
  const std::string expected = even_only ? "an even number in 2 .. 64" : "a number in 1 .. 64";
  if (!spec.order) {
    return DesignError{"order", "a filter of type \"" + name + "\" needs an order", expected};
  }
  if (*spec.order < 1 || *spec.order > kMaxFilterOrder || (even_only && *spec.order % 2 != 0)) {
    return DesignError{"order",
                       "a filter of type \"" + name + "\" cannot have order " + std::to_string(*spec.order),
                       expected};
  }
  return std::nullopt;
}

// The cookbook's intermediate variables. h = 1 - cos(w0), without the cancellation.
struct Angle {
  explicit Angle(double frequency_hz, double sample_rate_hz)
      : w0(2.0 * std::numbers::pi * (frequency_hz / sample_rate_hz)) {
    const double s = std::sin(0.5 * w0);
    h = 2.0 * s * s;
    sine = std::sin(w0);
  }
  double w0;
  double h = 0.0;
  double sine = 0.0;
};

// Cookbook coefficients as sums in which nothing cancels: b0, 2 b0 + b1, b0 + b1 + b2 and the same of a.
BiquadSection section(double b0, double b_first, double b_sum, double a0, double a_first, double a_sum) {
  return {b0 / a0, b_first / a0, b_sum / a0, a_first / a0, a_sum / a0};
}

BiquadSection lowpass(const Angle& at, double alpha) {
  return section(0.5 * at.h, 2.0 * at.h, 2.0 * at.h, 1.0 + alpha, 2.0 * (alpha + at.h), 2.0 * at.h);
}

BiquadSection highpass(const Angle& at, double alpha) {
  return section(1.0 - 0.5 * at.h, 0.0, 0.0, 1.0 + alpha, 2.0 * (alpha + at.h), 2.0 * at.h);
}

// One pole: s = (1 - 1/z) / (1 + 1/z) / t with t = tan(w0 / 2), and a second pole and zero at z = 0.
BiquadSection first_order(const Angle& at, bool high) {
  const double t = std::tan(0.5 * at.w0);
  const double b0 = high ? 1.0 : t;
  return section(b0, high ? 1.0 : 3.0 * t, high ? 0.0 : 2.0 * t, 1.0 + t, 1.0 + 3.0 * t, 2.0 * t);
}

// Sections of low Q first: the signal inside the cascade overshoots least.
std::vector<BiquadSection> butterworth(const Angle& at, int order, bool high) {
  std::vector<BiquadSection> sections;
  if (order % 2 != 0) { sections.push_back(first_order(at, high)); }
  for (int k = order / 2 - 1; k >= 0; --k) {
    const double inverse_q = 2.0 * std::sin(std::numbers::pi * (2.0 * k + 1.0) / (2.0 * order));
    const double alpha = 0.5 * at.sine * inverse_q;
    sections.push_back(high ? highpass(at, alpha) : lowpass(at, alpha));
  }
  return sections;
}

std::vector<BiquadSection> linkwitz_riley(const Angle& at, int order, bool high) {
  std::vector<BiquadSection> sections = butterworth(at, order / 2, high);
  const std::vector<BiquadSection> again = sections;
  sections.insert(sections.end(), again.begin(), again.end());
  if (high && order / 2 % 2 != 0) {
    BiquadSection& first = sections.front();
    first.n0 = -first.n0;
    first.n1 = -first.n1;
    first.n2 = -first.n2;
  }
  return sections;
}

// The cookbook's alpha; none if its square root is not real (slope too steep for the gain).
std::optional<double> alpha_of(const FilterSpec& spec, const Angle& at, double amplitude) {
  if (spec.bandwidth_octaves) {
    return at.sine * std::sinh(0.5 * std::numbers::ln2 * *spec.bandwidth_octaves * at.w0 / at.sine);
  }
  if (spec.slope) {
    const double square = (amplitude + 1.0 / amplitude) * (1.0 / *spec.slope - 1.0) + 2.0;
    if (!(square > 0.0)) { return std::nullopt; }
    return 0.5 * at.sine * std::sqrt(square);
  }
  return 0.5 * at.sine / spec.q.value_or(std::numbers::sqrt2 / 2.0);
}

BiquadSection cookbook(FilterType type, const Angle& at, double alpha, double amplitude) {
  const double a = amplitude;
  const double h = at.h;
  const double root = 2.0 * std::sqrt(a) * alpha;
  switch (type) {
    case FilterType::lowpass:
      return lowpass(at, alpha);
    case FilterType::highpass:
      return highpass(at, alpha);
    case FilterType::bandpass:
      return section(alpha, 2.0 * alpha, 0.0, 1.0 + alpha, 2.0 * (alpha + h), 2.0 * h);
    case FilterType::notch:
      return section(1.0, 2.0 * h, 2.0 * h, 1.0 + alpha, 2.0 * (alpha + h), 2.0 * h);
    case FilterType::allpass:
      return section(1.0 - alpha, 2.0 * (h - alpha), 2.0 * h, 1.0 + alpha, 2.0 * (alpha + h), 2.0 * h);
    case FilterType::lowshelf:
      return section(a * (2.0 + (a - 1.0) * h + root), a * (4.0 * a * h + 2.0 * root), 4.0 * a * a * h,
                     2.0 * a - (a - 1.0) * h + root, 4.0 * h + 2.0 * root, 4.0 * h);
    case FilterType::highshelf:
      return section(a * (2.0 * a - (a - 1.0) * h + root), a * (4.0 * h + 2.0 * root), 4.0 * a * h,
                     2.0 + (a - 1.0) * h + root, 4.0 * a * h + 2.0 * root, 4.0 * a * h);
    default:
      break;
  }
  return section(1.0 + alpha * a, 2.0 * (h + alpha * a), 2.0 * h, 1.0 + alpha / a, 2.0 * (h + alpha / a),
                 2.0 * h);
}

}  // namespace

std::span<const std::string_view> filter_type_names() noexcept { return kNames; }

std::variant<std::vector<BiquadSection>, DesignError> design_filter(const FilterSpec& spec,
                                                                    double sample_rate_hz) {
  if (auto error = check(spec, sample_rate_hz)) { return *error; }
  const Angle at(spec.frequency_hz, sample_rate_hz);
  std::vector<BiquadSection> sections;
  if (is_linkwitz_riley(spec.type)) {
    sections = linkwitz_riley(at, *spec.order, is_highpass(spec.type));
  } else if (has_order(spec.type)) {
    sections = butterworth(at, *spec.order, is_highpass(spec.type));
  } else {
    const double amplitude = std::pow(10.0, spec.gain_db.value_or(0.0) / 40.0);
    const std::optional<double> alpha = alpha_of(spec, at, amplitude);
    if (!alpha) {
      return DesignError{"slope",
                         text(*spec.slope) + " is too steep for a gain of " + text(*spec.gain_db) + " dB",
                         "at most 1 for a shelf without a hump"};
    }
    sections.push_back(cookbook(spec.type, at, *alpha, amplitude));
  }
  for (const BiquadSection& made : sections) {
    if (!is_stable(made)) {
      return DesignError{"frequency", "these values do not give a stable filter in float64",
                         "a frequency, q and gain farther from their limits"};
    }
  }
  return sections;
}

}  // namespace streamlab::dsp
