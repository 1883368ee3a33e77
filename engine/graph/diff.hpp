// engine/graph/diff.hpp
//
// What a new version of a graph changes: nodes are paired by id, type and the parameters that cannot change while they run.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/graph/validate.hpp"

namespace streamlab {

struct GraphDiff {
  // By node of the new graph: the one that may go on as it.
  std::vector<std::optional<std::size_t>> partner;
  std::vector<std::size_t> changed;  // of the new graph, with a partner: a live parameter has another value
  std::vector<std::size_t>
      restarted;  // of the new graph: its id was there, with another type or other parameters
  std::vector<std::size_t> added;    // of the new graph
  std::vector<std::size_t> removed;  // of the old graph, not counting those that are restarted
};

// Of ids in the new graph: the ids that they had. What is not named has the id it had.
using FormerIds = std::map<std::string, std::optional<std::string>, std::less<>>;
// The node of `before` that was `node`.
std::optional<std::size_t> former(const ValidGraph& before, const ValidNode& node, const FormerIds& ids);

// Refused where the new graph needs another device, rate, block size, duration or set of threads, or would write a file
// again that is being written.
Checked<GraphDiff> diff(const ValidGraph& before, const ValidGraph& after, const FormerIds& ids = {});

}  // namespace streamlab
