// engine/channel/spill_file.cpp
#include "engine/channel/spill_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace streamlab {
namespace {

using LengthBytes = std::array<std::byte, SpillFile::kRecordOverhead>;
static_assert(sizeof(LengthBytes) == sizeof(std::uint64_t));

constexpr std::uint64_t kLargestFile = static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());

std::string reason(int error) { return std::strerror(error); }

// An unnamed file, or -1.
int open_nameless(const std::filesystem::path& directory) {
  const int file = open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)) { return file; }
  std::string name = directory / "streamlab-spill-XXXXXX";
  const int named = mkostemp(name.data(), O_CLOEXEC);
  if (named >= 0) { unlink(name.c_str()); }
  return named;
}

// Transfers all `count` bytes at `position` by `call(offset_in_bytes, count, position)`, which may transfer
// less per call. Returns 0 or an errno; EIO at the end of the file.
template <class Call>
int transfer(std::size_t count, std::uint64_t position, const Call& call) {
  for (std::size_t done = 0; done < count;) {
    const ssize_t part = call(done, count - done, static_cast<off_t>(position + done));
    if (part < 0 && errno == EINTR) { continue; }
    if (part < 0) { return errno; }
    if (part == 0) { return EIO; }
    done += static_cast<std::size_t>(part);
  }
  return 0;
}

}  // namespace

Result<SpillFile> SpillFile::create(const std::filesystem::path& directory, std::uint64_t max_bytes) {
  if (max_bytes <= kRecordOverhead || max_bytes > kLargestFile) {
    return refused("max_bytes", fmt::format("{} bytes cannot hold a record", max_bytes),
                   fmt::format("{} .. {}", kRecordOverhead + 1, kLargestFile));
  }
  const int file = open_nameless(directory);
  if (file < 0) {
    return failed(directory.string(), fmt::format("cannot create a file here: {}", reason(errno)),
                  "a writable directory");
  }
  return SpillFile(file, directory.string(), max_bytes);
}

SpillFile::SpillFile(int file, std::string where, std::uint64_t max_bytes) noexcept
    : file_(file), where_(std::move(where)), max_bytes_(max_bytes) {}

SpillFile::SpillFile(SpillFile&& other) noexcept
    : file_(std::exchange(other.file_, -1)),
      where_(std::move(other.where_)),
      max_bytes_(other.max_bytes_),
      front_(other.front_),
      used_(other.used_),
      size_(other.size_) {}

SpillFile& SpillFile::operator=(SpillFile&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(where_, other.where_);
  std::swap(max_bytes_, other.max_bytes_);
  std::swap(front_, other.front_);
  std::swap(used_, other.used_);
  std::swap(size_, other.size_);
  return *this;
}

SpillFile::~SpillFile() {
  if (file_ >= 0) { ::close(file_); }
}

bool SpillFile::has_room(std::uint64_t record_bytes) const noexcept {
  const std::uint64_t room = max_bytes_ - used_;
  return room >= kRecordOverhead && room - kRecordOverhead >= record_bytes;
}

Result<bool> SpillFile::push(std::span<const std::byte> record) {
  if (record.size() > max_bytes_ - kRecordOverhead) {
    return refused(where_,
                   fmt::format("a record of {} bytes does not fit into {}", record.size(), max_bytes_),
                   fmt::format("at most {} bytes", max_bytes_ - kRecordOverhead));
  }
  if (!has_room(record.size())) { return false; }
  LengthBytes length;
  const std::uint64_t count = record.size();
  std::memcpy(length.data(), &count, sizeof count);
  const std::uint64_t back = wrapped(front_ + used_);
  const auto written =
      write_at(back, length).and_then([&] { return write_at(wrapped(back + kRecordOverhead), record); });
  if (!written) { return tl::unexpected(written.error()); }
  used_ += kRecordOverhead + count;
  ++size_;
  return true;
}

Result<bool> SpillFile::pop(std::vector<std::byte>& record) {
  if (size_ == 0) { return false; }
  LengthBytes length;
  if (const auto read = read_at(front_, length); !read) { return tl::unexpected(read.error()); }
  std::uint64_t count = 0;
  std::memcpy(&count, length.data(), sizeof count);
  if (count > used_ - kRecordOverhead) {
    return failed(where_, fmt::format("the spill file was changed: a record claims {} bytes of {} stored",
                                      count, used_));
  }
  record.resize(count);
  const auto read = read_at(wrapped(front_ + kRecordOverhead), record);
  if (!read) { return tl::unexpected(read.error()); }
  front_ = wrapped(front_ + kRecordOverhead + count);
  used_ -= kRecordOverhead + count;
  --size_;
  return true;
}

void SpillFile::clear() noexcept { front_ = used_ = size_ = 0; }

Result<void> SpillFile::write_at(std::uint64_t position, std::span<const std::byte> bytes) {
  const std::size_t to_end = std::min<std::uint64_t>(bytes.size(), max_bytes_ - position);
  const auto write = [&](std::span<const std::byte> part, std::uint64_t from) {
    return transfer(part.size(), from, [&](std::size_t done, std::size_t left, off_t at) {
      return pwrite(file_, part.data() + done, left, at);
    });
  };
  int error = write(bytes.first(to_end), position);
  if (error == 0) { error = write(bytes.subspan(to_end), 0); }
  if (error == 0) { return {}; }
  return failed(where_, fmt::format("cannot write the spill file: {}", reason(error)));
}

Result<void> SpillFile::read_at(std::uint64_t position, std::span<std::byte> bytes) {
  const std::size_t to_end = std::min<std::uint64_t>(bytes.size(), max_bytes_ - position);
  const auto read = [&](std::span<std::byte> part, std::uint64_t from) {
    return transfer(part.size(), from, [&](std::size_t done, std::size_t left, off_t at) {
      return pread(file_, part.data() + done, left, at);
    });
  };
  int error = read(bytes.first(to_end), position);
  if (error == 0) { error = read(bytes.subspan(to_end), 0); }
  if (error == 0) { return {}; }
  return failed(where_, fmt::format("cannot read the spill file: {}", reason(error)));
}

}  // namespace streamlab
