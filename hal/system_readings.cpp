// hal/system_readings.cpp
//
// The readings that system_state.cpp judges.
#include <dbus/dbus.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "hal/jack/jack_servers.hpp"
#include "hal/jack/probe_jack.hpp"
#include "hal/system_state.hpp"

namespace streamlab {
namespace {

// The first line of a file; empty if it cannot be read.
std::string first_line(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::optional<std::int64_t> number_in(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::int64_t number = 0;
  if (file >> number) { return number; }
  return std::nullopt;
}

// The word that a line like "none [voluntary] full" or "none (voluntary) full" marks; empty if it marks none.
std::string marked_word(const std::string& line) {
  const std::size_t open = line.find_first_of("[(");
  const std::size_t close = line.find_first_of("])", open);
  return open == std::string::npos || close == std::string::npos ? ""
                                                                 : line.substr(open + 1, close - open - 1);
}

// The preemption mode of the kernel: from the scheduler if readable (root), from the kernel's command line,
// or from its version if it was built for only one mode.
std::string preempt_mode(const std::filesystem::path& root, const std::string& kernel_version) {
  if (const auto mode = marked_word(first_line(root / "sys/kernel/debug/sched/preempt")); !mode.empty()) {
    return mode;
  }
  std::istringstream words(first_line(root / "proc/cmdline"));
  for (std::string word; words >> word;) {
    if (word.starts_with("preempt=")) { return word.substr(std::string_view("preempt=").size()); }
  }
  const bool dynamic = kernel_version.find("PREEMPT_DYNAMIC") != std::string::npos;
  if (!dynamic && kernel_version.find("PREEMPT") != std::string::npos) { return "full"; }
  return "";
}

std::vector<std::string> governors(const std::filesystem::path& root) {
  std::vector<std::pair<int, std::string>> cores;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(root / "sys/devices/system/cpu", error)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with("cpu") || name.find_first_not_of("0123456789", 3) != std::string::npos ||
        name.size() == 3) {
      continue;
    }
    const std::string governor = first_line(entry.path() / "cpufreq/scaling_governor");
    if (!governor.empty()) { cores.emplace_back(std::stoi(name.substr(3)), governor); }
  }
  std::sort(cores.begin(), cores.end());
  std::vector<std::string> in_order;
  for (auto& core : cores) { in_order.push_back(std::move(core.second)); }
  return in_order;
}

// /proc/asound/cards: ` 0 [PCH            ]: HDA-Intel - HDA Intel PCH`, then a line with its address.
std::vector<std::string> alsa_cards(const std::filesystem::path& root) {
  std::vector<std::string> cards;
  std::ifstream file(root / "proc/asound/cards");
  for (std::string line; std::getline(file, line);) {
    const std::size_t name = line.find("]: ");
    if (name != std::string::npos) { cards.push_back(line.substr(name + 3)); }
  }
  return cards;
}

// Requests real-time scheduling on a separate thread, and reads back what it got.
void try_fifo(SystemReadings& readings) {
  std::thread([&readings] {
    sched_param asked{};
    asked.sched_priority = kAskedPriority;
    const int error = pthread_setschedparam(pthread_self(), SCHED_FIFO, &asked);
    int policy = 0;
    sched_param got{};
    pthread_getschedparam(pthread_self(), &policy, &got);
    if (policy == SCHED_FIFO) { readings.fifo_priority = got.sched_priority; }
    if (error != 0) { readings.fifo_error = fmt::format("refused: {}", std::strerror(error)); }
  }).join();
}

struct CloseBus {
  void operator()(DBusConnection* bus) const noexcept {
    dbus_connection_close(bus);
    dbus_connection_unref(bus);
  }
};
struct FreeMessage {
  void operator()(DBusMessage* message) const noexcept { dbus_message_unref(message); }
};

// Whether `method`, which lists names on the system bus, lists RealtimeKit.
bool bus_lists_rtkit(DBusConnection* bus, const char* method) {
  const std::unique_ptr<DBusMessage, FreeMessage> call(
      dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS, method));
  constexpr int kTimeoutMs = 500;
  const std::unique_ptr<DBusMessage, FreeMessage> reply(
      dbus_connection_send_with_reply_and_block(bus, call.get(), kTimeoutMs, nullptr));
  if (reply == nullptr) { return false; }
  char** names = nullptr;
  int count = 0;
  if (dbus_message_get_args(reply.get(), nullptr, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &names, &count,
                            DBUS_TYPE_INVALID) == FALSE) {
    return false;
  }
  const bool listed = std::any_of(names, names + count, [](const char* name) {
    return std::strcmp(name, "org.freedesktop.RealtimeKit1") == 0;
  });
  dbus_free_string_array(names);
  return listed;
}

bool rtkit_reachable() {
  const std::unique_ptr<DBusConnection, CloseBus> bus(dbus_bus_get_private(DBUS_BUS_SYSTEM, nullptr));
  if (bus == nullptr) { return false; }
  dbus_connection_set_exit_on_disconnect(bus.get(), FALSE);
  return bus_lists_rtkit(bus.get(), "ListNames") || bus_lists_rtkit(bus.get(), "ListActivatableNames");
}

bool in_group(const char* name) {
  const group* const found = getgrnam(name);
  if (found == nullptr) { return false; }
  std::vector<gid_t> groups(static_cast<std::size_t>(std::max(0, getgroups(0, nullptr))));
  const int count = getgroups(static_cast<int>(groups.size()), groups.data());
  groups.resize(static_cast<std::size_t>(std::max(0, count)));
  return getegid() == found->gr_gid || std::find(groups.begin(), groups.end(), found->gr_gid) != groups.end();
}

}  // namespace

void read_system_files(const std::filesystem::path& root, SystemReadings& readings) {
  readings.preempt_rt = first_line(root / "sys/kernel/realtime") == "1";
  readings.preempt_mode = preempt_mode(root, readings.kernel_version);
  readings.rt_runtime_us = number_in(root / "proc/sys/kernel/sched_rt_runtime_us");
  readings.rt_period_us =
      number_in(root / "proc/sys/kernel/sched_rt_period_us").value_or(readings.rt_period_us);
  readings.governors = governors(root);
  readings.clocksource = first_line(root / "sys/devices/system/clocksource/clocksource0/current_clocksource");
  readings.huge_pages = marked_word(first_line(root / "sys/kernel/mm/transparent_hugepage/enabled"));
  readings.alsa_cards = alsa_cards(root);
  const std::filesystem::path dma_latency = root / "dev/cpu_dma_latency";
  readings.dma_latency_there = access(dma_latency.c_str(), F_OK) == 0;
  readings.dma_latency_writable = access(dma_latency.c_str(), W_OK) == 0;
}

SystemReadings read_system() {
  SystemReadings readings;
  utsname name{};
  uname(&name);
  readings.kernel_version = fmt::format("{} {}", name.release, name.version);
  read_system_files("/", readings);
  readings.limits = realtime_limits();
  try_fifo(readings);
  readings.rtkit = rtkit_reachable();
  if (const auto server = probe_jack("")) {
    readings.jack =
        fmt::format("running, {} Hz, periods of {}", server->sample_rate_hz, server->period_frames);
    readings.jack_real_time = server->real_time;
  } else {
    readings.jack_note = server.error().what;
    readings.other_jack_servers = running_jack_servers();
  }
  readings.root = geteuid() == 0;
  readings.in_audio_group = in_group("audio");
  return readings;
}

}  // namespace streamlab
