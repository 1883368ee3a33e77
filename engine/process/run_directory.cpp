// engine/process/run_directory.cpp
#include "engine/process/run_directory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

namespace streamlab {
namespace {

std::string default_parent() {
  for (const char* name : {"XDG_RUNTIME_DIR", "TMPDIR"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0' && ::access(value, W_OK | X_OK) == 0) { return value; }
  }
  return "/tmp";
}

std::string name_prefix() { return fmt::format("streamlab-{}-", ::getuid()); }

// The directory, locked, if it is ours and no other process holds it.
Fd lock_if_ours(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat info {};
  if (!fd || ::fstat(fd.get(), &info) != 0 || info.st_uid != ::getuid()) { return {}; }
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) { return {}; }
  return fd;
}

void remove_tree(const std::string& path) {
  std::error_code ignored;  // what cannot be removed is left for the next run
  std::filesystem::remove_all(path, ignored);
}

// Not yet locked, or its owner died at that moment: then it gets old.
constexpr std::string_view kUnfinishedPrefix = ".streamlab-new-";
constexpr auto kOld = std::chrono::minutes(1);

bool is_old(const std::filesystem::directory_entry& entry) {
  std::error_code error;
  const auto time = entry.last_write_time(error);
  return !error && std::filesystem::file_time_type::clock::now() - time > kOld;
}

void remove_stale(const std::string& parent) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry(parent, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const bool may_be_stale =
        name.starts_with(name_prefix()) || (name.starts_with(kUnfinishedPrefix) && is_old(*entry));
    if (!may_be_stale) { continue; }
    if (const Fd lock = lock_if_ours(entry->path().string())) { remove_tree(entry->path().string()); }
  }
}

}  // namespace

Result<RunDirectory> RunDirectory::create(const std::string& parent) {
  const std::string where = parent.empty() ? default_parent() : parent;
  remove_stale(where);
  // An unlocked directory looks stale, so it gets its final name only once it is locked.
  std::string unfinished = fmt::format("{}/{}XXXXXX", where, kUnfinishedPrefix);
  if (::mkdtemp(unfinished.data()) == nullptr) {  // mode 0700
    return failed(where, fmt::format("cannot create a directory here: {}", std::strerror(errno)));
  }
  Fd lock = lock_if_ours(unfinished);
  std::string path = fmt::format("{}/{}{}", where, name_prefix(),
                                 unfinished.substr(unfinished.size() - std::strlen("XXXXXX")));
  if (!lock || ::rename(unfinished.c_str(), path.c_str()) != 0) {
    const std::string reason = std::strerror(errno);
    remove_tree(unfinished);
    return failed(path, fmt::format("cannot be created and locked: {}", reason));
  }
  return RunDirectory(std::move(path), std::move(lock));
}

RunDirectory& RunDirectory::operator=(RunDirectory&& other) noexcept {
  remove();
  path_ = std::move(other.path_);
  lock_ = std::move(other.lock_);
  return *this;
}

RunDirectory::~RunDirectory() { remove(); }

void RunDirectory::remove() noexcept {
  if (lock_) { remove_tree(path_); }
  lock_.reset();
}

Result<std::string> RunDirectory::make_fifo(std::string_view name) const {
  std::string path = path_of(name);
  if (::mkfifo(path.c_str(), 0600) != 0) {
    return failed(path, fmt::format("cannot create a FIFO: {}", std::strerror(errno)));
  }
  return path;
}

Result<std::string> RunDirectory::write(std::string_view name, std::string_view content) const {
  std::string path = path_of(name);
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  const auto failure = [&] {
    const int reason = errno;
    if (file) { ::unlink(path.c_str()); }
    return failed(path, fmt::format("cannot be written: {}", std::strerror(reason)));
  };
  if (!file) { return failure(); }
  while (!content.empty()) {
    const ssize_t written = ::write(file.get(), content.data(), content.size());
    if (written < 0 && errno != EINTR) { return failure(); }
    if (written > 0) { content.remove_prefix(static_cast<std::size_t>(written)); }
  }
  return path;
}

}  // namespace streamlab
