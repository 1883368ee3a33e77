// engine/stream/node_stage.hpp
//
// Nodes in streams and streams in graphs.
//
//   from_node(node)     a stage that runs every block through a node, as a graph would: the same samples
//   to_node<Chain>(…)   a node that runs every block through a chain of stages
//
// A node in a stream is prepared with the format of the first block, and finished and closed after the last.
// A sink gives on what it takes, so that a stream may write a file and go on. A source is refused: it would give its
// own blocks, and those of the stream would be lost.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/core/node.hpp"
#include "engine/stream/stage.hpp"
#include "engine/stream/stream.hpp"

namespace streamlab {

struct NodeStageOptions {
  std::string name = "node";                  // of the stage
  NodeHost host = {.console = Console::off};  // what the node is given
};

namespace stages {

// One input and one output, or none. Sources and nodes with several ports are refused when the first block
// comes; null at once.
class NodeStage final : public Step<DataFrame, DataFrame> {
 public:
  NodeStage(StagePtr<DataFrame> upstream, std::unique_ptr<Node> node, NodeStageOptions options);
  void halt(StreamRun& run) noexcept override;
  Result<void> save(ByteWriter& to) const override { return StageBase::save(to); }
  Result<void> load(ByteReader& from) override { return StageBase::load(from); }

 protected:
  Poll poll(StreamRun& run, DataFrame*& item) override;

 private:
  Result<void> prepare(const DataFrame& first);
  void bind(const DataFrame* like);

  std::unique_ptr<Node> node_;
  const NodeStageOptions options_;
  bool prepared_ = false;
  bool started_ = false;
  std::shared_ptr<const StreamFormat> in_format_;
  std::shared_ptr<const StreamFormat> out_format_;
  std::vector<DataFrame> frames_;     // that the node gives
  std::vector<DataFrame*> pointers_;  // to them
  std::vector<OutputPort> ports_;     // one, or none
  std::uint32_t next_ = 0;            // of those that the last call gave
  std::uint32_t given_ = 0;
  bool upstream_over_ = false;
  bool over_ = false;  // the node has said so
};

}  // namespace stages

// `node` as NodeEntry::make gives it, or a StreamingNode by name: see engine/run/streaming_engine.hpp.
inline auto from_node(std::unique_ptr<Node> node, NodeStageOptions options = {}) {
  return Operator{[node = std::move(node), options = std::move(options)](Stream<DataFrame> stream) mutable {
    return Stream<DataFrame>(std::make_unique<stages::NodeStage>(std::move(stream).take_stages(),
                                                                 std::move(node), std::move(options)));
  }};
}
using StreamingNode = stages::NodeStage;

// What to_node() makes a node of.
using FrameChain = std::function<Stream<DataFrame>(Stream<DataFrame>)>;
struct ChainShape {
  // What the chain gives for blocks of a format; empty: the same format.
  std::function<Result<StreamFormat>(const StreamFormat&)> output = {};
  std::uint32_t max_blocks = 1;  // most blocks it gives for one block taken, or at the end
};

// A node with one input and one output that runs every block through chain(stream). The chain is made again by
// prepare() and reset(). The stages must not wait for anything but blocks, and may allocate: describe such a
// node as RtSafe::no.
std::unique_ptr<Node> to_node(FrameChain chain, ChainShape shape = {});

}  // namespace streamlab
