// apps/streamlab/console.cpp
#include "apps/streamlab/console.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <fmt/format.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "engine/base/printable.hpp"

namespace streamlab::app {
namespace {

std::string dumped(const Document& document, int indent) {
  return document.dump(indent, ' ', false, Document::error_handler_t::replace) + "\n";
}

void write_to(std::FILE* file, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), file);
  std::fflush(file);
}

int gravity(ExitCode code) {
  switch (code) {
    case ExitCode::success:
      return 0;
    case ExitCode::data_lost:
      return 1;
    case ExitCode::refused:
      return 2;
    case ExitCode::failed:
      return 3;
  }
  return 3;
}

}  // namespace

ExitCode worse(ExitCode a, ExitCode b) { return gravity(a) >= gravity(b) ? a : b; }

ExitCode exit_code(const Errors& errors) {
  const bool refused = std::any_of(errors.begin(), errors.end(),
                                   [](const Error& error) { return error.code == ErrorCode::refused; });
  return refused ? ExitCode::refused : ExitCode::failed;
}

// What cannot be written is noticed when the program ends.
void to_stdout(std::string_view text) { write_to(stdout, printable(text, LineEnds::keep)); }
void to_stderr(std::string_view text) {
  const std::string shown = printable(text, LineEnds::keep);
  std::fwrite(shown.data(), 1, shown.size(), stderr);
}

// Within a text of JSON what printable() writes means the same.
void print_json_line(const Document& document, std::FILE* file) {
  write_to(file, printable(dumped(document, -1), LineEnds::keep));
}
void print_json(const Document& document) { to_stdout(dumped(document, 2)); }

ExitCode report(const Errors& errors, const std::string& subject) {
  constexpr std::size_t kShown = 20;
  const std::string prefix = subject.empty() ? subject : subject + ": ";
  const auto end = errors.begin() + static_cast<std::ptrdiff_t>(std::min(errors.size(), kShown));
  to_stderr(to_string(Errors(errors.begin(), end), prefix));
  if (errors.size() > kShown) {
    to_stderr(fmt::format("{}{} in all; the first {} are shown\n", prefix, counted(errors.size(), "error"),
                          kShown));
  }
  return exit_code(errors);
}
ExitCode report(const Error& error, const std::string& subject) { return report(Errors{error}, subject); }

std::string spoken_time(double seconds) {
  if (seconds < 1.0) { return fmt::format("{:.3g} ms", 1000.0 * seconds); }
  if (seconds < 60.0) { return fmt::format("{:.3g} s", seconds); }
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  const std::int64_t hours = whole / 3600;
  const std::int64_t minutes = whole / 60 % 60;
  if (hours == 0) { return fmt::format("{} min {:02} s", minutes, whole % 60); }
  return fmt::format("{} h {:02} min {:02} s", hours, minutes, whole % 60);
}

std::string times_real_time(double signal_s, double wall_s) {
  const double times = wall_s > 0.0 ? signal_s / wall_s : 0.0;
  return times >= 100.0 ? fmt::format("{:.0f} × real time", times) : fmt::format("{:.3g} × real time", times);
}

std::string counted(std::uint64_t count, std::string_view singular) {
  return fmt::format("{} {}{}", count, singular, count == 1 ? "" : "s");
}

StatusLine::StatusLine(bool wanted) : shown_(wanted && isatty(STDERR_FILENO) == 1) {}

void StatusLine::show(const std::string& text) {
  if (!shown_) { return; }
  fmt::print(stderr, "\r{}\x1b[K", printable(text));
  dirty_ = true;
}

void StatusLine::clear() {
  if (dirty_) { fmt::print(stderr, "\r\x1b[K"); }
  dirty_ = false;
}

}  // namespace streamlab::app
