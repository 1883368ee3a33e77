// engine/flow/printable_output.hpp
//
// PrintableOutput: where the steps of a flow write that lead their output nowhere. It stands on standard error. Where that is
// a terminal, what a program says must not command it: a thread passes it on with control characters shown
// (engine/base/printable.hpp). A file or pipe gets the bytes as they are.
#pragma once

#include <thread>

#include "engine/process/descriptor.hpp"

namespace streamlab {

class PrintableOutput {
 public:
  static Result<PrintableOutput> open();

  PrintableOutput(PrintableOutput&&) noexcept = default;
  PrintableOutput& operator=(PrintableOutput&&) = delete;
  // What was written so far is passed on.
  ~PrintableOutput();

  int fd() const { return to_.get(); }  // for children

 private:
  explicit PrintableOutput(Fd to) : to_(std::move(to)) {}

  Fd to_;
  std::jthread thread_;
};

}  // namespace streamlab
