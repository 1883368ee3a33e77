// nodes/operators/catalog.cpp
#include "nodes/folder_catalog.hpp"

// A line a node, and none moves another.
// clang-format off
#define SL_NODES(NODE) \
  NODE(Batch) \
  NODE(Buffer) \
  NODE(ChannelSink) \
  NODE(ChannelSource) \
  NODE(CircuitBreaker) \
  NODE(Conflate) \
  NODE(Debounce) \
  NODE(Filter) \
  NODE(Join) \
  NODE(Map) \
  NODE(Merge) \
  NODE(RateLimit) \
  NODE(Reduce) \
  NODE(Sample) \
  NODE(Skip) \
  NODE(Take) \
  NODE(Throttle) \
  NODE(Window) \
  /* in alphabetical order */
// clang-format on
SL_FOLDER_CATALOG(operator_nodes, SL_NODES)
#undef SL_NODES
