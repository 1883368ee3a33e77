// engine/graph/load_graph.cpp
//
// From text to ValidGraph in one go, with all errors of both steps in the order of the file.
#include <optional>

#include <nlohmann/json.hpp>

#include "engine/graph/file_order.hpp"
#include "engine/graph/graph_spec.hpp"
#include "engine/graph/parse_config.hpp"
#include "engine/graph/validate.hpp"

namespace streamlab {
namespace {

// Is there a list of nodes to check? (If not, that has been said, and all else would follow from it.)
bool has_node_list(const Document& document, const GraphSpec& spec) {
  if (!document.is_object() || !document.contains("nodes") || !document["nodes"].is_array()) { return false; }
  return document["nodes"].size() == spec.nodes.size();
}

}  // namespace

Checked<ValidGraph> load_graph(std::string_view text, ConfigLanguage language, const Variables& variables,
                               const NodeCatalog& catalog, const Variables& own) {
  const auto document = parse_document(text, language);
  if (!document) { return tl::unexpected(document.error()); }
  return validate_document(*document, variables, catalog, own);
}

Checked<ValidGraph> validate_document(const Document& document, const Variables& variables,
                                      const NodeCatalog& catalog, const Variables& own) {
  Document replaced = document;
  Errors errors;
  replace_variables(replaced, variables, errors, own);
  const std::size_t said = errors.size();
  const GraphSpec spec = read_graph_spec(replaced, errors);
  std::optional<ValidGraph> graph;
  if (has_node_list(replaced, spec)) { graph = validate(spec, catalog, errors); }
  if (errors.empty()) { return *std::move(graph); }
  FileOrder(document).arrange(errors, said);
  return tl::unexpected(errors);
}

}  // namespace streamlab
