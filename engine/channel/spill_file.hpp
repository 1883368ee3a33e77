// engine/channel/spill_file.hpp
//
// SpillFile: a queue of byte records on disk, first in, first out, up to a bound in bytes. For what need not
// stay in memory while it waits.
//
// The file is a ring: a record's length in 8 bytes, then the record, each possibly in two parts, at the end
// and at the beginning of the file. It has no name (where the file system cannot make one so, the name is
// removed right after opening), so that the kernel frees it when the process ends, however it ends.
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
  static constexpr std::uint64_t kRecordOverhead = 8;  // bytes on disk beside each record's own

  // An empty queue in a file of up to `max_bytes` in `directory`. Refused when the bound has no room for a
  // record of one byte, or is beyond what a file can hold; failed when the directory is not there or not
  // writable.
  static Result<SpillFile> create(const std::filesystem::path& directory, std::uint64_t max_bytes);

  // Appends a record. False and nothing changed when it does not fit beside those that wait. Refused when it
  // is larger than the whole file may be; failed, and nothing changed, when the disk does not take it.
  Result<bool> push(std::span<const std::byte> record);

  // The oldest record into `record`, which grows as needed. False when there is none. When the disk does not
  // give it: failed, and the record stays the oldest.
  Result<bool> pop(std::vector<std::byte>& record);

  // Would push() of a record of so many bytes find room?
  bool has_room(std::uint64_t record_bytes) const noexcept;
  bool empty() const noexcept { return size_ == 0; }
  std::uint64_t size() const noexcept { return size_; }   // records
  std::uint64_t bytes() const noexcept { return used_; }  // of all records, overhead counted in
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
