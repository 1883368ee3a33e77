// nodes/sinks/text_output.cpp
#include "nodes/sinks/text_output.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include <fmt/format.h>
#include <unistd.h>

#include "engine/base/printable.hpp"

namespace streamlab {
namespace {

// Of a table or of JSON Lines; the ends of lines, of which a table has others, stay.
std::string printable_lines(std::string_view lines) {
  std::string text;
  while (!lines.empty()) {
    const std::size_t size = std::min(lines.find('\n'), lines.size() - 1) + 1;
    const std::string_view line = lines.substr(0, size);
    const std::string_view content = line.substr(0, line.find_last_not_of("\r\n") + 1);
    text += printable(content);
    text += line.substr(content.size());
    lines.remove_prefix(size);
  }
  return text;
}

}  // namespace

ConsoleText::ConsoleText(std::FILE* console)
    : output_(SharedOutput::of(console)),
      is_terminal_(console != nullptr && ::fileno(console) >= 0 && ::isatty(::fileno(console)) == 1) {}

bool ConsoleText::write(std::string_view text) noexcept {
  if (is_over_) {
    ++left_out_;
    return true;
  }
  switch (output_->write(text, patience_)) {
    case SharedOutput::Put::all:
      return true;
    case SharedOutput::Put::failed:
      return false;
    case SharedOutput::Put::gave_up:
      break;
  }
  is_over_ = true;
  ++left_out_;
  return true;
}

std::vector<NodeNote> ConsoleText::notes(std::string_view verb) const {
  if (left_out_ == 0) { return {}; }
  return {{fmt::format("stdout: its reader took nothing: {} {} not {}", left_out_,
                       left_out_ == 1 ? "block was" : "blocks were", verb),
           left_out_, true}};
}

Result<TextOutput> TextOutput::open(const std::string& path, bool replace, Naming naming,
                                    std::FILE* console) {
  if (path == "-") { return TextOutput("stdout", console); }
  auto file = OutputFile::create(path, replace, naming);
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
    set_ending(Ending::cut_short);
    failed_ = true;
    const bool cut = file_->resize(bytes_);
    return failed(path_,
                  fmt::format("cannot be written beyond byte {}: {}", bytes_, std::strerror(error_number)),
                  {}, cut ? "everything before that is complete" : "its last line is incomplete");
  }
  const std::string_view all = beginning_.empty() ? lines : beginning_.append(lines);
  if (!(console_->is_terminal() ? console_->write(printable_lines(all)) : console_->write(all))) {
    return failed(path_, fmt::format("cannot be written: {}", std::strerror(errno)));
  }
  beginning_.clear();
  return {};
}

Result<void> TextOutput::begin(std::string_view lines) {
  if (file_) { return write(lines); }
  beginning_ = lines;
  return {};
}

void TextOutput::stop_waiting() noexcept {
  if (console_) { console_->stop_waiting(); }
}

void TextOutput::set_ending(Ending ending) {
  if (file_ && !failed_) { file_->set_ending(ending); }
}

Result<void> TextOutput::close() {
  if (console_ && !beginning_.empty()) {
    console_->stop_waiting();
    return write({});
  }
  return file_ ? file_->close() : Result<void>{};
}

std::vector<NodeNote> TextOutput::notes() const {
  if (console_) { return console_->notes("written"); }
  if (!file_ || file_->left_beside().empty()) { return {}; }
  return {{left_beside_note(path_, file_->left_beside()), 0, true}};
}

std::string left_beside_note(const std::string& path, const std::string& beside) {
  return fmt::format("{}: the old file was kept; the new one is incomplete, and is \"{}\"", path, beside);
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
