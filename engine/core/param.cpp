// engine/core/param.cpp
#include "engine/core/param.hpp"

#include <algorithm>

#include "engine/base/assert.hpp"

namespace streamlab {
namespace {

ParamValue default_value(const ParamInfo& info) {
  switch (info.type) {
    case ParamType::number:
    case ParamType::integer:
    case ParamType::boolean:
      return info.need == Need::defaulted ? ParamValue{info.default_number} : ParamValue{};
    case ParamType::choice:
    case ParamType::text:
    case ParamType::json:
      return info.need == Need::defaulted ? ParamValue{std::string(info.default_text)} : ParamValue{};
    case ParamType::numbers:
      return std::vector<double>{};
    case ParamType::labels:
      return std::vector<std::string>{};
    case ParamType::matrix:
      return Matrix{};
    case ParamType::object:
    case ParamType::objects:
      return std::vector<ParamValues>{};
  }
  return {};
}

}  // namespace

std::optional<ParamType> type_of(ParamRole role) {
  switch (role) {
    case ParamRole::none:
      return std::nullopt;
    case ParamRole::kind:
    case ParamRole::device_loss:
      return ParamType::choice;
    case ParamRole::input_file:
    case ParamRole::output_file:
    case ParamRole::input_stream:
    case ParamRole::output_stream:
    case ParamRole::label:
    case ParamRole::folder:
    case ParamRole::device:
    case ParamRole::device_sample_format:
    case ParamRole::device_access:
      return ParamType::text;
    case ParamRole::overwrite:
      return ParamType::boolean;
    case ParamRole::command:
    case ParamRole::device_script:
      return ParamType::json;
    case ParamRole::device_channels:
    case ParamRole::device_ports:
      return ParamType::labels;
    case ParamRole::device_periods:
      return ParamType::integer;
  }
  return std::nullopt;
}

ParamValues::ParamValues(std::span<const ParamInfo> infos) : infos_(infos), given_(infos.size(), false) {
  values_.reserve(infos.size());
  for (const ParamInfo& info : infos) { values_.push_back(default_value(info)); }
}

std::optional<std::size_t> ParamValues::find(std::string_view name) const noexcept {
  for (std::size_t i = 0; i < infos_.size(); ++i) {
    if (infos_[i].name == name) { return i; }
  }
  return std::nullopt;
}

std::optional<std::size_t> ParamValues::find(ParamRole role) const noexcept {
  for (std::size_t i = 0; i < infos_.size(); ++i) {
    if (infos_[i].role == role) { return i; }
  }
  return std::nullopt;
}

std::size_t ParamValues::choice(std::size_t index) const {
  const auto choices = infos_[index].choices;
  const auto found = std::find(choices.begin(), choices.end(), text(index));
  SL_ASSERT(found != choices.end(), "a choice holds a value that is not among its choices");
  return static_cast<std::size_t>(found - choices.begin());
}

void ParamValues::set(std::size_t index, ParamValue value) {
  values_[index] = std::move(value);
  given_[index] = true;
}

}  // namespace streamlab
