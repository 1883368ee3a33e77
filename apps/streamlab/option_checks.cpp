// apps/streamlab/option_checks.cpp
#include "apps/streamlab/option_checks.hpp"

#include <charconv>
#include <string_view>
#include <system_error>

namespace streamlab::app {
namespace {

bool read_number(std::string_view text, double& value) {
  if (text.starts_with('+')) { text.remove_prefix(1); }
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  return read.ec == std::errc{} && read.ptr == text.data() + text.size();
}

}  // namespace

std::string check_seconds(const std::string& text) {
  constexpr double kMost = 1e9;
  double value = 0.0;
  const bool is_number = read_number(text, value);
  return is_number && value > 0.0 && value <= kMost
             ? std::string{}
             : "\"" + text + "\" is not a number above 0 and up to 1000000000";
}

std::string check_count(const std::string& text) {
  double value = 0.0;
  constexpr double kMost = 9007199254740992.0;
  const bool is_count = text.find_first_not_of("0123456789") == std::string::npos &&
                        read_number(text, value) && value >= 1.0 && value <= kMost;
  return is_count ? std::string{} : "\"" + text + "\" is not a whole number from 1";
}

std::string check_small_count(const std::string& text) {
  const std::string error = check_count(text);
  return error.empty() && text.size() > 9 ? "\"" + text + "\" is too large" : error;
}

}  // namespace streamlab::app
