// engine/run/reload_plan.hpp
#pragma once

#include <string>
#include <vector>

namespace streamlab {

// What a reload does, by node id.
struct ReloadPlan {
  std::vector<std::string> kept;     // go on with their state
  std::vector<std::string> changed;  // of them: live parameters get other values
  std::vector<std::string>
      restarted;  // begin again: another type, other parameters that are not live, or other streams come in
  std::vector<std::string> added;
  std::vector<std::string> removed;

  bool changes_nothing() const {
    return changed.empty() && restarted.empty() && added.empty() && removed.empty();
  }
};

// "kept 5 nodes, changed eq, restarted mix, added gate, removed old"; "nothing changes".
std::string to_string(const ReloadPlan& plan);

}  // namespace streamlab
