// nodes/sources/catalog.cpp
#include "nodes/folder_catalog.hpp"

// A line a node, and none moves another.
// clang-format off
#define SL_NODES(NODE) \
  NODE(AudioInput) \
  NODE(FileSource) \
  NODE(SineGenerator) \
  /* in alphabetical order */
// clang-format on
SL_FOLDER_CATALOG(source_nodes, SL_NODES)
#undef SL_NODES
