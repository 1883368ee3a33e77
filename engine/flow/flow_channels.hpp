// engine/flow/flow_channels.hpp
//
// The channels of one run of a flow, by their numbers in the flow, and their failures.
//
// Control thread only.
#pragma once

#include <optional>
#include <vector>

#include "engine/flow/reader_watch.hpp"
#include "engine/flow/valid_flow.hpp"
#include "engine/process/stream_registry.hpp"

namespace streamlab {

class FlowChannels {
 public:
  explicit FlowChannels(const ValidFlow& flow) : flow_(flow), is_told_(flow.channels().size(), false) {}

  // All of them, connected.
  Result<void> make();
  Result<void> open(std::size_t channel, const RunDirectory& directory);
  ByteChannel& at(std::size_t channel) { return *registry_.get(flow_.channels()[channel].name); }
  StreamRegistry& registry() { return registry_; }
  const StreamRegistry& registry() const { return registry_; }

  // Had every reader of a stream that the step wrote gone before the step ended? For a step that has ended;
  // call before end_step().
  bool readers_went_first(std::size_t step);
  // Does the group have a consumer with the policy `fail`, which may fall behind at any time?
  bool may_fail(const FlowGroup& group) const;
  // A consumer that fell behind and was not reported yet; `where` is the pointer of its stream.
  std::optional<Error> next_failure(const FlowGroup& group);

 private:
  Result<void> make_one(const FlowChannel& channel);

  const ValidFlow& flow_;
  StreamRegistry registry_;
  ReaderWatch readers_;
  std::vector<bool> is_told_;
};

}  // namespace streamlab
