// engine/core/param.hpp
//
// What a node's parameters are (ParamInfo, written once, beside the node) and what a user gave them
// (ParamValues, checked against it). From the same ParamInfo come validation, `streamlab nodes`, the JSON
// Schema and the reference.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace streamlab {

enum class ParamType : std::uint8_t {
  number,   // 1.5
  integer,  // 4096
  boolean,  // true
  choice,   // "hann", one of ParamInfo::choices
  text,     // "Mic"
  numbers,  // [1.0, 2.5]
  labels,   // [1, "left"]: channel numbers (1-based) or names, each kept as text
  matrix,   // [[1, 0], [0, 1]], rows of one length
  object,   // {…} with the members ParamInfo::fields
  objects,  // [{…}, …] likewise
  json,     // any JSON value, kept as text for the node to parse
};

// May it change while the graph runs?
enum class Live : std::uint8_t {
  no,
  yes,
  no_format,  // no: it is part of the format of the stream, which stays. The refusal says so.
};

struct Range {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
};

enum class Need : std::uint8_t {
  defaulted,  // has a default
  optional,   // may be left out; then given() is false
  required,   // must be given
};

// What a parameter means to the programs around a graph, which know no node and no parameter by its name: which
// files a run reads and writes, where standard input goes, which device is opened.
enum class ParamRole : std::uint8_t {
  none,
  kind,           // a choice: which of several things the node is (a Biquad is a lowpass)
  input_file,     // a text: a file that the node reads
  output_file,    // a text: a file that the node writes; "-" is standard output
  overwrite,      // a boolean: may an existing output file be replaced?
  input_stream,   // a text: where bytes come from, as PipeName has it: "stdin", "fifo:PATH", "fd:N"
  output_stream,  // a text: where bytes go: "stdout", …
  label,          // a text: is in each record that the node writes
  command,        // json: a program and its arguments, some of which may be files
  folder,         // a text: where relative paths of that command begin
  // Of a node whose Boundary is a device; they fill a DeviceRequest.
  device,                // a text: the device, as "streamlab devices" lists it
  device_channels,       // labels: its connectors
  device_ports,          // labels: JACK ports
  device_sample_format,  // a text or choice
  device_access,         // likewise
  device_periods,        // an integer
  device_loss,           // a choice: "wait" or "stop"
  device_script,         // json: what a simulated card does
};
// The type that a parameter of this role has; a text may be a choice, too. Empty: any.
std::optional<ParamType> type_of(ParamRole role);

struct ParamInfo {
  std::string_view name;
  ParamType type = ParamType::number;
  std::string_view unit = {};  // "Hz", "ms", "dB", "frames", "ratio"; empty where there is none
  Range range = {};            // of a number, of each of `numbers` and `matrix`
  Need need = Need::defaulted;
  double default_number = 0.0;         // number, integer, boolean (0 or 1)
  std::string_view default_text = {};  // choice, text
  Live live = Live::no;
  std::span<const std::string_view> choices = {};
  std::span<const ParamInfo> fields = {};
  std::string_view description = {};
  std::size_t max_items = 1024;  // of a list, and of the rows and columns of a matrix
  bool distinct = false;         // of labels: no two alike
  // A text: a regular expression (ECMAScript) that all of it matches. It is for the JSON Schema; the node's own
  // check decides.
  std::string_view pattern = {};
  ParamRole role = ParamRole::none;
};

// Which parameters belong together. Checked for every node when a configuration is read, and said in the JSON
// Schema. A boolean counts as given where it is true.
struct ParamRule {
  enum class Kind : std::uint8_t {
    at_least_one,  // of `params`
    at_most_one,   // of `params`
    together,      // all of `params`, or none
    only_with,     // `params` mean something only where one of `others` is given
    only_if,       // `params` mean something only where the choice `choice` is one of `others`
    needed_if,     // all of `params` are needed where `choice` is one of `others`
  };
  Kind kind;
  std::span<const std::string_view> params;
  std::span<const std::string_view> others = {};
  std::string_view choice = {};
  std::string_view hint = {};  // what to do instead; may be empty
};

