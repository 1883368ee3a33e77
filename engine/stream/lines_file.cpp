// engine/stream/lines_file.cpp
#include "engine/stream/lines_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "engine/base/file_in_use.hpp"
#include "engine/base/real_path.hpp"

namespace streamlab {
namespace {

tl::unexpected<Error> file_exists(const std::filesystem::path& path) {
  return refused(path.string(), "the file exists", "a name that is free",
                 "LinesOptions::overwrite allows replacing it");
}

tl::unexpected<Error> file_is_used(const std::filesystem::path& path, ErrorCode code) {
  return tl::unexpected(Error{code, path.string(), "is being written by another run",
                              "another name, or to wait for its end", ""});
}

// Of the first `length` bytes of the file, or of all if it has fewer.
Result<std::uint64_t> hash_of(int file, std::uint64_t length, const std::filesystem::path& path) {
  std::uint64_t hash = fnv1a({});
  std::array<std::byte, 65536> part{};
  while (length > 0) {
    const ssize_t n = ::read(file, part.data(), std::min<std::uint64_t>(length, part.size()));
    if (n < 0 && errno == EINTR) { continue; }
    if (n < 0) { return failed_by_errno(path, "cannot read"); }
    if (n == 0) { break; }
    hash = fnv1a(std::span(part).first(static_cast<std::size_t>(n)), hash);
    length -= static_cast<std::uint64_t>(n);
  }
  return hash;
}

}  // namespace

LinesFile::~LinesFile() { (void)close(); }

Result<void> LinesFile::open() {
  if (file_ >= 0) { return {}; }
  real_path_ = real_path(path_.string());
  if (is_marked_as_written(real_path_)) { return file_is_used(path_, ErrorCode::failed); }
  const int mode = O_WRONLY | O_CREAT | O_CLOEXEC | (options_.overwrite ? O_TRUNC : O_EXCL);
  file_ = ::open(path_.c_str(), mode, 0644);
  if (file_ >= 0) {
    mark_as_written(file_);
    return {};
  }
  if (errno == EEXIST) { return file_exists(path_); }
  return failed_by_errno(path_, "cannot write");
}

Result<void> LinesFile::begin() {
  if (file_ >= 0) { return {}; }
  struct stat status {};
  const bool is_there = ::stat(path_.c_str(), &status) == 0;
  if (is_marked_as_written(real_path(path_.string()))) { return file_is_used(path_, ErrorCode::refused); }
  if (is_there && !options_.overwrite) { return file_exists(path_); }
  if (is_there && S_ISDIR(status.st_mode)) {
    return refused(path_.string(), "this is a directory", "a name for a file");
  }
  const std::filesystem::path folder = path_.has_parent_path() ? path_.parent_path() : ".";
  const int may_write =
      is_there ? ::access(path_.c_str(), W_OK) : ::access((folder / "").c_str(), W_OK | X_OK);
  if (may_write != 0) { return failed_by_errno(path_, "cannot write"); }
  return {};
}

Result<void> LinesFile::write(std::string_view line) {
  if (auto opened = open(); !opened) { return opened; }
  buffer_.append(line);
  buffer_.push_back('\n');
  return buffer_.size() >= kBufferBytes ? flush() : Result<void>{};
}

Result<void> LinesFile::flush() {
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const ssize_t n = ::write(file_, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) { continue; }
    if (n < 0) { return failed_by_errno(path_, "cannot write"); }
    hash_ = fnv1a(std::as_bytes(std::span(rest).first(static_cast<std::size_t>(n))), hash_);
    rest.remove_prefix(static_cast<std::size_t>(n));
    written_ += static_cast<std::uint64_t>(n);
  }
  buffer_.clear();
  return {};
}

Result<std::vector<std::byte>> LinesFile::save() {
  if (auto opened = open(); !opened) { return tl::unexpected(opened.error()); }
  if (auto flushed = flush(); !flushed) { return tl::unexpected(flushed.error()); }
  if (::fdatasync(file_) != 0 && errno != EINVAL) { return failed_by_errno(path_, "cannot write"); }
  ByteWriter state;
  state.put(written_);
  state.put(hash_);
  return state.take();
}

Result<void> LinesFile::load(const std::vector<std::byte>& state) {
  ByteReader reader(state);
  std::uint64_t length = 0;
  std::uint64_t expected_hash = 0;
  if (auto read = reader.get_to(length); !read) { return read; }
  if (auto read = reader.get_to(expected_hash); !read) { return read; }
  file_ = ::open(path_.c_str(), O_RDWR | O_CLOEXEC);
  if (file_ < 0) {
    return failed_by_errno(path_, "cannot go on with the file that the checkpoint belongs to");
  }
  real_path_ = real_path(path_.string());
  if (is_marked_as_written(real_path_)) {
    ::close(std::exchange(file_, -1));
    return file_is_used(path_, ErrorCode::refused);
  }
  mark_as_written(file_);
  struct stat status {};
  if (::fstat(file_, &status) != 0) { return failed_by_errno(path_, "cannot read its length"); }
  if (static_cast<std::uint64_t>(status.st_size) < length) {
    return refused(path_.string(), fmt::format("the file has {} bytes", status.st_size),
                   fmt::format("at least {}, as the checkpoint says", length),
                   "remove the checkpoint to start over");
  }
  const auto hash = hash_of(file_, length, path_);
  if (!hash) { return tl::unexpected(hash.error()); }
  if (*hash != expected_hash) {
    return refused(
        path_.string(),
        fmt::format("the first {} bytes are not those that were written before the checkpoint", length),
        "the file that the checkpoint belongs to", "remove the checkpoint to start over");
  }
  if (::ftruncate(file_, static_cast<off_t>(length)) != 0 || ::lseek(file_, 0, SEEK_END) < 0) {
    return failed_by_errno(path_, "cannot go back to where the checkpoint stands");
  }
  written_ = length;
  hash_ = *hash;
  return {};
}

Result<void> LinesFile::close() {
  if (file_ < 0) { return {}; }
  auto flushed = flush();
  const std::string fate = fate_of_name(file_, real_path_);
  if (flushed && !fate.empty()) { flushed = failed(path_.string(), fate); }
  if (::close(file_) != 0 && flushed) { flushed = failed_by_errno(path_, "cannot write"); }
  file_ = -1;
  return flushed;
}

}  // namespace streamlab
