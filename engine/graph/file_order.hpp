// engine/graph/file_order.hpp
//
// FileOrder: errors of several passes over one configuration, put into the order of its file and told the names
// of the nodes that they lie in.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/error.hpp"
#include "engine/graph/config_text.hpp"

namespace streamlab {

// The number of the node that a JSON pointer lies in: 3 of "/nodes/3/config/path".
std::optional<std::size_t> node_at(std::string_view pointer);

class FileOrder {
 public:
  // `document` as it was parsed, before anything is taken out of it.
  explicit FileOrder(const Document& document);

  // Gives each the id of its node, and sorts them by where they are; those of no place in the file come last. The
  // first `variable_errors` are those of replace_variables(): whatever else was said about the same places follows
  // from them, and goes.
  void arrange(Errors& errors, std::size_t variable_errors) const;

 private:
  std::size_t rank(std::string pointer) const;

  std::map<std::size_t, std::string> names_;  // of nodes and steps, by their number
  std::map<std::string, std::size_t> order_;  // JSON pointer -> number that grows from top to bottom
};

}  // namespace streamlab
