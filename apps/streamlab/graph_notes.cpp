// apps/streamlab/graph_notes.cpp
#include "apps/streamlab/graph_notes.hpp"

#include <fmt/format.h>

namespace streamlab::app {

std::string unread_notes(const ValidGraph& graph) {
  std::string text;
  for (const std::size_t n : graph.unread()) {
    const ValidNode& node = graph.nodes()[n];
    text += fmt::format("note: nobody reads what \"{}\" ({}) gives: no connection leaves it\n", node.id,
                        node.info().name);
  }
  return text;
}

}  // namespace streamlab::app
