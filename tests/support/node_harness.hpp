// tests/support/node_harness.hpp
//
// NodeHarness: one node, built by its JSON name as users build it, run block by block outside of any graph.
// Fails the test when process() of a node that calls itself real-time safe allocates, locks or makes a system
// call, and when the node leaves frames of audio out without the flag gap.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/node.hpp"

namespace streamlab::test {

// What the node's audio inputs look like.
struct AudioShape {
  double sample_rate_hz = 48000.0;
  std::uint32_t channels = 1;
  std::uint32_t max_frames = 1024;
};

// Samples by channel.
using Signal = std::vector<std::vector<double>>;

class NodeHarness {
 public:
  // Makes and prepares the node; a refusal fails the test. `inputs`: as many audio inputs of that shape.
  NodeHarness(std::string_view type, std::string_view config_json, AudioShape shape = {},
              std::uint32_t inputs = 1);
  // For inputs of other kinds.
  NodeHarness(std::string_view type, std::string_view config_json, std::vector<StreamFormat> inputs,
              PrepareContext context = {});
  // For a node that is in no catalogue.
  NodeHarness(const NodeEntry& entry, std::string_view config_json, std::vector<StreamFormat> inputs,
              PrepareContext context = {});
  ~NodeHarness();

  // Every reason for which the node would be refused; empty if it is accepted.
  static Errors refusals(std::string_view type, std::string_view config_json, AudioShape shape = {},
                         std::uint32_t inputs = 1);
  static Errors refusals(std::string_view type, std::string_view config_json,
                         std::vector<StreamFormat> inputs, PrepareContext context = {});

  // Feeds `signal` (to every input) in blocks of `block` frames and then finishes. All samples of output 0,
  // channel after channel.
  std::vector<double> run(const Signal& signal, std::uint32_t block);
  // The same; every block that came out of output 0.
  std::vector<DataFrame> run_frames(const Signal& signal, std::uint32_t block);
  // One signal for each input.
  std::vector<DataFrame> run_joined(const std::vector<Signal>& signals, std::uint32_t block);
  // A source: `blocks` calls of process(), or fewer when it is done.
  std::vector<DataFrame> run_source(std::uint32_t blocks);

  // Block by block, for tests that need headers of their own. Blocks that came out of output 0.
  std::vector<DataFrame> process(const DataFrame& in);
  // A node with separate inputs: one block of one of them, and the end of one.
  std::vector<DataFrame> process_input(std::uint32_t input, const DataFrame& in);
  void end_input(std::uint32_t input);
  std::vector<DataFrame> finish();
  Status last_status() const { return status_; }

  // New values of live parameters, as JSON: {"gain": 0.5}. Why they are refused, by the table or by the node.
  Errors set_params(std::string_view changes);
  void set_param(std::string_view name, double value);
  void reset();
  // From now on without the real-time guard: of what a node does only where no device paces the run.
  void allow_allocation() { may_allocate_ = true; }
  Node& node() { return *node_; }
  const std::vector<OutputFormat>& outputs() const { return outputs_; }
  // An input frame of the right format with room for max_frames.
  DataFrame input_frame(std::uint32_t input = 0) const { return DataFrame(inputs_[input]); }

 private:
  void build(const NodeEntry& entry, std::string_view config_json, PrepareContext context);
  std::vector<DataFrame> call(bool finishing, std::span<const DataFrame* const> in,
                              const DataFrame* like = nullptr);

  std::vector<std::shared_ptr<const StreamFormat>> inputs_;
  std::unique_ptr<Node> node_;
  const NodeInfo* info_ = nullptr;
  ParamValues params_;  // in force
  std::vector<OutputFormat> outputs_;
  std::vector<std::vector<DataFrame>> frames_;           // by output, then block
  std::vector<std::vector<DataFrame*>> frame_pointers_;  // likewise
  std::vector<OutputPort> ports_;
  std::vector<std::optional<std::int64_t>> input_ends_;   // of the last block, by input
  std::vector<std::optional<std::int64_t>> output_ends_;  // by output
  bool input_has_holes_ = false;  // that are not flagged: then the node need not flag them
  std::uint64_t calls_ = 0;
  Status status_ = Status::ok;
  bool may_allocate_ = false;
};

// Samples of all frames one after the other, channel after channel: what run() returns.
std::vector<double> samples_of(const std::vector<DataFrame>& frames);

}  // namespace streamlab::test
