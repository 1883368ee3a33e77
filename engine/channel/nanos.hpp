// engine/channel/nanos.hpp
//
// Nanos: the time passed to the flow-control state machines. They have no clock: a stream passes its clock's
// time, a node the time of its stream, a test any value.
#pragma once

#include <chrono>

namespace streamlab {

using Nanos = std::chrono::nanoseconds;  // since any fixed origin; |time| < 2^62 ns (146 years)

}  // namespace streamlab
