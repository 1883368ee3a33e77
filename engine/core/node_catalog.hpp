// engine/core/node_catalog.hpp
//
// NodeCatalog: the node types that a graph may use.
#pragma once

#include <initializer_list>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "engine/core/node_entry.hpp"

namespace streamlab {

class NodeCatalog {
 public:
  NodeCatalog() = default;
  // `entries` must outlive the catalogue.
  explicit NodeCatalog(std::span<const NodeEntry* const> entries)
      : entries_(entries.begin(), entries.end()) {}
  // Those of several folders of nodes together, in the order of their names. They must outlive the catalogue.
  static NodeCatalog of_folders(std::initializer_list<std::span<const NodeEntry* const>> folders);

  // This catalogue with the nodes of your own program. A name that exists already is replaced.
  NodeCatalog with(std::initializer_list<const NodeEntry*> own) const;
  // Adds a node, also one that is described while the program runs; the catalogue, its copies and every graph validated
  // with one of them keep the entry. Refused: a name that exists already; what check_entry() refuses.
  Result<void> add(NodeEntry entry);

  // The entry with exactly this name; null if there is none.
  const NodeEntry* find(std::string_view name) const noexcept;
  std::vector<std::string_view> names() const;
  // In the order in which they were given.
  std::span<const NodeEntry* const> entries() const noexcept { return entries_; }

  // What keeps the entries of add() alive, for those who point at entries longer than the catalogue may live.
  using Owned = std::vector<std::shared_ptr<const NodeEntry>>;
  const Owned& owned() const noexcept { return owned_; }

 private:
  std::vector<const NodeEntry*> entries_;
  Owned owned_;
};

// The nodes that come with the program. Declared here as the engine's default; defined by the node library
// that the program links (nodes/catalog.cpp).
const NodeCatalog& default_catalog();

}  // namespace streamlab
