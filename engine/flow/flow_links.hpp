// engine/flow/flow_links.hpp
//
// What the validation of a flow hands from its first part (names and edges) to its second (streams and
// groups).
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

// "after" begins when "before" is done; no state goes along.
struct StepOrder {
  std::size_t before = 0;
  std::size_t after = 0;
  std::size_t edge = 0;
};

struct FlowLinks {
  std::vector<StepLink> links;
  std::vector<StepOrder> orders;
};

// What steps and channels may be called: names go into messages, environments and the names of files.
bool is_flow_name(std::string_view name);
inline constexpr const char* kNameRule =
    "letters, digits, \"_\" and \"-\", beginning with a letter or \"_\", at most 100";

// Channels, groups and their order into `flow`; whatever is wrong with them into `errors`. Marks the links
// that carry a stream.
void connect_streams(const FlowSpec& spec, FlowLinks& links, ValidFlow& flow, Errors& errors);

}  // namespace streamlab
