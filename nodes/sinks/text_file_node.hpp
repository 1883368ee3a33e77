// nodes/sinks/text_file_node.hpp
//
// TextFileNode: a FileOutputNode whose file is lines of text. "-" is the console of the program. Each block
// is written in one piece: after a kill the file ends with a complete line.
//
// A node makes the text; everything else is done here.
#pragma once

#include <string>

#include "nodes/sinks/file_output_node.hpp"
#include "nodes/sinks/text_output.hpp"

namespace streamlab {

class TextFileNode : public FileOutputNode {
 public:
  using FileOutputNode::FileOutputNode;

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) final;
  void stop_waiting() noexcept final;
  void set_ending(Ending ending) noexcept final;
  Result<void> close() final;
  std::vector<NodeNote> notes() const final;

 protected:
  // Part of prepare(): what the lines will be about, or why there can be none.
  virtual Result<void> describe(const StreamFormat& in) = 0;
  // The lines with which a file begins; may be empty.
  virtual std::string heading() const = 0;
  // Appends the lines of one block.
  virtual void append(const DataFrame& x, std::string& lines) = 0;

 private:
  Result<void> open(Existing existing) final;
  Result<void> write(const DataFrame& x) final;
  bool is_begun() const noexcept final { return written_; }
  bool is_on_console() const noexcept { return path() == "-"; }

  std::FILE* console_ = nullptr;      // owned by the engine
  std::optional<TextOutput> output_;  // set by open()
  bool written_ = false;              // the file has a block
  std::string lines_;                 // of the current block
};

}  // namespace streamlab
