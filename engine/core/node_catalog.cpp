// engine/core/node_catalog.cpp
#include "engine/core/node_catalog.hpp"

namespace streamlab {

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
