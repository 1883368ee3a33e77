// engine/flow/flow_links.hpp
//
// What the first part of a flow's validation (names and edges) passes to the second (streams and groups).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/flow/flow_spec.hpp"
#include "engine/flow/valid_flow.hpp"

namespace streamlab {

// One edge between two steps.
struct StepLink {
  std::size_t from = 0;
  std::size_t to = 0;
  std::size_t edge = 0;         // index into FlowSpec::edges
  bool is_fan_in = false;       // from a step of "to" to "fan_in"
  bool carries_stream = false;  // found by the second part
};

// "after" begins when "before" is done; no state is passed.
struct StepOrder {
  std::size_t before = 0;
  std::size_t after = 0;
  std::size_t edge = 0;
};

struct FlowLinks {
  std::vector<StepLink> links;
  std::vector<StepOrder> orders;
};

// The rule for names of steps and channels: they appear in messages, environments and file names.
bool is_flow_name(std::string_view name);
inline constexpr const char* kNameRule =
    "letters, digits, \"_\" and \"-\", beginning with a letter or \"_\", at most 100";

// Adds channels, groups and their order to `flow`, and their errors to `errors`. Marks the links that carry a
// stream.
void connect_streams(const FlowSpec& spec, FlowLinks& links, ValidFlow& flow, Errors& errors);

}  // namespace streamlab
