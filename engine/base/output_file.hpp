// engine/base/output_file.hpp
//
// OutputFile: a new regular file, written at any offset, whose errors come back as text. An old file is
// replaced only by a complete new one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "engine/base/error.hpp"

namespace streamlab {

// How the writing of a file ended.
enum class Ending : std::uint8_t {
  complete,   // all that was to come is in it
  cut_short,  // something failed on the way
  not_begun,  // nothing was to be written after all
};

class OutputFile {
 public:
  // Creates `path`, open for reading and writing. Where a link leads is where the file will be. Fails
  // (ErrorCode::failed) when it exists and `replace` is false, when it exists and is no regular file, and for
  // the reasons of the system. With `replace`, an old file stays where it is, for whoever reads it, until
  // close(): the new one is written beside it, as PATH.new (PATH.new2 … where that is taken), and with the old
  // one's permissions. Where there is no old file, the new one has its name from the beginning.
  static Result<OutputFile> create(const std::string& path, bool replace, unsigned permissions = 0666);

  // What speaks against create() with `replace`, if anything: an error of code `refused`. Creates nothing.
  static Result<void> check(const std::string& path);

  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&& other) noexcept;
  ~OutputFile();  // without close(), what was written is cut short

  int fd() const { return fd_; }

  // Writes at `offset` as much as the system takes: fewer than `count` bytes only when it refused the rest,
  // and then errno says why.
  std::size_t write_at(const std::byte* bytes, std::size_t count, std::uint64_t offset);

  // Cuts the file, or extends it by a hole of zeros. False: errno says why.
  bool resize(std::uint64_t bytes);

  // What close() does: a complete file takes the place of the old one, and then it is on the disk. One that
  // was cut short stays where it was written, beside the old one; one that was not begun is removed.
  void set_ending(Ending ending) noexcept { ending_ = ending; }

  // False when the system reports that written bytes were lost, or that the old file cannot be replaced; errno
  // says why. Later calls do nothing.
  bool close();

  // After close(): where a file is that did not replace the old one; empty otherwise.
  const std::string& left_beside() const { return left_beside_; }

 private:
  OutputFile(int fd, std::string path, std::string beside)
      : fd_(fd), path_(std::move(path)), beside_(std::move(beside)) {}

  int fd_;
  std::string path_;    // the real one
  std::string beside_;  // where it is written; empty: at path_
  Ending ending_ = Ending::complete;
  std::string left_beside_;
};

}  // namespace streamlab
