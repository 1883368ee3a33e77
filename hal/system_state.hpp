// hal/system_state.hpp
//
// How well this machine supports real-time audio, for `streamlab doctor`: read, tried and judged, never
// assumed. The program does the printing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/rt/rt_thread.hpp"

namespace streamlab {

enum class Verdict {
  ok,
  warn,  // works, with a greater risk of xruns
  fail,  // real time cannot be kept
};

struct SystemFact {
  std::string name;
  std::string asked;     // the recommended setting
  std::string in_force;  // the actual setting
  Verdict verdict = Verdict::ok;
  std::string remedy;  // what to do about it; empty with ok

  friend bool operator==(const SystemFact&, const SystemFact&) = default;
};

// Everything that system_state() judges.
struct SystemReadings {
  RealtimeLimits limits;
  int fifo_priority = 0;       // that a thread really got when requesting kAskedPriority; 0: none
  std::string fifo_error;      // why none
  bool rtkit = false;          // RealtimeKit answers or can be started
  std::string kernel_version;  // of uname
  bool preempt_rt = false;     // /sys/kernel/realtime
  std::string preempt_mode;    // "none", "voluntary", "lazy", "full"; empty: unknown
  std::optional<std::int64_t> rt_runtime_us;  // of each rt_period_us for real-time threads; -1: all of it
  std::int64_t rt_period_us = 1'000'000;
  std::vector<std::string> governors;  // one per core; empty: not shown
  std::string clocksource;             // empty: unknown
  std::string huge_pages;              // "always", "madvise", "never"; empty: unknown
  bool dma_latency_there = false;      // /dev/cpu_dma_latency
  bool dma_latency_writable = false;
  std::optional<std::string> jack;  // a description of the running server
  bool jack_real_time = false;
  std::string jack_note;                        // why there is none
  std::vector<std::string> other_jack_servers;  // that run under other names, when there is none
  std::vector<std::string> alsa_cards;          // names
  bool root = false;
  bool in_audio_group = false;
};

inline constexpr int kAskedPriority = 70;

// Control thread; starts a short-lived thread, asks D-Bus and JACK; 4 s at most.
SystemReadings read_system();

// The part that is read from files, below `root` ("/").
void read_system_files(const std::filesystem::path& root, SystemReadings& readings);

std::vector<SystemFact> judge(const SystemReadings& readings);

// judge(read_system()).
std::vector<SystemFact> system_state();

}  // namespace streamlab
