// nodes/analysis/catalog.cpp
#include "nodes/folder_catalog.hpp"

// A line a node, and none moves another.
// clang-format off
#define SL_NODES(NODE) \
  NODE(LevelMeter) \
  NODE(Spectrum) \
  /* in alphabetical order */
// clang-format on
SL_FOLDER_CATALOG(analysis_nodes, SL_NODES)
#undef SL_NODES
