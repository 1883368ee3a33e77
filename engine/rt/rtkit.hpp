// engine/rt/rtkit.hpp
//
// RealtimeKit: the system service that gives real-time scheduling to threads of ordinary users, over D-Bus
// (org.freedesktop.RealtimeKit1).
#pragma once

#include "engine/base/error.hpp"

namespace streamlab {

// Not real-time safe; every wait is bounded, 2 s in total at worst. Asks RealtimeKit to make the calling
// thread SCHED_RR at `priority` or the highest that it grants, whichever is lower; returns the result.
//
// RealtimeKit requires a limit on how long a real-time thread may run without sleeping (RLIMIT_RTTIME). Once
// RealtimeKit has answered, the limit is set here to what it allows (usually 200 ms) and cannot be raised
// again. The kernel kills a process whose real-time thread exceeds it.
Result<int> make_realtime_through_rtkit(int priority);

}  // namespace streamlab
