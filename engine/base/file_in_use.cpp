// engine/base/file_in_use.cpp
#include "engine/base/file_in_use.hpp"

#include <cerrno>
#include <climits>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace streamlab {
namespace {

constexpr std::string_view kWhile = "while it was written";

bool is_same(const struct stat& a, const struct stat& b) {
  return a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

// The name by which the kernel knows an open file now; empty where that leads to another or to none.
std::string present_name(int fd, const struct stat& open) {
  char name[PATH_MAX];
  const ssize_t size = ::readlink(fmt::format("/proc/self/fd/{}", fd).c_str(), name, sizeof name);
  if (size <= 0 || size == static_cast<ssize_t>(sizeof name)) { return {}; }
  std::string path(name, static_cast<std::size_t>(size));
  struct stat named {};
  return ::lstat(path.c_str(), &named) == 0 && is_same(open, named) ? path : std::string();
}

struct flock mark_of(short kind) noexcept {
  struct flock mark {};
  mark.l_type = kind;
  mark.l_whence = SEEK_SET;
  mark.l_start = off_t{1} << 62U;
  mark.l_len = 1;
  return mark;
}

}  // namespace

std::string fate_of_name(int fd, const std::string& path) {
  struct stat open {};
  struct stat named {};
  if (::fstat(fd, &open) != 0) { return fmt::format("cannot be found again: {}", std::strerror(errno)); }
  if (!S_ISREG(open.st_mode)) { return {}; }  // of a pipe or a device nothing can be lost by its name
  const bool is_there = ::lstat(path.c_str(), &named) == 0;
  if (is_there && is_same(open, named)) { return {}; }
  if (!is_there && errno != ENOENT && errno != ENOTDIR) {
    return fmt::format("cannot be found again: {}", std::strerror(errno));
  }
  if (const std::string now = present_name(fd, open); !now.empty()) {
    return fmt::format("was moved {}{}: it is \"{}\"", kWhile,
                       is_there ? ", and another file has its name" : "", now);
  }
  const char* const how = is_there ? "replaced by another file" : "removed";
  return fmt::format("was {} {}: {}", how, kWhile,
                     open.st_nlink > 0 ? "only a hard link to it is left" : "what was written is lost");
}

bool is_about_lost_name(std::string_view what) { return what.find(kWhile) != std::string_view::npos; }

// Locks of an open file description (not of a process, which would lose them with any descriptor of the file).
void mark_as_written(int fd) noexcept {
  struct flock mark = mark_of(F_WRLCK);
  static_cast<void>(::fcntl(fd, F_OFD_SETLK, &mark));
}

bool is_marked_as_written(const std::string& path) noexcept {
  const int fd = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) { return false; }
  struct flock mark = mark_of(F_WRLCK);
  const bool is_known = ::fcntl(fd, F_OFD_GETLK, &mark) == 0;
  ::close(fd);
  return is_known && mark.l_type != F_UNLCK;
}

}  // namespace streamlab
