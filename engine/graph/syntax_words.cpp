// engine/graph/syntax_words.cpp
#include "engine/graph/syntax_words.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

#include <fmt/format.h>

namespace streamlab {
namespace {

std::string line_and_column(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t break_before = before.rfind('\n');
  const std::size_t start = break_before == std::string_view::npos ? 0 : break_before + 1;
  return fmt::format("line {}, column {}", line, before.size() - start + 1);
}

bool is_word_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '-' || c == '+' ||
         c == '$';
}

// The word that begins at `offset`, at most 40 bytes of it.
std::string_view word_at(std::string_view text, std::size_t offset) {
  std::size_t end = offset;
  while (end < text.size() && end - offset < 40 && is_word_char(text[end])) { ++end; }
  return text.substr(offset, end - offset);
}

// Where the text or number begins that the parser has read last.
std::size_t begin_of_token(std::string_view text, std::size_t byte, const std::string& token) {
  const std::size_t end = std::min(byte, text.size());
  const bool is_there = token.size() <= end && text.substr(end - token.size(), token.size()) == token;
  return is_there ? end - token.size() : end == 0 ? 0 : end - 1;  // (it shows control characters otherwise)
}

// Where the word begins within which, or the single character with which, the parser has stopped.
std::size_t begin_of_word(std::string_view text, std::size_t byte) {
  std::size_t begin = std::min(byte, text.size());
  if (begin > 0) { --begin; }
  if (begin >= text.size() || !is_word_char(text[begin])) { return begin; }
  while (begin > 0 && is_word_char(text[begin - 1])) { --begin; }
  return begin;
}

// What the parser calls `unexpected`.
std::string found_words(std::string_view name) {
  if (name == "string literal") { return "a text in quotes"; }
  if (name == "number literal") { return "a number"; }
  if (name.ends_with(" literal")) { return std::string(name.substr(0, name.find(' '))); }
  if (name.size() == 3 && name.front() == '\'') { return fmt::format("\"{}\"", name[1]); }
  return std::string(name);
}

bool has(std::string_view message, std::string_view part) {
  return message.find(part) != std::string_view::npos;
}

// Something that no JSON value begins with.
Error invalid_literal(std::string_view text, std::size_t offset, const std::string& where, bool is_key) {
  const std::string_view word = word_at(text, offset);
  const char first = offset < text.size() ? text[offset] : ' ';
  const auto refuse = [&](std::string what, std::string expected, std::string hint = {}) {
    return Error{ErrorCode::refused, where, std::move(what), std::move(expected), std::move(hint)};
  };
  if (first == '\'') { return refuse("texts are in double quotes in JSON", "\"…\""); }
  if (word.empty()) { return refuse("this cannot stand here", is_key ? "a key in quotes" : "a value"); }
  if (is_key) {
    return refuse(fmt::format("the key {} is not in quotes", word), fmt::format("\"{}\"", word));
  }
  if (word == "NaN" || word == "Infinity" || word == "-Infinity" || word == "nan" || word == "inf") {
    return refuse(fmt::format("{} is not a number that JSON can hold", word), "a finite number");
  }
  for (const auto& [wrong, right] : {std::pair("True", "true"),
                                     {"TRUE", "true"},
                                     {"False", "false"},
                                     {"FALSE", "false"},
                                     {"None", "null"},
                                     {"NULL", "null"},
                                     {"Null", "null"}}) {
    if (word == wrong) { return refuse(fmt::format("{} is not a value of JSON", word), right); }
  }
  const std::string_view digits = word.substr(first == '+' || first == '.' ? 1 : 0);
  if (word != digits && !digits.empty() && std::isdigit(static_cast<unsigned char>(digits.front())) != 0) {
    return refuse(fmt::format("{} is not how JSON writes a number", word),
                  first == '+' ? std::string(digits) : fmt::format("0{}", word));
  }
  return refuse(fmt::format("{} is not in quotes", word),
                fmt::format("\"{}\", true, false, null or a number", word));
}

// A text, number or comment that the parser could not read to its end.
Error broken_token(std::string_view message, const std::string& where) {
  const auto refuse = [&](std::string what, std::string expected = {}, std::string hint = {}) {
    return Error{ErrorCode::refused, where, std::move(what), std::move(expected), std::move(hint)};
  };
  if (has(message, "missing closing quote") || has(message, "U+000A (LF)") || has(message, "U+000D (CR)")) {
    return refuse("a text is not closed in its line", "\"");
  }
  if (has(message, "control character")) {
    return refuse("a text holds a control character", "\\t, \\n, \\u001b, …");
  }
  if (has(message, "forbidden character after backslash")) {
    return refuse("a backslash in a text begins an escape, and this is none", "\\\\ for a backslash");
  }
  if (has(message, "hex digits") || has(message, "surrogate")) {
    return refuse("an escape \\u in a text is damaged", "\\u and four hexadecimal digits");
  }
  if (has(message, "ill-formed UTF-8")) { return refuse("this is not UTF-8"); }
  if (has(message, "missing closing '*/'")) { return refuse("a comment is not closed", "*/"); }
  if (has(message, "invalid comment")) { return refuse("\"/\" does not begin a comment", "// or /* … */"); }
  if (has(message, "invalid number")) { return refuse("a number lacks digits here", "0 .. 9"); }
  if (has(message, "invalid BOM")) { return refuse("this is not UTF-8"); }
  return refuse(std::string(message));
}

}  // namespace

