// engine/graph/graph_template.cpp
#include "engine/graph/graph_template.hpp"

#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/graph/file_order.hpp"
#include "engine/graph/read_params.hpp"
#include "engine/graph/variable_replacer.hpp"

namespace streamlab {

struct GraphTemplate::Impl {
  Impl(const Document& as_parsed, const Variables& given_variables, const NodeCatalog& known,
       ValidGraph valid)
      : parsed(as_parsed),
        given(given_variables),
        catalog(known),
        graph(std::move(valid)),
        document(as_parsed),
        replacer(document, given) {}

  // Finds out where values of `own` go.
  void find_places(const Variables& own) {
    Errors errors;
    Document whole = document;
    VariableReplacer::Pass pass{.own = own, .errors = errors};
    replacer.replace(whole, "", pass);
    std::set<std::size_t> found;
    for (const std::string& place : pass.own_places) {
      const auto n = node_at(place);
      const bool is_param = n && place.starts_with(fmt::format("/nodes/{}/config/", *n));
      if (!is_param || graph.nodes()[*n].info().boundary != Boundary::none) {
        params_alone = false;
        return;
      }
      found.insert(*n);
    }
    nodes.assign(found.begin(), found.end());
    VariableReplacer::Pass again{.own = own, .errors = errors};
    for (const std::size_t n : nodes) { static_cast<void>(config_of(n, again)); }
    bytes_elsewhere = pass.bytes - again.bytes;
  }

  // What the node's parameters are written as, with the variables of this pass.
  Document config_of(std::size_t n, VariableReplacer::Pass& pass) const {
    Document config = document["nodes"][n]["config"];
    replacer.replace(config, graph.nodes()[n].pointer + "/config", pass);
    return config;
  }

  const Document parsed;
  const Variables given;
  const NodeCatalog catalog;
  const ValidGraph graph;
  Document document;  // without its "variables"
  const VariableReplacer replacer;
  bool params_alone = true;         // do values of `own` stand in parameters alone?
  std::vector<std::size_t> nodes;   // then: of these nodes
  std::size_t bytes_elsewhere = 0;  // of what takes the place of variables in the others
};

Checked<GraphTemplate> GraphTemplate::from_text(std::string_view text, ConfigLanguage language,
                                                const Variables& given, const Variables& own,
                                                const NodeCatalog& catalog) {
  const auto document = parse_document(text, language);
  if (!document) { return tl::unexpected(document.error()); }
  return from_document(*document, given, own, catalog);
}

Checked<GraphTemplate> GraphTemplate::from_document(const Document& document, const Variables& given,
                                                    const Variables& own, const NodeCatalog& catalog) {
  auto graph = validate_document(document, given, catalog, own, AskSources::no);
  if (!graph) { return tl::unexpected(graph.error()); }
  auto impl = std::make_shared<Impl>(document, given, catalog, *std::move(graph));
  impl->find_places(own);
  return GraphTemplate(std::move(impl));
}

const ValidGraph& GraphTemplate::graph() const { return impl_->graph; }

Checked<ValidGraph> GraphTemplate::with(const Variables& own) const {
  const Impl& impl = *impl_;
  // Whatever is wrong is found again where errors are told in the order of the file.
  const auto whole = [&] { return validate_document(impl.parsed, impl.given, impl.catalog, own); };
  if (!impl.params_alone) { return whole(); }
  ValidGraph graph = impl.graph;
  Errors errors;
  VariableReplacer::Pass pass{.own = own, .errors = errors, .bytes = impl.bytes_elsewhere};
  for (const std::size_t n : impl.nodes) {
    const NodeInfo& info = graph.nodes()[n].info();
    const Document config = impl.config_of(n, pass);
    ParamValues params =
        read_params(config, info.params, info.rules, graph.nodes()[n].pointer + "/config", errors);
    if (!errors.empty()) { return whole(); }
    graph.nodes_[n].params = std::move(params);
  }
  return graph;
}

}  // namespace streamlab
