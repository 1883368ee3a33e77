// engine/core/node_info.hpp
//
// NodeInfo: the static description of a node type. Everything a user sees of it comes from here: validation
// and its suggestions, `streamlab nodes`, the JSON Schema, the reference manual.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "engine/core/param.hpp"
#include "engine/core/stream_format.hpp"

namespace streamlab {

// Which kinds of stream a port accepts: a bit per StreamKind.
using KindMask = std::uint32_t;
constexpr KindMask mask(StreamKind kind) { return 1U << static_cast<std::uint32_t>(kind); }
inline constexpr KindMask kAudioOnly = mask(StreamKind::audio);
inline constexpr KindMask kAnyKind =
    mask(StreamKind::audio) | mask(StreamKind::spectrum) | mask(StreamKind::values);

struct PortInfo {
  std::string_view name = {};  // a repeated port "in" appears as "in1", "in2", …
  KindMask kinds = kAudioOnly;
  std::string_view description = {};
  std::uint32_t max_repeat = 1;  // above 1: as many as are connected, "in1" … without gaps
};

// A value that a node gives of each channel of its input, as "<channel>.<name>".
struct ValueInfo {
  std::string_view name = {};
  std::string_view unit = {};  // of a channel in FS
  std::string_view description = {};
};

// The usual ports.
inline constexpr PortInfo kAudioInPort[] = {{"in", kAudioOnly, "Audio."}};
inline constexpr PortInfo kAudioOutPort[] = {{"out", kAudioOnly, "Audio."}};
inline constexpr PortInfo kAnyInPort[] = {{"in", kAnyKind, "Audio, spectra or values."}};

enum class RtSafe : std::uint8_t { no, yes };  // may process() run on the real-time thread?
// May output 0 be the same frame as input 0? (same format, one block out per block in)
enum class InPlace : std::uint8_t { no, yes };

// How a node with several inputs is called.
enum class InputMode : std::uint8_t {
  joined,    // one block of each input per call, with equal position and length; audio only
  separate,  // one block of one input per call, in order within each input; any kind of stream
};

// Does the node store blocks until the next node has room for them? Such a node has one input and one output.
// process() with a block stores it and emits nothing; without a block it emits the oldest, if any; finish()
// emits the rest one by one. While has_room() is false, a domain that may block sends no more. If there are
// several domains, the nodes after it run in another one, so that they cannot stall the nodes before it.
enum class Queue : std::uint8_t { no, yes };

// May process() wait for something outside, such as another program? (What Records and the path "-" write waits for the
// reader of the console: no node has to say so.) If a device paces the run, such a node
// gets a thread of its own together with the nodes after it, and the edges into it drop their oldest blocks
// unless they name a policy, so that it cannot stall the rest.
enum class Waits : std::uint8_t { no, yes };

// Do audio blocks keep the positions of the input, with no pause longer than OutputFormat::held_frames?
// Joining matches streams by position: the output of a node that breaks them cannot feed a joining node,
// whose other inputs would wait for it forever.
enum class Timeline : std::uint8_t { kept, broken };

// When does the output end? With the input, or also by itself after a known length (Take); then even an
// endless source makes a finite run.
enum class Ends : std::uint8_t { with_input, by_itself };

// What a sink makes of blocks, for programs that name standard output's format or lead results elsewhere (a table of
// a batch).
enum class Records : std::uint8_t {
  none,        // something else, or not a sink
  console,     // shows them on the console: as text, or as JSON Lines where the program prints those
  csv,         // rows of a table (RFC 4180) in its ParamRole::output_file
  json_lines,  // a line of JSON each, likewise
  arrays,      // rows of an array for other programs (.npy), likewise
  dropped,     // takes blocks and does nothing with them
};

// Nodes whose block is filled or taken by a device; the domain's driver does the work.
enum class Boundary : std::uint8_t { none, device_input, device_output };

struct NodeInfo {
  std::string_view name = {};         // the JSON type, the class and the file agree
  std::string_view description = {};  // one line
  std::span<const PortInfo> inputs = {};
  std::span<const PortInfo> outputs = {};
  std::span<const ParamInfo> params = {};
  std::span<const ParamRule> rules = {};
  RtSafe rt_safe = RtSafe::no;
  InPlace in_place = InPlace::no;
  Boundary boundary = Boundary::none;
  InputMode input_mode = InputMode::joined;
  Queue queue = Queue::no;
  Waits waits = Waits::no;
  Timeline timeline = Timeline::kept;
  Ends ends = Ends::with_input;
  Records records = Records::none;
  std::string_view at_gap = {};            // its behaviour where frames are missing: a sentence
  std::string_view details = {};           // definitions and sources for the manual; may be empty
  std::span<const ValueInfo> values = {};  // what an output of values holds, if that is fixed
  std::string_view example = {};           // the node's JSON object, as in a configuration
  double cost_ns_per_frame = 1.0;          // rough, per channel; only used to spread nodes over threads
};

}  // namespace streamlab
