// nodes/sinks/text_file_node.cpp
#include "nodes/sinks/text_file_node.hpp"

namespace streamlab {

Result<std::vector<OutputFormat>> TextFileNode::prepare(const PrepareContext& context) {
  take_options(context);
  console_ = context.console_file;
  if (auto described = describe(*context.inputs[0]); !described) { return tl::unexpected(described.error()); }
  reset();
  return std::vector<OutputFormat>{};
}

Result<void> TextFileNode::open(Existing existing) {
  if (!output_ || !is_on_console()) {
    auto output = TextOutput::open(path(), existing == Existing::replace, naming(), console_);
    if (!output) { return tl::unexpected(output.error()); }
    output_.emplace(std::move(*output));
  }
  written_ = false;
  const std::string lines = heading();
  return lines.empty() ? Result<void>{} : output_->begin(lines);
}

Result<void> TextFileNode::write(const DataFrame& x) {
  lines_.clear();
  append(x, lines_);
  written_ = true;
  return lines_.empty() ? Result<void>{} : output_->write(lines_);
}

// By another thread, while this one may open a file again; the console's output stays the same.
void TextFileNode::stop_waiting() noexcept {
  if (is_on_console() && output_) { output_->stop_waiting(); }
}

void TextFileNode::set_ending(Ending ending) noexcept {
  if (output_) { output_->set_ending(ending); }
}

Result<void> TextFileNode::close() { return output_ ? output_->close() : Result<void>{}; }

std::vector<NodeNote> TextFileNode::notes() const {
  return output_ ? output_->notes() : std::vector<NodeNote>{};
}

}  // namespace streamlab
