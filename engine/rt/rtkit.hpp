// engine/rt/rtkit.hpp
//
// RealtimeKit: the system service that gives real-time scheduling to threads of ordinary users, over D-Bus
// (org.freedesktop.RealtimeKit1).
#pragma once

#include "engine/base/error.hpp"

namespace streamlab {

// Not real-time safe; every wait is bounded, 2 s altogether at worst. Asks RealtimeKit to make the calling
// thread SCHED_RR at `priority` or the most that it grants, whichever is less, and returns that.
//
// RealtimeKit demands that the process bounds the time a real-time thread may run without sleeping
// (RLIMIT_RTTIME); the bound is set here, once RealtimeKit has answered, to what it allows (usually 200 ms)
// and cannot be raised again. The kernel ends a process whose real-time thread exceeds it.
Result<int> make_realtime_through_rtkit(int priority);

}  // namespace streamlab
