// engine/core/node_entry.cpp
#include "engine/core/node_entry.hpp"

#include <algorithm>
#include <deque>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "engine/core/node.hpp"

namespace streamlab {

// The factory, and the texts and tables that the info points at. Elements of a deque stay where they are.
struct NodeEntry::Own {
  Factory factory;
  std::deque<std::string> texts;
  std::deque<std::vector<std::string_view>> names;
  std::deque<std::vector<PortInfo>> ports;
  std::deque<std::vector<ParamInfo>> params;
  std::deque<std::vector<ParamRule>> rules;

  std::string_view keep(std::string_view text) { return text.empty() ? text : texts.emplace_back(text); }
  std::span<const std::string_view> keep(std::span<const std::string_view> list) {
    std::vector<std::string_view> kept;
    for (const std::string_view name : list) { kept.push_back(keep(name)); }
    return names.emplace_back(std::move(kept));
  }
  std::span<const PortInfo> keep(std::span<const PortInfo> list) {
    std::vector<PortInfo> kept(list.begin(), list.end());
    for (PortInfo& port : kept) {
      port.name = keep(port.name);
      port.description = keep(port.description);
    }
    return ports.emplace_back(std::move(kept));
  }
  std::span<const ParamInfo> keep(std::span<const ParamInfo> list) {
    std::vector<ParamInfo> kept(list.begin(), list.end());
    for (ParamInfo& param : kept) {
      for (std::string_view* text :
           {&param.name, &param.unit, &param.default_text, &param.description, &param.pattern}) {
        *text = keep(*text);
      }
      param.choices = keep(param.choices);
      param.fields = keep(param.fields);
    }
    return params.emplace_back(std::move(kept));
  }
  std::span<const ParamRule> keep(std::span<const ParamRule> list) {
    std::vector<ParamRule> kept(list.begin(), list.end());
    for (ParamRule& rule : kept) {
      rule.params = keep(rule.params);
      rule.others = keep(rule.others);
      rule.choice = keep(rule.choice);
      rule.hint = keep(rule.hint);
    }
    return rules.emplace_back(std::move(kept));
  }
  NodeInfo keep(NodeInfo info) {
    for (std::string_view* text :
         {&info.name, &info.description, &info.at_gap, &info.details, &info.example}) {
      *text = keep(*text);
    }
    info.inputs = keep(info.inputs);
    info.outputs = keep(info.outputs);
    info.params = keep(info.params);
    info.rules = keep(info.rules);
    return info;
  }
};

NodeEntry NodeEntry::owned(const NodeInfo& node_info, Factory factory) {
  auto own = std::make_shared<Own>();
  own->factory = std::move(factory);
  NodeEntry entry(own->keep(node_info), nullptr);
  entry.own_ = std::move(own);
  return entry;
}

std::unique_ptr<Node> NodeEntry::make(const ParamValues& params) const {
  return own_ != nullptr ? own_->factory(params) : function_(params);
}

namespace {

// The first reason against an entry; empty if there is none.
class EntryCheck {
 public:
  explicit EntryCheck(const NodeInfo& info) : info_(info) {}

  std::string run() {
    if (!is_name(info_.name)) {
      return fmt::format("\"{}\" is not a name of letters and digits", info_.name);
    }
    if (info_.description.empty()) { return says("has no description"); }
    if (info_.inputs.empty() && info_.outputs.empty()) { return says("has neither input nor output"); }
    if (std::string reason = ports_reason(); !reason.empty()) { return reason; }
    if (std::string reason = params_reason(info_.params, ""); !reason.empty()) { return reason; }
    return rules_reason();
  }

 private:
  static bool is_name(std::string_view name) {
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    return !name.empty() && is_letter(name.front()) && std::all_of(name.begin(), name.end(), [&](char c) {
      return is_letter(c) || (c >= '0' && c <= '9') || c == '_';
    });
  }
  std::string says(const std::string& reason) const {
    return fmt::format("the node \"{}\" {}", info_.name, reason);
  }

  std::string ports_reason() const {
    for (const auto ports : {info_.inputs, info_.outputs}) {
      std::set<std::string_view> names;
      for (const PortInfo& port : ports) {
        if (!is_name(port.name)) { return says("has a port without a name"); }
        if (!names.insert(port.name).second) { return says(fmt::format("has two ports \"{}\"", port.name)); }
      }
    }
    for (std::size_t i = 0; i + 1 < info_.inputs.size(); ++i) {
      if (info_.inputs[i].max_repeat != 1) { return says("repeats an input that is not its last"); }
    }
    return {};
  }
  std::string params_reason(std::span<const ParamInfo> params, const std::string& prefix) const {
    std::set<std::string_view> names;
    for (const ParamInfo& param : params) {
      const std::string name = prefix + std::string(param.name);
      if (!is_name(param.name)) { return says("has a parameter without a name"); }
      if (!names.insert(param.name).second) { return says(fmt::format("has two parameters \"{}\"", name)); }
      if (param.type == ParamType::choice) {
        const auto choices = param.choices;
        const bool is_one = std::find(choices.begin(), choices.end(), param.default_text) != choices.end();
        if (choices.empty() || (param.need == Need::defaulted && !is_one)) {
          return says(fmt::format("has no default among the choices of \"{}\"", name));
        }
      }
      if (!fits_role(param)) { return says(fmt::format("gives \"{}\" a role of another type", name)); }
      if (std::string reason = params_reason(param.fields, name + "."); !reason.empty()) { return reason; }
    }
    return {};
  }
  static bool fits_role(const ParamInfo& param) {
    const auto type = type_of(param.role);
    const bool is_choice_of_texts = type == ParamType::text && param.type == ParamType::choice;
    return !type || param.type == *type || is_choice_of_texts;
  }
  std::string rules_reason() const {
    for (const ParamRule& rule : info_.rules) {
      const bool has_choice =
          rule.kind == ParamRule::Kind::only_if || rule.kind == ParamRule::Kind::needed_if;
      std::vector<std::string_view> names(rule.params.begin(), rule.params.end());
      if (has_choice) {
        names.push_back(rule.choice);
      } else {
        names.insert(names.end(), rule.others.begin(), rule.others.end());
      }
      for (const std::string_view name : names) {
        const bool is_there = std::any_of(info_.params.begin(), info_.params.end(),
                                          [&](const ParamInfo& param) { return param.name == name; });
        if (!is_there) {
          return says(fmt::format("has a rule about \"{}\", which is no parameter of it", name));
        }
      }
    }
    return {};
  }

  const NodeInfo& info_;
};

}  // namespace

Result<void> check_entry(const NodeEntry& entry) {
  std::string reason = EntryCheck(entry.info).run();
  if (!reason.empty()) { return refused("", std::move(reason)); }
  return {};
}

}  // namespace streamlab
