// engine/base/output_file.hpp
//
// OutputFile: a new regular file that can be written at any offset. An old file is replaced only by a
// complete new one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "engine/base/error.hpp"

namespace streamlab {

// How the writing of a file ended.
enum class Ending : std::uint8_t {
  complete,   // everything was written
  cut_short,  // something failed on the way
  not_begun,  // the run never reached the point of writing
};

// When a new file gets its name.
enum class Naming : std::uint8_t {
  at_once,        // so that a recording can be played while it grows, and survives a power cut
  when_complete,  // until then it is PATH.part; a file that was cut short is removed
};

class OutputFile {
 public:
  // Creates `path`, open for reading and writing. Links are followed. Refused when it exists and `replace` is
  // false, and when another OutputFile, of any program, is writing it (see file_in_use.hpp): it may have appeared
  // since a check. Fails (ErrorCode::failed) when it exists and is not a regular file, or when the system refuses. With
  // `replace`, an old file stays in place until close(), so that others can go on reading it: the new one is
  // written beside it as PATH.new (PATH.new2 … if that is taken), with the old one's permissions. Without an
  // old file, the new one has its final name from the start; with Naming::when_complete only at its end
  // (PATH.part2 … if PATH.part is taken).
  static Result<OutputFile> create(const std::string& path, bool replace, Naming naming = Naming::at_once,
                                   unsigned permissions = 0666);

  // PATH.part, where `path` leads.
  static std::string part_path(const std::string& path);
  // Removes the PATH.part of a run that was killed.
  static void remove_part(const std::string& path);

  // Would create() with `replace` fail once nobody is writing the file? If so, why, with code `refused`. Creates
  // nothing.
  static Result<void> check(const std::string& path);
  // Is a run writing `path` now, or a file that is to replace it? If so, an error that says so, with `code`.
  static Result<void> check_unused(const std::string& path, ErrorCode code);

  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&& other) noexcept;
  ~OutputFile();  // without close(): as cut_short

  int fd() const { return fd_; }

  // Writes `count` bytes at `offset`. Returns how many were written: fewer only when the system refused the
  // rest; errno says why.
  std::size_t write_at(const std::byte* bytes, std::size_t count, std::uint64_t offset);

  // Truncates the file, or extends it with zeros (a hole). False: errno says why.
  bool resize(std::uint64_t bytes);

  // What close() does: a complete file replaces the old one and is flushed to disk. A file that was cut short
  // stays where it was written, beside the old one, but is removed with Naming::when_complete; one that was not
  // begun is removed.
  void set_ending(Ending ending) noexcept { ending_ = ending; }

  // From now on the file has no name, and is gone with this.
  void give_up_name();

  // Fails when the system reports that written bytes were lost, that the old file cannot be replaced, that another
  // file has taken the name, or that the name leads to the file no more: somebody removed, moved or replaced it. Where
  // it was to be removed, that is no failure. Later calls do nothing.
  Result<void> close();

  // After close(): the path of a file that did not replace the old one; empty otherwise.
  const std::string& left_beside() const { return left_beside_; }

 private:
  OutputFile(int fd, std::string given, std::string path, std::string beside, bool replaces = true,
             Naming naming = Naming::at_once);

  bool take_name() const;
  const std::string& name() const { return beside_.empty() ? path_ : beside_; }  // where it is written
  Result<void> name_is_lost(const std::string& fate) const;

  int fd_;
  std::string given_;   // the path as it was given
  std::string path_;    // with links resolved; empty: it has no name any more
  std::string beside_;  // where it is written; empty: at path_
  bool replaces_;       // a file that has the name by then
  Naming naming_;
  Ending ending_ = Ending::complete;
  std::string left_beside_;
};

}  // namespace streamlab
