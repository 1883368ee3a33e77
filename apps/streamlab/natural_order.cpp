// apps/streamlab/natural_order.cpp
#include "apps/streamlab/natural_order.hpp"

#include <algorithm>
#include <cstddef>

namespace streamlab::app {
namespace {

constexpr std::string_view kDigits = "0123456789";

// Takes the digits off that `text` begins with, and gives them without leading zeros.
std::string_view take_number(std::string_view& text) {
  const std::size_t end = std::min(text.find_first_not_of(kDigits), text.size());
  std::string_view number = text.substr(0, end);
  text.remove_prefix(end);
  number.remove_prefix(std::min(number.find_first_not_of('0'), number.size()));
  return number;
}
bool begins_with_digit(std::string_view text) {
  return !text.empty() && kDigits.find(text.front()) != std::string_view::npos;
}

}  // namespace

bool comes_before(std::string_view a, std::string_view b) {
  const std::string_view whole_a = a;
  const std::string_view whole_b = b;
  while (!a.empty() && !b.empty()) {
    if (begins_with_digit(a) && begins_with_digit(b)) {
      const std::string_view x = take_number(a);
      const std::string_view y = take_number(b);
      if (x.size() != y.size()) { return x.size() < y.size(); }
      if (x != y) { return x < y; }
      continue;
    }
    if (a.front() != b.front()) { return std::string_view(a.data(), 1) < std::string_view(b.data(), 1); }
    a.remove_prefix(1);
    b.remove_prefix(1);
  }
  if (a.empty() != b.empty()) { return a.empty(); }
  return whole_a < whole_b;
}

}  // namespace streamlab::app
