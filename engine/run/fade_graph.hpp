// engine/run/fade_graph.hpp
//
// FadeGraph: for the time of a fade, a reload lets the old graph and the new one play beside each other:
//
//   before   mic -> eq -> out
//   fade     mic -> eq-leaving -> fade.old      after   mic -> eq -> out
//            mic -> eq         -> fade.new
//            fade -> out
//
// It is a graph as others are, and takes the place of the one before as every reload does: nodes that go on are there once,
// with their state; those that are leaving go on, too, under another id. A second reload takes it to the new graph.
#pragma once

#include <string>
#include <vector>

#include "engine/graph/diff.hpp"
#include "engine/run/succession.hpp"

namespace streamlab {

// An input of a node that goes on, on the way to the device's output, that another stream reaches in the new graph.
struct SoundChange {
  std::size_t node = 0;   // of the new graph
  std::size_t input = 0;  // its connected input
  std::string name;       // "out.in"
};
std::vector<SoundChange> sound_changes(const Succession& succession);

struct FadeGraph {
  ValidGraph graph;
  FormerIds former_ids;
  std::vector<std::string> fades;  // ids of its CrossFade nodes, by change
};

// With a cross-fade at each of `changes`. What it points at, node types among them, belongs to the two graphs.
Checked<FadeGraph> make_fade_graph(const Succession& succession, const std::vector<SoundChange>& changes,
                                   double fade_ms);

// Can this fade run as the plan has it? Not where it would wait for the new stream: that must come on the fade's thread, hold no
// more frames than the old one, and need nothing of other threads that the old one does not need.
bool runs_beside(const Plan& plan, const std::string& fade);

}  // namespace streamlab
