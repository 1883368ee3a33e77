// engine/process/run_directory.hpp
//
// RunDirectory: a private directory for the FIFOs, scripts and state files of one run. Its owner removes it;
// if a run is killed, the next run does.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/error.hpp"
#include "engine/process/descriptor.hpp"

namespace streamlab {

class RunDirectory {
 public:
  // Makes "streamlab-<user id>-XXXXXX" with mode 0700 in `parent` (empty: $XDG_RUNTIME_DIR, else $TMPDIR,
  // else /tmp). First removes those of this user whose process is gone: a live process holds a lock on its
  // directory, which the kernel releases however the process ends.
  static Result<RunDirectory> create(const std::string& parent = {});
  RunDirectory(RunDirectory&&) noexcept = default;
  RunDirectory& operator=(RunDirectory&& other) noexcept;
  ~RunDirectory();

  const std::string& path() const { return path_; }
  std::string path_of(std::string_view name) const { return path_ + "/" + std::string(name); }
  // Makes a FIFO of mode 0600; returns its path.
  Result<std::string> make_fifo(std::string_view name) const;
  // Writes a file of mode 0600; returns its path. Leaves nothing behind on failure.
  Result<std::string> write(std::string_view name, std::string_view content) const;

 private:
  RunDirectory(std::string path, Fd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  void remove() noexcept;

  std::string path_;
  Fd lock_;  // on the directory itself
};

}  // namespace streamlab
