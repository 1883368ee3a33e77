// apps/streamlab/roff.cpp
#include "apps/streamlab/roff.hpp"

#include <algorithm>
#include <cstdint>
#include <sstream>
#include <vector>

#include <fmt/format.h>

namespace streamlab::app {
namespace {

// The code point that begins at `at`, and `at` behind it. The program's own text is valid UTF-8.
char32_t next_letter(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at++);
  if (first < 0x80) { return first; }
  const int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
  char32_t letter = first & (0x3fU >> more);
  for (int i = 0; i < more && at < text.size(); ++i) { letter = letter << 6U | (byte(at++) & 0x3fU); }
  return letter;
}

// Without the guard for a line's first letter.
std::string escaped(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const char32_t letter = next_letter(text, at);
    switch (letter) {
      case '\\':
        result += "\\e";
        break;
      case '-':
        result += "\\-";
        break;
      case '^':
        result += "\\(ha";
        break;
      case '~':
        result += "\\(ti";
        break;
      case '`':
        result += "\\(ga";
        break;
      case '\'':
        result += "\\(aq";
        break;
      default:
        result += letter < 0x80 ? std::string(1, static_cast<char>(letter))
                                : fmt::format("\\[u{:04X}]", static_cast<std::uint32_t>(letter));
    }
  }
  return result;
}

// A line that begins with a full stop or a quote would be a request.
std::string guarded(const std::string& line) {
  return line.starts_with('.') || line.starts_with("\\(aq") ? "\\&" + line : line;
}

// One paragraph or cell, its `code` in bold, its *emphasis* in italics, links as their text.
std::string inline_roff(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::size_t at = text.find_first_of("`*[");
    result += escaped(text.substr(0, at));
    if (at == std::string_view::npos) { break; }
    text.remove_prefix(at);
    const char mark = text[0];
    const std::size_t end = text.find(mark == '[' ? ']' : mark, 1);
    const bool is_link = mark == '[' && end != std::string_view::npos && text.substr(end).starts_with("](");
    if (end == std::string_view::npos || end == 1 || (mark == '[' && !is_link) ||
        (mark == '*' && text[1] == ' ')) {
      result += escaped(text.substr(0, 1));
      text.remove_prefix(1);
      continue;
    }
    const std::string inner = escaped(text.substr(1, end - 1));
    result += mark == '`' ? "\\fB" + inner + "\\fR" : mark == '*' ? "\\fI" + inner + "\\fR" : inner;
    text.remove_prefix(end + 1);
    if (is_link) { text.remove_prefix(std::min(text.find(')') + 1, text.size())); }
  }
  return guarded(result);
}

std::vector<std::string> cells_of(std::string_view row) {
  std::vector<std::string> cells(1);
  for (std::size_t i = 1; i < row.size(); ++i) {
    if (row[i] == '\\' && i + 1 < row.size() && row[i + 1] == '|') {
      cells.back() += row[++i];
    } else if (row[i] == '|') {
      cells.emplace_back();
    } else {
      cells.back() += row[i];
    }
  }
  cells.pop_back();  // behind the last bar
  for (std::string& cell : cells) {
    cell.erase(0, cell.find_first_not_of(' '));
    cell.erase(cell.find_last_not_of(' ') + 1);
  }
  return cells;
}

class MarkdownReader {
 public:
  std::string read(std::string_view markdown) {
    std::istringstream lines{std::string(markdown)};
    for (std::string line; std::getline(lines, line);) { take(line); }
    end_paragraph();
    return std::move(roff_);
  }

 private:
  void take(const std::string& line) {
    if (line.starts_with("```")) {
      end_paragraph();
      is_code_ = !is_code_;
      roff_ += is_code_ ? (in_section_ ? ".PP\n" : "") + std::string(".RS 4\n.nf\n") : ".fi\n.RE\n";
      in_section_ = true;
    } else if (is_code_) {
      roff_ += guarded(escaped(line)) + "\n";
    } else if (line.empty()) {
      end_paragraph();
    } else if (line.starts_with('#')) {
      end_paragraph();
      heading(line);
    } else if (line.starts_with('|')) {
      end_paragraph();
      row(line);
    } else if (line.starts_with("- ")) {
      end_paragraph();
      lead_ = ".IP \\(bu 2\n";
      paragraph_ = line.substr(2);
    } else {
      paragraph_ += (paragraph_.empty() ? "" : " ") + line.substr(line.find_first_not_of(' '));
    }
    was_table_ = line.starts_with('|');
  }
  void heading(const std::string& line) {
    const std::size_t level = line.find_first_not_of('#');
    const std::string text = line.substr(level + 1);
    if (level == 1) { return; }
    roff_ += (level == 2 ? ".SH \"" : ".SS \"") + escaped(text) + "\"\n";
    in_section_ = false;
  }
  // The head of a table and the line below it say nothing that a page needs.
  void row(const std::string& line) {
    table_row_ = was_table_ ? table_row_ + 1 : 0;
    if (table_row_ < 2) { return; }
    const auto cells = cells_of(line);
    roff_ += ".TP\n" + inline_roff(cells[0]);
    if (cells.size() > 2) { roff_ += "\\ \\ " + inline_roff(cells[1]); }
    roff_ += "\n" + inline_roff(cells.back()) + "\n";
    in_section_ = true;
  }
  void end_paragraph() {
    if (paragraph_.empty()) { return; }
    roff_ += (lead_.empty() && in_section_ ? ".PP\n" : lead_) + inline_roff(paragraph_) + "\n";
    in_section_ = true;
    lead_.clear();
    paragraph_.clear();
  }

  std::string roff_;
  std::string lead_;       // the request before the paragraph, of a list's item
  std::string paragraph_;  // so far
  std::size_t table_row_ = 0;
  bool was_table_ = false;
  bool is_code_ = false;
  bool in_section_ = false;  // something was written since the last heading
};

}  // namespace

std::string roff_text(std::string_view text) { return guarded(escaped(text)); }

std::string roff_from_markdown(std::string_view markdown) { return MarkdownReader().read(markdown); }

}  // namespace streamlab::app
