// engine/run/cross_fade.hpp
//
// CrossFade: the node by which a reload lets what is played go over from one stream to another. No configuration names it.
//
//   new, old   audio of one format
//   out        as `new`; latency 0 frames
//
//   y[n] = old[n] + (new[n] - old[n]) (n + 1) / N   for n < N, the frames of fade_ms; then new[n], bit for bit
#pragma once

#include "engine/core/node_entry.hpp"

namespace streamlab {

extern const NodeEntry kCrossFadeEntry;

}  // namespace streamlab
