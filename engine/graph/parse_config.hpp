// engine/graph/parse_config.hpp
//
// From a document to a GraphSpec: shapes and types of everything but the nodes' own parameters.
#pragma once

#include <string_view>

#include "engine/base/error.hpp"
#include "engine/core/param.hpp"
#include "engine/graph/config_text.hpp"

namespace streamlab {

struct GraphSpec;

// What could be read; everything else is in `errors`, with its JSON pointer.
GraphSpec read_graph_spec(const Document& document, Errors& errors);

// Text to GraphSpec, variables replaced.
Checked<GraphSpec> parse_config(std::string_view text, ConfigLanguage language = ConfigLanguage::json,
                                const Variables& variables = {});

// The parameters of `pipeline_config`, for reading, the schema and the manual.
std::span<const ParamInfo> pipeline_config_params();
std::span<const ParamRule> pipeline_config_rules();

}  // namespace streamlab
