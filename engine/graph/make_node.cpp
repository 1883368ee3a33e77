// engine/graph/make_node.cpp
#include "engine/graph/make_node.hpp"

#include <new>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/base/nearest_name.hpp"
#include "engine/graph/config_text.hpp"
#include "engine/graph/read_params.hpp"

namespace streamlab {

Checked<std::unique_ptr<Node>> make_node_by_name(std::string_view type, std::string_view config,
                                                 const NodeCatalog& catalog) {
  Errors errors;
  const NodeEntry* const entry = catalog.find(type);
  if (entry == nullptr) {
    errors.push_back(Error{ErrorCode::refused, "/type", fmt::format("there is no node type \"{}\"", type), "",
                           did_you_mean(type, catalog.names())});
  }
  auto document = parse_document(config, ConfigLanguage::json);
  if (!document) {
    errors.insert(errors.end(), document.error().begin(), document.error().end());
  } else if (!document->is_object()) {
    errors.push_back(Error{ErrorCode::refused, "/config", "this is not an object", "{…}", ""});
  }
  if (!errors.empty()) { return tl::unexpected(std::move(errors)); }
  ParamValues values = read_params(*document, entry->info.params, entry->info.rules, "/config", errors);
  if (!errors.empty()) { return tl::unexpected(std::move(errors)); }
  return entry->make(values);
}

Result<std::vector<OutputFormat>> make_prepared(const NodeEntry& entry, const ParamValues& params,
                                                const PrepareContext& context, std::shared_ptr<Node>& node) {
  try {
    node = entry.make(params);
    return node->prepare(context);
  } catch (const std::bad_alloc&) {
    return failed("", "memory ran out while it was prepared", "",
                  "smaller blocks, windows and buffers need less");
  }
}

}  // namespace streamlab
