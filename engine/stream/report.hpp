// engine/stream/report.hpp
//
// StreamReport: what a stream did, stage by stage, and why it ended.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/error.hpp"

namespace streamlab {

// Why a stream came to its end.
enum class StreamEnd : std::uint8_t {
  running,    // it has not: the report says how far it is
  complete,   // the sources ran out, or the end had all that it wanted (take, first)
  drained,    // the sources were told to end; what was inside came out
  cancelled,  // given up; what was inside is lost
  failed,     // a stage failed: StreamReport::error
};
std::string_view to_string(StreamEnd end) noexcept;

// A failure and the place it came from.
struct StreamError {
  std::string stage;       // name of the stage
  std::uint64_t item = 0;  // number of the item that the stage was given, from 0
  Error error;
};
// "stage "map", item 3: WHAT…"
std::string to_string(const StreamError& error);

struct StageReport {
  std::string name;
  std::uint64_t in = 0;       // items taken from the stages before it
  std::uint64_t out = 0;      // items given
  std::uint64_t failed = 0;   // items on which it failed for good, whatever then became of them
  std::uint64_t retried = 0;  // attempts after the first
  std::uint64_t dropped = 0;  // items lost or left out by a failure, an overflow, a limit; not by filter()
  std::chrono::nanoseconds time{0};  // spent in the stage itself; an estimate from a sample of the items
};

struct [[nodiscard]] StreamReport {
  StreamEnd ended = StreamEnd::complete;
  std::optional<StreamError> error;    // with StreamEnd::failed
  std::vector<StreamError> collected;  // what stages with collect_errors() met, the first kMaxCollected
  std::uint64_t collected_count = 0;   // all of them
  // In the direction of flow; the end's function stands last if it failed on an item.
  std::vector<StageReport> stages;
  std::uint64_t items = 0;            // that reached the end, and that it did not fail on
  std::vector<std::string> notes;     // "resumed at item 4000", …
  std::chrono::nanoseconds total{0};  // by the clock of the run
  std::optional<std::chrono::nanoseconds> to_first_item;

  static constexpr std::size_t kMaxCollected = 1000;

  bool ok() const { return ended == StreamEnd::complete || ended == StreamEnd::drained; }
  // The first stage of that name; null when there is none.
  const StageReport* stage(std::string_view name) const;
};

// Of a stream that has not done anything yet.
inline StreamReport report_of_a_beginning() {
  StreamReport report;
  report.ended = StreamEnd::running;
  return report;
}

// Of a Pull that was moved from.
StreamReport report_of_moved_from();

// A table for people, one line a stage.
std::string to_string(const StreamReport& report);

// What an end gives: the value as far as it came, and the report. True when the stream ended well.
template <class R>
struct [[nodiscard]] StreamResult {
  R value{};
  StreamReport report;

  explicit operator bool() const { return report.ok(); }
  const R& operator*() const& { return value; }
  R& operator*() & { return value; }
  R&& operator*() && { return std::move(value); }
  const R* operator->() const { return &value; }
  R* operator->() { return &value; }
};

}  // namespace streamlab