Error json_syntax_error(std::string_view text, std::size_t byte, const std::string& token,
                        const std::string& message) {
  const std::size_t last = byte == 0 ? 0 : std::min(byte - 1, text.size());
  if (has(message, "number overflow")) {
    const std::size_t begin = begin_of_token(text, byte, token);
    return {ErrorCode::refused, line_and_column(text, begin),
            fmt::format("the number {} is too large", token), "at most 1.8e308", ""};
  }
  const bool is_key = has(message, "parsing object key");
  const std::size_t dash = message.find(" - ");
  const std::string said = dash == std::string::npos ? message : message.substr(dash + 3);
  if (said.starts_with("invalid literal")) {
    const std::size_t begin = begin_of_word(text, byte);
    return invalid_literal(text, begin, line_and_column(text, begin), is_key);
  }
  constexpr std::string_view kUnexpected = "unexpected ";
  if (!said.starts_with(kUnexpected)) {
    const bool is_open_comment = has(said, "missing closing '*/'");
    return broken_token(said, line_and_column(text, is_open_comment ? text.rfind("/*") : last));
  }
  const std::string name = said.substr(kUnexpected.size(), said.find(';') - kUnexpected.size());
  std::string expected = is_key                                     ? "a key in quotes"
                         : has(message, "parsing object separator") ? "\":\" behind the key"
                         : has(message, "parsing object")           ? "\",\" or \"}\""
                         : has(message, "parsing array")            ? "\",\" or \"]\""
                         : said.ends_with("expected end of input")  ? "nothing behind the configuration"
                                                                    : "a value";
  if (name == "end of input") {
    return {ErrorCode::refused, line_and_column(text, text.size()), "the text ends too early", expected, ""};
  }
  const bool is_token = name == "string literal" || name == "number literal";
  const std::size_t begin = is_token ? begin_of_token(text, byte, token) : begin_of_word(text, byte);
  const bool comma = expected.starts_with("\",\"") && name != "':'" && name != "']'" && name != "'}'";
  return {ErrorCode::refused, line_and_column(text, begin), found_words(name) + " cannot stand here",
          expected, comma ? "is a comma missing before it?" : ""};
}

namespace {

bool has_tab_in_indentation(std::string_view text, int line) {
  for (; line > 0 && !text.empty(); --line) {
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  }
  return text.substr(0, text.find_first_not_of(" \t")).find('\t') != std::string_view::npos;
}

}  // namespace

