// engine/graph/read_params.cpp
#include "engine/graph/read_params.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/base/nearest_name.hpp"
#include "engine/graph/config_text.hpp"

namespace streamlab {
namespace {

using json = nlohmann::ordered_json;

std::string quoted_list(std::span<const std::string_view> names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) { text += i + 1 == names.size() ? " or " : ", "; }
    text += fmt::format("\"{}\"", names[i]);
  }
  return text;
}

// "a, b and c"
std::string plain_list(std::span<const std::string_view> names, std::string_view last = "and") {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) { text += i + 1 == names.size() ? fmt::format(" {} ", last) : ", "; }
    text += names[i];
  }
  return text;
}

// One value as its parameter wants it. Each function adds to `errors` and returns monostate when it cannot.
class ValueReader {
 public:
  ValueReader(const ParamInfo& info, std::string pointer, Errors& errors)
      : info_(info), pointer_(std::move(pointer)), errors_(errors) {}

  ParamValue read(const json& value) {
    switch (info_.type) {
      case ParamType::number:
        return number(value, pointer_);
      case ParamType::integer:
        return integer(value);
      case ParamType::boolean:
        if (!value.is_boolean()) { return wrong_type(value, "true or false"); }
        return value.get<bool>() ? 1.0 : 0.0;
      case ParamType::choice:
        return choice(value);
      case ParamType::text:
        return text(value);
      case ParamType::numbers:
        return numbers(value, pointer_);
      case ParamType::labels:
        return labels(value);
      case ParamType::matrix:
        return matrix(value);
      case ParamType::object:
        if (!value.is_object()) { return wrong_type(value, "an object {…}"); }
        return std::vector<ParamValues>{read_params(value, info_.fields, pointer_, errors_)};
      case ParamType::objects:
        return objects(value);
      case ParamType::json:
        if (!is_utf8(value)) { return fail(pointer_, "there is a text that is not UTF-8"); }
        return value.dump();
    }
    return {};
  }

 private:
  ParamValue wrong_type(const json& value, std::string_view expected) {
    return fail(pointer_, fmt::format("{} is not what belongs here", shown(value)), std::string(expected));
  }
  ParamValue fail(const std::string& where, std::string what, std::string expected = {},
                  std::string hint = {}) {
    errors_.push_back({ErrorCode::refused, where, std::move(what), std::move(expected), std::move(hint)});
    return {};
  }
  static std::string shown(const json& value) {
    std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
    if (text.size() > 40) { text = text.substr(0, 37) + "..."; }
    return text;
  }

