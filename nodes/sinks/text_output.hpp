// nodes/sinks/text_output.hpp
//
// TextOutput: writes complete lines to a new file or to the console, and numbers as text that reads back as
// the same number.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/base/output_file.hpp"
#include "engine/core/node.hpp"
#include "engine/process/shared_output.hpp"

namespace streamlab {

// Texts for the console, one a block.
class ConsoleText {
 public:
  explicit ConsoleText(std::FILE* console);
  bool is_terminal() const noexcept { return is_terminal_; }

  // False: it cannot be written, as errno says.
  bool write(std::string_view text) noexcept;
  void stop_waiting() noexcept { patience_.end(); }
  void renew() noexcept {
    patience_.renew();
    is_over_ = false;
  }
  std::uint64_t left_out() const noexcept { return left_out_; }  // texts
  // "stdout: its reader took nothing: 3 blocks were not shown"; nothing where all were.
  std::vector<NodeNote> notes(std::string_view verb) const;

 private:
  const std::shared_ptr<SharedOutput> output_;
  const bool is_terminal_;
  SharedOutput::Patience patience_;
  bool is_over_ = false;
  std::uint64_t left_out_ = 0;
};

// Every write() passes all its lines to the kernel at once, without buffering: after a kill the file ends
// with a complete line. One thread at a time; blocks; not for the real-time thread.
//
// The console's reader may pause. Then write() waits; when the run is to end, as long as SharedOutput::Patience has
// it, and after that no more: what is then left out is counted, and no failure. A terminal is shown what would command
// it (see printable.hpp); a program gets every byte as a file would.
class TextOutput {
 public:
  // Opens `path`; "-" is `console`, the output shared by the nodes of a graph that print. Fails when the file
  // exists and `replace` is false, and like OutputFile::create().
  static Result<TextOutput> open(const std::string& path, bool replace, Naming naming, std::FILE* console);

  // `lines`: one or more complete lines with line ends. When the disk is full, a partial write is undone, the
  // call fails, and the file is cut short.
  Result<void> write(std::string_view lines);
  // Lines before all others. On the console they go out with the next ones, or at the end: who starts the graph
  // does not wait for a reader.
  Result<void> begin(std::string_view lines);
  void stop_waiting() noexcept;  // any thread
  // What close() does with the file: see OutputFile. After a failure it is always cut short.
  void set_ending(Ending ending);
  Result<void> close();
  // After close(): the notes of a sink about its file.
  std::vector<NodeNote> notes() const;

 private:
  TextOutput(std::string path, std::FILE* console)
      : path_(std::move(path)), console_(std::make_unique<ConsoleText>(console)) {}
  TextOutput(std::string path, OutputFile file) : path_(std::move(path)), file_(std::move(file)) {}

  std::string path_;
  std::unique_ptr<ConsoleText> console_;  // with "-"
  std::optional<OutputFile> file_;        // otherwise
  std::string beginning_;                 // for the console, not yet written
  std::uint64_t bytes_ = 0;               // in the file
  bool failed_ = false;
};

// The note that the old file was kept, and where the new one is.
std::string left_beside_note(const std::string& path, const std::string& beside);

// The shortest decimal text that reads back as the same float64; "nan", "inf", "-inf".
void append_number(std::string& text, double value);
void append_integer(std::string& text, std::int64_t value);

}  // namespace streamlab
