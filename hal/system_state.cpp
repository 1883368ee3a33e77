// hal/system_state.cpp
//
// The judgement. Reading is in system_readings.cpp.
#include "hal/system_state.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace streamlab {
namespace {

constexpr const char* kLimitsRemedy =
    "put `@audio - rtprio 95` and `@audio - memlock unlimited` into /etc/security/limits.d/audio.conf, join "
    "group audio (sudo usermod -aG audio $USER), log in again";

SystemFact priority_limit(const SystemReadings& r) {
  SystemFact fact{"real-time priority allowed", fmt::format("{} or more", kAskedPriority),
                  r.limits.may_set_any_priority ? "any (CAP_SYS_NICE)" : fmt::format("{}", r.limits.rtprio),
                  Verdict::ok, ""};
  if (!r.limits.may_set_any_priority && r.limits.rtprio < kAskedPriority) {
    fact.verdict = r.limits.rtprio > 0 || r.rtkit ? Verdict::warn : Verdict::fail;
    fact.remedy = kLimitsRemedy;
  }
  return fact;
}

SystemFact scheduling(const SystemReadings& r) {
  SystemFact fact{"real-time scheduling", fmt::format("SCHED_FIFO {}", kAskedPriority),
                  r.fifo_priority > 0 ? fmt::format("SCHED_FIFO {}", r.fifo_priority) : r.fifo_error,
                  Verdict::ok, ""};
  if (r.fifo_priority >= kAskedPriority) { return fact; }
  fact.verdict = r.fifo_priority > 0 || r.rtkit ? Verdict::warn : Verdict::fail;
  fact.remedy = kLimitsRemedy;
  return fact;
}

SystemFact realtime_kit(const SystemReadings& r) {
  SystemFact fact{"RealtimeKit", "reachable, if the limits above are not enough",
                  r.rtkit ? "reachable" : "not reachable", Verdict::ok, ""};
  if (!r.rtkit && r.fifo_priority > 0) { fact.in_force += ", and not needed"; }
  if (!r.rtkit && r.fifo_priority == 0) {
    fact.verdict = Verdict::warn;
    fact.remedy = "install package rtkit, or raise the limits above";
  }
  return fact;
}

SystemFact locked_memory(const SystemReadings& r) {
  SystemFact fact{"memory that may be locked", "unlimited", "unlimited", Verdict::ok, ""};
  if (r.limits.may_lock_all_memory) { return fact; }
  fact.in_force =
      r.limits.memlock_bytes ? fmt::format("{} KiB", *r.limits.memlock_bytes / 1024) : "unlimited";
  if (r.limits.memlock_bytes) {
    fact.verdict = Verdict::warn;
    fact.remedy = kLimitsRemedy;
  }
  return fact;
}

SystemFact preemption(const SystemReadings& r) {
  SystemFact fact{"kernel preemption", "PREEMPT_RT, or full", "", Verdict::ok, ""};
  if (r.preempt_rt) {
    fact.in_force = "PREEMPT_RT";
    return fact;
  }
  fact.in_force = r.preempt_mode.empty() ? fmt::format("unknown ({})", r.kernel_version) : r.preempt_mode;
  if (r.preempt_mode != "full") {
    fact.verdict = Verdict::warn;
    fact.remedy = "boot with preempt=full, or install a PREEMPT_RT kernel (Debian: linux-image-rt-amd64)";
  }
  return fact;
}

SystemFact throttling(const SystemReadings& r) {
  SystemFact fact{"time for real-time threads", "95 % or more", "unknown", Verdict::ok, ""};
  if (!r.rt_runtime_us) { return fact; }
  if (*r.rt_runtime_us < 0) {
    fact.in_force = "100 %";
    return fact;
  }
  const double percent = 100.0 * static_cast<double>(*r.rt_runtime_us) / static_cast<double>(r.rt_period_us);
  fact.in_force = fmt::format("{:g} %", percent);
  if (percent < 95.0) {
    fact.verdict = percent > 0.0 ? Verdict::warn : Verdict::fail;
    fact.remedy = fmt::format("sudo sysctl kernel.sched_rt_runtime_us={}", r.rt_period_us * 95 / 100);
  }
  return fact;
}

SystemFact governor(const SystemReadings& r) {
  SystemFact fact{"CPU governor", "performance", "", Verdict::ok, ""};
  if (r.governors.empty()) {
    fact.in_force = "unknown: the system does not report it, as is usual in virtual machines";
    return fact;
  }
  std::map<std::string, int> cores;
  for (const std::string& name : r.governors) { ++cores[name]; }
  for (const auto& [name, count] : cores) {
    fact.in_force += fmt::format("{}{} on {} core{}", fact.in_force.empty() ? "" : ", ", name, count,
                                 count == 1 ? "" : "s");
  }
  if (cores.size() > 1 || cores.begin()->first != "performance") {
    fact.verdict = Verdict::warn;
    fact.remedy = "sudo cpupower frequency-set -g performance (package linux-cpupower)";
  }
  return fact;
}

SystemFact dma_latency(const SystemReadings& r) {
  SystemFact fact{"/dev/cpu_dma_latency", "writable, to keep the CPU out of deep sleep on request",
                  "writable", Verdict::ok, ""};
  if (r.dma_latency_writable) { return fact; }
  fact.in_force = r.dma_latency_there ? "not writable" : "not there";
  fact.verdict = Verdict::warn;
  fact.remedy = r.dma_latency_there
                    ? "put `KERNEL==\"cpu_dma_latency\", GROUP=\"audio\", MODE=\"0660\"` into "
                      "/etc/udev/rules.d/40-cpu-dma-latency.rules, reboot"
                    : "needs a kernel with CONFIG_PM_QOS; without it, wake-ups are slower but nothing else "
                      "changes";
  return fact;
}

SystemFact clocksource(const SystemReadings& r) {
  SystemFact fact{"clock source", "tsc, or the hypervisor's",
                  r.clocksource.empty() ? "unknown" : r.clocksource, Verdict::ok, ""};
  if (r.clocksource == "hpet" || r.clocksource == "acpi_pm" || r.clocksource == "jiffies") {
    fact.verdict = Verdict::warn;
    fact.remedy = "reading the time is slow: see `dmesg | grep -i tsc` for why the kernel gave up the tsc";
  }
  return fact;
}

SystemFact huge_pages(const SystemReadings& r) {
  SystemFact fact{"transparent huge pages", "madvise or never",
                  r.huge_pages.empty() ? "unknown" : r.huge_pages, Verdict::ok, ""};
  if (r.huge_pages == "always") {
    fact.verdict = Verdict::warn;
    fact.remedy =
        "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled: creating a huge page can stall "
        "a thread";
  }
  return fact;
}

SystemFact jack(const SystemReadings& r) {
  SystemFact fact{"JACK server", "running in real time, if you use JACK", r.jack.value_or(r.jack_note),
                  Verdict::ok, ""};
  if (r.jack && !r.jack_real_time) {
    fact.verdict = Verdict::warn;
    fact.remedy = "start it with -R (jackd -R …), with the limits above";
  } else if (!r.jack && r.alsa_cards.empty()) {
    fact.verdict = Verdict::warn;
    fact.remedy =
        "without a server and a card \"default\" is the simulated card: start a server (jackd -d alsa) or "
        "plug a card in";
  }
  if (!r.jack && !r.other_jack_servers.empty()) {
    std::vector<std::string> devices = r.other_jack_servers;
    for (std::string& name : devices) { name = fmt::format("\"jack:{}\"", name); }
    fact.in_force = fmt::format("none of the default name; {} {} running", fmt::join(devices, " and "),
                                devices.size() == 1 ? "is" : "are");
    fact.verdict = Verdict::warn;
    fact.remedy = fmt::format("set JACK_DEFAULT_SERVER={}, or name the device: {}",
                              r.other_jack_servers.front(), devices.front());
  }
  return fact;
}

SystemFact alsa(const SystemReadings& r) {
  SystemFact fact{"ALSA cards", "at least one, if no JACK server is used",
                  r.alsa_cards.empty() ? "none" : fmt::format("{}", fmt::join(r.alsa_cards, ", ")),
                  Verdict::ok, ""};
  if (r.alsa_cards.empty() && !r.jack) {
    fact.verdict = Verdict::warn;
    fact.remedy = "plug one in, or load its driver; `cat /proc/asound/cards` lists them";
  } else if (r.alsa_cards.empty()) {
    fact.in_force += ", and not needed: a JACK server runs";
  }
  return fact;
}

SystemFact group(const SystemReadings& r) {
  SystemFact fact{"member of group audio", "yes",
                  r.root             ? "root"
                  : r.in_audio_group ? "yes"
                                     : "no",
                  Verdict::ok, ""};
  if (!r.root && !r.in_audio_group) {
    fact.verdict = Verdict::warn;
    fact.remedy = "sudo usermod -aG audio $USER, log in again";
  }
  return fact;
}

}  // namespace

std::vector<SystemFact> judge(const SystemReadings& readings) {
  std::vector<SystemFact> facts;
  for (const auto fact : {priority_limit, scheduling, realtime_kit, locked_memory, preemption, throttling,
                          governor, dma_latency, clocksource, huge_pages, jack, alsa, group}) {
    facts.push_back(fact(readings));
  }
  return facts;
}

std::vector<SystemFact> system_state() { return judge(read_system()); }

}  // namespace streamlab
