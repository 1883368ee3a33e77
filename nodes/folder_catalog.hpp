// nodes/folder_catalog.hpp
//
// One catalogue a folder of nodes, one line a node; nodes/catalog.cpp puts them together. (Lists, not self-registering
// objects: a linker drops those from static libraries. A macro, for a line must both declare an entry and list it.)
#pragma once

#include <span>

#include "engine/core/node_entry.hpp"

namespace streamlab {

std::span<const NodeEntry* const> analysis_nodes();
std::span<const NodeEntry* const> operator_nodes();
std::span<const NodeEntry* const> process_nodes();
std::span<const NodeEntry* const> processor_nodes();
std::span<const NodeEntry* const> sink_nodes();
std::span<const NodeEntry* const> source_nodes();

}  // namespace streamlab

#define SL_DECLARE_NODE(NAME) extern const NodeEntry k##NAME##Entry;
#define SL_LIST_NODE(NAME) &k##NAME##Entry,
// Defines `function`, which gives the entries kNAMEEntry of NODES(NODE): a macro that calls NODE(NAME) for each.
#define SL_FOLDER_CATALOG(function, NODES)                                \
  namespace streamlab {                                                   \
  NODES(SL_DECLARE_NODE)                                                  \
  std::span<const NodeEntry* const> function() {                          \
    static constexpr const NodeEntry* kEntries[] = {NODES(SL_LIST_NODE)}; \
    return kEntries;                                                      \
  }                                                                       \
  }
