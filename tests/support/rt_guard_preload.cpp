// tests/support/rt_guard_preload.cpp
//
// The guard for an unmodified program:
//
//   RTGUARD=count LD_PRELOAD=build/dev/tests/librtguard.so build/dev/bin/streamlab run …
//
//   RTGUARD        abort (default): report the first forbidden call with its stack, then abort
//                  log: report every one; count: only the last line
//   RTGUARD_ALLOW  names not to report, with commas between: "poll,write"
//   RTGUARD_OUT    report to this file instead of standard error
//
// The last line, when the program ends: "rtguard: N violations in M guarded sections". Without a section nothing is
// proved, and the line says so.
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <execinfo.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "tests/support/rt_guard.hpp"

namespace streamlab {
namespace {

enum class Mode { abort, log, count };

Mode mode = Mode::abort;
std::string_view allowed_names;
int report_file = STDERR_FILENO;
std::atomic<std::uint64_t> violations{0};

bool allowed(std::string_view name) {
  for (std::string_view rest = allowed_names; !rest.empty();) {
    const std::size_t comma = rest.find(',');
    if (rest.substr(0, comma) == name) { return true; }
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
  }
  return false;
}

void write_out(std::string_view text) {
  [[maybe_unused]] const ssize_t written = write(report_file, text.data(), text.size());
}

void on_violation(const char* name, void* /*caller*/) {
  if (allowed(name)) { return; }
  violations.fetch_add(1, std::memory_order_relaxed);
  if (mode == Mode::count) { return; }
  fmt::basic_memory_buffer<char, 128> line;
  fmt::format_to(fmt::appender(line), "rtguard: {}() called by real-time code\n", name);
  write_out({line.data(), line.size()});
  void* stack[24];
  const int depth = backtrace(stack, 24);
  constexpr int kOwnFrames = 3;  // this one, the guard's two
  if (depth > kOwnFrames) { backtrace_symbols_fd(stack + kOwnFrames, depth - kOwnFrames, report_file); }
  if (mode == Mode::abort) {
    std::signal(SIGABRT, SIG_DFL);
    std::abort();
  }
}

[[gnu::constructor]] void begin() {
  const auto setting = [](const char* name) {
    const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): before any thread
    return std::string_view(value == nullptr ? "" : value);
  };
  if (setting("RTGUARD") == "log") { mode = Mode::log; }
  if (setting("RTGUARD") == "count") { mode = Mode::count; }
  allowed_names = setting("RTGUARD_ALLOW");
  if (const auto path = setting("RTGUARD_OUT"); !path.empty()) {
    const int file = open(path.data(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (file >= 0) { report_file = file; }
  }
  void* stack[4];
  backtrace(stack, 4);  // loads what it needs now, not on a real-time thread
  set_rt_guard_listener(on_violation);
}

[[gnu::destructor]] void end() {
  set_rt_guard_listener(nullptr);
  const std::uint64_t sections = rt_guard_sections();
  write_out(fmt::format("rtguard: {} violations in {} guarded sections{}\n",
                        violations.load(std::memory_order_relaxed), sections,
                        sections == 0 ? ": no real-time code ran, and nothing is proved" : ""));
}

}  // namespace
}  // namespace streamlab
