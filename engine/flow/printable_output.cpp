// engine/flow/printable_output.cpp
#include "engine/flow/printable_output.hpp"

#include <cerrno>
#include <string>

#include <poll.h>
#include <unistd.h>

#include "engine/base/printable.hpp"

namespace streamlab {
namespace {

void write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) { continue; }
    if (written <= 0) { return; }  // the terminal is gone
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

// Until everybody has closed the pipe; or, when asked to stop, until it is empty: a program that was left behind may
// hold it for ever.
void pass_on(const std::stop_token& stop, int from) {
  constexpr int kPromptMs = 50;  // a line without an end is a question: it is shown after so long
  std::string held;
  while (true) {
    pollfd input{from, POLLIN, 0};
    const bool stopping = stop.stop_requested();
    const int ready = ::poll(&input, 1, stopping ? 0 : kPromptMs);
    if (ready < 0 && errno == EINTR) { continue; }
    char bytes[4096];
    const ssize_t count = ready > 0 ? ::read(from, bytes, sizeof bytes) : 0;
    if (count < 0 && errno == EINTR) { continue; }
    if (count > 0) { held.append(bytes, static_cast<std::size_t>(count)); }
    const bool is_over = ready > 0 ? count <= 0 : stopping;
    // Whole lines, so that no character is cut in two.
    const std::size_t end = ready > 0 && !is_over ? held.rfind('\n') + 1 : held.size();
    write_all(printable(std::string_view(held).substr(0, end), LineEnds::keep));
    held.erase(0, end);
    if (is_over) { return; }
  }
}

}  // namespace

Result<PrintableOutput> PrintableOutput::open() {
  if (::isatty(STDERR_FILENO) != 1) {
    auto copy = duplicate(STDERR_FILENO);
    if (!copy) { return tl::unexpected(copy.error()); }
    return PrintableOutput(std::move(*copy));
  }
  auto pipe = make_pipe();
  if (!pipe) { return tl::unexpected(pipe.error()); }
  PrintableOutput output(std::move(pipe->write_end));
  try {
    output.thread_ = std::jthread(
        [from = std::move(pipe->read_end)](const std::stop_token& stop) { pass_on(stop, from.get()); });
  } catch (const std::exception& error) { return failed("standard error", error.what()); }
  return output;
}

PrintableOutput::~PrintableOutput() {
  to_ = Fd();
  thread_ = std::jthread();  // asks it to stop, and waits
}

}  // namespace streamlab
