// engine/graph/variable_replacer.cpp
#include "engine/graph/variable_replacer.hpp"

#include <cstdlib>
#include <string_view>

#include <fmt/format.h>

#include "engine/base/json_pointer.hpp"
#include "engine/base/nearest_name.hpp"
#include "engine/graph/yaml_scalar.hpp"

namespace streamlab {
namespace {

tl::unexpected<Error> value_not_utf8(const std::string& pointer, const std::string& name) {
  return refused(pointer, fmt::format("the value of ${{{}}} is not text", name), "UTF-8");
}

struct Filled {
  std::string text;
  bool has_own = false;
};
// What a user gives may hold variables of the program's own, such as ${stem} of a batch; others are letters.
Filled with_own(const std::string& text, const Variables& own) {
  Filled filled;
  std::size_t at = 0;
  for (std::size_t open = text.find("${"); open != std::string::npos; open = text.find("${", open + 2)) {
    const std::size_t end = text.find('}', open);
    if (end == std::string::npos) { break; }
    const auto value = own.find(text.substr(open + 2, end - open - 2));
    if (value == own.end()) { continue; }
    filled.text += text.substr(at, open - at) + value->second;
    filled.has_own = true;
    at = end + 1;
  }
  filled.text += text.substr(at);
  return filled;
}

}  // namespace

VariableReplacer::VariableReplacer(Document& document, const Variables& given) : given_(given) {
  if (!document.is_object() || !document.contains("variables")) { return; }
  const Document defaults = document["variables"];
  document.erase("variables");
  has_defaults_ = defaults.is_object();
  if (!has_defaults_) {
    mistakes_.push_back(
        {ErrorCode::refused, "/variables", "this is not an object", "{\"name\": value, …}", ""});
    return;
  }
  for (const auto& [name, value] : defaults.items()) {
    if (value.is_string() && value.get_ref<const std::string&>().find("${") != std::string::npos) {
      mistakes_.push_back({ErrorCode::refused, fmt::format("/variables/{}", pointer_token(name)),
                           "a default cannot hold variables", "a plain value", ""});
    }
    defaults_.emplace(name, Found{value, value.is_string() ? value.get<std::string>() : value.dump()});
  }
}

Result<VariableReplacer::Found> VariableReplacer::look_up(const std::string& name, const std::string& pointer,
                                                          Pass& pass) const {
  auto found = find(name, pointer, pass);
  if (found) { pass.bytes += found->text.size(); }
  if (pass.bytes > kMaxConfigBytes) {
    return refused(pointer, fmt::format("variables would make more than {} bytes of text", kMaxConfigBytes));
  }
  return found;
}

Result<VariableReplacer::Found> VariableReplacer::find(const std::string& name, const std::string& pointer,
                                                       Pass& pass) const {
  if (name.starts_with("env:")) {
    const char* value = std::getenv(name.c_str() + 4);
    if (value == nullptr) {
      return refused(pointer, fmt::format("the environment has no variable {}", name.substr(4)));
    }
    if (!is_utf8(value)) { return value_not_utf8(pointer, name); }
    return Found{value, value};
  }
  pass.used.insert(name);
  const auto from_user = given_.find(name);
  if (const auto ours = pass.own.find(name); ours != pass.own.end() && from_user == given_.end()) {
    return Found{ours->second, ours->second, true};
  }
  const auto fallback = defaults_.find(name);
  if (from_user == given_.end() && fallback == defaults_.end()) {
    return refused(pointer, fmt::format("the variable ${{{}}} has no value", name),
                   fmt::format("--set {}=VALUE, or a default in \"variables\"", name),
                   nearest_default(name, pass));
  }
  if (from_user == given_.end()) { return fallback->second; }
  const Filled filled = with_own(from_user->second, pass.own);
  if (!is_utf8(filled.text)) { return value_not_utf8(pointer, name); }
  if (fallback != defaults_.end() && fallback->second.value.is_string()) {
    return Found{filled.text, filled.text, filled.has_own};
  }
  auto value = given_scalar(filled.text);
  if (!value) {
    value.error().where = fmt::format("--set {}", name);
    return tl::unexpected(value.error());
  }
  return Found{*value, value->is_string() ? value->get<std::string>() : filled.text, filled.has_own};
}

// Of many mistakes only some are shown, and to look for the nearest of many names takes long.
std::string VariableReplacer::nearest_default(const std::string& name, Pass& pass) const {
  constexpr std::size_t kMost = 100;
  if (++pass.suggestions > kMost) { return {}; }
  std::vector<std::string_view> names;
  for (const auto& item : defaults_) { names.push_back(item.first); }
  return did_you_mean(name, names);
}

void VariableReplacer::replace(Document& value, const std::string& pointer, Pass& pass) const {
  if (value.is_object()) {
    for (auto& [key, member] : value.items()) { replace(member, pointer + "/" + pointer_token(key), pass); }
    return;
  }
  if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      replace(value[i], fmt::format("{}/{}", pointer, i), pass);
    }
    return;
  }
  if (!value.is_string()) { return; }
  const auto text = value.get<std::string>();
  std::string replaced;
  std::size_t at = 0;
  bool has_own = false;
  const auto note_own = [&] {
    if (has_own) { pass.own_places.push_back(pointer); }
  };
  for (std::size_t open = text.find("${"); open != std::string::npos; open = text.find("${", at)) {
    const std::size_t end = text.find('}', open);
    if (end == std::string::npos) {
      pass.errors.push_back(
          {ErrorCode::refused, pointer, "\"${\" is not closed", "\"}\" after the variable's name", ""});
      return;
    }
    const auto found = look_up(text.substr(open + 2, end - open - 2), pointer, pass);
    if (!found) {
      pass.errors.push_back(found.error());
      return;
    }
    has_own = has_own || found->is_own;
    if (open == 0 && end + 1 == text.size()) {
      value = found->value;
      return note_own();
    }
    replaced += text.substr(at, open - at);
    replaced += found->text;
    at = end + 1;
  }
  value = replaced + text.substr(at);
  note_own();
}

void replace_variables(Document& document, const Variables& given, Errors& errors, const Variables& own) {
  const VariableReplacer replacer(document, given);
  errors.insert(errors.end(), replacer.mistakes().begin(), replacer.mistakes().end());
  if (!replacer.has_defaults()) { return; }
  VariableReplacer::Pass pass{.own = own, .errors = errors};
  replacer.replace(document, "", pass);
  const std::vector<std::string_view> known(pass.used.begin(), pass.used.end());
  for (const auto& [name, value] : given) {
    if (!pass.used.contains(name)) {
      errors.push_back({ErrorCode::refused, "--set " + name, "the configuration uses no such variable", "",
                        did_you_mean(name, known)});
    }
  }
}

}  // namespace streamlab
