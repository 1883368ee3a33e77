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

#include "engine/base/error.hpp"
#include "nodes/sound_file/output_file.hpp"

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
  // taken back and the call fails.
  Result<void> write(std::string_view lines);
  Result<void> close();

 private:
  TextOutput(std::string path, std::FILE* console) : path_(std::move(path)), console_(console) {}
  TextOutput(std::string path, OutputFile file) : path_(std::move(path)), file_(std::move(file)) {}

  std::string path_;
  std::FILE* console_ = nullptr;    // with "-"
  std::optional<OutputFile> file_;  // otherwise
  std::uint64_t bytes_ = 0;         // in the file
};

// The shortest decimal text that reads back as the same float64; "nan", "inf", "-inf".
void append_number(std::string& text, double value);
void append_integer(std::string& text, std::int64_t value);

}  // namespace streamlab
