// engine/graph/graph_template.hpp
//
// GraphTemplate: a configuration that is read and validated once, and then gives many graphs that differ in the values of
// the program's own variables (replace_variables()): one for each file of a batch.
//
//   auto levels = GraphTemplate::from_text(text, ConfigLanguage::json, given, {{"input", "item.wav"}});
//   auto graph = levels->with({{"input", "take-7.wav"}});
//
// A graph, and the errors where there is none, are those of load_graph(). Where such variables stand in the parameters of
// nodes alone, only the parameters of those nodes are read again. Elsewhere (in an id, a type, a connection, the device of
// a device node) they may change the graph itself: then all of the document is validated again, but no text parsed.
#pragma once

#include <memory>
#include <string_view>

#include "engine/graph/validate.hpp"

namespace streamlab {

class GraphTemplate {
 public:
  // `own`: a value for each of the program's own variables; with these the graph is validated.
  static Checked<GraphTemplate> from_text(std::string_view text, ConfigLanguage language,
                                          const Variables& given, const Variables& own,
                                          const NodeCatalog& catalog = default_catalog());
  // `document` as it was parsed. The template has a copy of `catalog`.
  static Checked<GraphTemplate> from_document(const Document& document, const Variables& given,
                                              const Variables& own,
                                              const NodeCatalog& catalog = default_catalog());

  // With the values it was made with.
  const ValidGraph& graph() const;
  // With other values of the same variables. Any thread.
  Checked<ValidGraph> with(const Variables& own) const;

 private:
  struct Impl;
  explicit GraphTemplate(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

}  // namespace streamlab
