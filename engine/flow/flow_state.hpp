// engine/flow/flow_state.hpp
//
// FlowState: the JSON object that goes along the edges of a flow, and for each of its keys the step that set
// it, so that branches can be merged where they meet.
//
// Keys are compared at the top level: a value, however deep, is one value.
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

// The state that a text holds: one JSON object, no key twice, at most kMaxConfigDepth levels deep. An empty
// text is no state. `where` goes into the error.
Result<Document> read_state(std::string_view text, const std::string& where);

// Steps by their number.
using StepIndex = std::size_t;
inline constexpr StepIndex kGiven = static_cast<StepIndex>(-1);  // stood in the state from the start

class FlowState {
 public:
  struct Entry {
    std::string key;
    Document value;
    StepIndex writer = kGiven;
    std::vector<StepIndex> also = {};  // steps beside it that set the key to the same value
  };

  FlowState() = default;
  // Every member of `object`, set by `writer`.
  explicit FlowState(const Document& object, StepIndex writer = kGiven) { set_all(object, writer); }

  // `writer` sets every member of `object`; other keys stay as they are.
  void set_all(const Document& object, StepIndex writer);
  void set(const std::string& key, Document value, StepIndex writer, std::vector<StepIndex> also = {});

  const Entry* find(std::string_view key) const;
  const std::vector<Entry>& entries() const { return entries_; }  // in the order in which keys first came
  Document document() const;

 private:
  std::vector<Entry> entries_;
  std::map<std::string, std::size_t, std::less<>> index_;  // key -> place in entries_
};

// What a merge has to know of the flow around it.
struct MergePlace {
  StepIndex at = kGiven;  // the step whose state it becomes
  std::string where;      // for errors: "/edges/1"
  MergeRule rule = MergeRule::error;
  // Does what `upstream` sets come to `downstream` along the edges?
  std::function<bool(StepIndex upstream, StepIndex downstream)> leads_to;
  std::function<std::string(StepIndex)> name_of;
};

// One state of several branches, given in the order of their edges. A key that one step set, or that steps
// one after the other set, has the value of the one further down. Where steps beside each other set it, equal
// values are one value; different ones are merged by the rule, and then count as set by `place.at`. With
// MergeRule::error all such keys are refused together.
Checked<FlowState> merge_states(std::span<const FlowState* const> branches, const MergePlace& place);

}  // namespace streamlab
