// nodes/sound_file/file_bytes.hpp
//
// FileBytes: a part of an open file, with other bytes in front where its header has to be mended: what decoders
// read through. It has a place of its own; the file offset is left alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace streamlab {

// As many of `count` bytes at `offset` as there are. Fewer because the file could not be read: errno says why,
// and is 0 at the end of the file.
std::size_t read_bytes_at(int fd, void* to, std::size_t count, std::uint64_t offset);

class FileBytes {
 public:
  // `head`, and then `count` bytes of the file from `begin` on. `fd` must stay open.
  FileBytes(int fd, std::uint64_t begin, std::uint64_t count, std::string head = {})
      : fd_(fd), begin_(begin), count_(count), head_(std::move(head)) {}

  std::uint64_t size() const { return head_.size() + count_; }
  std::uint64_t position() const { return position_; }
  // As lseek(): the new position, or -1 when it would lie before the beginning.
  std::int64_t seek(std::int64_t offset, int whence);
  // Fewer than `count` bytes at the end, and when the system failed.
  std::size_t read(void* to, std::size_t count);
  // Of the read that failed; 0 when none did.
  int error_number() const { return error_number_; }

 private:
  int fd_;
  std::uint64_t begin_;
  std::uint64_t count_;
  std::string head_;
  std::uint64_t position_ = 0;
  int error_number_ = 0;
};

// Of the tags of the kind ID3v2 that stand in front, one behind the other: they say how long they are (ID3v2.4, §3.1).
std::uint64_t bytes_of_id3_tags(FileBytes bytes);

}  // namespace streamlab
