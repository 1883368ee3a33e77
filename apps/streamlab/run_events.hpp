// apps/streamlab/run_events.hpp
//
// RunEvents: the events of a running graph (engine/run/events.hpp), put together for a reader: an xrun a period must not flood a log.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/graph/config_text.hpp"
#include "engine/run/engine_event.hpp"

namespace streamlab::app {

class RunEvents {
 public:
  // Losses of one kind (and edge) are told together for so long after the first.
  static constexpr double kTogetherS = 1.0;
  enum class Hold : std::uint8_t { no, yes };

  // What to tell, after `fresh` events at `now_s` of any clock. The device's and its cables' going and coming is told at once. Left
  // out are failures and the end, which the summary tells, and a reload, which watch.cpp tells. Hold::no: all, for it is the last time.
  std::vector<EngineEvent> take(const std::vector<EngineEvent>& fresh, double now_s, Hold hold);

 private:
  struct Held {
    std::optional<EngineEvent> event;  // the first of those that are held, with the sums of all
    double told_at_s = -kTogetherS;
  };
  std::map<std::pair<EngineEvent::Kind, std::string>, Held> held_;  // by kind and edge
};

// "3 xruns (1 cost no frames)".
std::string xruns_text(std::uint64_t xruns, std::uint64_t without_gap);

// {"type": "event", "event": "gap", …}. `rate_hz`: of the position.
Document event_document(const EngineEvent& event, double rate_hz);
// "1 gap: 480 frames missing", for people.
std::string event_text(const EngineEvent& event);

}  // namespace streamlab::app
