// engine/channel/rt_poll.hpp
//
// kRealTimePollPeriod: how often a thread polls real-time senders, which may not wake it.
#pragma once

#include "engine/channel/clock.hpp"

namespace streamlab {

inline constexpr Clock::Duration kRealTimePollPeriod = std::chrono::milliseconds(1);

}  // namespace streamlab
