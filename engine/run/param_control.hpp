// engine/run/param_control.hpp
//
// ParamControl: the values of the parameters of a running graph, and how they change. A change of several parameters of
// several nodes is one transaction: all of it is refused, or all of it takes effect, in each domain at one block edge.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "engine/graph/plan.hpp"
#include "engine/run/domain.hpp"

namespace streamlab {

// Any thread.
class ParamControl {
 public:
  // Both must outlive it.
  ParamControl(Plan& plan, const std::vector<std::unique_ptr<Domain>>& domains);
  // With other values than those of the plan's graph, by node.
  ParamControl(Plan& plan, const std::vector<std::unique_ptr<Domain>>& domains,
               std::vector<ParamValues> values)
      : plan_(plan), domains_(domains), values_(std::move(values)) {}

  // `changes`: {"eq": {"gain_db": -3, "q": 2}, "out": {"gain": 0.5}}, as JSON. Every reason why it is refused, each with
  // its JSON pointer ("/eq/q"); else it takes effect before the next block, and comes back as text.
  Checked<std::string> set(std::string_view changes);
  Checked<std::string> set(std::string_view node, std::string_view param, double value);
  Checked<std::string> set(std::string_view node, std::string_view param, std::string_view value);

  // What was given and what has a default, as JSON in the shape of set(). `only_live`: without what cannot change, and without
  // nodes of which nothing can.
  std::string values(bool only_live = false) const;
  std::vector<ParamValues> current() const {
    const std::scoped_lock lock(mutex_);
    return values_;
  }

 private:
  Checked<std::string> apply(const Document& changes);

  Plan& plan_;
  const std::vector<std::unique_ptr<Domain>>& domains_;
  mutable std::mutex mutex_;
  std::vector<ParamValues> values_;  // by node, under mutex_
};

}  // namespace streamlab
