// nodes/sinks/file_output_node.hpp
//
// FileOutputNode: what every node that writes one file does.
//
//   - start() creates the file, once the whole graph is accepted: a refused configuration writes nothing.
//   - An existing file is refused unless the parameter "overwrite" or the program allows to replace it.
//   - After reset() the next block starts the file again.
//   - A write that fails ends the run, and failure() says why.
//
// A node says how the file is opened and what is written of a block. As for any node, close() closes the
// file, set_ending() says before how the run ended, and notes() tells what became of it.
#pragma once

#include <optional>
#include <string>

#include "engine/core/node.hpp"

namespace streamlab {

// The parameter "overwrite"; "path" has a description of its own in each node.
inline constexpr ParamInfo kOverwriteParam = param::as(
    ParamRole::overwrite,
    param::boolean(
        "overwrite", false,
        "Replace an existing file once the new one is complete; until then the new one is PATH.new beside "
        "it. Without this or --force an existing file is an error; one that another run is writing always is."));

class FileOutputNode : public Node {
 public:
  // Reads "path" and "overwrite".
  explicit FileOutputNode(const ParamValues& params);

  Result<void> start() final;
  void reset() noexcept final;
  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept final;
  Error failure() const final { return failure_.value_or(Node::failure()); }

 protected:
  enum class Existing : std::uint8_t { keep, replace };  // what happens to a file that is there

  // Call it in prepare(): what the program says about files.
  void take_options(const PrepareContext& context);
  const std::string& path() const noexcept { return path_; }
  Naming naming() const noexcept { return naming_; }

  // Creates the file, in place of one that was opened before. An error names no file: start() does.
  virtual Result<void> open(Existing existing) = 0;
  virtual Result<void> write(const DataFrame& x) = 0;
  // Is there anything in the file that the blocks after a reset() must not follow? (After a failure there
  // is.)
  virtual bool is_begun() const noexcept = 0;
  // Part of reset(): sets counters to zero. `failed`: the file is cut short.
  virtual void forget([[maybe_unused]] bool failed) noexcept {}

 private:
  Result<void> write_again(const DataFrame& x);

  const std::string path_;
  Existing existing_;
  Naming naming_ = Naming::at_once;
  bool restart_ = false;  // the next block starts the file again
  std::optional<Error> failure_;
};

}  // namespace streamlab
