// nodes/sinks/catalog.cpp
#include "nodes/folder_catalog.hpp"

// A line a node, and none moves another.
// clang-format off
#define SL_NODES(NODE) \
  NODE(AudioOutput) \
  NODE(CsvSink) \
  NODE(FileSink) \
  NODE(JsonlSink) \
  NODE(NpySink) \
  NODE(NullSink) \
  NODE(Print) \
  /* in alphabetical order */
// clang-format on
SL_FOLDER_CATALOG(sink_nodes, SL_NODES)
#undef SL_NODES
