// engine/base/error.cpp
#include "engine/base/error.hpp"

#include <cerrno>
#include <cstring>

namespace streamlab {

std::string to_string(const Error& error) {
  std::string text = error.where.empty() ? error.what : error.where + ": " + error.what;
  if (!error.expected.empty()) { text += "; expected " + error.expected; }
  if (!error.hint.empty()) { text += "; " + error.hint; }
  return text;
}

std::string to_string(const Errors& errors, const std::string& prefix) {
  std::string text;
  for (const Error& error : errors) { text += prefix + to_string(error) + "\n"; }
  return text;
}

tl::unexpected<Error> failed_by_errno(std::string where, const std::string& what) {
  return failed(std::move(where), what + ": " + std::strerror(errno));
}

}  // namespace streamlab
