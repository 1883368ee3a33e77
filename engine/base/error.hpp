// engine/base/error.hpp
//
// Error: what went wrong, where, what was expected and what to do about it. Result<T>: a T or one Error.
// Checked<T>: a T or every Error that was found, in the order of the file.
//
// No public function of StreamLab throws; these types carry failure instead.
#pragma once

#include <string>
#include <vector>

#include <tl/expected.hpp>

namespace streamlab {

// Who has to act; it decides the exit code of the program.
enum class ErrorCode {
  refused,  // the command line, configuration or input file cannot be used: nothing was started (exit 2)
  failed,   // something failed during the run: device, disk, child process (exit 1)
};

struct Error {
  ErrorCode code = ErrorCode::failed;
  std::string where;     // JSON pointer, file, line:column, device; may be empty
  std::string what;      // a sentence without its full stop
  std::string expected;  // what would have been valid; may be empty
  std::string hint;      // remedy or nearest valid name; may be empty
  // The id of the node or the name of the step that `where` points at; may be empty
  std::string node = {};

  friend bool operator==(const Error&, const Error&) = default;
};

using Errors = std::vector<Error>;

template <class T>
using Result = tl::expected<T, Error>;

template <class T>
using Checked = tl::expected<T, Errors>;

// "WHERE (NODE): WHAT; expected EXPECTED; HINT", leaving out the empty parts, and NODE where WHAT names it;
// printable (printable.hpp), for most of it comes from files and arguments.
std::string to_string(const Error& error);

// One line per error, each preceded by `prefix` (usually "file: ").
std::string to_string(const Errors& errors, const std::string& prefix);

inline tl::unexpected<Error> refused(std::string where, std::string what, std::string expected = {},
                                     std::string hint = {}) {
  return tl::unexpected(
      Error{ErrorCode::refused, std::move(where), std::move(what), std::move(expected), std::move(hint)});
}

inline tl::unexpected<Error> failed(std::string where, std::string what, std::string expected = {},
                                    std::string hint = {}) {
  return tl::unexpected(
      Error{ErrorCode::failed, std::move(where), std::move(what), std::move(expected), std::move(hint)});
}

// `failed`, with the system's text for errno: "WHERE: WHAT: No space left on device".
tl::unexpected<Error> failed_by_errno(std::string where, const std::string& what);

}  // namespace streamlab
