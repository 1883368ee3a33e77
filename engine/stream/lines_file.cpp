// engine/stream/lines_file.cpp
#include "engine/stream/lines_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include "engine/base/byte_codec.hpp"

namespace streamlab {
LinesFile::~LinesFile() { (void)close(); }

Result<void> LinesFile::open() {
  if (file_ >= 0) { return {}; }
  const int mode = O_WRONLY | O_CREAT | O_CLOEXEC | (options_.overwrite ? O_TRUNC : O_EXCL);
  file_ = ::open(path_.c_str(), mode, 0644);
  if (file_ >= 0) { return {}; }
  if (errno == EEXIST) {
    return refused(path_.string(), "the file exists", "a name that is free",
                   "LinesOptions::overwrite allows replacing it");
  }
  return failed_by_errno(path_, "cannot write");
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
  return state.take();
}

Result<void> LinesFile::load(const std::vector<std::byte>& state) {
  ByteReader reader(state);
  std::uint64_t length = 0;
  if (auto read = reader.get_to(length); !read) { return read; }
  file_ = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC);
  if (file_ < 0) {
    return failed_by_errno(path_, "cannot go on with the file that the checkpoint belongs to");
  }
  struct stat status {};
  if (::fstat(file_, &status) != 0) { return failed_by_errno(path_, "cannot read its length"); }
  if (static_cast<std::uint64_t>(status.st_size) < length) {
    return refused(path_.string(), fmt::format("the file has {} bytes", status.st_size),
                   fmt::format("at least {}, as the checkpoint says", length),
                   "remove the checkpoint to begin anew");
  }
  if (::ftruncate(file_, static_cast<off_t>(length)) != 0 || ::lseek(file_, 0, SEEK_END) < 0) {
    return failed_by_errno(path_, "cannot go back to where the checkpoint stands");
  }
  written_ = length;
  return {};
}

Result<void> LinesFile::close() {
  if (file_ < 0) { return {}; }
  auto flushed = flush();
  if (::close(file_) != 0 && flushed) { flushed = failed_by_errno(path_, "cannot write"); }
  file_ = -1;
  return flushed;
}

}  // namespace streamlab
