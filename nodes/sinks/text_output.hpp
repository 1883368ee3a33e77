// nodes/sinks/text_output.hpp
//
// TextOutput: complete lines to a new file or to the console, and numbers as text that gives the same number
// back.
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

// Every write() hands all of its lines to the kernel at once and keeps nothing back: after a kill the file
// ends with a complete line. One thread at a time; blocks; not for the real-time thread.
class TextOutput {
 public:
  // Opens `path`; "-" is `console`, where nodes that print do so, too: of many graphs at a time, each has its
  // own. Fails when the file exists and `replace` is false, and as
  // OutputFile::create() says.
  static Result<TextOutput> open(const std::string& path, bool replace, std::FILE* console);

  // `lines`: one or more complete lines with their ends. When the disk is full, what was written of them is
  // taken back, the call fails, and the file is cut short.
  Result<void> write(std::string_view lines);
  // What close() makes of the file: see OutputFile. After a failure it is cut short in any case.
  void set_ending(Ending ending);
  Result<void> close();
  // After close(): what a sink has to say of its file.
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

// That the old file was kept, and where the new one is.
std::string left_beside_note(const std::string& path, const std::string& beside);

// The shortest decimal text that reads back as the same float64; "nan", "inf", "-inf".
void append_number(std::string& text, double value);
void append_integer(std::string& text, std::int64_t value);

}  // namespace streamlab
