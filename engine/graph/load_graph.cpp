// engine/graph/load_graph.cpp
//
// From text to ValidGraph in one go, with all errors of both steps in the order of the file; beside them those that the
// sources would report next.
#include <memory>
#include <optional>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/core/node.hpp"
#include "engine/graph/file_order.hpp"
#include "engine/graph/graph_spec.hpp"
#include "engine/graph/make_node.hpp"
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

Errors refusals_of_sources(const ValidGraph& graph, const Errors& said) {
  std::vector<bool> is_wrong(graph.nodes().size(), false);
  for (const Error& error : said) {
    if (error.where.starts_with("/pipeline_config")) { return {}; }
    const auto index = node_at(error.where);
    if (index && *index < is_wrong.size()) { is_wrong[*index] = true; }
  }
  Errors found;
  for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
    const ValidNode& node = graph.nodes()[n];
    if (node.entry == nullptr || is_wrong[n]) { continue; }
    const NodeInfo& info = node.info();
    if (!info.inputs.empty() || info.boundary != Boundary::none || info.waits == Waits::yes) { continue; }
    PrepareContext context;
    context.sample_rate_hz = graph.config().sample_rate_hz;
    context.block_size = graph.config().block_size > 0 ? graph.config().block_size : kDefaultBlockSize;
    context.console = Console::off;
    std::shared_ptr<Node> made;
    auto prepared = make_prepared(*node.entry, node.params, context, made);
    if (!prepared) { found.push_back(node.located(prepared.error())); }
  }
  graph.name_nodes(found);
  return found;
}

Checked<ValidGraph> load_graph(std::string_view text, ConfigLanguage language, const Variables& variables,
                               const NodeCatalog& catalog, const Variables& own) {
  const auto document = parse_document(text, language);
  if (!document) { return tl::unexpected(document.error()); }
  return validate_document(*document, variables, catalog, own);
}

Checked<ValidGraph> validate_document(const Document& document, const Variables& variables,
                                      const NodeCatalog& catalog, const Variables& own,
                                      AskSources ask_sources) {
  Document replaced = document;
  Errors errors;
  replace_variables(replaced, variables, errors, own);
  const std::size_t said = errors.size();
  const GraphSpec spec = read_graph_spec(replaced, errors);
  std::optional<ValidGraph> graph;
  if (has_node_list(replaced, spec)) { graph = validate(spec, catalog, errors); }
  if (errors.empty()) { return *std::move(graph); }
  if (graph && ask_sources == AskSources::yes) {
    for (Error& error : refusals_of_sources(*graph, errors)) { errors.push_back(std::move(error)); }
  }
  FileOrder(document).arrange(errors, said);
  return tl::unexpected(errors);
}

}  // namespace streamlab
