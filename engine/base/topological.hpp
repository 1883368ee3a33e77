// engine/base/topological.hpp
//
// The order in which what depends on each other can be done, and what stands in its way.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace streamlab {

struct TopologicalOrder {
  // Every item behind all that it needs; of those that could come next, the lowest index comes first. Without the
  // items that lie on a cycle or behind one.
  std::vector<std::size_t> order;
  // One cycle, each item before the one that needs it; empty: there is none, and `order` is complete.
  std::vector<std::size_t> cycle;
};

// Of the items 0 .. next.size(): those of next[i] need item i. An item may be named twice.
TopologicalOrder topological_order(const std::vector<std::vector<std::size_t>>& next);

// "a -> b -> a"; of a long cycle its beginning and its end.
std::string cycle_text(const std::vector<std::size_t>& cycle,
                       const std::function<std::string_view(std::size_t)>& name_of);

}  // namespace streamlab
