// engine/flow/flow_state.hpp
//
// FlowState: the JSON object that is passed along the edges of a flow, and for each key the step that set it,
// so that branches can be merged where they meet.
//
// Only top-level keys are compared: a nested value is one value.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/base/error.hpp"
#include "engine/flow/merge_rule.hpp"
#include "engine/graph/config_text.hpp"

namespace streamlab {

// Parses a state: one JSON object, no duplicate keys, at most kMaxConfigDepth levels deep. Empty text is
// refused. `where` is used in the error.
Result<Document> read_state(std::string_view text, const std::string& where);

// Steps by their number.
using StepIndex = std::size_t;
inline constexpr StepIndex kGiven = static_cast<StepIndex>(-1);  // was in the state from the start

class FlowState {
 public:
  struct Entry {
    std::string key;
    Document value;
    StepIndex writer = kGiven;
    std::vector<StepIndex> also = {};  // parallel steps that set the key to the same value
  };

  FlowState() = default;
  // Every member of `object`, set by `writer`.
  explicit FlowState(const Document& object, StepIndex writer = kGiven) { set_all(object, writer); }

  // `writer` sets every member of `object`; other keys are unchanged.
  void set_all(const Document& object, StepIndex writer);
  void set(const std::string& key, Document value, StepIndex writer, std::vector<StepIndex> also = {});

  const Entry* find(std::string_view key) const;
  const std::vector<Entry>& entries() const { return entries_; }  // in the order in which keys first appeared
  Document document() const;

 private:
  std::vector<Entry> entries_;
  std::map<std::string, std::size_t, std::less<>> index_;  // key -> index into entries_
};

// What a merge needs to know about the flow.
struct MergePlace {
  StepIndex at = kGiven;  // the step that gets the merged state
  std::string where;      // for errors: "/edges/1"
  MergeRule rule = MergeRule::error;
  // Does a path of edges lead from `upstream` to `downstream`?
  std::function<bool(StepIndex upstream, StepIndex downstream)> leads_to;
  std::function<std::string(StepIndex)> name_of;
};

// Merges several branches, given in the order of their edges, into one state. If steps in sequence set a key,
// the last one wins. If parallel steps set it, equal values are one value; different ones are merged by the
// rule, and then count as set by `place.at`. With MergeRule::error all such keys are refused together.
Checked<FlowState> merge_states(std::span<const FlowState* const> branches, const MergePlace& place);

}  // namespace streamlab
