// engine/run/engine_event.hpp
//
// EngineEvent: what happens while a graph runs and somebody wants to know at once.
#pragma once

#include <cstdint>
#include <string>

#include "engine/run/driver.hpp"

namespace streamlab {

struct EngineEvent {
  enum class Kind : std::uint8_t {
    device_lost,
    device_back,
    unconnected,  // a port to which nothing is connected any more: `where`; it was connected to `what`
    connected,    // again
    xrun,         // `count`, of which `without_gap` cost no frames
    gap,          // `frames` are missing, from `position` on
    drop,         // `count` blocks of the edge `where`
    underrun,     // `frames` of silence were played
    change,  // new values of parameters: `what`, as Engine::set_params() takes them; in force from the next block on
    reload,   // another graph took the place: `what`, as to_string(ReloadPlan) says it
    failure,  // `what`, at `where`
    end,      // the engine has stopped. The last one
  };
  static constexpr std::size_t kKinds = 12;

  Kind kind = Kind::end;
  // Frames of the stream, those that were lost included, as blocks count them. A gap: its first frame. An xrun: the (last) block
  // that reported it. Others: how far the stream had come when it was noticed.
  std::int64_t position = 0;
  std::int64_t timestamp_us = 0;  // when it was noticed, since the Unix epoch
  std::uint64_t count = 1;  // xruns, gaps, dropped blocks; several gaps only where nobody looked for long
  std::uint64_t frames = 0;
  std::uint64_t without_gap = 0;
  std::string where = {};  // edge: "mic -> level"; port: "input left"; what failed
  std::string what = {};
};
// "device_lost", …
std::string to_string(EngineEvent::Kind kind);

// "input left": a port in the words of the results.
std::string port_text(const DeviceFormat& device, const PortConnection& port);

}  // namespace streamlab
