// apps/streamlab/node_names.cpp
#include "apps/streamlab/node_names.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace streamlab::app {

bool has_role(const NodeInfo& info, ParamRole role) {
  return std::any_of(info.params.begin(), info.params.end(),
                     [&](const ParamInfo& param) { return param.role == role; });
}

bool plays_file(const NodeInfo& info) { return info.inputs.empty() && has_role(info, ParamRole::input_file); }

bool writes_sound(const NodeInfo& info) {
  return info.outputs.empty() && info.records == Records::none && has_role(info, ParamRole::output_file);
}

const NodeEntry* find_records(const NodeCatalog& catalog, Records records) {
  const auto entries = catalog.entries();
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [&](const NodeEntry* entry) { return entry->info.records == records; });
  return found == entries.end() ? nullptr : *found;
}

std::string with_article(const std::string& name) {
  const bool has_vowel =
      !name.empty() && std::string_view("AEIOUaeiou").find(name.front()) != std::string::npos;
  return fmt::format("{} {}", has_vowel ? "an" : "a", name);
}

std::string joined_by_or(const std::vector<std::string_view>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) { text += i + 1 == names.size() ? " or " : ", "; }
    text += names[i];
  }
  return text;
}

}  // namespace streamlab::app
