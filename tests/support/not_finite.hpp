// tests/support/not_finite.hpp
//
// Values that are not finite, by a short name.
#pragma once

#include <limits>

namespace streamlab::test {

inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace streamlab::test