// Shorthand for the tables beside the nodes. The last argument is the description, a sentence for the manual.
namespace param {

constexpr ParamInfo number(std::string_view name, std::string_view unit, Range range, double fallback,
                           Live live, std::string_view description) {
  return {.name = name,
          .type = ParamType::number,
          .unit = unit,
          .range = range,
          .default_number = fallback,
          .live = live,
          .choices = {},
          .fields = {},
          .description = description};
}
constexpr ParamInfo number(std::string_view name, std::string_view unit, Range range, Need need,
                           std::string_view description) {
  return {.name = name,
          .type = ParamType::number,
          .unit = unit,
          .range = range,
          .need = need,
          .choices = {},
          .fields = {},
          .description = description};
}
constexpr ParamInfo integer(std::string_view name, std::string_view unit, Range range, double fallback,
                            std::string_view description) {
  return {.name = name,
          .type = ParamType::integer,
          .unit = unit,
          .range = range,
          .default_number = fallback,
          .choices = {},
          .fields = {},
          .description = description};
}
constexpr ParamInfo integer(std::string_view name, std::string_view unit, Range range, Need need,
                            std::string_view description) {
  return {.name = name,
          .type = ParamType::integer,
          .unit = unit,
          .range = range,
          .need = need,
          .choices = {},
          .fields = {},
          .description = description};
}
constexpr ParamInfo boolean(std::string_view name, bool fallback, std::string_view description) {
  return {.name = name,
          .type = ParamType::boolean,
          .unit = {},
          .range = {0.0, 1.0},
          .default_number = fallback ? 1.0 : 0.0,
          .choices = {},
          .fields = {},
          .description = description};
}
constexpr ParamInfo choice(std::string_view name, std::span<const std::string_view> choices,
                           std::string_view fallback, std::string_view description) {
  return {.name = name,
          .type = ParamType::choice,
          .unit = {},
          .range = {},
          .default_text = fallback,
          .choices = choices,
          .fields = {},
          .description = description};
}
constexpr ParamInfo text(std::string_view name, std::string_view fallback, std::string_view description) {
  return {.name = name,
          .type = ParamType::text,
          .unit = {},
          .range = {},
          .default_text = fallback,
          .choices = {},
          .fields = {},
          .description = description};
}
constexpr ParamInfo text(std::string_view name, Need need, std::string_view description) {
  return {.name = name,
          .type = ParamType::text,
          .unit = {},
          .range = {},
          .need = need,
          .choices = {},
          .fields = {},
          .description = description};
}
// A list or object: `type` is numbers, labels, matrix, object or objects. If left out, it is empty and
// given() is false.
constexpr ParamInfo list(std::string_view name, ParamType type, std::string_view unit, Range range, Need need,
                         std::string_view description) {
  return {.name = name,
          .type = type,
          .unit = unit,
          .range = range,
          .need = need,
          .choices = {},
          .fields = {},
          .description = description};
}
constexpr ParamInfo object(std::string_view name, ParamType type, std::span<const ParamInfo> fields,
                           Need need, std::string_view description) {
  return {.name = name,
          .type = type,
          .unit = {},
          .range = {},
          .need = need,
          .choices = {},
          .fields = fields,
          .description = description};
}

constexpr ParamInfo json(std::string_view name, Need need, std::string_view description) {
  return {.name = name, .type = ParamType::json, .need = need, .description = description};
}

// A list of names, no two alike.
constexpr ParamInfo names(std::string_view name, Need need, std::string_view description) {
  ParamInfo info = list(name, ParamType::labels, "", {}, need, description);
  info.distinct = true;
  return info;
}
// The index of the parameter `name` of a table, beside which a node names its indices:
//   constexpr auto kGain = param::at(kParams, "gain");
// Does not compile if the table has no such parameter, so that names and table cannot differ.
consteval std::size_t at(std::span<const ParamInfo> infos, std::string_view name) {
  for (std::size_t i = 0; i < infos.size(); ++i) {
    if (infos[i].name == name) { return i; }
  }
  throw "the table has no parameter of this name";  // never runs: it ends the compilation
}

// A text, all of which `pattern` matches.
constexpr ParamInfo matching(ParamInfo info, std::string_view pattern) {
  info.pattern = pattern;
  return info;
}
constexpr ParamInfo as(ParamRole role, ParamInfo info) {
  info.role = role;
  return info;
}
// One that may change while the graph runs.
constexpr ParamInfo live(ParamInfo info) {
  info.live = Live::yes;
  return info;
}
// One that may not, because it is part of the format of the stream.
constexpr ParamInfo of_format(ParamInfo info) {
  info.live = Live::no_format;
  return info;
}

}  // namespace param

class ParamValues;
using Matrix = std::vector<std::vector<double>>;
// number, integer, boolean: double. choice, text, json: string. monostate: left out without a default.
using ParamValue = std::variant<std::monostate, double, std::string, std::vector<double>,
                                std::vector<std::string>, Matrix, std::vector<ParamValues>>;

// One value per entry of a ParamInfo table, already checked for type and range. Asking for a type that the
// parameter does not have is a defect of the caller.
class ParamValues {
 public:
  // Every parameter at its default.
  explicit ParamValues(std::span<const ParamInfo> infos);
  ParamValues() = default;

  std::span<const ParamInfo> infos() const noexcept { return infos_; }
  // Index of the parameter with this name.
  std::optional<std::size_t> find(std::string_view name) const noexcept;
  // Index of the first parameter with this role.
  std::optional<std::size_t> find(ParamRole role) const noexcept;

  bool given(std::size_t index) const { return given_[index]; }  // by the user, rather than by default
  bool has_value(std::size_t index) const { return !std::holds_alternative<std::monostate>(values_[index]); }
  double operator[](std::size_t index) const { return number(index); }
  double number(std::size_t index) const { return std::get<double>(values_[index]); }
  std::int64_t integer(std::size_t index) const { return static_cast<std::int64_t>(number(index)); }
  bool flag(std::size_t index) const { return number(index) != 0.0; }
  const std::string& text(std::size_t index) const { return std::get<std::string>(values_[index]); }
  // Index of a choice's value in ParamInfo::choices.
  std::size_t choice(std::size_t index) const;
  const std::vector<double>& numbers(std::size_t index) const {
    return std::get<std::vector<double>>(values_[index]);
  }
  const std::vector<std::string>& labels(std::size_t index) const {
    return std::get<std::vector<std::string>>(values_[index]);
  }
  const Matrix& matrix(std::size_t index) const { return std::get<Matrix>(values_[index]); }
  // One element for an `object` that was given, else none.
  const std::vector<ParamValues>& objects(std::size_t index) const {
    return std::get<std::vector<ParamValues>>(values_[index]);
  }

  void set(std::size_t index, ParamValue value);

 private:
  std::span<const ParamInfo> infos_;
  std::vector<ParamValue> values_;
  std::vector<bool> given_;
};

}  // namespace streamlab
