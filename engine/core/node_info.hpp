// engine/core/node_info.hpp
//
// NodeInfo: what a node says of itself before any instance exists. Everything a user sees of a node type
// comes from here: validation and its suggestions, `streamlab nodes`, the JSON Schema, the reference manual.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "engine/core/param.hpp"
#include "engine/core/stream_format.hpp"

namespace streamlab {

// Which kinds of stream a port takes: bits by StreamKind.
using KindMask = std::uint32_t;
constexpr KindMask mask(StreamKind kind) { return 1U << static_cast<std::uint32_t>(kind); }
inline constexpr KindMask kAudioOnly = mask(StreamKind::audio);
inline constexpr KindMask kAnyKind =
    mask(StreamKind::audio) | mask(StreamKind::spectrum) | mask(StreamKind::values);

struct PortInfo {
  std::string_view name = {};  // a repeated port "in" appears as "in1", "in2", …
  KindMask kinds = kAudioOnly;
  std::string_view description = {};
  std::uint32_t max_repeat = 1;  // above 1: as many as are connected, "in1" … without holes
};

// The usual ports.
inline constexpr PortInfo kAudioInPort[] = {{"in", kAudioOnly, "Audio."}};
inline constexpr PortInfo kAudioOutPort[] = {{"out", kAudioOnly, "Audio."}};
inline constexpr PortInfo kAnyInPort[] = {{"in", kAnyKind, "Audio, spectra or values."}};

enum class RtSafe : std::uint8_t { no, yes };  // may process() run on the real-time thread?
// May output 0 be the very frame of input 0? (same format, one for one)
enum class InPlace : std::uint8_t { no, yes };

// How a node with several inputs is called.
enum class InputMode : std::uint8_t {
  joined,    // one block of every input at a time, of one position and length; audio only
  separate,  // one block of one input at a time, in order within each input; every kind of stream
};

// Does the node keep blocks until the next node has room for them? Such a node has one input and one
// output. process() with a block takes it and gives none; without input it gives the oldest, or none;
// finish() gives what is left, one by one. While has_room() says no, a domain that may wait brings no more.
// What follows the node runs in another domain where there are several, so that it holds up nobody before the
// node.
enum class Queue : std::uint8_t { no, yes };

// May process() wait for somebody outside, such as another program? In a run that a device paces such a node,
// with what follows it, has a thread of its own, and an edge that leads there drops its oldest blocks where it
// names no policy: it holds up nobody.
enum class Waits : std::uint8_t { no, yes };

// Do blocks of audio keep the positions of the input, with no pause longer than OutputFormat::held_frames? Streams are
// joined by position: what comes through a node that does not cannot be an input of a joining node, whose other
// inputs would wait for it without end.
enum class Timeline : std::uint8_t { kept, broken };

// When does the output end? With the input, or by itself, too, after a length that is known (Take): then an endless
// source makes no endless run.
enum class Ends : std::uint8_t { with_input, by_itself };

// Nodes whose block a device fills or takes; the domain's driver does the work.
enum class Boundary : std::uint8_t { none, device_input, device_output };

struct NodeInfo {
  std::string_view name = {};         // the JSON type, the class and the file agree
  std::string_view description = {};  // one line
  std::span<const PortInfo> inputs = {};
  std::span<const PortInfo> outputs = {};
  std::span<const ParamInfo> params = {};
  RtSafe rt_safe = RtSafe::no;
  InPlace in_place = InPlace::no;
  Boundary boundary = Boundary::none;
  InputMode input_mode = InputMode::joined;
  Queue queue = Queue::no;
  Waits waits = Waits::no;
  Timeline timeline = Timeline::kept;
  Ends ends = Ends::with_input;
  std::string_view at_gap = {};    // what it does where frames are missing: a sentence
  std::string_view details = {};   // definitions and sources for the manual; may be empty
  std::string_view example = {};   // the node's JSON object, as in a configuration
  double cost_ns_per_frame = 1.0;  // rough, per channel; decides only how nodes are spread over threads
};

class Node;

// A line of the catalogue.
struct NodeEntry {
  const NodeInfo& info;
  std::unique_ptr<Node> (*make)(const ParamValues& params);
};

}  // namespace streamlab
