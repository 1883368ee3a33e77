// engine/stream/report.cpp
#include "engine/stream/report.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace streamlab {

std::string_view to_string(StreamEnd end) noexcept {
  switch (end) {
    case StreamEnd::running:
      return "running";
    case StreamEnd::complete:
      return "complete";
    case StreamEnd::drained:
      return "drained";
    case StreamEnd::cancelled:
      return "cancelled";
    case StreamEnd::failed:
      return "failed";
  }
  return "?";
}

std::string to_string(const StreamError& error) {
  return fmt::format("stage \"{}\", item {}: {}", error.stage, error.item, to_string(error.error));
}

const StageReport* StreamReport::stage(std::string_view name) const {
  const auto found =
      std::find_if(stages.begin(), stages.end(), [name](const StageReport& s) { return s.name == name; });
  return found == stages.end() ? nullptr : &*found;
}

std::string to_string(const StreamReport& report) {
  const auto ms = [](std::chrono::nanoseconds t) {
    return std::chrono::duration<double, std::milli>(t).count();
  };
  std::string text =
      fmt::format("{}, {} items in {:.3f} ms", to_string(report.ended), report.items, ms(report.total));
  if (report.to_first_item) { text += fmt::format(", the first after {:.3f} ms", ms(*report.to_first_item)); }
  text += "\n";
  std::size_t width = 5;
  for (const StageReport& s : report.stages) { width = std::max(width, s.name.size()); }
  text += fmt::format("  {:<{}} {:>10} {:>10} {:>8} {:>8} {:>8} {:>11}\n", "stage", width, "in", "out",
                      "failed", "retried", "dropped", "time ms");
  for (const StageReport& s : report.stages) {
    text += fmt::format("  {:<{}} {:>10} {:>10} {:>8} {:>8} {:>8} {:>11.3f}\n", s.name, width, s.in, s.out,
                        s.failed, s.retried, s.dropped, ms(s.time));
  }
  for (const std::string& note : report.notes) { text += "  " + note + "\n"; }
  if (report.error) { text += "  failed: " + to_string(*report.error) + "\n"; }
  return text;
}

StreamReport report_of_moved_from() {
  StreamReport report;
  report.ended = StreamEnd::failed;
  report.error = StreamError{
      "pull", 0,
      Error{ErrorCode::failed, "", "this Pull was moved from", "the one that it was moved to", ""}};
  return report;
}

}  // namespace streamlab
