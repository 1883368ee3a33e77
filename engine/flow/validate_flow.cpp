// engine/flow/validate_flow.cpp
//
// Names and edges of a flow. Streams and groups are in flow_streams.cpp.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/base/nearest_name.hpp"
#include "engine/base/topological.hpp"
#include "engine/flow/flow_links.hpp"
#include "engine/flow/read_flow.hpp"
#include "engine/flow/valid_flow.hpp"
#include "engine/graph/file_order.hpp"

namespace streamlab {
namespace {

constexpr std::size_t kEnd = StepInput::kStart - 1;
constexpr std::size_t kNone = StepInput::kStart - 2;

std::string_view to_string(MergeRule rule) {
  constexpr std::string_view kNames[] = {"error", "last", "list"};
  return kNames[static_cast<std::size_t>(rule)];
}

// The pointer to the `index`th step name of the edge.
std::string name_pointer(const EdgeSpec& edge, const char* key, bool is_list, std::size_t index) {
  const std::string where = fmt::format("{}/{}", edge.pointer, key);
  return is_list ? fmt::format("{}/{}", where, index) : where;
}

}  // namespace

class FlowValidator {
 public:
  FlowValidator(const FlowSpec& spec, Errors& errors)
      : spec_(spec), errors_(errors), reader_spoke_(!errors.empty()) {}

  ValidFlow run() {
    flow_.title_ = spec_.title;
    flow_.settings_ = spec_.settings;
    flow_.fingerprint_ = spec_.fingerprint;
    const std::size_t before = errors_.size();
    check_steps();
    for (std::size_t e = 0; e < spec_.edges.size(); ++e) { check_edge(e); }
    if (errors_.size() != before || is_incomplete_) {
      return std::move(flow_);  // later checks would report false errors
    }
    check_beginnings();
    check_cycles();
    if (errors_.size() != before) { return std::move(flow_); }
    connect_streams(spec_, links_, flow_, errors_);
    fill_inputs();
    return std::move(flow_);
  }

 private:
  void add(const std::string& where, std::string what, std::string expected = {}, std::string hint = {}) {
    errors_.push_back({ErrorCode::refused, where, std::move(what), std::move(expected), std::move(hint)});
  }

  void check_steps() {
    if (spec_.steps.empty()) { add("/nodes", "the flow has no steps", "at least one"); }
    if (spec_.steps.size() > kMaxSteps) {
      add("/nodes", fmt::format("the flow has {} steps", spec_.steps.size()),
          fmt::format("at most {}", kMaxSteps));
    }
    for (const StepSpec& step : spec_.steps) {
      const std::string where = step.pointer + "/name";
      const auto [other, is_new] = steps_.emplace(step.name, flow_.steps_.size());
      if (step.name == kFlowStart || step.name == kFlowEnd) {
        add(where, fmt::format("\"{}\" is reserved for the flow itself", step.name), "another name");
      } else if (!is_told(step.name) && !is_flow_name(step.name)) {
        add(where, fmt::format("\"{}\" is not a valid step name", step.name), kNameRule);
      } else if (!is_new && !step.name.empty()) {
        add(where, fmt::format("{} is already called \"{}\"", spec_.steps[other->second].pointer, step.name),
            "another name");
      }
      FlowStep valid;
      valid.spec = step;
      valid.merge = spec_.settings.merge;
      flow_.steps_.push_back(std::move(valid));
    }
    flow_.results_merge_ = spec_.settings.merge;
  }

  // What could not be read is empty and already reported; but only by a reader, not for a FlowSpec made in
  // C++.
  bool is_told(const std::string& name) const { return name.empty() && reader_spoke_; }
  // The index of a step, StepInput::kStart, kEnd; kNone after an error.
  std::size_t find(const std::string& name, const std::string& where, bool may_start, bool may_end) {
    if (is_told(name)) {
      is_incomplete_ = true;
      return kNone;
    }
    if (name == kFlowStart && may_start) { return StepInput::kStart; }
    if (name == kFlowEnd && may_end) { return kEnd; }
    if (name == kFlowStart || name == kFlowEnd) {
      add(where,
          name == kFlowStart ? "no edge can lead to \"__start__\"" : "no edge can lead from \"__end__\"",
          "a step");
      return kNone;
    }
    const auto found = steps_.find(name);
    if (found != steps_.end()) { return found->second; }
    std::vector<std::string_view> names;
    for (const auto& [known, index] : steps_) { names.push_back(known); }
    if (may_start) { names.push_back(kFlowStart); }
    if (may_end) { names.push_back(kFlowEnd); }
    add(where, fmt::format("there is no step \"{}\"", name), "", did_you_mean(name, names));
    return kNone;
  }

