// apps/streamlab/part_file.hpp
//
// PartFile: a file that is PATH.part until it is complete, and that can be left so, for another run to go on with.
// (An OutputFile with Naming::when_complete is removed when it is not completed.)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/output_file.hpp"

namespace streamlab::app {

class PartFile {
 public:
  // PATH.part, or PATH.part2 … where that is taken.
  static Result<PartFile> create(const std::string& path);
  // Among the temporary files, and gone with this.
  static Result<PartFile> without_name();

  // What runs have left of `path` or are writing: PATH.part, PATH.part2 …; and the first of these names.
  static std::vector<std::string> parts(const std::string& path);
  static std::string first_part(const std::string& path);

  PartFile(PartFile&& other) noexcept
      : file_(std::exchange(other.file_, std::nullopt)),
        path_(std::move(other.path_)),
        name_(std::move(other.name_)),
        bytes_(other.bytes_) {}
  PartFile& operator=(PartFile&& other) noexcept {
    std::swap(file_, other.file_);
    std::swap(path_, other.path_);
    std::swap(name_, other.name_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~PartFile() { discard(); }

  int fd() const { return file_->fd(); }
  const std::string& name() const { return name_; }  // where it is
  std::uint64_t bytes() const { return bytes_; }

  // Behind what is there. All of it or nothing; false: errno says why.
  bool append(std::string_view text);
  // Flushed to disk under its own name, with the permissions of the file that had it. An error is about the path that
  // the file was made for.
  Result<void> complete(bool replaces);
  // Flushed to disk, it stays as `name`.
  Result<void> leave(const std::string& name);
  void discard();

 private:
  PartFile(OutputFile file, std::string path, std::string name)
      : file_(std::move(file)), path_(std::move(path)), name_(std::move(name)) {}
  Result<void> flush_and_close();

  std::optional<OutputFile> file_;  // none when it was completed, left or discarded
  std::string path_;                // with links resolved; empty: it has no name
  std::string name_;
  std::uint64_t bytes_ = 0;
};

}  // namespace streamlab::app
