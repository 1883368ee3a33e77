// tests/stream/first_numbers.hpp
//
// The items that most tests of streams send: 0, 1, 2, ...
#pragma once

#include <numeric>
#include <vector>

namespace streamlab::testing_streams {

// 0 .. count - 1
inline std::vector<int> first_numbers(int count) {
  std::vector<int> numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

}  // namespace streamlab::testing_streams