  void check_edge(std::size_t index) {
    const EdgeSpec& edge = spec_.edges[index];
    is_incomplete_ = is_incomplete_ || edge.from.empty() || edge.to.empty();  // already reported
    std::vector<std::size_t> from;
    std::vector<std::size_t> to;
    for (std::size_t i = 0; i < edge.from.size(); ++i) {
      from.push_back(find(edge.from[i], name_pointer(edge, "from", edge.from_is_list, i), true, false));
    }
    for (std::size_t i = 0; i < edge.to.size(); ++i) {
      const std::string where = name_pointer(edge, "to", edge.to_is_list, i);
      to.push_back(find(edge.to[i], where, false, true));
      for (std::size_t a = 0; a < from.size(); ++a) { connect(from[a], to[i], index, false, where); }
      if (to[i] == kEnd && edge.fan_in) {
        add(where, "\"__end__\" has no successors, but there is a \"fan_in\"", "a step");
      }
    }
    std::size_t meeting = kNone;
    if (edge.fan_in) {
      const std::string where = edge.pointer + "/fan_in";
      meeting = find(*edge.fan_in, where, false, true);
      for (const std::size_t step : to) {
        if (step != kEnd) { connect(step, meeting, index, true, where); }
      }
    }
    if (edge.merge) {
      for (const std::size_t step : edge.fan_in ? std::vector{meeting} : to) { set_merge(step, edge); }
    }
    if (!edge.is_parallel) {
      for (std::size_t i = 1; i < to.size(); ++i) {
        if (is_step(to[i - 1]) && is_step(to[i])) { links_.orders.push_back({to[i - 1], to[i], index}); }
      }
    }
  }
  static bool is_step(std::size_t index) { return index < kNone; }

  void connect(std::size_t from, std::size_t to, std::size_t edge, bool is_fan_in, const std::string& where) {
    if (from == kNone || to == kNone) { return; }
    if (!connected_.emplace(from, to).second) {
      add(where, fmt::format("there is already an edge from \"{}\" to \"{}\"", name_of(from), name_of(to)),
          "only one of them");
      return;
    }
    if (is_step(from) && is_step(to)) { links_.links.push_back({from, to, edge, is_fan_in, false}); }
    if (from == StepInput::kStart && is_step(to)) { starts_.push_back(to); }
    if (is_step(from) && to == kEnd) { ends_.push_back(from); }
    order_of_inputs_.push_back({from, to});
  }
  std::string name_of(std::size_t index) const {
    if (index == StepInput::kStart) { return std::string(kFlowStart); }
    return index == kEnd ? std::string(kFlowEnd) : spec_.steps[index].name;
  }
  void set_merge(std::size_t at, const EdgeSpec& edge) {
    if (at == kNone) { return; }
    const auto [other, is_new] = merges_.emplace(at, &edge);
    if (!is_new && other->second->merge != edge.merge) {
      add(edge.pointer + "/merge",
          fmt::format("\"merge\" for the edges that meet at \"{}\" is already \"{}\", set by {}", name_of(at),
                      to_string(*other->second->merge), other->second->pointer),
          "the same value");
    }
    (at == kEnd ? flow_.results_merge_ : flow_.steps_[at].merge) = *edge.merge;
  }

  void check_beginnings() {
    if (starts_.empty()) {
      add("/edges", "there is no edge from \"__start__\"", "{\"from\": \"__start__\", \"to\": \"STEP\"}");
      return;
    }
    std::vector<bool> is_reached(spec_.steps.size(), false);
    for (const std::size_t step : starts_) { is_reached[step] = true; }
    for (const StepLink& link : links_.links) { is_reached[link.to] = true; }
    for (std::size_t s = 0; s < is_reached.size(); ++s) {
      if (!is_reached[s]) {
        add(spec_.steps[s].pointer, fmt::format("no edge leads to \"{}\"", spec_.steps[s].name),
            "an edge to it, for instance from \"__start__\"");
      }
    }
  }

