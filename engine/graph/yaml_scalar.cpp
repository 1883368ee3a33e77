// engine/graph/yaml_scalar.cpp
#include "engine/graph/yaml_scalar.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace streamlab {
namespace {

constexpr std::string_view kTags = "!!str, !!int, !!float, !!bool or !!null";

// "null", "Null" or "NULL": three ways to write a word, and no others.
bool is_word(std::string_view text, std::string_view word) {
  const auto upper = [](char c) { return static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c); };
  std::string shouted(word);
  std::transform(shouted.begin(), shouted.end(), shouted.begin(), upper);
  std::string capital(word);
  const std::size_t first = word.starts_with('.') ? 1 : 0;
  capital[first] = upper(capital[first]);
  return text == word || text == capital || text == shouted;
}
// ".nan" also has the form ".NaN".
bool is_nan(std::string_view text) { return text == ".nan" || text == ".NaN" || text == ".NAN"; }
bool is_infinity(std::string_view text) {
  if (text.starts_with('+') || text.starts_with('-')) { text.remove_prefix(1); }
  return is_word(text, ".inf");
}

std::string_view take_digits(std::string_view& text) {
  const std::string_view digits = text.substr(0, text.find_first_not_of("0123456789"));
  text.remove_prefix(digits.size());
  return digits;
}
bool take(std::string_view& text, std::string_view any_of) {
  const bool found = !text.empty() && any_of.find(text.front()) != std::string_view::npos;
  if (found) { text.remove_prefix(1); }
  return found;
}

// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? as JSON writes it: without "+", without
// zeros in front, with a digit on either side of the point.
std::optional<std::string> as_json_number(std::string_view text) {
  std::string number = text.starts_with('-') ? "-" : "";
  static_cast<void>(take(text, "+-"));
  std::string_view whole = take_digits(text);
  const bool has_point = take(text, ".");
  const std::string_view fraction = has_point ? take_digits(text) : std::string_view{};
  if (whole.empty() && fraction.empty()) { return std::nullopt; }
  whole.remove_prefix(std::min(whole.find_first_not_of('0'), whole.size()));
  number += whole.empty() ? "0" : whole;
  if (has_point) { number += fmt::format(".{}", fraction.empty() ? "0" : fraction); }
  if (take(text, "eE")) {
    number += text.starts_with('-') ? "e-" : "e";
    static_cast<void>(take(text, "+-"));
    const std::string_view exponent = take_digits(text);
    if (exponent.empty()) { return std::nullopt; }
    number += exponent;
  }
  return text.empty() ? std::optional(number) : std::nullopt;
}

// 0o[0-7]+ and 0x[0-9a-fA-F]+; what 64 bits cannot hold becomes a double, as in JSON.
std::optional<Document> prefixed_integer(std::string_view text) {
  const int base = text.starts_with("0o") ? 8 : text.starts_with("0x") ? 16 : 0;
  if (base == 0 || text.size() == 2) { return std::nullopt; }
  text.remove_prefix(2);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (end != text.data() + text.size() || error == std::errc::invalid_argument) { return std::nullopt; }
  if (error == std::errc()) { return Document(value); }
  double large = 0.0;
  for (const char c : text) {
    const char digit[] = {c, '\0'};
    large = large * base + static_cast<double>(std::strtol(digit, nullptr, base));
  }
  return Document(large);
}

std::optional<bool> boolean(std::string_view text) {
  if (is_word(text, "true")) { return true; }
  if (is_word(text, "false")) { return false; }
  return std::nullopt;
}
bool is_null(std::string_view text) { return text.empty() || text == "~" || is_word(text, "null"); }

}  // namespace

Result<Document> plain_scalar(std::string_view text) {
  if (is_null(text)) { return Document(nullptr); }
  if (const auto value = boolean(text)) { return Document(*value); }
  if (auto value = prefixed_integer(text)) { return *std::move(value); }
  if (is_infinity(text) || is_nan(text)) {
    return refused("", fmt::format("{} is no number that a configuration can hold", text), "a finite number",
                   "in quotes it is a text");
  }
  const auto number = as_json_number(text);
  if (!number) { return Document(text); }
  Document value = Document::parse(*number, nullptr, false);
  if (value.is_discarded() || (value.is_number_float() && !std::isfinite(value.get<double>()))) {
    return refused("", fmt::format("the number {} is too large", text), "", "in quotes it is a text");
  }
  return value;
}

Result<Document> tagged_scalar(std::string_view tag, std::string_view text) {
  const std::string name = short_tag(tag);
  if (name == "!!str") { return Document(text); }
  const bool is_known = name == "!!int" || name == "!!float" || name == "!!bool" || name == "!!null";
  if (!is_known) {
    return refused("", fmt::format("there is no tag {} for a scalar", name), std::string(kTags));
  }
  auto value = plain_scalar(text);
  if (!value) { return value; }
  if (name == "!!float" && value->is_number()) { return Document(value->get<double>()); }
  const bool fits = (name == "!!int" && value->is_number_integer()) ||
                    (name == "!!bool" && value->is_boolean()) || (name == "!!null" && value->is_null());
  if (!fits) { return refused("", fmt::format("\"{}\" is no {}", text, name)); }
  return value;
}

Result<Document> given_scalar(std::string_view text) {
  if (text.starts_with("!!")) {
    const std::size_t space = std::min(text.find(' '), text.size());
    return tagged_scalar(text.substr(0, space), text.substr(std::min(space + 1, text.size())));
  }
  if (is_null(text)) { return Document(text); }
  return plain_scalar(text);
}

std::string short_tag(std::string_view tag) {
  constexpr std::string_view kLong = "tag:yaml.org,2002:";
  return tag.starts_with(kLong) ? fmt::format("!!{}", tag.substr(kLong.size())) : std::string(tag);
}

}  // namespace streamlab