  // Some texts are paths, and to the system a path ends at a NUL: it would be another file.
  ParamValue text(const json& value) {
    if (!value.is_string()) { return wrong_type(value, "a text in quotes"); }
    auto text = value.get<std::string>();
    if (text.find('\0') != std::string::npos) {
      return fail(pointer_, fmt::format("{} holds a NUL character", shown(value)), "a text without");
    }
    return text;
  }
  ParamValue number(const json& value, const std::string& where) {
    if (!value.is_number()) {
      return fail(where, fmt::format("{} is not a number", shown(value)), describe_range(info_));
    }
    const double x = value.get<double>();
    if (!(x >= info_.range.min && x <= info_.range.max)) {
      return fail(where, fmt::format("{} is outside {}", shown(value), describe_range(info_)));
    }
    return x;
  }
  ParamValue integer(const json& value) {
    if (!value.is_number() || std::trunc(value.get<double>()) != value.get<double>()) {
      return fail(pointer_, fmt::format("{} is not a whole number", shown(value)), describe_range(info_));
    }
    return number(value, pointer_);
  }
  ParamValue choice(const json& value) {
    if (!value.is_string()) { return wrong_type(value, quoted_list(info_.choices)); }
    auto text = value.get<std::string>();
    if (std::find(info_.choices.begin(), info_.choices.end(), text) == info_.choices.end()) {
      return fail(pointer_, fmt::format("there is no {} \"{}\"", info_.name, text),
                  quoted_list(info_.choices), did_you_mean(text, info_.choices));
    }
    return text;
  }
  bool is_list(const json& value, const std::string& where, std::string_view expected) {
    if (!value.is_array()) {
      fail(where, fmt::format("{} is not a list", shown(value)), std::string(expected));
      return false;
    }
    if (value.empty()) {
      fail(where, "the list is empty", std::string(expected));
      return false;
    }
    if (value.size() > info_.max_items) {
      fail(where, fmt::format("a list of {} items is too long", value.size()),
           fmt::format("at most {}", info_.max_items));
      return false;
    }
    return true;
  }
  // One number is a list of one.
  ParamValue numbers(const json& value, const std::string& where) {
    if (value.is_number()) {
      const ParamValue item = number(value, where);
      const double* const x = std::get_if<double>(&item);
      return x != nullptr ? ParamValue(std::vector<double>{*x}) : ParamValue{};
    }
    if (!is_list(value, where, "a number, or several in brackets: [1, 2]")) { return {}; }
    std::vector<double> list;
    for (std::size_t i = 0; i < value.size(); ++i) {
      const ParamValue item = number(value[i], fmt::format("{}/{}", where, i));
      if (const double* x = std::get_if<double>(&item)) { list.push_back(*x); }
    }
    return list;
  }
  // One name is a list of one; a number is not, for it could as well say how many.
  ParamValue labels(const json& value) {
    if (value.is_string()) { return std::vector<std::string>{value.get<std::string>()}; }
    if (value.is_number()) {
      return fail(
          pointer_, fmt::format("{} is not a list", shown(value)),
          "channel numbers or names in brackets: [1, \"left\"]",
          fmt::format("[{}] is channel {}; of two channels both are [1, 2]", shown(value), shown(value)));
    }
    if (!is_list(value, pointer_, "channel numbers or names in brackets: [1, \"left\"]")) { return {}; }
    std::vector<std::string> list;
    for (std::size_t i = 0; i < value.size(); ++i) {
      const std::string where = fmt::format("{}/{}", pointer_, i);
      if (value[i].is_string()) {
        list.push_back(value[i].get<std::string>());
      } else if (value[i].is_number_integer() && value[i].get<std::int64_t>() >= 1) {
        list.push_back(std::to_string(value[i].get<std::int64_t>()));
      } else {
        fail(where, fmt::format("{} is not a channel", shown(value[i])),
             "a number from 1, or a name in quotes");
        continue;
      }
      if (info_.distinct && std::find(list.begin(), list.end() - 1, list.back()) != list.end() - 1) {
        fail(where, fmt::format("the name \"{}\" is taken", list.back()),
             "a name that is not in the list yet");
      }
    }
    return list;
  }
  ParamValue matrix(const json& value) {
    if (!is_list(value, pointer_, "rows of numbers: [[1, 0], [0, 1]]")) { return {}; }
    Matrix rows;
    for (std::size_t i = 0; i < value.size(); ++i) {
      const std::string where = fmt::format("{}/{}", pointer_, i);
      if (value[i].is_number()) {  // a row, or a column? Both would be guesses
        fail(where, fmt::format("{} is not a row", shown(value[i])), "rows in brackets: [[1, 0], [0, 1]]");
        continue;
      }
      ParamValue row = numbers(value[i], where);
      auto* list = std::get_if<std::vector<double>>(&row);
      if (list == nullptr) { continue; }
      if (!rows.empty() && list->size() != rows.front().size()) {
        fail(where, fmt::format("a row of {} numbers", list->size()),
             fmt::format("{} as in the first row", rows.front().size()));
        continue;
      }
      rows.push_back(std::move(*list));
    }
    return rows;
  }
  // One object is a list of one.
  ParamValue objects(const json& value) {
    if (value.is_object()) {
      return std::vector<ParamValues>{read_params(value, info_.fields, pointer_, errors_)};
    }
    if (!is_list(value, pointer_, "objects in brackets: [{…}, {…}]")) { return {}; }
    std::vector<ParamValues> list;
    for (std::size_t i = 0; i < value.size(); ++i) {
      const std::string where = fmt::format("{}/{}", pointer_, i);
      if (!value[i].is_object()) {
        fail(where, fmt::format("{} is not an object", shown(value[i])), "{…}");
        continue;
      }
      list.push_back(read_params(value[i], info_.fields, where, errors_));
    }
    return list;
  }

  const ParamInfo& info_;
  const std::string pointer_;
  Errors& errors_;
};

// The parameter that an unknown one most likely stands for. One of another name may have another unit.
std::string hint_for(std::string_view key, std::span<const ParamInfo> infos) {
  std::vector<std::string_view> names;
  for (const ParamInfo& info : infos) { names.push_back(info.name); }
  const std::string_view related = related_name(key, names);
  if (related.empty()) { return did_you_mean(key, names); }
  const auto info =
      std::find_if(infos.begin(), infos.end(), [&](const ParamInfo& i) { return i.name == related; });
  if (info->unit.empty()) { return did_you_mean(key, names); }
  return fmt::format("did you mean \"{}\", {}?", related,
                     info->unit == "ratio" ? std::string("a factor") : fmt::format("in {}", info->unit));
}

std::string with_unit(std::string text, std::string_view unit) {
  return unit.empty() || unit == "ratio" ? text : fmt::format("{} {}", text, unit);
}

// Holds the values of one object against the rules of its table.
class RuleChecker {
 public:
  RuleChecker(const ParamValues& values, const std::string& pointer, Errors& errors)
      : values_(values), pointer_(pointer), errors_(errors) {}

