// engine/graph/read_params.hpp
//
// Reads one JSON object against a table of parameters: types, ranges, choices, list lengths, unknown keys.
#pragma once

#include <span>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "engine/base/error.hpp"
#include "engine/core/param.hpp"

namespace streamlab {

// The values of `object`, and defaults for what it leaves out. Everything that is wrong is added to `errors`,
// each with its JSON pointer below `pointer`; the values are usable only if nothing was added.
ParamValues read_params(const nlohmann::ordered_json& object, std::span<const ParamInfo> infos,
                        const std::string& pointer, Errors& errors);

// The same, and whether the parameters belong together as `rules` say.
ParamValues read_params(const nlohmann::ordered_json& object, std::span<const ParamInfo> infos,
                        std::span<const ParamRule> rules, const std::string& pointer, Errors& errors);

// "4 .. 1048576 frames", "a whole number of at least 1 frame", … : what a parameter takes, for messages and
// manuals.
std::string describe_range(const ParamInfo& info);
std::string_view to_string(ParamType type);

}  // namespace streamlab
