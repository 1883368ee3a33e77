// apps/streamlab/option_checks.hpp
//
// What the command line takes for a number: CLI11 calls each with the text, and refuses it with what comes back, unless that is
// empty.
#pragma once

#include <string>

namespace streamlab::app {

// The range of "duration_s" in a configuration.
std::string check_seconds(const std::string& text);
// A whole number from 1 to 2^53.
std::string check_count(const std::string& text);
// One of at most nine digits.
std::string check_small_count(const std::string& text);

}  // namespace streamlab::app
