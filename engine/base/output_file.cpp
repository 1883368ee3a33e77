// engine/base/output_file.cpp
#include "engine/base/output_file.hpp"

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/file_in_use.hpp"
#include "engine/base/real_path.hpp"

namespace streamlab {
namespace {

constexpr int kMostNames = 100;  // beside an old file

int create_new(const std::string& path, unsigned permissions) {
  // O_EXCL: a file that has appeared since the check is not ours.
  return ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, permissions);
}

// The n-th alternative name for `path`, no longer than the system allows.
std::string name_beside(const std::string& path, Naming naming, int n) {
  const std::string kind = naming == Naming::at_once ? ".new" : ".part";
  const std::string ending = n == 1 ? kind : fmt::format("{}{}", kind, n);
  const std::size_t name = path.rfind('/') + 1;  // the path is absolute
  return path.substr(0, std::min(path.size(), name + NAME_MAX - ending.size())) + ending;
}

// A run may be writing `real`, or a file beside it that is to have this name.
bool is_being_written(const std::string& real) {
  if (is_marked_as_written(real)) { return true; }
  for (const Naming naming : {Naming::at_once, Naming::when_complete}) {
    for (int n = 1; n <= kMostNames; ++n) {
      const std::string beside = name_beside(real, naming, n);
      if (::access(beside.c_str(), F_OK) != 0) { break; }
      if (is_marked_as_written(beside)) { return true; }
    }
  }
  return false;
}

Result<void> not_regular(const std::string& path, mode_t mode) {
  if (S_ISREG(mode)) { return {}; }
  return failed(path, S_ISDIR(mode) ? "is a directory" : "exists but is not a regular file");
}

std::string folder_of(const std::string& real) {
  const std::size_t slash = real.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : real.substr(0, slash);
}

// Is the folder of a path there, as the path was given? The system finds no "none/../a.wav", which real_path() makes "a.wav".
// False: errno says why.
bool is_in_a_folder(const std::string& path) {
  struct stat status {};
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos || slash == 0 || ::stat(path.substr(0, slash).c_str(), &status) == 0;
}

}  // namespace

Result<OutputFile> OutputFile::create(const std::string& path, bool replace, Naming naming,
                                      unsigned permissions) {
  const auto cannot = [&] {
    return failed(path, fmt::format("cannot be created: {}", std::strerror(errno)));
  };
  if (path.find('\0') != std::string::npos) {
    errno = EINVAL;
    return cannot();
  }
  if (path.ends_with('/')) {
    errno = EISDIR;
    return cannot();
  }
  if (!is_in_a_folder(path)) { return cannot(); }
  const std::string real = real_path(path);
  if (auto unused = check_unused(path, ErrorCode::refused); !unused) {
    return tl::unexpected(unused.error());
  }
  struct stat old {};
  bool is_there = ::lstat(real.c_str(), &old) == 0;
  if (!is_there && errno != ENOENT) { return cannot(); }
  if (!is_there && naming == Naming::at_once) {
    const int fd = create_new(real, permissions);
    if (fd >= 0) { return OutputFile(fd, path, real, {}); }
    if (errno != EEXIST || ::lstat(real.c_str(), &old) != 0) { return cannot(); }
    is_there = true;
  }
  if (is_there && !replace) {
    return refused(path, "already exists", {}, "use --force to replace it, or choose another name");
  }
  if (is_there) {
    if (auto regular = not_regular(path, old.st_mode); !regular) { return tl::unexpected(regular.error()); }
  }
  for (int n = 1; n <= kMostNames; ++n) {
    const std::string beside = name_beside(real, naming, n);
    const int fd = create_new(beside, permissions);
    if (fd < 0 && errno == EEXIST) { continue; }
    if (fd < 0) { return cannot(); }
    // Where the file system supports them; a file that others could already read is not secret.
    if (is_there) { static_cast<void>(::fchmod(fd, old.st_mode & 0777U)); }
    return OutputFile(fd, path, real, beside, replace, naming);
  }
  return failed(
      path,
      fmt::format("cannot be {}: {} unfinished files are beside it, up to \"{}\"",
                  is_there ? "replaced" : "written", kMostNames, name_beside(real, naming, kMostNames)),
      {}, "remove the ones you do not need");
}

std::string OutputFile::part_path(const std::string& path) {
  return name_beside(real_path(path), Naming::when_complete, 1);
}

void OutputFile::remove_part(const std::string& path) { ::unlink(part_path(path).c_str()); }

