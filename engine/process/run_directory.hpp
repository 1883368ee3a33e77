// engine/process/run_directory.hpp
//
// RunDirectory: a private directory for the FIFOs, scripts and state files of one run. It goes with its
// owner; what a run left that was killed is removed by the next one.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/error.hpp"
#include "engine/process/descriptor.hpp"

namespace streamlab {

class RunDirectory {
 public:
  // Makes "streamlab-<user id>-XXXXXX" with mode 0700 in `parent` (empty: $XDG_RUNTIME_DIR, else $TMPDIR,
  // else /tmp). First removes those there that belong to this user and whose process is gone: the lock that a
  // live one holds on its directory goes with its process, however that ends.
  static Result<RunDirectory> create(const std::string& parent = {});
  RunDirectory(RunDirectory&&) noexcept = default;
  RunDirectory& operator=(RunDirectory&& other) noexcept;
  ~RunDirectory();

  const std::string& path() const { return path_; }
  std::string path_of(std::string_view name) const { return path_ + "/" + std::string(name); }
  // A new FIFO of mode 0600; its path.
  Result<std::string> make_fifo(std::string_view name) const;
  // A new file of mode 0600 with that content; its path. Nothing is left of it when that fails.
  Result<std::string> write(std::string_view name, std::string_view content) const;

 private:
  RunDirectory(std::string path, Fd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  void remove() noexcept;

  std::string path_;
  Fd lock_;  // on the directory itself
};

}  // namespace streamlab
