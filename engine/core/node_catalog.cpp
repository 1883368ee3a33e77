// engine/core/node_catalog.cpp
#include "engine/core/node_catalog.hpp"

#include <algorithm>

namespace streamlab {

NodeCatalog NodeCatalog::with(std::initializer_list<const NodeEntry*> own) const {
  NodeCatalog catalog(entries_);
  for (const NodeEntry* entry : own) {
    const auto has_its_name = [&](const NodeEntry* other) { return other->info.name == entry->info.name; };
    const auto old = std::find_if(catalog.entries_.begin(), catalog.entries_.end(), has_its_name);
    if (old == catalog.entries_.end()) {
      catalog.entries_.push_back(entry);
    } else {
      *old = entry;
    }
  }
  return catalog;
}

const NodeEntry* NodeCatalog::find(std::string_view name) const noexcept {
  for (const NodeEntry* entry : entries_) {
    if (entry->info.name == name) { return entry; }
  }
  return nullptr;
}

std::vector<std::string_view> NodeCatalog::names() const {
  std::vector<std::string_view> names;
  for (const NodeEntry* entry : entries_) { names.push_back(entry->info.name); }
  return names;
}

}  // namespace streamlab
