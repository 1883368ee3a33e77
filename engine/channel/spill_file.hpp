// engine/channel/spill_file.hpp
//
// SpillFile: a queue of byte records on disk, first in, first out, up to a bound in bytes. For data that need
// not stay in memory while it waits.
//
// The file is a ring: a record's length in 8 bytes, then the record, each possibly in two parts, at the end
// and at the beginning of the file. It has no name (if the file system cannot create unnamed files, the name
// is removed right after opening), so the kernel frees it when the process ends, even by a crash.
//
// One thread at a time. Every call but the getters makes system calls. Not for real-time threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "engine/base/error.hpp"

namespace streamlab {

class SpillFile {
 public:
  static constexpr std::uint64_t kRecordOverhead = 8;  // bytes on disk in addition to the record

  // An empty queue in a file of up to `max_bytes` in `directory`. Refused when the bound is too small for a
  // record of one byte or too large for a file; failed when the directory is missing or not writable.
  static Result<SpillFile> create(const std::filesystem::path& directory, std::uint64_t max_bytes);

  // Appends a record. False, and nothing changed, when there is no room for it now. Refused when it is larger
  // than the whole file may be; failed, and nothing changed, when it cannot be written to disk.
  Result<bool> push(std::span<const std::byte> record);

  // The oldest record into `record`, which grows as needed. False when there is none. When it cannot be read
  // from disk: failed, and the record stays the oldest.
  Result<bool> pop(std::vector<std::byte>& record);

  // Is there room for a record of this many bytes?
  bool has_room(std::uint64_t record_bytes) const noexcept;
  bool empty() const noexcept { return size_ == 0; }
  std::uint64_t size() const noexcept { return size_; }   // records
  std::uint64_t bytes() const noexcept { return used_; }  // of all records, overhead included
  std::uint64_t max_bytes() const noexcept { return max_bytes_; }
  void clear() noexcept;

  SpillFile(SpillFile&& other) noexcept;
  SpillFile& operator=(SpillFile&& other) noexcept;
  SpillFile(const SpillFile&) = delete;
  SpillFile& operator=(const SpillFile&) = delete;
  ~SpillFile();

 private:
  SpillFile(int file, std::string where, std::uint64_t max_bytes) noexcept;
  Result<void> write_at(std::uint64_t position, std::span<const std::byte> bytes);
  Result<void> read_at(std::uint64_t position, std::span<std::byte> bytes);
  std::uint64_t wrapped(std::uint64_t position) const noexcept {
    return position < max_bytes_ ? position : position - max_bytes_;
  }

  int file_ = -1;
  std::string where_;  // the directory, for messages
  std::uint64_t max_bytes_ = 0;
  std::uint64_t front_ = 0;  // where the oldest record begins, below max_bytes_
  std::uint64_t used_ = 0;
  std::uint64_t size_ = 0;
};

}  // namespace streamlab