  // Over edges and orders; fills upstream_.
  void check_cycles() {
    std::vector<std::vector<std::size_t>> next(spec_.steps.size());
    for (const StepLink& link : links_.links) { next[link.from].push_back(link.to); }
    for (const StepOrder& order : links_.orders) { next[order.before].push_back(order.after); }
    const TopologicalOrder sorted = topological_order(next);
    if (sorted.cycle.empty()) { return find_upstream(sorted.order); }
    const auto name = [&](std::size_t s) { return std::string_view(spec_.steps[s].name); };
    add("/edges", fmt::format("the edges form a cycle: {}", cycle_text(sorted.cycle, name)),
        "a flow without cycles");
  }
  void find_upstream(const std::vector<std::size_t>& sorted) {
    const std::size_t count = spec_.steps.size();
    std::vector<std::vector<std::size_t>> inputs(count);
    for (const StepLink& link : links_.links) { inputs[link.to].push_back(link.from); }
    flow_.upstream_.assign(count, std::vector<bool>(count, false));
    for (const std::size_t s : sorted) {
      for (const std::size_t input : inputs[s]) {
        flow_.upstream_[s][input] = true;
        for (std::size_t a = 0; a < count; ++a) {
          if (flow_.upstream_[input][a]) { flow_.upstream_[s][a] = true; }
        }
      }
    }
  }

  // In the order of the edges.
  void fill_inputs() {
    std::set<std::pair<std::size_t, std::size_t>> streams;
    std::vector<bool> has_successor(spec_.steps.size(), false);
    for (const StepLink& link : links_.links) {
      has_successor[link.from] = true;
      if (link.carries_stream) { streams.emplace(link.from, link.to); }
    }
    for (const auto& [from, to] : order_of_inputs_) {
      if (is_step(to)) { flow_.steps_[to].inputs.push_back({from, streams.contains({from, to})}); }
    }
    const std::set<std::size_t> ends(ends_.begin(), ends_.end());
    for (const std::size_t s : ends_) { flow_.results_.push_back({s, false}); }
    for (std::size_t s = 0; s < has_successor.size(); ++s) {
      if (!has_successor[s] && !ends.contains(s)) { flow_.results_.push_back({s, false}); }
    }
  }

  const FlowSpec& spec_;
  Errors& errors_;
  const bool reader_spoke_;  // were there errors before?
  ValidFlow flow_;
  FlowLinks links_;
  std::map<std::string, std::size_t> steps_;
  std::set<std::pair<std::size_t, std::size_t>> connected_;
  std::vector<std::pair<std::size_t, std::size_t>> order_of_inputs_;  // from, to
  std::vector<std::size_t> starts_;                                   // steps with an edge from "__start__"
  std::vector<std::size_t> ends_;                                     // steps with an edge to "__end__"
  bool is_incomplete_ = false;
  std::map<std::size_t, const EdgeSpec*> merges_;  // by the step where edges meet
};

bool is_flow_name(std::string_view name) {
  constexpr std::size_t kMaxLetters = 100;
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto is_more = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '-'; };
  return !name.empty() && name.size() <= kMaxLetters && is_letter(name.front()) &&
         std::all_of(name.begin(), name.end(), is_more);
}

std::optional<std::size_t> ValidFlow::find(std::string_view name) const {
  for (std::size_t s = 0; s < steps_.size(); ++s) {
    if (steps_[s].spec.name == name) { return s; }
  }
  return std::nullopt;
}

ValidFlow validate_flow(const FlowSpec& spec, Errors& errors) { return FlowValidator(spec, errors).run(); }

Checked<ValidFlow> validate_flow(const FlowSpec& spec) {
  Errors errors;
  ValidFlow flow = validate_flow(spec, errors);
  if (!errors.empty()) { return tl::unexpected(errors); }
  return flow;
}

Checked<ValidFlow> load_flow(std::string_view text, ConfigLanguage language, const Variables& variables) {
  auto document = parse_document(text, language);
  if (!document) { return tl::unexpected(document.error()); }
  Errors errors;
  replace_flow_variables(*document, variables, errors);
  const std::size_t said = errors.size();
  const FlowSpec spec = read_flow_spec(*document, errors);
  const auto is_complete = [&](const char* key, std::size_t read) {
    return document->is_object() && document->contains(key) && (*document)[key].is_array() &&
           (*document)[key].size() == read;
  };
  std::optional<ValidFlow> flow;  // a missing part, or one that is not a list, is already reported
  if (is_complete("nodes", spec.steps.size()) && is_complete("edges", spec.edges.size())) {
    flow = validate_flow(spec, errors);
  }
  if (errors.empty()) { return *std::move(flow); }
  FileOrder(*parse_document(text, language))
      .arrange(errors, said);  // from the document before it was changed
  return tl::unexpected(errors);
}

}  // namespace streamlab
