// engine/run/param_control.cpp
#include "engine/run/param_control.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/base/nearest_name.hpp"
#include "engine/graph/change_params.hpp"

namespace streamlab {
namespace {

// What plan_change() says of "/config/frequency" is about "/tone/frequency" here.
Error of_node(Error error, const std::string& pointer) {
  constexpr std::string_view kConfig = "/config";
  if (error.where.starts_with(kConfig)) { error.where.erase(0, kConfig.size()); }
  error.where = pointer + error.where;
  return error;
}

// Where gain_db is given, the default of gain is not in force.
void leave_out_what_is_replaced(Document& shown, const ParamValues& values, const ParamRule& rule) {
  const auto given = [&](std::string_view name) { return values.given(*values.find(name)); };
  if (std::none_of(rule.params.begin(), rule.params.end(), given)) { return; }
  for (const std::string_view name : rule.params) {
    if (!given(name)) { shown.erase(std::string(name)); }
  }
}

}  // namespace

ParamControl::ParamControl(Plan& plan, const std::vector<std::unique_ptr<Domain>>& domains)
    : plan_(plan), domains_(domains) {
  for (const ValidNode& node : plan_.graph().nodes()) { values_.push_back(node.params); }
}

Checked<std::string> ParamControl::set(std::string_view changes) {
  auto document = parse_document(changes, ConfigLanguage::json);
  if (!document) { return tl::unexpected(document.error()); }
  return apply(*document);
}

Checked<std::string> ParamControl::set(std::string_view node, std::string_view param, double value) {
  return apply({{std::string(node), {{std::string(param), value}}}});
}

Checked<std::string> ParamControl::set(std::string_view node, std::string_view param,
                                       std::string_view value) {
  return apply({{std::string(node), {{std::string(param), std::string(value)}}}});
}

Checked<std::string> ParamControl::apply(const Document& changes) {
  if (!changes.is_object()) {
    return tl::unexpected(Errors{
        {ErrorCode::refused, "", "this is not an object", R"({"node id": {"parameter": value}})", ""}});
  }
  const std::scoped_lock lock(mutex_);
  Errors errors;
  std::vector<std::pair<std::size_t, ParamValues>> now;
  std::map<std::size_t, std::unique_ptr<SetParams>> by_domain;
  for (const auto& [id, params] : changes.items()) {
    const std::string pointer = "/" + pointer_token(id);
    const auto n = plan_.graph().find(id);
    if (!n) {
      std::vector<std::string_view> ids;
      for (const ValidNode& node : plan_.graph().nodes()) { ids.push_back(node.id); }
      errors.push_back(
          {ErrorCode::refused, pointer, "there is no node with this id", "", did_you_mean(id, ids)});
      continue;
    }
    if (!params.is_object()) {
      errors.push_back({ErrorCode::refused, pointer, "this is not an object", R"({"parameter": value})", ""});
      continue;
    }
    const std::size_t before = errors.size();
    ParamValues values =
        change_params(values_[*n], plan_.graph().nodes()[*n].info(), params, pointer, errors);
    if (errors.size() != before) { continue; }
    auto planned = plan_.node(*n).plan_change(values);
    if (!planned) {
      errors.push_back(of_node(planned.error(), pointer));
      continue;
    }
    if (*planned != nullptr) {
      auto& change = by_domain[plan_.nodes()[*n].domain];
      if (change == nullptr) { change = std::make_unique<SetParams>(); }
      change->add(*n, plan_.node(*n), std::move(*planned));
    }
    now.emplace_back(*n, std::move(values));
  }
  std::vector<std::unique_lock<std::mutex>> locks;
  for (const auto& [domain, change] : by_domain) {
    ChangeQueue& queue = domains_[domain]->changes();
    locks.push_back(queue.lock());
    if (!queue.has_room()) {
      errors.push_back({ErrorCode::failed, "", "too many changes are pending", "", "try again"});
      break;
    }
  }
  if (!errors.empty()) { return tl::unexpected(std::move(errors)); }
  for (auto& [domain, change] : by_domain) { domains_[domain]->send(std::move(change)); }
  for (auto& [n, values] : now) { values_[n] = std::move(values); }
  return now.empty() ? std::string() : changes.dump();
}

std::string ParamControl::values(bool only_live) const {
  const std::scoped_lock lock(mutex_);
  Document all = Document::object();
  for (std::size_t n = 0; n < values_.size(); ++n) {
    const ValidNode& node = plan_.graph().nodes()[n];
    all[node.id] = params_to_json(values_[n], Defaults::included);
    for (const ParamRule& rule : node.info().rules) {
      if (rule.kind == ParamRule::Kind::at_most_one) {
        leave_out_what_is_replaced(all[node.id], values_[n], rule);
      }
    }
    if (!only_live) { continue; }
    for (const ParamInfo& param : node.info().params) {
      if (param.live != Live::yes) { all[node.id].erase(std::string(param.name)); }
    }
    if (all[node.id].empty()) { all.erase(node.id); }
  }
  return all.dump();
}

}  // namespace streamlab
