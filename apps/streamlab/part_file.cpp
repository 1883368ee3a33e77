// apps/streamlab/part_file.cpp
#include "apps/streamlab/part_file.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/real_path.hpp"

namespace streamlab::app {
namespace {

constexpr int kMostParts = 100;  // of one file

// No longer than the system allows. `real`: absolute.
std::string part_name(const std::string& real, int n) {
  const std::string ending = n == 1 ? ".part" : fmt::format(".part{}", n);
  const std::size_t name = real.rfind('/') + 1;
  return real.substr(0, std::min(real.size(), name + NAME_MAX - ending.size())) + ending;
}

bool exists(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

// False: errno says why.
bool take_name(const std::string& from, const std::string& to, bool replaces) {
  if (replaces) { return std::rename(from.c_str(), to.c_str()) == 0; }
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) { return true; }
  if (errno != EINVAL && errno != ENOSYS) { return false; }  // else the file system cannot do this
  if (exists(to)) {
    errno = EEXIST;
    return false;
  }
  return std::rename(from.c_str(), to.c_str()) == 0;
}

}  // namespace

Result<PartFile> PartFile::create(const std::string& path) {
  const std::string real = real_path(path);
  for (int n = 1; n <= kMostParts; ++n) {
    const std::string name = part_name(real, n);
    if (exists(name)) { continue; }
    auto file = OutputFile::create(name, false);
    if (file) { return PartFile(std::move(*file), real, name); }
    if (!exists(name)) { return tl::unexpected(file.error()); }  // else another program was faster
  }
  return failed(
      path,
      fmt::format("{} unfinished files are beside it, up to \"{}\"", kMostParts, part_name(real, kMostParts)),
      {}, "remove the ones you do not need");
}

Result<PartFile> PartFile::without_name() {
  static std::atomic<int> count{0};  // only to tell names apart: no order is needed
  std::error_code error;
  const auto folder = std::filesystem::temp_directory_path(error);
  const int number = count.fetch_add(1, std::memory_order_relaxed);
  const std::string name = (folder / fmt::format("streamlab-{}-{}", ::getpid(), number)).string();
  auto file = OutputFile::create(name, false, Naming::at_once, 0600);
  if (!file) { return tl::unexpected(file.error()); }
  file->give_up_name();
  return PartFile(std::move(*file), {}, {});
}

std::vector<std::string> PartFile::parts(const std::string& path) {
  const std::string real = real_path(path);
  std::vector<std::string> found;
  for (int n = 1; n <= kMostParts; ++n) {
    std::error_code error;
    std::string name = part_name(real, n);
    if (exists(name) && std::filesystem::is_regular_file(name, error)) { found.push_back(std::move(name)); }
  }
  return found;
}

std::string PartFile::first_part(const std::string& path) { return part_name(real_path(path), 1); }

bool PartFile::append(std::string_view text) {
  const auto* const bytes = reinterpret_cast<const std::byte*>(text.data());
  if (file_->write_at(bytes, text.size(), bytes_) == text.size()) {
    bytes_ += text.size();
    return true;
  }
  const int error = errno;
  file_->resize(bytes_);
  errno = error;
  return false;
}

Result<void> PartFile::flush_and_close() {
  // Before it gets another name: otherwise a power cut could leave an empty file under it.
  const bool is_flushed = ::fsync(fd()) == 0 || errno == EINVAL;
  const int error = errno;
  auto closed = file_->close();
  file_.reset();
  if (!is_flushed) { return failed(path_, fmt::format("cannot be completed: {}", std::strerror(error))); }
  if (closed) { return {}; }
  return failed(path_, fmt::format("its \"{}\" {}", name_, closed.error().what));
}

Result<void> PartFile::complete(bool replaces) {
  struct stat old {};
  if (::lstat(path_.c_str(), &old) == 0) { static_cast<void>(::fchmod(fd(), old.st_mode & 0777U)); }
  if (auto closed = flush_and_close(); !closed) { return closed; }
  if (take_name(name_, path_, replaces)) { return {}; }
  return failed_by_errno(path_, "cannot be completed");
}

Result<void> PartFile::leave(const std::string& name) {
  if (auto closed = flush_and_close(); !closed) { return closed; }
  if (name == name_ || std::rename(name_.c_str(), name.c_str()) == 0) { return {}; }
  return failed_by_errno(path_, "cannot be completed");
}

void PartFile::discard() {
  if (!file_) { return; }
  if (!name_.empty()) { file_->set_ending(Ending::not_begun); }  // removes it
  static_cast<void>(file_->close());
  file_.reset();
}

}  // namespace streamlab::app
