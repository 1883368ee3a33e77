// engine/run/reload_plan.hpp
#pragma once

#include <functional>
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
  // Inputs of nodes that go on, on the way to what is played ("out.in"), which another stream reaches now: by a cross-fade over
  // reload_fade_ms, or, where the two cannot run beside each other, from one sample to the next.
  std::vector<std::string> faded;
  std::vector<std::string> jumps;

  bool changes_nothing() const {
    return changed.empty() && restarted.empty() && added.empty() && removed.empty();
  }
};

struct ReloadOptions {
  // Refused otherwise: a reload with jumps in what is played.
  bool allow_gap = false;
  // Polled while the domains go over, which a device that is lost meanwhile would hold up: once it returns true the device is
  // ended, as by stop().
  std::function<bool()> gives_up = {};
};

// "kept 5 nodes, changed eq, restarted mix, added gate, removed old, faded out.in"; "nothing changes".
std::string to_string(const ReloadPlan& plan);

}  // namespace streamlab
