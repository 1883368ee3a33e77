// apps/streamlab/run_events.hpp
//
// RunEvents: what happens while a graph runs and a reader wants to know at once: the device is lost or back, an xrun,
// a gap, a port to which nothing is connected, blocks dropped, silence played. Found by comparing one status with the one before.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/graph/config_text.hpp"
#include "engine/run/engine.hpp"

namespace streamlab::app {

struct RunEvent {
  enum class Kind : std::uint8_t {
    device_lost,
    device_back,
    unconnected,
    connected,
    xrun,
    gap,
    drop,
    underrun
  };
  Kind kind = Kind::xrun;
  std::string edge;               // of a drop: "mic -> level"
  std::uint64_t count = 1;        // xruns, gaps, dropped blocks
  std::uint64_t frames = 0;       // lost in gaps, or of silence played
  std::uint64_t without_gap = 0;  // of the xruns: those that cost no frames
  std::string port = {};          // of a connection: "input left"
  std::string peer = {};          // the other end that it had at the start
};
// "device_lost", …
std::string to_string(RunEvent::Kind kind);

class RunEvents {
 public:
  // An xrun a period must not flood a log: further ones of a kind (and edge) are counted together for so long.
  static constexpr double kTogetherS = 1.0;
  enum class Hold : std::uint8_t { no, yes };

  // What is new in `status`, at `now_s` of any clock. The device's and its cables' going and coming is told at once;
  // a gap of a device that is gone when it is back. Hold::no: all, for it is the last time.
  std::vector<RunEvent> take(const EngineStatus& status, double now_s, Hold hold);

 private:
  struct Told {
    std::uint64_t count = 0;
    std::uint64_t frames = 0;
    std::uint64_t without_gap = 0;
    double at_s = -kTogetherS;
  };
  void take_ports(std::vector<RunEvent>& events, const EngineStatus& status);
  void add(std::vector<RunEvent>& events, RunEvent event, double now_s, Hold hold);

  std::map<std::pair<RunEvent::Kind, std::string>, Told> told_;
  struct ToldPort {
    std::uint64_t interruptions = 0;
    bool is_connected = true;
  };
  std::map<std::string, ToldPort> told_ports_;
  bool is_lost_ = false;
  std::uint64_t reopened_ = 0;
};

// "input left": a port in the words of the results.
std::string port_text(const DeviceFormat& device, const PortConnection& port);
// "3 xruns (1 cost no frames)".
std::string xruns_text(std::uint64_t xruns, std::uint64_t without_gap);

// How far the stream has come, in frames: its position, as blocks and files count it, lost frames included.
std::uint64_t stream_position(const EngineStatus& status);
// {"type": "event", "event": "gap", …}. `timestamp_us`: since the Unix epoch; `seconds`: the place in the stream.
Document event_document(const RunEvent& event, std::int64_t timestamp_us, double seconds);
// "gap: 480 frames are missing", for people.
std::string event_text(const RunEvent& event);

}  // namespace streamlab::app
