// engine/graph/file_order.cpp
#include "engine/graph/file_order.hpp"

#include <algorithm>
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

FileOrder::FileOrder(const Document& document) { number_pointers(document, "", order_); }

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
    const std::size_t place = rank(error.where);
    ranked.emplace_back(place, std::move(error));
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::transform(ranked.begin(), ranked.end(), errors.begin(),
                 [](auto& one) { return std::move(one.second); });
}

}  // namespace streamlab
