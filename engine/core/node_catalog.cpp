// engine/core/node_catalog.cpp
#include "engine/core/node_catalog.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace streamlab {

NodeCatalog NodeCatalog::with(std::initializer_list<const NodeEntry*> own) const {
  NodeCatalog catalog = *this;
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

NodeCatalog NodeCatalog::of_folders(std::initializer_list<std::span<const NodeEntry* const>> folders) {
  NodeCatalog catalog;
  for (const auto& folder : folders) {
    catalog.entries_.insert(catalog.entries_.end(), folder.begin(), folder.end());
  }
  std::sort(catalog.entries_.begin(), catalog.entries_.end(),
            [](const NodeEntry* a, const NodeEntry* b) { return a->info.name < b->info.name; });
  return catalog;
}

Result<void> NodeCatalog::add(NodeEntry entry) {
  if (auto checked = check_entry(entry); !checked) { return checked; }
  if (find(entry.info.name) != nullptr) {
    return refused("", fmt::format("there is a node \"{}\" already", entry.info.name), "another name");
  }
  owned_.push_back(std::make_shared<const NodeEntry>(std::move(entry)));
  entries_.push_back(owned_.back().get());
  return {};
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
