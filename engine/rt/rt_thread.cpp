// engine/rt/rt_thread.cpp
#include "engine/rt/rt_thread.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <utility>

#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "engine/rt/denormals.hpp"
#include "engine/rt/rtkit.hpp"
#include "engine/rt/thread.hpp"

namespace streamlab {
namespace {

constexpr std::size_t kPageBytes = 4096;
constexpr std::size_t kStackBytes = 256 * 1024;  // what process() of a whole domain may use

// linux/capability.h
constexpr int kCapIpcLock = 14;
constexpr int kCapSysNice = 23;

// The number after `key` in /proc/self/status; 0 if there is none.
std::uint64_t status_number(const std::string& key, int base) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(key)) { return std::stoull(line.substr(key.size()), nullptr, base); }
  }
  return 0;
}

bool has_capability(int number) { return (status_number("CapEff:", 16) >> number & 1U) != 0; }

[[gnu::noinline]] void write_stack(std::size_t bytes) {
  auto* const stack = static_cast<volatile char*>(__builtin_alloca(bytes));
  for (std::size_t i = 0; i < bytes; i += kPageBytes) { stack[i] = 0; }
}

// Writes to the stack pages ahead, so that the kernel maps them now; at most half of what is left.
void touch_stack() {
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) { return; }
  void* lowest = nullptr;
  std::size_t size = 0;
  pthread_attr_getstack(&attributes, &lowest, &size);
  pthread_attr_destroy(&attributes);
  const char here = 0;
  const auto left = static_cast<std::size_t>(&here - static_cast<const char*>(lowest));
  write_stack(std::min(kStackBytes, left / 2));
}

bool set_fifo(int priority) {
  sched_param parameters{};
  parameters.sched_priority = priority;
  return sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &parameters) == 0;
}

std::string ask_for_realtime(int wanted) {
  if (set_fifo(wanted)) { return {}; }
  if (errno != EPERM) { return fmt::format("priority {} was refused: {}", wanted, std::strerror(errno)); }
  const RealtimeLimits limits = realtime_limits();
  const int most = static_cast<int>(std::min<std::uint64_t>(limits.rtprio, 99));
  if (most > 0 && set_fifo(std::min(most, wanted))) {
    return fmt::format("asked for {}, rtprio limit {}", wanted, most);
  }
  const auto granted = make_realtime_through_rtkit(wanted);
  if (granted) { return fmt::format("asked for {}, through RealtimeKit", wanted); }
  return fmt::format("no permission: rtprio limit {}; {}", limits.rtprio, to_string(granted.error()));
}

std::string ask_for_locked_memory() {
  const RealtimeLimits limits = realtime_limits();
  if (!limits.may_lock_all_memory) {
    // Within a limit mlockall() may succeed and a later allocation then fails.
    return fmt::format("no permission: memlock limit {} KiB", limits.memlock_bytes.value_or(0) / 1024);
  }
  // Existing pages are loaded and locked now; later ones when they are first touched.
  if (mlockall(MCL_CURRENT) != 0 || mlockall(MCL_FUTURE | MCL_ONFAULT) != 0) { return std::strerror(errno); }
  return {};
}

void append(std::string& text, const std::string& part, const std::string& note) {
  if (!text.empty()) { text += ", "; }
  text += part;
  if (!note.empty()) { text += " (" + note + ")"; }
}

}  // namespace

RealtimeLimits realtime_limits() {
  RealtimeLimits limits;
  rlimit limit{};
  if (getrlimit(RLIMIT_RTPRIO, &limit) == 0) { limits.rtprio = limit.rlim_cur; }
  if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    limits.memlock_bytes = limit.rlim_cur;
  }
  limits.may_set_any_priority = has_capability(kCapSysNice);
  limits.may_lock_all_memory = has_capability(kCapIpcLock) || !limits.memlock_bytes.has_value();
  return limits;
}

RealtimeInForce realtime_in_force() {
  RealtimeInForce now;
  const int policy = sched_getscheduler(0) & ~SCHED_RESET_ON_FORK;
  if (policy == SCHED_FIFO) { now.scheduling = Scheduling::fifo; }
  if (policy == SCHED_RR) { now.scheduling = Scheduling::round_robin; }
  if (sched_param parameters{}; now.scheduling != Scheduling::normal && sched_getparam(0, &parameters) == 0) {
    now.priority = parameters.sched_priority;
  }
  now.memory_locked = status_number("VmLck:", 10) > 0;
  now.denormals_flushed = denormals_flushed();
  return now;
}

RealtimeInForce enter_realtime(const RealtimeRequest& request) {
  std::string scheduling_note;
  std::string memory_note;
  std::string cpu_dma_latency_note;
  std::shared_ptr<const CpuDmaLatency> cpu_dma_latency;
  if (!request.name.empty()) { name_this_thread(request.name); }
  if (request.lock_memory) { memory_note = ask_for_locked_memory(); }
  if (request.hold_cpu_dma_latency) {
    auto held = CpuDmaLatency::hold();
    if (held) {
      cpu_dma_latency = std::make_shared<const CpuDmaLatency>(std::move(*held));
    } else {
      cpu_dma_latency_note = to_string(held.error());
    }
  }
  touch_stack();
  flush_denormals();
  if (request.realtime) { scheduling_note = ask_for_realtime(request.priority); }

  RealtimeInForce now = realtime_in_force();
  now.cpu_dma_latency = std::move(cpu_dma_latency);
  now.scheduling_note = std::move(scheduling_note);
  now.memory_note = std::move(memory_note);
  now.cpu_dma_latency_note = std::move(cpu_dma_latency_note);
  return now;
}

std::string to_string(const RealtimeInForce& in_force) {
  std::string text;
  switch (in_force.scheduling) {
    case Scheduling::normal:
      append(text, "normal scheduling", in_force.scheduling_note);
      break;
    case Scheduling::fifo:
      append(text, fmt::format("SCHED_FIFO {}", in_force.priority), in_force.scheduling_note);
      break;
    case Scheduling::round_robin:
      append(text, fmt::format("SCHED_RR {}", in_force.priority), in_force.scheduling_note);
      break;
  }
  append(text, in_force.memory_locked ? "memory locked" : "memory not locked", in_force.memory_note);
  append(text, in_force.denormals_flushed ? "denormals flushed" : "denormals not flushed", {});
  if (in_force.cpu_dma_latency) { append(text, "CPU wake-up latency held at 0", {}); }
  if (!in_force.cpu_dma_latency_note.empty()) {
    append(text, "CPU wake-up latency not held", in_force.cpu_dma_latency_note);
  }
  return text;
}

}  // namespace streamlab
