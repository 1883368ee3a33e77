// engine/graph/change_params.hpp
//
// New values for live parameters of a node, checked as those of a configuration are.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "engine/base/error.hpp"
#include "engine/core/node_info.hpp"

namespace streamlab {

// `now` with the parameters that `changes`, a JSON object, names. One of which at most one may be given (gain, gain_db)
// replaces the others; null leaves one out, as if it had not been given. Everything that is wrong is added to `errors`,
// each with its JSON pointer below `pointer`; the values are usable only if nothing was added.
ParamValues change_params(const ParamValues& now, const NodeInfo& info, const nlohmann::ordered_json& changes,
                          const std::string& pointer, Errors& errors);

// What the user gave, as in a configuration; with `defaults`, the values of all parameters.
enum class Defaults : bool { left_out, included };
nlohmann::ordered_json params_to_json(const ParamValues& values, Defaults defaults = Defaults::left_out);

}  // namespace streamlab
