// engine/core/node_host.hpp
//
// NodeHost: what the program around a graph gives its nodes: a console, rules for output files, channels, a clock. It travels as
// a whole from EngineOptions, PlanOptions or NodeStageOptions to PrepareContext, so a new service is a field here and
// nothing else.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>

#include "engine/base/output_file.hpp"

namespace streamlab {

class ChannelRegistry;  // engine/channel/registry.hpp
class Clock;            // engine/channel/clock.hpp

enum class Console : std::uint8_t { text, json_lines, off };  // what nodes that print do on stdout

struct NodeHost {
  Console console = Console::text;
  std::FILE* console_file = stdout;  // where nodes print
  bool overwrite = false;            // may existing output files be replaced?
  // When output files get their names. With Naming::when_complete, the files of a run that is stopped before its
  // sources have ended are not complete, and are removed.
  Naming naming = Naming::at_once;
  // The registry for the graph's channels; may be shared with other graphs and the program. Null: the engine's own; for
  // nodes, null in a dry run (`check`), where start() is never called: do not consume one-shot inputs such as pipes.
  std::shared_ptr<ChannelRegistry> channels = {};
  // By which nodes wait that hold a run up (Throttle); outlives them. Null: the machine's. A test gives a VirtualClock.
  Clock* clock = nullptr;
};

}  // namespace streamlab
