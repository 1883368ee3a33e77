// engine/base/error.cpp
#include "engine/base/error.hpp"

#include <cerrno>
#include <cstring>

#include "engine/base/printable.hpp"

namespace streamlab {
namespace {

// One line, except where it quotes the output of another program (quote_end() of
// engine/process/supervisor.hpp).
std::string message_line(std::string_view text) {
  constexpr std::string_view kQuote = "\n  | ";
  constexpr std::size_t kLongest = 8192;  // a key or a value may have megabytes
  const std::string rest =
      text.size() > kLongest ? "… (" + std::to_string(text.size()) + " bytes)" : std::string();
  text = text.substr(0, kLongest);
  std::string line;
  for (std::size_t quote = text.find(kQuote); quote != std::string_view::npos; quote = text.find(kQuote)) {
    line += printable(text.substr(0, quote));
    line += kQuote;
    text.remove_prefix(quote + kQuote.size());
  }
  return line + printable(text) + rest;
}

}  // namespace

std::string to_string(const Error& error) {
  const std::string node = error.node.empty() ? std::string() : "\"" + error.node + "\"";
  const bool names_it = !node.empty() && error.what.find(node) != std::string::npos;
  std::string text = error.where;
  if (!node.empty() && !names_it && !text.empty()) { text += " (" + node + ")"; }
  text += (text.empty() ? "" : ": ") + error.what;
  if (!error.expected.empty()) { text += "; expected " + error.expected; }
  if (!error.hint.empty()) { text += "; " + error.hint; }
  return message_line(text);
}

std::string to_string(const Errors& errors, const std::string& prefix) {
  std::string text;
  for (const Error& error : errors) { text += printable(prefix) + to_string(error) + "\n"; }
  return text;
}

tl::unexpected<Error> failed_by_errno(std::string where, const std::string& what) {
  return failed(std::move(where), what + ": " + std::strerror(errno));
}

}  // namespace streamlab
