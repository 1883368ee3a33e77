// engine/graph/file_order.hpp
//
// FileOrder: errors of several passes over one configuration, put into the order of its file.
#pragma once

#include <map>
#include <string>

#include "engine/base/error.hpp"
#include "engine/graph/config_text.hpp"

namespace streamlab {

class FileOrder {
 public:
  // `document` as it was parsed, before anything is taken out of it.
  explicit FileOrder(const Document& document);

  // Sorts them by where they are; those of no place in the file come last. The first `variable_errors` are
  // those of replace_variables(): whatever else was said about the same places follows from them, and goes.
  void arrange(Errors& errors, std::size_t variable_errors) const;

 private:
  std::size_t rank(std::string pointer) const;

  std::map<std::string, std::size_t> order_;  // JSON pointer -> number that grows from top to bottom
};

}  // namespace streamlab
