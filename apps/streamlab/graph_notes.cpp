// apps/streamlab/graph_notes.cpp
#include "apps/streamlab/graph_notes.hpp"

#include <fmt/format.h>

namespace streamlab::app {

std::string unread_notes(const ValidGraph& graph) {
  constexpr std::size_t kShown = 20;  // as of errors
  std::string text;
  const auto unread = graph.unread();
  for (std::size_t i = 0; i < unread.size(); ++i) {
    if (i == kShown) {
      return text + fmt::format("note: nobody reads what {} more nodes give\n", unread.size() - kShown);
    }
    const ValidNode& node = graph.nodes()[unread[i]];
    text += fmt::format("note: nobody reads what \"{}\" ({}) gives: no connection leaves it\n", node.id,
                        node.info().name);
  }
  return text;
}

}  // namespace streamlab::app
