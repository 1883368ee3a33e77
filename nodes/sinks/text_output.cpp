// nodes/sinks/text_output.cpp
#include "nodes/sinks/text_output.hpp"

#include <cerrno>
#include <charconv>
#include <cstring>

#include <fmt/format.h>

namespace streamlab {

Result<TextOutput> TextOutput::open(const std::string& path, bool replace, std::FILE* console) {
  if (path == "-") { return TextOutput("stdout", console); }
  auto file = OutputFile::create(path, replace);
  if (!file) { return tl::unexpected(file.error()); }
  return TextOutput(path, std::move(*file));
}

Result<void> TextOutput::write(std::string_view lines) {
  if (file_) {
    const auto* const bytes = reinterpret_cast<const std::byte*>(lines.data());
    if (file_->write_at(bytes, lines.size(), bytes_) == lines.size()) {
      bytes_ += lines.size();
      return {};
    }
    const int error_number = errno;
    const bool cut = file_->resize(bytes_);
    return failed(path_,
                  fmt::format("cannot be written beyond byte {}: {}", bytes_, std::strerror(error_number)),
                  {}, cut ? "what lies before is complete" : "its last line is incomplete");
  }
  if (std::fwrite(lines.data(), 1, lines.size(), console_) != lines.size() || std::fflush(console_) != 0) {
    return failed(path_, fmt::format("cannot be written: {}", std::strerror(errno)));
  }
  return {};
}

Result<void> TextOutput::close() {
  if (file_ && !file_->close()) {
    return failed(path_, fmt::format("may be incomplete: {}", std::strerror(errno)));
  }
  return {};
}

void append_number(std::string& text, double value) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value);
  text.append(digits, end.ptr);
}

void append_integer(std::string& text, std::int64_t value) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, value);
  text.append(digits, end.ptr);
}

}  // namespace streamlab
