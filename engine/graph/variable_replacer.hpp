// engine/graph/variable_replacer.hpp
//
// VariableReplacer: replace_variables() in passes. One over the whole document, and then further ones over parts of it,
// with other values of the program's own variables: one for each file of a batch.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/base/error.hpp"
#include "engine/graph/config_text.hpp"

namespace streamlab {

class VariableReplacer {
 public:
  // Takes the member "variables", which holds the defaults, out of `document`. `given` must outlive this.
  VariableReplacer(Document& document, const Variables& given);

  // What one pass knows and finds out.
  struct Pass {
    const Variables& own;
    Errors& errors;
    std::size_t bytes = 0;                     // of what took the place of variables
    std::set<std::string> used = {};           // names of the variables
    std::vector<std::string> own_places = {};  // JSON pointers of the texts that hold values of `own`
    std::size_t suggestions = 0;
  };
  // Replaces the variables in `value`, which lies at `pointer`. Any thread.
  void replace(Document& value, const std::string& pointer, Pass& pass) const;

  // What is wrong with the defaults. If they are no object, replace() would say more than is true.
  const Errors& mistakes() const { return mistakes_; }
  bool has_defaults() const { return has_defaults_; }

 private:
  struct Found {
    Document value;
    std::string text;     // within a longer text
    bool is_own = false;  // does it hold a value of `own`?
  };
  Result<Found> look_up(const std::string& name, const std::string& pointer, Pass& pass) const;
  Result<Found> find(const std::string& name, const std::string& pointer, Pass& pass) const;
  std::string nearest_default(const std::string& name, Pass& pass) const;

  const Variables& given_;
  std::map<std::string, Found> defaults_;
  Errors mistakes_;
  bool has_defaults_ = true;
};

}  // namespace streamlab
