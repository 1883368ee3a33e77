// tests/run/keep_node.hpp
//
// Keep: a sink that keeps the samples of channel 0, and a catalogue with it beside the nodes of the project.
#pragma once

#include <vector>

#include "engine/run/engine.hpp"

namespace streamlab::test {

inline constexpr NodeInfo kKeepInfo{.name = "Keep", .inputs = kAudioInPort, .rt_safe = RtSafe::yes};

class Keep final : public Node {
 public:
  explicit Keep(const ParamValues& /*params*/) {}
  Result<std::vector<OutputFormat>> prepare(const PrepareContext& /*context*/) override {
    return std::vector<OutputFormat>{};
  }
  void reset() noexcept override { samples_.clear(); }
  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> /*out*/) noexcept override {
    samples_.insert(samples_.end(), in[0]->channel(0).begin(), in[0]->channel(0).end());
    return Status::ok;
  }
  const std::vector<double>& samples() const { return samples_; }

 private:
  std::vector<double> samples_;
};

inline const NodeCatalog& catalog_with_keep() {
  static const NodeEntry kKeep{kKeepInfo, make_node<Keep>};
  static const NodeCatalog kCatalog = [] {
    std::vector<const NodeEntry*> entries{&kKeep};
    for (const NodeEntry* entry : default_catalog().entries()) { entries.push_back(entry); }
    return NodeCatalog(entries);
  }();
  return kCatalog;
}

// By Keep, in the order of the graph. After the run.
inline std::vector<std::vector<double>> kept_samples(const Engine& engine) {
  std::vector<std::vector<double>> samples;
  for (const PlanNode& planned : engine.plan().nodes()) {
    const auto* keep = dynamic_cast<const Keep*>(planned.node.get());
    if (keep != nullptr) { samples.push_back(keep->samples()); }
  }
  return samples;
}

}  // namespace streamlab::test
