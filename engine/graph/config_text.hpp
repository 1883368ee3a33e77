// engine/graph/config_text.hpp
//
// From text to a JSON document: JSON with comments and commas behind the last item, or YAML. Finds what a plain
// parser lets through: duplicate keys, nesting too deep, text that is no text. Then replaces variables.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "engine/base/error.hpp"
#include "engine/base/json_pointer.hpp"

namespace streamlab {

// Keeps the order of the file. Only its name is known here: who looks inside includes <nlohmann/json.hpp>, which
// is slow to compile.
using Document = nlohmann::ordered_json;

inline constexpr std::size_t kMaxConfigBytes = 16U << 20U;
inline constexpr std::size_t kMaxConfigDepth = 32;

enum class ConfigLanguage : std::uint8_t { json, yaml };
// By the file's name: .yaml and .yml are YAML, everything else JSON.
ConfigLanguage language_of(std::string_view path);

// The text of a regular file of at most kMaxConfigBytes; refuses directories, pipes, empty and binary files.
Result<std::string> read_config_file(const std::string& path);

// What becomes of integers in JSON that 64 bits cannot hold.
enum class LargeIntegers : std::uint8_t {
  rounded,  // they are numbers like any other
  refused,  // they may be identifiers, which rounding would change
};

// Errors carry "line L, column C", or the JSON pointer of a duplicate key or a large integer.
Checked<Document> parse_document(std::string_view text, ConfigLanguage language,
                                 LargeIntegers large_integers = LargeIntegers::rounded);

// name -> value, as given by `--set name=value`.
using Variables = std::map<std::string, std::string>;

// Replaces ${name} and ${env:NAME} in every text of `document`. The member "variables" holds defaults, plain
// values without variables in them, and is taken out. A text that is nothing but one variable becomes a value
// of the variable's own type: a number stays a number. `own`: texts of the program itself, such as names of
// files, which go before the defaults; they are taken as they are, whatever they hold, UTF-8 or not, and need
// not be used. Values in `given` may hold them: --set output='${stem}.wav'.
void replace_variables(Document& document, const Variables& given, Errors& errors, const Variables& own = {});

// Can all texts in it be written into JSON?
bool is_utf8(const Document& document);

}  // namespace streamlab
