// apps/streamlab/node_names.hpp
//
// The names of nodes for messages, and for graphs that the program changes: found in the catalogue by what a node does,
// so that no file of the program knows a node by its name.
#pragma once

#include <string>

#include "engine/core/node_catalog.hpp"

namespace streamlab::app {

// Has it a parameter of that role?
bool has_role(const NodeInfo& info, ParamRole role);
// A source that plays a file: where a batch puts its files.
bool plays_file(const NodeInfo& info);
// Writes a file that is not of records: sound.
bool writes_sound(const NodeInfo& info);

// Its first node that makes these records; null if there is none.
const NodeEntry* find_records(const NodeCatalog& catalog, Records records);

// The names of all that `is_meant(info)`: "CsvSink, JsonlSink or Print".
template <class IsMeant>
std::string names_of(const NodeCatalog& catalog, IsMeant is_meant);
// "a FileSource", "an AudioInput"; of several names, before the first.
std::string with_article(const std::string& name);

std::string joined_by_or(const std::vector<std::string_view>& names);

template <class IsMeant>
std::string names_of(const NodeCatalog& catalog, IsMeant is_meant) {
  std::vector<std::string_view> names;
  for (const NodeEntry* entry : catalog.entries()) {
    if (is_meant(entry->info)) { names.push_back(entry->info.name); }
  }
  return joined_by_or(names);
}

}  // namespace streamlab::app
