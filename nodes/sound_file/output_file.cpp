// nodes/sound_file/output_file.cpp
#include "nodes/sound_file/output_file.hpp"

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace streamlab {
namespace {

// Takes the old file out of the way.
Result<void> unlink_old(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) { return {}; }
  if (!S_ISREG(status.st_mode)) { return failed(path, "exists and is not a regular file"); }
  char real[PATH_MAX];
  if (realpath(path.c_str(), real) == nullptr || unlink(real) != 0) {
    return failed(path, fmt::format("exists and cannot be replaced: {}", std::strerror(errno)));
  }
  return {};
}

}  // namespace

Result<OutputFile> OutputFile::create(const std::string& path, bool replace) {
  if (replace) {
    if (auto unlinked = unlink_old(path); !unlinked) { return tl::unexpected(unlinked.error()); }
  }
  // A link that leads nowhere yet may only be followed without O_EXCL; its target does not exist, or it would
  // have been unlinked above.
  const int exclusive = replace ? 0 : O_EXCL;
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK | exclusive, 0666);
  if (fd >= 0) { return OutputFile(fd); }
  if (errno == EEXIST) {
    return failed(path, "exists already", {}, "use --force to replace it, or name another");
  }
  return failed(path, fmt::format("cannot be created: {}", std::strerror(errno)));
}

OutputFile::OutputFile(OutputFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
OutputFile& OutputFile::operator=(OutputFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}
OutputFile::~OutputFile() { close(); }

std::size_t OutputFile::write_at(const std::byte* bytes, std::size_t count, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < count) {
    const ssize_t written = pwrite(fd_, bytes + done, count - done, static_cast<off_t>(offset + done));
    if (written < 0 && errno == EINTR) { continue; }
    if (written <= 0) { break; }
    done += static_cast<std::size_t>(written);
  }
  return done;
}

bool OutputFile::resize(std::uint64_t bytes) { return ftruncate(fd_, static_cast<off_t>(bytes)) == 0; }

bool OutputFile::close() {
  const int fd = std::exchange(fd_, -1);
  return fd < 0 || ::close(fd) == 0;
}

}  // namespace streamlab
