// engine/graph/change_params.cpp
#include "engine/graph/change_params.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/base/json_pointer.hpp"
#include "engine/base/nearest_name.hpp"
#include "engine/graph/read_params.hpp"

namespace streamlab {
namespace {

using json = nlohmann::ordered_json;

json value_to_json(const ParamValues& values, std::size_t index, Defaults defaults) {
  switch (values.infos()[index].type) {
    case ParamType::number:
      return values.number(index);
    case ParamType::integer:
      return values.integer(index);
    case ParamType::boolean:
      return values.flag(index);
    case ParamType::choice:
    case ParamType::text:
      return values.text(index);
    case ParamType::numbers:
      return values.numbers(index);
    case ParamType::labels:
      return values.labels(index);
    case ParamType::matrix:
      return values.matrix(index);
    case ParamType::object:
      return params_to_json(values.objects(index).front(), defaults);
    case ParamType::objects: {
      json list = json::array();
      for (const ParamValues& object : values.objects(index)) {
        list.push_back(params_to_json(object, defaults));
      }
      return list;
    }
    case ParamType::json:
      return json::parse(values.text(index));
  }
  return nullptr;
}

std::string live_names(std::span<const ParamInfo> infos) {
  std::string names;
  for (const ParamInfo& info : infos) {
    if (info.live == Live::yes) { names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", info.name); }
  }
  return names.empty() ? "none of this node's can" : names;
}

}  // namespace

json params_to_json(const ParamValues& values, Defaults defaults) {
  json object = json::object();
  for (std::size_t i = 0; i < values.infos().size(); ++i) {
    const bool has_default = values.infos()[i].need == Need::defaulted;
    if (values.given(i) || (has_default && defaults == Defaults::included)) {
      object[std::string(values.infos()[i].name)] = value_to_json(values, i, defaults);
    }
  }
  return object;
}

ParamValues change_params(const ParamValues& now, const NodeInfo& info, const json& changes,
                          const std::string& pointer, Errors& errors) {
  const std::size_t before = errors.size();
  json merged = params_to_json(now);
  for (const auto& [key, value] : changes.items()) {
    const auto index = now.find(key);
    if (index && info.params[*index].live != Live::yes) {
      const bool of_format = info.params[*index].live == Live::no_format;
      errors.push_back({ErrorCode::refused, pointer + "/" + pointer_token(key),
                        fmt::format("this parameter cannot be changed while the graph runs{}",
                                    of_format ? ": the format of the stream would be another" : ""),
                        live_names(info.params), ""});
    }
    for (const ParamRule& rule : info.rules) {
      const bool is_one_of = std::find(rule.params.begin(), rule.params.end(), key) != rule.params.end();
      if (rule.kind != ParamRule::Kind::at_most_one || !is_one_of) { continue; }
      for (const std::string_view other : rule.params) {
        if (!changes.contains(std::string(other))) { merged.erase(std::string(other)); }
      }
    }
    if (value.is_null() && index) {
      merged.erase(key);
    } else {
      merged[key] = value;
    }
  }
  if (errors.size() != before) { return now; }
  return read_params(merged, info.params, info.rules, pointer, errors);
}

}  // namespace streamlab
