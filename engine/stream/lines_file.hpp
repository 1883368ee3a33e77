// engine/stream/lines_file.hpp
//
// LinesFile: a text file that an end writes line by line, and that a checkpoint can take back to where it
// stood.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/byte_codec.hpp"
#include "engine/stream/stream_run.hpp"

namespace streamlab {

struct LinesOptions {
  bool overwrite = false;  // may an existing file be replaced? (One that a checkpoint goes on with is kept.)
};

// One thread. Nothing is opened before the first line, load() or save().
class LinesFile final : public StreamRun::EndState {
 public:
  LinesFile(std::filesystem::path path, LinesOptions options) : path_(std::move(path)), options_(options) {}
  LinesFile(const LinesFile&) = delete;
  LinesFile& operator=(const LinesFile&) = delete;
  ~LinesFile() override;

  // Appends `line` and a line feed.
  Result<void> write(std::string_view line);
  // Refused: a file that exists and may not be replaced, or that another run is writing; a place where none can be
  // written.
  Result<void> begin() override;
  // Everything is on disk when it returns. Gives the length of the file and the hash of its content.
  Result<std::vector<std::byte>> save() override;
  // Cuts the file to the length it had; refused when it is shorter, or begins otherwise.
  Result<void> load(const std::vector<std::byte>& state) override;
  // Writes what is left. Fails also where the file was removed, moved or replaced meanwhile. The destructor does
  // without saying how it went.
  Result<void> close();

 private:
  static constexpr std::size_t kBufferBytes = 1U << 16U;

  Result<void> open();
  Result<void> flush();

  const std::filesystem::path path_;
  std::string real_path_;  // with links resolved, as it was when the file was opened
  const LinesOptions options_;
  int file_ = -1;
  std::uint64_t written_ = 0;       // bytes in the file
  std::uint64_t hash_ = fnv1a({});  // of them
  std::string buffer_;
};

}  // namespace streamlab
