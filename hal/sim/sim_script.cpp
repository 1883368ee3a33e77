// hal/sim/sim_script.cpp
#include "hal/sim/sim_script.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <span>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/base/nearest_name.hpp"

namespace streamlab {
namespace {

using Json = nlohmann::json;
using Names = std::span<const std::string_view>;

constexpr double kLargestExact = 9007199254740992.0;  // 2^53: every integer below it is a double
constexpr double kLongestLoss = 1e9;                  // frames: 5.8 h at 48 kHz
constexpr double kLargestPeriod = 1048576.0;
constexpr double kLargestChannels = 1024.0;  // as libsndfile

std::string listed(Names names) { return fmt::format("{}", fmt::join(names, ", ")); }

// One JSON object of the script, key by key. Errors are collected; a wrong value leaves its target unchanged.
class Fields {
 public:
  Fields(const Json& object, std::string pointer, Errors& errors)
      : object_(object), pointer_(std::move(pointer)), errors_(errors) {
    if (!object.is_object()) { error(pointer_, fmt::format("{} is not an object", object.dump())); }
  }

  // Refuses every key but `keys`.
  void only(Names keys) {
    if (!object_.is_object()) { return; }
    for (const auto& [key, value] : object_.items()) {
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
        errors_.push_back({ErrorCode::refused, pointer_ + "/" + key,
                           fmt::format("there is no key \"{}\"", key), "one of " + listed(keys),
                           did_you_mean(key, keys)});
      }
    }
  }

  bool has(const char* key) const { return object_.is_object() && object_.contains(key); }
  std::string at(const char* key) const { return pointer_ + "/" + key; }
  void error(std::string where, std::string what, std::string expected = {}, std::string hint = {}) {
    errors_.push_back(
        {ErrorCode::refused, std::move(where), std::move(what), std::move(expected), std::move(hint)});
  }
  // A required key. True if present.
  bool required(const char* key) {
    if (!object_.is_object() || has(key)) { return has(key); }
    error(pointer_, fmt::format("the key \"{}\" is missing", key));
    return false;
  }

  template <class T>
  void number(const char* key, double low, double high, const char* unit, T& target) {
    if (!has(key)) { return; }
    const Json& value = object_[key];
    if (!value.is_number()) { return error(at(key), fmt::format("{} is not a number", value.dump())); }
    const double x = value.get<double>();
    if (!(x >= low && x <= high)) {
      return error(at(key), fmt::format("{} is outside {} .. {} {}", value.dump(), low, high, unit));
    }
    target = x;
  }

  template <class T>
  void integer(const char* key, double low, double high, const char* unit, T& target) {
    if (!has(key)) { return; }
    const std::size_t before = errors_.size();
    double x = low;
    number(key, low, high, unit, x);
    if (errors_.size() > before) { return; }
    if (x != std::floor(x)) { return error(at(key), fmt::format("{} is not a whole number", x)); }
    if constexpr (requires { typename T::value_type; }) {
      target = static_cast<typename T::value_type>(x);
    } else {
      target = static_cast<T>(x);
    }
  }

  void boolean(const char* key, bool& target) {
    if (!has(key)) { return; }
    const Json& value = object_[key];
    if (!value.is_boolean()) { return error(at(key), fmt::format("{} is not true or false", value.dump())); }
    target = value.get<bool>();
  }

  void text(const char* key, std::string& target) {
    if (!has(key)) { return; }
    const Json& value = object_[key];
    if (!value.is_string()) { return error(at(key), fmt::format("{} is not a text", value.dump())); }
    target = value.get<std::string>();
    if (target.empty()) { error(at(key), "the text is empty"); }
  }

  // The index in `names` of the value of `key`; empty if it is not one of them.
  std::optional<std::size_t> name(const char* key, const char* what, Names names) {
    if (!has(key)) { return std::nullopt; }
    std::string given;
    const std::size_t before = errors_.size();
    text(key, given);
    if (errors_.size() > before) { return std::nullopt; }
    const auto found = std::find(names.begin(), names.end(), given);
    if (found != names.end()) { return static_cast<std::size_t>(found - names.begin()); }
    error(at(key), fmt::format("there is no {} \"{}\"", what, given), "one of " + listed(names),
          did_you_mean(given, names));
    return std::nullopt;
  }

  const Json& operator[](const char* key) const { return object_[key]; }

