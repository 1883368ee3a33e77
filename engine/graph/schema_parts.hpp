// engine/graph/schema_parts.hpp
//
// What the JSON Schemas of graphs and of flows are made of.
#pragma once

#include <span>
#include <string_view>

#include "engine/core/param.hpp"
#include "engine/graph/config_text.hpp"

namespace streamlab::schema {

inline constexpr std::string_view kDialect = "https://json-schema.org/draft/2020-12/schema";
// Of names of nodes and channels; a part of them, or all, may be variables.
inline constexpr std::string_view kNamePattern = R"(([A-Za-z0-9_-]|\$\{[^}]+\})+)";

// A value that may as well be one variable.
Document or_variable(Document schema);
// A name as above.
Document name(std::string_view description);
// An object with these members and no others.
Document of_params(std::span<const ParamInfo> params, std::span<const ParamRule> rules = {});
// Adds what graphs and flows have in common: version, title, variables, $schema; and that there is nothing else.
void add_top(Document& schema);
// What the parts above refer to, for "$defs".
Document common_definitions();

}  // namespace streamlab::schema
