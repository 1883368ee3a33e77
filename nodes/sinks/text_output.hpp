// nodes/sinks/text_output.hpp
//
// TextOutput: writes complete lines to a new file or to the console, and numbers as text that reads back as
// the same number.
#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/base/output_file.hpp"
#include "engine/core/node.hpp"

namespace streamlab {

// Every write() passes all its lines to the kernel at once, without buffering: after a kill the file ends
// with a complete line. One thread at a time; blocks; not for the real-time thread.
class TextOutput {
 public:
  // Opens `path`; "-" is `console`, the output shared by the nodes of a graph that print. Fails when the file
  // exists and `replace` is false, and like OutputFile::create().
  static Result<TextOutput> open(const std::string& path, bool replace, Naming naming, std::FILE* console);

  // `lines`: one or more complete lines with line ends. When the disk is full, a partial write is undone, the
  // call fails, and the file is cut short.
  Result<void> write(std::string_view lines);
  // What close() does with the file: see OutputFile. After a failure it is always cut short.
  void set_ending(Ending ending);
  Result<void> close();
  // After close(): the notes of a sink about its file.
  std::vector<NodeNote> notes() const;

 private:
  TextOutput(std::string path, std::FILE* console) : path_(std::move(path)), console_(console) {}
  TextOutput(std::string path, OutputFile file) : path_(std::move(path)), file_(std::move(file)) {}

  std::string path_;
  std::FILE* console_ = nullptr;    // with "-"
  std::optional<OutputFile> file_;  // otherwise
  std::uint64_t bytes_ = 0;         // in the file
  bool failed_ = false;
};

// The note that the old file was kept, and where the new one is.
std::string left_beside_note(const std::string& path, const std::string& beside);

// The shortest decimal text that reads back as the same float64; "nan", "inf", "-inf".
void append_number(std::string& text, double value);
void append_integer(std::string& text, std::int64_t value);

}  // namespace streamlab
