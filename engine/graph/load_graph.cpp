// engine/graph/load_graph.cpp
//
// From text to ValidGraph in one go, with all errors of both steps in the order of the file.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "engine/base/json_pointer.hpp"
#include "engine/graph/parse_config.hpp"
#include "engine/graph/validate.hpp"

namespace streamlab {
namespace {

// Where in the file each JSON pointer stands: a number that grows from top to bottom.
void number_pointers(const Document& value, const std::string& pointer,
                     std::map<std::string, std::size_t>& order) {
  order.emplace(pointer, order.size());
  if (value.is_object()) {
    for (const auto& item : value.items()) {
      number_pointers(item.value(), pointer + "/" + pointer_token(item.key()), order);
    }
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      number_pointers(value[i], fmt::format("{}/{}", pointer, i), order);
    }
  }
}

std::size_t rank(std::string pointer, const std::map<std::string, std::size_t>& order) {
  while (true) {
    const auto found = order.find(pointer);
    if (found != order.end()) { return found->second; }
    const std::size_t slash = pointer.rfind('/');
    if (slash == std::string::npos) { return order.size(); }  // not a place in the file: after all that are
    pointer.resize(slash);
  }
}

// Is there a list of nodes to check? (If not, that has been said, and all else would follow from it.)
bool has_node_list(const Document& document, const GraphSpec& spec) {
  if (!document.is_object() || !document.contains("nodes") || !document["nodes"].is_array()) { return false; }
  return document["nodes"].size() == spec.nodes.size();
}

}  // namespace

Checked<ValidGraph> load_graph(std::string_view text, ConfigLanguage language, const Variables& variables,
                               const NodeCatalog& catalog) {
  auto document = parse_document(text, language);
  if (!document) { return tl::unexpected(document.error()); }
  std::map<std::string, std::size_t> order;
  number_pointers(*document, "", order);
  Errors errors;
  replace_variables(*document, variables, errors);
  std::set<std::string> without_value;  // places whose variable could not be replaced: enough said of them
  for (const Error& error : errors) { without_value.insert(error.where); }
  const std::size_t said = errors.size();
  const GraphSpec spec = read_graph_spec(*document, errors);
  std::optional<ValidGraph> graph;
  if (has_node_list(*document, spec)) { graph = validate(spec, catalog, errors); }
  if (errors.empty()) { return *std::move(graph); }
  errors.erase(std::remove_if(errors.begin() + static_cast<std::ptrdiff_t>(said), errors.end(),
                              [&](const Error& error) { return without_value.contains(error.where); }),
               errors.end());
  std::stable_sort(errors.begin(), errors.end(), [&](const Error& a, const Error& b) {
    return rank(a.where, order) < rank(b.where, order);
  });
  return tl::unexpected(errors);
}

}  // namespace streamlab
