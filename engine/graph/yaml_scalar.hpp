// engine/graph/yaml_scalar.hpp
//
// What a scalar of YAML is: the core schema of YAML 1.2.2, section 10.3.2. Numbers that JSON can write too
// have the same value in both.
#pragma once

#include <string_view>

#include "engine/base/error.hpp"
#include "engine/graph/config_text.hpp"

namespace streamlab {

// A plain scalar without a tag: null, a boolean, a number, or else a text. Refused, with an empty `where`:
// infinities, NaN and numbers too large for a double.
Result<Document> plain_scalar(std::string_view text);

// A scalar of the tag `tag`, "!!int" for short or in full. Refused, with an empty `where`: other tags than
// those of the core schema, and a text that is not what its tag says.
Result<Document> tagged_scalar(std::string_view tag, std::string_view text);

// A value on a command line: as plain_scalar(), or "!!str 5" as tagged_scalar(). What would be null stays a
// text.
Result<Document> given_scalar(std::string_view text);

// "tag:yaml.org,2002:int" as "!!int"; other tags as they are.
std::string short_tag(std::string_view tag);

}  // namespace streamlab
