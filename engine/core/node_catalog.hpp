// engine/core/node_catalog.hpp
//
// NodeCatalog: the node types that a graph may use.
#pragma once

#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include "engine/core/node_info.hpp"

namespace streamlab {

class NodeCatalog {
 public:
  // `entries` must outlive the catalogue.
  explicit NodeCatalog(std::span<const NodeEntry* const> entries)
      : entries_(entries.begin(), entries.end()) {}

  // This catalogue with the nodes of your own program. A name that exists already is replaced.
  NodeCatalog with(std::initializer_list<const NodeEntry*> own) const;

  // The entry with exactly this name; null if there is none.
  const NodeEntry* find(std::string_view name) const noexcept;
  std::vector<std::string_view> names() const;
  std::span<const NodeEntry* const> entries() const noexcept { return entries_; }

 private:
  std::vector<const NodeEntry*> entries_;
};

// The nodes that come with the program. Declared here as the engine's default; defined by the node library
// that the program links (nodes/catalog.cpp).
const NodeCatalog& default_catalog();

}  // namespace streamlab