Error yaml_syntax_error(std::string_view text, const std::string& message, int line, int column) {
  struct Words {
    std::string_view said;
    std::string_view what;
    std::string_view expected;
  };
  constexpr Words kWords[] = {
      {"end of map not found", "this does not go on with the keys above",
       "\"key: value\", indented as they are, or less for the end of their map"},
      {"end of map flow not found", "\"{\" is not closed", "\",\" or \"}\""},
      {"end of sequence not found", "this does not go on with the list above",
       "\"- item\", indented as the others, or less for the end of the list"},
      {"end of sequence flow not found", "\"[\" is not closed", "\",\" or \"]\""},
      {"illegal map value", "\":\" cannot stand here",
       "a text with \": \" in it in quotes, or keys of one map indented alike"},
      {"illegal map key", "a key cannot stand here", "keys of one map indented alike"},
      {"illegal block entry", "\"-\" cannot stand here", "items of one list indented alike"},
      {"illegal flow end", "\"]\" or \"}\" has no beginning", "\"[\" or \"{\" before it"},
      {"illegal tab when looking for indentation", "a tab in the indentation", "spaces"},
      {"illegal EOF in scalar", "a text in quotes is not closed", ""},
      {"illegal document indicator in scalar", "a text in quotes is not closed before the next document", ""},
      {"illegal character in scalar", "this character cannot stand in a text without quotes",
       "quotes around it"},
      {"unknown token", "no value begins with this character", "quotes around the text"},
      {"unknown escape character: ", "no escape in double quotes has this letter",
       "single quotes, where a backslash is one"},
      {"bad character found while scanning hex number", "an escape in double quotes lacks hexadecimal digits",
       ""},
      {"invalid unicode: ", "an escape in double quotes is no character", ""},
      {"the referenced anchor is not defined", "\"*\" names an anchor that is not there",
       "\"&name\" before it"},
      {"alias not found after *", "\"*\" without the name of an anchor",
       "quotes around a text that begins with *"},
      {"anchor not found after &", "\"&\" without a name", "quotes around a text that begins with &"},
      {"cannot assign multiple tags to the same node", "a value with two tags", "one"},
      {"cannot assign multiple anchors to the same node", "a value with two anchors", "one"},
      {"cannot set zero indentation for a block scalar", "a text behind | or > cannot be indented by 0", ""},
      {"unexpected character in block scalar", "something stands behind | or >", "the text in the next line"},
      {"bad YAML version: ", "the YAML version is damaged", "%YAML 1.2"},
      {"YAML major version too large", "a later YAML version", "%YAML 1.2"},
  };
  Error error{ErrorCode::refused, "", message, "", ""};
  if (line >= 0) { error.where = fmt::format("line {}, column {}", line + 1, column + 1); }
  if (message.find(" flow not found") != std::string::npos) {  // its place is that of the whole document
    error.where = line_and_column(text, text.size());
  }
  if (line >= 0 && has_tab_in_indentation(text, line)) {
    error.what = "a tab in the indentation";
    error.expected = "spaces";
    return error;
  }
  for (const Words& words : kWords) {
    if (!message.starts_with(words.said)) { continue; }
    error.what = words.what;
    error.expected = words.expected;
    break;
  }
  return error;
}

std::string without_trailing_commas(std::string_view text) {
  std::string out(text);
  std::size_t comma = std::string::npos;  // behind which nothing but blanks and comments came
  char before = ',';                      // what stands before that, or before the present place
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') { continue; }
    if (c == '/' && i + 1 < text.size() && (text[i + 1] == '/' || text[i + 1] == '*')) {
      const bool is_line = text[i + 1] == '/';
      const std::size_t end = is_line ? text.find('\n', i) : text.find("*/", i + 2);
      if (end == std::string_view::npos) { break; }
      i = is_line ? end : end + 1;
      continue;
    }
    if ((c == '}' || c == ']') && comma != std::string::npos) { out[comma] = ' '; }
    const bool closes_a_value = before != ',' && before != '[' && before != '{' && before != ':';
    comma = c == ',' && closes_a_value ? i : std::string::npos;
    before = c;
    if (c != '"') { continue; }
    for (++i; i < text.size() && text[i] != '"'; ++i) {
      if (text[i] == '\\') { ++i; }
    }
  }
  return out;
}

}  // namespace streamlab
