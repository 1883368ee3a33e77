// engine/stream/monitor.hpp
//
// StreamMonitor: the report of a stream while it runs, for other threads.
//
//   StreamMonitor monitor;
//   auto done = std::async(std::launch::async, [&, stream = std::move(stream)]() mutable {
//     return std::move(stream).for_each(work, {.monitor = &monitor});
//   });
//   fmt::print("{}", to_string(monitor.report()));  // any thread, any time
#pragma once

#include <mutex>

#include "engine/stream/report.hpp"

namespace streamlab {

class RunRecord;

// Watches one run at a time; a second one is refused while the first goes on.
class StreamMonitor {
 public:
  StreamMonitor() = default;
  StreamMonitor(const StreamMonitor&) = delete;
  StreamMonitor& operator=(const StreamMonitor&) = delete;

  // Any thread; waits for no stage. While the stream runs: StreamEnd::running, and what every stage has counted so
  // far. No stage has given more than it was given, though others count on while the numbers are read. What lies
  // within group_by() and flat_map(), and before a tee(), is in the final report alone. After the run: its report.
  // Before it: a report without stages.
  StreamReport report() const;

 private:
  friend class RunRecord;

  mutable std::mutex mutex_;        // guards what follows
  const RunRecord* run_ = nullptr;  // that goes on
  bool is_halting_ = false;         // its stages must not be looked at: last_ is how far they were
  StreamReport last_ = report_of_a_beginning();
};

}  // namespace streamlab
