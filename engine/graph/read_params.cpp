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
    if (!is_list(value, where, "numbers in brackets: [1, 2]")) { return {}; }
    std::vector<double> list;
    for (std::size_t i = 0; i < value.size(); ++i) {
      const ParamValue item = number(value[i], fmt::format("{}/{}", where, i));
      if (const double* x = std::get_if<double>(&item)) { list.push_back(*x); }
    }
    return list;
  }
  ParamValue labels(const json& value) {
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
      }
    }
    return list;
  }
  ParamValue matrix(const json& value) {
    if (!is_list(value, pointer_, "rows of numbers: [[1, 0], [0, 1]]")) { return {}; }
    Matrix rows;
    for (std::size_t i = 0; i < value.size(); ++i) {
      const std::string where = fmt::format("{}/{}", pointer_, i);
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
  ParamValue objects(const json& value) {
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

}  // namespace streamlab
