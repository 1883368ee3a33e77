// tests/hal/system_state_test.cpp
#include "hal/system_state.hpp"

#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/hal/sim_sound.hpp"

namespace streamlab {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// A machine as it should be.
SystemReadings good() {
  SystemReadings r;
  r.limits.rtprio = 95;
  r.limits.may_lock_all_memory = true;
  r.fifo_priority = 70;
  r.rtkit = true;
  r.kernel_version = "6.1.0-rt #1 SMP PREEMPT_RT";
  r.preempt_rt = true;
  r.rt_runtime_us = 950000;
  r.governors = {"performance", "performance"};
  r.clocksource = "tsc";
  r.huge_pages = "madvise";
  r.dma_latency_there = r.dma_latency_writable = true;
  r.jack = "running, 48000 Hz, periods of 256";
  r.jack_real_time = true;
  r.alsa_cards = {"USB-Audio - Scarlett 2i2"};
  r.in_audio_group = true;
  return r;
}

SystemFact fact(const SystemReadings& readings, const std::string& name) {
  for (const SystemFact& fact : judge(readings)) {
    if (fact.name == name) { return fact; }
  }
  ADD_FAILURE() << "no fact " << name;
  return {};
}

// The names of all that is not ok.
std::vector<std::string> complaints(const SystemReadings& readings) {
  std::vector<std::string> names;
  for (const SystemFact& fact : judge(readings)) {
    EXPECT_EQ(fact.verdict == Verdict::ok, fact.remedy.empty()) << fact.name;
    EXPECT_FALSE(fact.asked.empty()) << fact.name;
    EXPECT_FALSE(fact.in_force.empty()) << fact.name;
    if (fact.verdict != Verdict::ok) { names.push_back(fact.name); }
  }
  return names;
}

TEST(SystemState, FindsNothingWrongWithAGoodMachine) { EXPECT_THAT(complaints(good()), IsEmpty()); }

TEST(SystemState, FailsWithoutAnyRealTimeScheduling) {
  SystemReadings r = good();
  r.limits.rtprio = 0;
  r.fifo_priority = 0;
  r.fifo_error = "refused: Operation not permitted";
  r.rtkit = false;
  EXPECT_THAT(complaints(r),
              ElementsAre("real-time priority allowed", "real-time scheduling", "RealtimeKit"));
  const SystemFact scheduling = fact(r, "real-time scheduling");
  EXPECT_EQ(scheduling.verdict, Verdict::fail);
  EXPECT_EQ(scheduling.asked, "SCHED_FIFO 70");
  EXPECT_EQ(scheduling.in_force, "refused: Operation not permitted");
  EXPECT_EQ(scheduling.remedy,
            "put `@audio - rtprio 95` and `@audio - memlock unlimited` into "
            "/etc/security/limits.d/audio.conf, join "
            "group audio (sudo usermod -aG audio $USER), log in again");
  r.rtkit = true;
  EXPECT_EQ(fact(r, "real-time scheduling").verdict, Verdict::warn);
  EXPECT_EQ(fact(r, "RealtimeKit").verdict, Verdict::ok);
}

TEST(SystemState, NeedsNoLimitWithTheRightToSetAnyPriority) {
  SystemReadings r = good();
  r.limits.rtprio = 0;
  r.limits.may_set_any_priority = true;
  EXPECT_EQ(fact(r, "real-time priority allowed").in_force, "any (CAP_SYS_NICE)");
  EXPECT_THAT(complaints(r), IsEmpty());
}

TEST(SystemState, SaysHowMuchMemoryMayBeLocked) {
  SystemReadings r = good();
  r.limits.may_lock_all_memory = false;
  r.limits.memlock_bytes = 8388608;
  EXPECT_EQ(fact(r, "memory that may be locked").in_force, "8192 KiB");
  EXPECT_THAT(complaints(r), ElementsAre("memory that may be locked"));
}

TEST(SystemState, JudgesTheKernel) {
  SystemReadings r = good();
  r.preempt_rt = false;
  r.preempt_mode = "full";
  EXPECT_THAT(complaints(r), IsEmpty());
  r.preempt_mode = "voluntary";
  EXPECT_EQ(fact(r, "kernel preemption").in_force, "voluntary");
  EXPECT_EQ(fact(r, "kernel preemption").verdict, Verdict::warn);
  r.preempt_mode.clear();
  r.kernel_version = "6.1 #1 SMP PREEMPT_DYNAMIC";
  EXPECT_EQ(fact(r, "kernel preemption").in_force, "unknown (6.1 #1 SMP PREEMPT_DYNAMIC)");
  r = good();
  r.rt_runtime_us = 0;
  EXPECT_EQ(fact(r, "time for real-time threads").verdict, Verdict::fail);
  EXPECT_EQ(fact(r, "time for real-time threads").remedy, "sudo sysctl kernel.sched_rt_runtime_us=950000");
  r.rt_runtime_us = 500000;
  EXPECT_EQ(fact(r, "time for real-time threads").in_force, "50 %");
  EXPECT_EQ(fact(r, "time for real-time threads").verdict, Verdict::warn);
  r.rt_runtime_us = -1;
  EXPECT_EQ(fact(r, "time for real-time threads").in_force, "100 %");
  r.clocksource = "hpet";
  r.huge_pages = "always";
  EXPECT_THAT(complaints(r), ElementsAre("clock source", "transparent huge pages"));
}

TEST(SystemState, CountsTheCoresOfEachGovernor) {
  SystemReadings r = good();
  r.governors = {"powersave", "performance", "powersave"};
  EXPECT_EQ(fact(r, "CPU governor").in_force, "performance on 1 core, powersave on 2 cores");
  EXPECT_EQ(fact(r, "CPU governor").verdict, Verdict::warn);
  r.governors.clear();
  EXPECT_EQ(fact(r, "CPU governor").in_force,
            "unknown: the system does not report it, as is usual in virtual machines");
  EXPECT_THAT(complaints(r), IsEmpty());
}

TEST(SystemState, LooksForADevice) {
  SystemReadings r = good();
  r.jack.reset();
  r.jack_note = "no JACK server is running";
  EXPECT_THAT(complaints(r), IsEmpty());  // there is a card
  EXPECT_EQ(fact(r, "JACK server").in_force, "no JACK server is running");
  r.alsa_cards.clear();
  EXPECT_THAT(complaints(r), ElementsAre("JACK server", "ALSA cards"));
  r.other_jack_servers = {"card1", "studio"};
  EXPECT_EQ(fact(r, "JACK server").in_force,
            "none of the default name; \"jack:card1\" and \"jack:studio\" are running");
  EXPECT_EQ(fact(r, "JACK server").remedy,
            "set JACK_DEFAULT_SERVER=card1, or name the device: \"jack:card1\"");
  r = good();
  r.alsa_cards.clear();
  r.rtkit = false;
  EXPECT_THAT(complaints(r), IsEmpty());
  EXPECT_EQ(fact(r, "ALSA cards").in_force, "none, and not needed: a JACK server runs");
  EXPECT_EQ(fact(r, "RealtimeKit").in_force, "not reachable, and not needed");
  r = good();
  r.jack_real_time = false;
  r.in_audio_group = false;
  r.dma_latency_writable = false;
  EXPECT_THAT(complaints(r), ElementsAre("/dev/cpu_dma_latency", "JACK server", "member of group audio"));
  r.root = true;
  EXPECT_THAT(complaints(r), ElementsAre("/dev/cpu_dma_latency", "JACK server"));
}

void put(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path) << text << '\n';
}