 private:
  const Json& object_;
  std::string pointer_;
  Errors& errors_;
};

std::optional<SimInput> read_input(const Json& value, Errors& errors) {
  const std::string pointer = "/sim/input";
  if (value.is_string()) {
    const std::string text = value.get<std::string>();
    if (text == "voice") { return SimInput{SimInput::Kind::voice, {}}; }
    if (text == "silence") { return SimInput{SimInput::Kind::silence, {}}; }
    if (!text.empty()) { return SimInput{SimInput::Kind::file, text}; }
  }
  if (!value.is_object()) {
    errors.push_back({ErrorCode::refused, pointer, fmt::format("{} is not an input", value.dump()),
                      R"("voice", "silence", {"counting": true}, {"sine": {…}} or the path of a sound file)",
                      ""});
    return std::nullopt;
  }
  static constexpr std::string_view kKeys[] = {"counting", "sine"};
  Fields fields(value, pointer, errors);
  fields.only(kKeys);
  if (value.empty()) { fields.error(pointer, "the input is empty", "one of " + listed(kKeys)); }
  if (value.size() > 1) { fields.error(pointer, "an input can be only one thing, but this gives several"); }
  if (value.size() != 1) { return std::nullopt; }
  if (fields.has("counting")) {
    bool counting = true;
    fields.boolean("counting", counting);
    if (!counting) { fields.error("/sim/input/counting", "false has no meaning here", "true"); }
    return SimInput{SimInput::Kind::counting, {}};
  }
  SimInput input{SimInput::Kind::sine, {}};
  if (fields.has("sine")) {
    static constexpr std::string_view kSineKeys[] = {"frequency_hz", "amplitude"};
    Fields sine(value["sine"], "/sim/input/sine", errors);
    sine.only(kSineKeys);
    sine.number("frequency_hz", 0.0, 5e6, "Hz", input.frequency_hz);
    sine.number("amplitude", -1e6, 1e6, "of full scale", input.amplitude);
  }
  return input;
}

std::optional<SimFault> read_fault(const Json& value, const std::string& pointer, Errors& errors) {
  static constexpr std::string_view kKinds[] = {"xrun", "stall", "unplug", "rate_change", "period_change"};
  static constexpr std::string_view kOwnKey[] = {"lost_frames", "duration_ms", "frames", "sample_rate_hz",
                                                 "period_frames"};
  const std::size_t before = errors.size();
  SimFault fault;
  Fields fields(value, pointer, errors);
  if (fields.required("type")) {  // the type first: it decides which keys are valid
    if (const auto kind = fields.name("type", "fault type", kKinds)) {
      fault.kind = static_cast<SimFault::Kind>(*kind);
    }
  }
  if (errors.size() > before) { return std::nullopt; }
  const char* own = kOwnKey[static_cast<std::size_t>(fault.kind)].data();
  const std::string_view keys[] = {"at_frame", "type", own};
  fields.only(keys);
  fields.required("at_frame");
  fields.required(own);
  fields.integer("at_frame", 0.0, kLargestExact, "frames", fault.at_frame);
  switch (fault.kind) {
    case SimFault::Kind::xrun:
      fields.integer(own, 0.0, kLongestLoss, "frames", fault.lost_frames);
      break;
    case SimFault::Kind::stall:
      fields.number(own, 0.0, 3.6e6, "ms", fault.duration_ms);
      break;
    case SimFault::Kind::unplug:
      fields.integer(own, 1.0, kLongestLoss, "frames", fault.lost_frames);
      break;
    case SimFault::Kind::rate_change:
      fields.number(own, 1.0, 10e6, "Hz", fault.sample_rate_hz);
      break;
    case SimFault::Kind::period_change:
      fields.integer(own, 1.0, kLargestPeriod, "frames", fault.period_frames);
      break;
  }
  return errors.size() > before ? std::nullopt : std::optional(fault);
}

void read_faults(const Json& value, SimScript& script, Errors& errors) {
  if (!value.is_array()) {
    errors.push_back(
        {ErrorCode::refused, "/sim/faults", fmt::format("{} is not an array", value.dump()), "", ""});
    return;
  }
  std::int64_t free_from = 0;  // the first position that is free for the next fault
  for (std::size_t i = 0; i < value.size(); ++i) {
    const std::string pointer = fmt::format("/sim/faults/{}", i);
    const auto fault = read_fault(value[i], pointer, errors);
    if (!fault) { continue; }
    if (fault->at_frame < free_from) {
      errors.push_back({ErrorCode::refused, pointer + "/at_frame",
                        fmt::format("{} is before the end of the fault above, which is at frame {}",
                                    fault->at_frame, free_from),
                        "faults in the order of their frames", ""});
    }
    free_from = fault->at_frame + fault->lost_frames;
    script.faults.push_back(*fault);
  }
}

SimScript read_script(const Json& json, Errors& errors) {
  static constexpr std::string_view kKeys[] = {"clock",
                                               "input",
                                               "loop",
                                               "loopback",
                                               "sample_rate_hz",
                                               "input_channels",
                                               "output_channels",
                                               "ppm",
                                               "jitter_us",
                                               "seed",
                                               "epoch_us",
                                               "frames",
                                               "duration_s",
                                               "input_latency_frames",
                                               "output_latency_frames",
                                               "buffer_frames",
                                               "playback_to",
                                               "overwrite",
                                               "faults"};
  static constexpr std::string_view kClocks[] = {"real_time", "virtual"};
  SimScript script;
  Fields fields(json, "/sim", errors);
  if (!json.is_object()) { return script; }
  fields.only(kKeys);
  if (const auto clock = fields.name("clock", "clock", kClocks)) {
    script.clock = static_cast<SimClock>(*clock);
  }
  if (fields.has("input")) { script.input = read_input(fields["input"], errors); }
  fields.boolean("loop", script.loop);
  fields.boolean("loopback", script.loopback);
  if (script.loopback && fields.has("input")) {
    fields.error("/sim/loopback", "`loopback` and `input` exclude each other");
  }
  fields.number("sample_rate_hz", 1.0, 10e6, "Hz", script.sample_rate_hz);
  fields.integer("input_channels", 1.0, kLargestChannels, "channels", script.input_channels);
  fields.integer("output_channels", 1.0, kLargestChannels, "channels", script.output_channels);
  fields.number("ppm", -1e5, 1e5, "ppm", script.ppm);
  fields.number("jitter_us", 0.0, 1e6, "us", script.jitter_us);
  fields.integer("seed", 0.0, kLargestExact, "", script.seed);
  fields.integer("epoch_us", -kLargestExact, kLargestExact, "us", script.epoch_us);
  fields.integer("frames", 1.0, kLargestExact, "frames", script.frames);
  fields.number("duration_s", 1e-6, 1e9, "s", script.duration_s);
  if (fields.has("frames") && fields.has("duration_s")) {
    fields.error("/sim/duration_s", "the length is given twice, here and in /sim/frames");
  }
  fields.integer("input_latency_frames", 0.0, kLargestPeriod, "frames", script.input_latency_frames);
  fields.integer("output_latency_frames", 0.0, kLargestPeriod, "frames", script.output_latency_frames);
  fields.integer("buffer_frames", 1.0, 1e9, "frames", script.buffer_frames);
  fields.text("playback_to", script.playback_to);
  fields.boolean("overwrite", script.overwrite);
  if (script.overwrite && !fields.has("playback_to")) {
    fields.error("/sim/overwrite", "`overwrite` needs `playback_to`");
  }
  if (fields.has("faults")) { read_faults(fields["faults"], script, errors); }
  return script;
}

// Keys that one object holds twice: the JSON library would keep the last silently.
class DuplicateKeys {
 public:
  explicit DuplicateKeys(Errors& errors) : errors_(errors) {}
  bool operator()(int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) { open_.emplace_back(); }
    if (event == Json::parse_event_t::object_end) { open_.pop_back(); }
    if (event == Json::parse_event_t::key && !open_.back().insert(parsed.get<std::string>()).second) {
      errors_.push_back({ErrorCode::refused, "/sim",
                         fmt::format("the key \"{}\" appears twice in one object", parsed.get<std::string>()),
                         "", ""});
    }
    return true;
  }

 private:
  Errors& errors_;
  std::vector<std::set<std::string>> open_;
};

Error syntax_error(std::string_view text, std::size_t byte, std::string what) {
  const std::string_view before = text.substr(0, std::min(byte > 0 ? byte - 1 : 0, text.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  if (const auto at = what.find("syntax error"); at != std::string::npos) { what = what.substr(at); }
  return {ErrorCode::refused, fmt::format("/sim: line {}, column {}", line, before.size() - line_start + 1),
          std::move(what), "", ""};
}

}  // namespace

Checked<SimScript> parse_sim_script(std::string_view text) {
  if (text.empty()) { return SimScript{}; }
  Errors errors;
  Json json;
  DuplicateKeys duplicates(errors);
  try {
    json = Json::parse(
        text.begin(), text.end(),
        [&](int depth, Json::parse_event_t event, Json& parsed) { return duplicates(depth, event, parsed); },
        true, true);
  } catch (const Json::parse_error& error) {
    return tl::unexpected(Errors{syntax_error(text, error.byte, error.what())});
  }
  SimScript script = read_script(json, errors);
  if (!errors.empty()) { return tl::unexpected(std::move(errors)); }
  return script;
}

}  // namespace streamlab
