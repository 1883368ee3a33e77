// apps/streamlab/natural_order.hpp
//
// The order in which people number things: "take 2" before "take 10".
#pragma once

#include <string_view>

namespace streamlab::app {

// By characters, but runs of digits by their value; where that makes no difference ("07", "7"), by characters alone.
bool comes_before(std::string_view a, std::string_view b);

}  // namespace streamlab::app