TEST(SystemReadings, ReadsTheFilesOfTheKernel) {
  const std::filesystem::path root = std::filesystem::path(scratch("x")).parent_path();
  std::filesystem::remove_all(root);
  put(root / "sys/kernel/realtime", "1");
  put(root / "sys/kernel/debug/sched/preempt", "none (voluntary) full");
  put(root / "proc/sys/kernel/sched_rt_runtime_us", "900000");
  put(root / "proc/sys/kernel/sched_rt_period_us", "2000000");
  for (const char* const core : {"cpu0", "cpu10", "cpu2", "cpufreq", "cpuidle"}) {
    put(root / "sys/devices/system/cpu" / core / "cpufreq/scaling_governor", std::string("g_") + core);
  }
  put(root / "sys/devices/system/cpu/cpu3/online", "1");  // without frequency control
  put(root / "sys/devices/system/clocksource/clocksource0/current_clocksource", "kvm-clock");
  put(root / "sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never");
  put(root / "proc/asound/cards",
      " 0 [PCH            ]: HDA-Intel - HDA Intel PCH\n"
      "                      HDA Intel PCH at 0xf7d30000 irq 31\n"
      " 1 [USB            ]: USB-Audio - Scarlett 2i2 USB\n"
      "                      Focusrite at usb-0000:00:14.0-1");
  put(root / "dev/cpu_dma_latency", "");
  SystemReadings r;
  read_system_files(root, r);
  EXPECT_TRUE(r.preempt_rt);
  EXPECT_EQ(r.preempt_mode, "voluntary");
  EXPECT_EQ(r.rt_runtime_us, 900000);
  EXPECT_EQ(r.rt_period_us, 2000000);
  EXPECT_THAT(r.governors, ElementsAre("g_cpu0", "g_cpu2", "g_cpu10"));
  EXPECT_EQ(r.clocksource, "kvm-clock");
  EXPECT_EQ(r.huge_pages, "madvise");
  EXPECT_THAT(r.alsa_cards, ElementsAre("HDA-Intel - HDA Intel PCH", "USB-Audio - Scarlett 2i2 USB"));
  EXPECT_TRUE(r.dma_latency_there);
  EXPECT_TRUE(r.dma_latency_writable);
}

TEST(SystemReadings, TakesThePreemptionFromTheNextBestPlace) {
  const std::filesystem::path root = std::filesystem::path(scratch("x")).parent_path();
  std::filesystem::remove_all(root);
  SystemReadings r;
  read_system_files(root, r);  // nothing at all can be read
  EXPECT_EQ(r.preempt_mode, "");
  EXPECT_FALSE(r.preempt_rt);
  EXPECT_FALSE(r.rt_runtime_us);
  EXPECT_FALSE(r.dma_latency_there);
  EXPECT_THAT(r.governors, IsEmpty());
  EXPECT_THAT(r.alsa_cards, IsEmpty());
  r.kernel_version = "5.10 #1 SMP PREEMPT Debian";
  read_system_files(root, r);
  EXPECT_EQ(r.preempt_mode, "full");
  r.kernel_version = "6.1 #1 SMP PREEMPT_DYNAMIC Debian";
  read_system_files(root, r);
  EXPECT_EQ(r.preempt_mode, "");
  put(root / "proc/cmdline", "quiet preempt=lazy root=/dev/sda1");
  read_system_files(root, r);
  EXPECT_EQ(r.preempt_mode, "lazy");
}

TEST(SystemReadings, AreJudgedHereToo) {
  const auto facts = system_state();
  EXPECT_EQ(facts.size(), 13U);
  for (const SystemFact& fact : facts) { EXPECT_FALSE(fact.in_force.empty()) << fact.name; }
}

}  // namespace
}  // namespace streamlab
