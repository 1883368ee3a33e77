// engine/graph/file_order.cpp
#include "engine/graph/file_order.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/base/json_pointer.hpp"

namespace streamlab {
namespace {

void number_pointers(const Document& value, const std::string& pointer,
                     std::map<std::string, std::size_t>& order) {
  order.emplace(pointer, order.size());
  if (value.is_object()) {
    for (const auto& item : value.items()) {
      number_pointers(item.value(), pointer + "/" + pointer_token(item.key()), order);
    }
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      number_pointers(value[i], fmt::format("{}/{}", pointer, i), order);
    }
  }
}

}  // namespace

std::optional<std::size_t> node_at(std::string_view pointer) {
  constexpr std::string_view kNodes = "/nodes/";
  if (!pointer.starts_with(kNodes)) { return std::nullopt; }
  pointer.remove_prefix(kNodes.size());
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(pointer.data(), pointer.data() + pointer.size(), index);
  const auto rest = pointer.substr(static_cast<std::size_t>(end - pointer.data()));
  if (error != std::errc{} || (!rest.empty() && rest.front() != '/')) { return std::nullopt; }
  return index;
}

FileOrder::FileOrder(const Document& document) {
  number_pointers(document, "", order_);
  if (!document.is_object() || !document.contains("nodes") || !document["nodes"].is_array()) { return; }
  const Document& nodes = document["nodes"];
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    for (const char* key : {"id", "name"}) {
      if (!nodes[n].is_object() || !nodes[n].contains(key) || !nodes[n][key].is_string()) { continue; }
      names_.emplace(n, nodes[n][key].get<std::string>());
    }
  }
}

std::size_t FileOrder::rank(std::string pointer) const {
  while (true) {
    const auto found = order_.find(pointer);
    if (found != order_.end()) { return found->second; }
    const std::size_t slash = pointer.rfind('/');
    if (slash == std::string::npos) { return order_.size(); }
    pointer.resize(slash);
  }
}

void FileOrder::arrange(Errors& errors, std::size_t variable_errors) const {
  const auto others = errors.begin() + static_cast<std::ptrdiff_t>(variable_errors);
  std::set<std::string> without_value;
  for (auto error = errors.begin(); error != others; ++error) { without_value.insert(error->where); }
  errors.erase(std::remove_if(others, errors.end(),
                              [&](const Error& error) { return without_value.contains(error.where); }),
               errors.end());
  std::vector<std::pair<std::size_t, Error>> ranked;
  for (Error& error : errors) {
    const auto node = node_at(error.where);
    const auto name = node ? names_.find(*node) : names_.end();
    if (name != names_.end() && error.node.empty()) { error.node = name->second; }
    const std::size_t place = rank(error.where);
    ranked.emplace_back(place, std::move(error));
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::transform(ranked.begin(), ranked.end(), errors.begin(),
                 [](auto& one) { return std::move(one.second); });
}

}  // namespace streamlab
