// nodes/sinks/file_output_node.cpp
#include "nodes/sinks/file_output_node.hpp"

#include <fmt/format.h>

namespace streamlab {

FileOutputNode::FileOutputNode(const ParamValues& params)
    : path_(params.text(*params.find("path"))),
      existing_(params.flag(*params.find(kOverwriteParam.name)) ? Existing::replace : Existing::keep) {}

void FileOutputNode::take_options(const PrepareContext& context) {
  if (context.overwrite) { existing_ = Existing::replace; }
  naming_ = context.naming;
}

Result<void> FileOutputNode::start() {
  auto opened = open(existing_);
  if (!opened) {
    opened.error().what = fmt::format("\"{}\" {}", path_, opened.error().what);
    opened.error().where = "/config/path";
  }
  return opened;
}

void FileOutputNode::reset() noexcept {
  restart_ = restart_ || failure_ || is_begun();
  forget(failure_.has_value());
  failure_.reset();
}

Status FileOutputNode::process(std::span<const DataFrame* const> in,
                               [[maybe_unused]] std::span<OutputPort> out) noexcept {
  const auto written = restart_ ? write_again(*in[0]) : write(*in[0]);
  if (written) { return Status::ok; }
  failure_ = written.error();
  return Status::fault;
}

Result<void> FileOutputNode::write_again(const DataFrame& x) {
  restart_ = false;
  if (auto closed = close(); !closed) { return closed; }  // it is complete and may be replaced
  if (auto opened = open(Existing::replace); !opened) { return opened; }
  return write(x);
}

}  // namespace streamlab