Result<void> OutputFile::check(const std::string& path) {
  if (path.find('\0') != std::string::npos) {
    return refused(path, "is not a valid path: it contains a NUL character", "a path");
  }
  const std::string real = real_path(path);
  struct stat old {};
  if (::lstat(real.c_str(), &old) == 0) {
    if (auto regular = not_regular(path, old.st_mode); !regular) {
      return refused(path, regular.error().what, "a file");
    }
  } else if (errno == ENAMETOOLONG) {
    return refused(path, fmt::format("cannot be created: {}", std::strerror(errno)));
  }
  if (path.ends_with('/')) { return refused(path, "is the name of a folder", "a file"); }
  struct stat status {};
  std::string folder = folder_of(real);
  if (::stat(folder.c_str(), &status) == 0 && !is_in_a_folder(path)) {
    folder = path.substr(0, path.rfind('/'));
  }
  if (::stat(folder.c_str(), &status) != 0) {
    return refused(path, fmt::format("cannot be created: \"{}\": {}", folder, std::strerror(errno)),
                   "an existing folder", home_hint(path));
  }
  if (!S_ISDIR(status.st_mode)) {
    return refused(path, fmt::format("cannot be created: \"{}\" is not a folder", folder), "a folder");
  }
  if (::access(folder.c_str(), W_OK | X_OK) != 0) {
    return refused(path, fmt::format("cannot be created in \"{}\": {}", folder, std::strerror(errno)),
                   "a writable folder");
  }
  return {};
}

Result<void> OutputFile::check_unused(const std::string& path, ErrorCode code) {
  if (!is_being_written(real_path(path))) { return {}; }
  return tl::unexpected(
      Error{code, path, "is being written by another run", "another name, or to wait for its end", ""});
}

OutputFile::OutputFile(int fd, std::string given, std::string path, std::string beside, bool replaces,
                       Naming naming)
    : fd_(fd),
      given_(std::move(given)),
      path_(std::move(path)),
      beside_(std::move(beside)),
      replaces_(replaces),
      naming_(naming) {
  mark_as_written(fd_);
}
OutputFile::OutputFile(OutputFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      given_(std::move(other.given_)),
      path_(std::move(other.path_)),
      beside_(std::move(other.beside_)),
      replaces_(other.replaces_),
      naming_(other.naming_),
      ending_(other.ending_),
      left_beside_(std::move(other.left_beside_)) {}
OutputFile& OutputFile::operator=(OutputFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(given_, other.given_);
  std::swap(path_, other.path_);
  std::swap(beside_, other.beside_);
  std::swap(replaces_, other.replaces_);
  std::swap(naming_, other.naming_);
  std::swap(ending_, other.ending_);
  std::swap(left_beside_, other.left_beside_);
  return *this;
}
OutputFile::~OutputFile() {
  if (ending_ == Ending::complete) { ending_ = Ending::cut_short; }
  static_cast<void>(close());
}

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

// False: errno says why.
bool OutputFile::take_name() const {
  if (replaces_) { return std::rename(beside_.c_str(), path_.c_str()) == 0; }
  if (::renameat2(AT_FDCWD, beside_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) == 0) { return true; }
  // Where the file system cannot do this, another file could take the name between the check and the rename.
  if (errno != EINVAL && errno != ENOSYS) { return false; }
  if (::access(path_.c_str(), F_OK) == 0) {
    errno = EEXIST;
    return false;
  }
  return std::rename(beside_.c_str(), path_.c_str()) == 0;
}

void OutputFile::give_up_name() {
  ::unlink(name().c_str());
  path_.clear();
  beside_.clear();
}

// `fate` completes a sentence that begins with the name under which it was written.
Result<void> OutputFile::name_is_lost(const std::string& fate) const {
  if (beside_.empty()) { return failed(given_, fate); }
  struct stat old {};
  const bool is_kept = ::lstat(path_.c_str(), &old) == 0;
  return failed(given_, fmt::format("the new file, \"{}\", {}{}", beside_, fate,
                                    is_kept ? "; the old file was kept" : ""));
}

Result<void> OutputFile::close() {
  const int fd = std::exchange(fd_, -1);
  if (fd < 0) { return {}; }
  const bool is_renamed = !beside_.empty() && ending_ == Ending::complete;
  // Flushed to disk before the rename: otherwise a power cut could leave an empty file under this name.
  const bool synced = !is_renamed || ::fsync(fd) == 0 || errno == EINVAL;
  int error = synced ? 0 : errno;
  const std::string fate = path_.empty() ? std::string() : fate_of_name(fd, name());
  if (::close(fd) != 0 && error == 0) { error = errno; }
  const bool is_removed =
      ending_ == Ending::not_begun || (ending_ == Ending::cut_short && naming_ == Naming::when_complete);
  if (!fate.empty()) {
    return is_removed ? Result<void>{} : name_is_lost(fate);
  }  // what has the name is not ours
  const char* what = "may be incomplete";
  if (is_renamed && error == 0 && !take_name()) {
    error = errno;
    what = "cannot be completed";
  }
  const bool stays = beside_.empty() || (is_renamed && error == 0);
  if (ending_ == Ending::not_begun && !path_.empty()) {
    ::unlink(name().c_str());
  } else if (!stays && naming_ == Naming::when_complete) {
    ::unlink(beside_.c_str());
  } else if (!stays) {
    left_beside_ = beside_;
  }
  if (error == 0) { return {}; }
  return failed(given_, fmt::format("{}: {}", what, std::strerror(error)));
}

}  // namespace streamlab