  void check(const ParamRule& rule) {
    std::vector<std::string_view> given;
    for (const std::string_view name : rule.params) {
      if (is_given(name)) { given.push_back(name); }
    }
    switch (rule.kind) {
      case ParamRule::Kind::at_least_one:
        if (given.empty()) {
          const bool is_pair = rule.params.size() == 2;
          add(rule, pointer_,
              fmt::format("{} {} is given", is_pair ? "neither" : "none of",
                          plain_list(rule.params, is_pair ? "nor" : "and")),
              "one of them");
        }
        return;
      case ParamRule::Kind::at_most_one:
        if (given.size() > 1) {
          add(rule, where(given[1]), fmt::format("{} is given too", given[0]),
              fmt::format("only one of {}", plain_list(rule.params)));
        }
        return;
      case ParamRule::Kind::together:
        if (!given.empty() && given.size() < rule.params.size()) {
          add(rule, where(given[0]), fmt::format("{} belong together", plain_list(rule.params)),
              "all of them, or none");
        }
        return;
      case ParamRule::Kind::only_with:
        if (std::none_of(rule.others.begin(), rule.others.end(), [&](auto name) { return is_given(name); })) {
          for (const std::string_view name : given) {
            add(rule, where(name), fmt::format("means nothing without {}", plain_list(rule.others, "or")),
                "");
          }
        }
        return;
      case ParamRule::Kind::only_if:
        if (applies(rule)) { return; }
        for (const std::string_view name : given) {
          add(rule, where(name), fmt::format("means nothing with {} \"{}\"", rule.choice, choice(rule)),
              fmt::format("{} {}", rule.choice, quoted_list(rule.others)));
        }
        return;
      case ParamRule::Kind::needed_if:
        if (!applies(rule)) { return; }
        for (const std::string_view name : rule.params) {
          if (is_given(name)) { continue; }
          add(rule, pointer_, fmt::format("{} \"{}\" needs {}", rule.choice, choice(rule), name),
              std::string(values_.infos()[*values_.find(name)].description));
        }
        return;
    }
  }

 private:
  bool is_given(std::string_view name) const {
    const std::size_t index = *values_.find(name);
    const bool is_false = values_.infos()[index].type == ParamType::boolean && !values_.flag(index);
    return values_.given(index) && !is_false;
  }
  const std::string& choice(const ParamRule& rule) const { return values_.text(*values_.find(rule.choice)); }
  bool applies(const ParamRule& rule) const {
    return std::find(rule.others.begin(), rule.others.end(), choice(rule)) != rule.others.end();
  }
  std::string where(std::string_view name) const { return fmt::format("{}/{}", pointer_, name); }
  void add(const ParamRule& rule, std::string where, std::string what, std::string expected) {
    errors_.push_back(
        {ErrorCode::refused, std::move(where), std::move(what), std::move(expected), std::string(rule.hint)});
  }

  const ParamValues& values_;
  const std::string& pointer_;
  Errors& errors_;
};

}  // namespace

std::string_view to_string(ParamType type) {
  switch (type) {
    case ParamType::number:
      return "number";
    case ParamType::integer:
      return "integer";
    case ParamType::boolean:
      return "boolean";
    case ParamType::choice:
      return "choice";
    case ParamType::text:
      return "text";
    case ParamType::numbers:
      return "list of numbers";
    case ParamType::labels:
      return "list of channels";
    case ParamType::matrix:
      return "matrix";
    case ParamType::object:
      return "object";
    case ParamType::objects:
      return "list of objects";
    case ParamType::json:
      return "JSON value";
  }
  return "";
}

std::string describe_range(const ParamInfo& info) {
  const bool below = std::isfinite(info.range.min);
  const bool above = std::isfinite(info.range.max);
  if (below && above) {
    return with_unit(fmt::format("{} .. {}", info.range.min, info.range.max), info.unit);
  }
  if (below) { return with_unit(fmt::format("at least {}", info.range.min), info.unit); }
  if (above) { return with_unit(fmt::format("at most {}", info.range.max), info.unit); }
  return info.type == ParamType::integer ? "a whole number" : "a number";
}

ParamValues read_params(const json& object, std::span<const ParamInfo> infos, const std::string& pointer,
                        Errors& errors) {
  ParamValues values(infos);
  for (const auto& [key, value] : object.items()) {
    const std::string where = pointer + "/" + pointer_token(key);
    const auto index = values.find(key);
    if (!index) {
      errors.push_back({ErrorCode::refused, where, fmt::format("there is no parameter \"{}\"", key),
                        infos.empty() ? "no parameters at all" : "", hint_for(key, infos)});
      continue;
    }
    ParamValue read = ValueReader(infos[*index], where, errors).read(value);
    if (!std::holds_alternative<std::monostate>(read)) { values.set(*index, std::move(read)); }
  }
  for (std::size_t i = 0; i < infos.size(); ++i) {
    if (infos[i].need == Need::required && !object.contains(std::string(infos[i].name))) {
      errors.push_back({ErrorCode::refused, pointer, fmt::format("\"{}\" is missing", infos[i].name),
                        std::string(infos[i].description), ""});
    }
  }
  return values;
}

ParamValues read_params(const json& object, std::span<const ParamInfo> infos,
                        std::span<const ParamRule> rules, const std::string& pointer, Errors& errors) {
  const std::size_t before = errors.size();
  ParamValues values = read_params(object, infos, pointer, errors);
  if (errors.size() != before) { return values; }  // a mistyped name may be the one that is missing
  RuleChecker checker(values, pointer, errors);
  for (const ParamRule& rule : rules) { checker.check(rule); }
  return values;
}

}  // namespace streamlab
