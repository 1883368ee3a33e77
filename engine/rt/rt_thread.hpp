// engine/rt/rt_thread.hpp
//
// What a real-time thread asks of the system, and what it really got: read back, never assumed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "engine/rt/cpu_dma_latency.hpp"

namespace streamlab {

struct RealtimeRequest {
  bool realtime = true;               // SCHED_FIFO at `priority`
  int priority = 70;                  // 1 .. 99
  bool lock_memory = true;            // no page of the process is swapped out (mlockall)
  bool hold_cpu_dma_latency = false;  // no deep idle states, for as long as RealtimeInForce lives
  std::string name = {};              // of the thread; empty: left as it is
};

enum class Scheduling { normal, fifo, round_robin };

// What is in force on one thread.
struct RealtimeInForce {
  Scheduling scheduling = Scheduling::normal;
  int priority = 0;  // 1 .. 99, or 0 with normal scheduling
  bool memory_locked = false;
  bool denormals_flushed = false;
  std::shared_ptr<const CpuDmaLatency> cpu_dma_latency;  // held at 0 while this lives; may be empty

  // How it differs from what was asked, as sentences without a full stop; empty where it does not.
  std::string scheduling_note;
  std::string memory_note;
  std::string cpu_dma_latency_note;
};

// "SCHED_FIFO 70, memory locked, denormals flushed"; "normal scheduling (no permission: rtprio limit 0), …".
std::string to_string(const RealtimeInForce& in_force);

// To be called by the thread itself, before its first block. Tries SCHED_FIFO, then less priority if a limit
// allows that, then RealtimeKit; locks memory if this process may lock all of it; touches the stack that the
// thread will need; flushes denormals. Nothing is retried and nothing fails: the result says what is in
// force. Memory stays locked for the whole process.
RealtimeInForce enter_realtime(const RealtimeRequest& request);

// What is in force on the calling thread, even if others arranged it (a sound server makes its own threads).
RealtimeInForce realtime_in_force();

// What the system allows this process, requested or not.
struct RealtimeLimits {
  std::uint64_t rtprio = 0;                    // highest priority without special privileges (RLIMIT_RTPRIO)
  std::optional<std::uint64_t> memlock_bytes;  // empty: no limit (RLIMIT_MEMLOCK)
  bool may_set_any_priority = false;           // CAP_SYS_NICE
  bool may_lock_all_memory = false;            // CAP_IPC_LOCK or no limit
};
RealtimeLimits realtime_limits();

}  // namespace streamlab
