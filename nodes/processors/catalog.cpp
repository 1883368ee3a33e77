// nodes/processors/catalog.cpp
#include "nodes/folder_catalog.hpp"

// A line a node, and none moves another.
// clang-format off
#define SL_NODES(NODE) \
  NODE(Biquad) \
  NODE(ChannelSelect) \
  NODE(Delay) \
  NODE(Gain) \
  NODE(Mixer) \
  /* in alphabetical order */
// clang-format on
SL_FOLDER_CATALOG(processor_nodes, SL_NODES)
#undef SL_NODES
