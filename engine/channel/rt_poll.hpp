// engine/channel/rt_poll.hpp
//
// kRealTimePollPeriod: how often a thread that receives from real-time senders, who may not wake it, looks
// for itself.
#pragma once

#include "engine/channel/clock.hpp"

namespace streamlab {

inline constexpr Clock::Duration kRealTimePollPeriod = std::chrono::milliseconds(1);

}  // namespace streamlab
