// engine/graph/syntax_words.hpp
//
// What is wrong with the syntax of a configuration, in words of JSON and YAML rather than those of the libraries
// that read them.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/error.hpp"

namespace streamlab {

// `message`: what nlohmann/json says; `byte`: how many bytes it had read; `token`: the last of them.
Error json_syntax_error(std::string_view text, std::size_t byte, const std::string& token,
                        const std::string& message);

// `message`: what yaml-cpp says; `line` and `column` from 0, or -1.
Error yaml_syntax_error(std::string_view text, const std::string& message, int line, int column);

// The same text with a blank for every comma that stands behind the last item of a list or an object: people who
// write JSON by hand leave it there when they reorder lines. Places in the text stay what they are.
std::string without_trailing_commas(std::string_view text);

}  // namespace streamlab
