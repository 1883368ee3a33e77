// engine/base/topological.cpp
#include "engine/base/topological.hpp"

#include <algorithm>
#include <functional>
#include <queue>

namespace streamlab {
namespace {

// Of any item left over, walks backwards through items left over until one comes twice.
std::vector<std::size_t> find_cycle(const std::vector<std::vector<std::size_t>>& next,
                                    const std::vector<std::size_t>& missing) {
  std::vector<std::size_t> before(next.size());
  for (std::size_t i = next.size(); i-- > 0;) {
    if (missing[i] == 0) { continue; }
    for (const std::size_t to : next[i]) { before[to] = i; }
  }
  std::size_t at = 0;
  while (missing[at] == 0) { ++at; }
  std::vector<std::size_t> path;
  std::vector<bool> seen(next.size(), false);
  while (!seen[at]) {
    seen[at] = true;
    path.push_back(at);
    at = before[at];
  }
  path.erase(path.begin(), std::find(path.begin(), path.end(), at));
  std::reverse(path.begin() + 1, path.end());
  return path;
}

}  // namespace

// Kahn's algorithm; what it cannot reach lies on a cycle or behind one.
TopologicalOrder topological_order(const std::vector<std::vector<std::size_t>>& next) {
  std::vector<std::size_t> missing(next.size(), 0);
  for (const auto& behind : next) {
    for (const std::size_t to : behind) { ++missing[to]; }
  }
  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
  for (std::size_t i = 0; i < missing.size(); ++i) {
    if (missing[i] == 0) { ready.push(i); }
  }
  TopologicalOrder result;
  result.order.reserve(next.size());
  while (!ready.empty()) {
    const std::size_t i = ready.top();
    ready.pop();
    result.order.push_back(i);
    for (const std::size_t to : next[i]) {
      if (--missing[to] == 0) { ready.push(to); }
    }
  }
  if (result.order.size() < next.size()) { result.cycle = find_cycle(next, missing); }
  return result;
}

std::string cycle_text(const std::vector<std::size_t>& cycle,
                       const std::function<std::string_view(std::size_t)>& name_of) {
  constexpr std::size_t kShown = 10;  // of a long cycle, on either side of "…"
  std::string text(name_of(cycle.front()));
  for (std::size_t i = 1; i <= cycle.size(); ++i) {
    if (i <= kShown || i + kShown > cycle.size()) {
      text += " -> " + std::string(name_of(cycle[i % cycle.size()]));
    } else if (i == kShown + 1) {
      text += " -> …";
    }
  }
  return text;
}

}  // namespace streamlab
