// engine/run/event_finder.hpp
//
// EventFinder: what has happened since the last look at a running graph, found by comparing what is counted. GapMarks: the gaps of a
// device, as its real-time thread leaves them for the one who looks.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/rt/spsc_ring.hpp"
#include "engine/run/engine.hpp"
#include "engine/run/engine_event.hpp"

namespace streamlab {

struct Gap {
  std::int64_t position = 0;  // of the first missing frame
  std::uint64_t frames = 0;
  std::uint64_t count = 1;  // several together, where the ring was full
};

// One thread leaves, wait-free; one at a time takes. What finds no room is summed up instead; nothing is lost.
//   (1) leave() adds to frames_, then to gaps_ (release).
//   (2) take() loads gaps_ (acquire), then frames_: of each gap that it counts it sees the frames. Frames of a gap that is not counted
//       yet may be among them; that gap then has none left.
class GapMarks {
 public:
  void leave(const Gap& gap) noexcept {
    if (ring_.try_push(gap)) { return; }
    position_.store(gap.position, std::memory_order_relaxed);
    frames_.store(frames_.load(std::memory_order_relaxed) + gap.frames, std::memory_order_relaxed);
    gaps_.store(gaps_.load(std::memory_order_relaxed) + 1, std::memory_order_release);  // (1)
  }
  std::vector<Gap> take();

 private:
  static constexpr std::size_t kMost = 256;
  SpscRing<Gap> ring_{kMost};
  std::atomic<std::int64_t> position_{0};
  std::atomic<std::uint64_t> frames_{0};
  std::atomic<std::uint64_t> gaps_{0};
  std::uint64_t taken_frames_ = 0;  // of those without a mark
  std::uint64_t taken_gaps_ = 0;
};

// What is seen of an engine in one look.
struct EngineView {
  EngineStatus status;
  std::vector<Gap> gaps;           // since the last look
  std::int64_t xrun_position = 0;  // of the last block that reported an xrun
};

// One look at a time.
class EventFinder {
 public:
  // What is new, in this order: the device, its cables, what was lost, what failed. `is_last`: the engine has stopped; what the device
  // counted and never said (it is still away) is told, too.
  std::vector<EngineEvent> find(const EngineView& view, std::int64_t now_us, bool is_last);

 private:
  void find_device(const EngineView& view, bool is_last);
  void find_ports(const EngineStatus& status);
  void find_drops(const EngineStatus& status);
  EngineEvent& add(EngineEvent::Kind kind);

  std::vector<EngineEvent> found_;
  std::int64_t now_us_ = 0;
  std::int64_t position_ = 0;
  // What was told.
  struct Port {
    std::uint64_t interruptions = 0;
    bool is_connected = true;
  };
  std::map<std::string, Port> ports_;
  std::map<std::string, std::uint64_t> drops_;  // by edge
  std::set<std::string> failures_;
  bool is_lost_ = false;
  std::uint64_t reopened_ = 0;
  std::uint64_t xruns_ = 0;
  std::uint64_t xruns_without_gap_ = 0;
  std::uint64_t gaps_ = 0;
  std::uint64_t gap_frames_ = 0;
  std::uint64_t underrun_frames_ = 0;
};

// How far the stream has come, in frames: its position, as blocks and files count it, lost frames included.
std::int64_t stream_position(const EngineStatus& status);

}  // namespace streamlab
