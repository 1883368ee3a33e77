// nodes/process/catalog.cpp
#include "nodes/folder_catalog.hpp"

// A line a node, and none moves another.
// clang-format off
#define SL_NODES(NODE) \
  NODE(PipeSink) \
  NODE(PipeSource) \
  NODE(Process) \
  /* in alphabetical order */
// clang-format on
SL_FOLDER_CATALOG(process_nodes, SL_NODES)
#undef SL_NODES
