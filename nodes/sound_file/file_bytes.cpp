// nodes/sound_file/file_bytes.cpp
#include "nodes/sound_file/file_bytes.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <unistd.h>

namespace streamlab {

std::size_t read_bytes_at(int fd, void* to, std::size_t count, std::uint64_t offset) {
  std::size_t done = 0;
  errno = 0;
  while (done < count) {
    const ssize_t got =
        pread(fd, static_cast<char*>(to) + done, count - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) {
      errno = 0;
      continue;
    }
    if (got <= 0) { break; }
    done += static_cast<std::size_t>(got);
  }
  return done;
}

std::int64_t FileBytes::seek(std::int64_t offset, int whence) {
  const std::int64_t base = whence == SEEK_SET   ? 0
                            : whence == SEEK_CUR ? static_cast<std::int64_t>(position_)
                                                 : static_cast<std::int64_t>(size());
  if (base + offset < 0) { return -1; }
  position_ = static_cast<std::uint64_t>(base + offset);
  return base + offset;
}

std::size_t FileBytes::read(void* to, std::size_t count) {
  std::size_t done = 0;
  if (position_ < head_.size()) {
    done = std::min(count, head_.size() - static_cast<std::size_t>(position_));
    std::memcpy(to, head_.data() + position_, done);
  }
  const std::uint64_t at = position_ + done - std::min<std::uint64_t>(position_ + done, head_.size());
  const std::uint64_t left = count_ - std::min(count_, at);
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(count - done, left));
  if (wanted > 0) {
    const std::size_t got = read_bytes_at(fd_, static_cast<char*>(to) + done, wanted, begin_ + at);
    if (got < wanted && errno != 0) { error_number_ = errno; }
    done += got;
  }
  position_ += done;
  return done;
}

std::uint64_t bytes_of_id3_tags(FileBytes bytes) {
  std::uint64_t end = 0;
  for (int tags = 0; tags < 16; ++tags) {
    std::string head(10, '\0');
    bytes.seek(static_cast<std::int64_t>(end), SEEK_SET);
    if (bytes.read(head.data(), head.size()) < head.size() || !head.starts_with("ID3")) { break; }
    std::uint64_t size = 0;
    for (std::size_t i = 6; i < 10; ++i) {
      size = size << 7U | (static_cast<unsigned char>(head[i]) & 0x7FU);
    }
    constexpr unsigned kFooter = 0x10;
    end += 10 + size + ((static_cast<unsigned char>(head[5]) & kFooter) != 0 ? 10 : 0);
  }
  return end;
}

}  // namespace streamlab
