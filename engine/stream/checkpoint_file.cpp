// engine/stream/checkpoint_file.cpp
#include "engine/stream/checkpoint_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include <fmt/format.h>

#include "engine/base/byte_codec.hpp"

namespace streamlab {
namespace {

namespace fs = std::filesystem;

constexpr std::array<char, 4> kMagic{'S', 'L', 'C', 'P'};

// What stands at `path`: a regular file, or nothing. Refused: whatever else is there, which is neither read (a pipe
// would be waited for, a device may never end) nor replaced; and a folder that cannot be looked into.
Result<bool> is_file(const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) { return false; }
    return failed_by_errno(path, "cannot look for the checkpoint");
  }
  if (S_ISREG(status.st_mode)) { return true; }
  return refused(path.string(),
                 S_ISDIR(status.st_mode) ? "this is a directory" : "this is not a regular file",
                 "a name for the checkpoint's file");
}

// All that is in the file.
Result<std::vector<std::byte>> content_of(const fs::path& path) {
  const auto failure = [&] { return failed_by_errno(path, "cannot read the checkpoint"); };
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) { return failure(); }
  Result<std::vector<std::byte>> content;
  std::array<std::byte, 65536> part{};
  while (true) {
    const ssize_t n = ::read(file, part.data(), part.size());
    if (n < 0 && errno == EINTR) { continue; }
    if (n < 0) { content = failure(); }
    if (n <= 0) { break; }
    content->insert(content->end(), part.begin(), part.begin() + n);
  }
  ::close(file);
  return content;
}

// Writes all of it and waits until the disk has it.
Result<void> write_durably(const fs::path& path, std::span<const std::byte> bytes) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) { return failed_by_errno(path, "cannot write the checkpoint"); }
  Result<void> written;
  while (!bytes.empty() && written) {
    const ssize_t n = ::write(file, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) { continue; }
    if (n < 0) {
      written = failed_by_errno(path, "cannot write the checkpoint");
    } else {
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
  }
  if (written && ::fsync(file) != 0) { written = failed_by_errno(path, "cannot write the checkpoint"); }
  ::close(file);
  return written;
}

void sync_folder_of(const fs::path& path) {
  const fs::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) { return; }  // the names are right at once; only a power cut could take them back
  ::fsync(file);
  ::close(file);
}

struct Problem {
  bool cut = false;  // not a whole file: the previous one may do. Otherwise it is whole and not ours.
  Error error;
};

tl::expected<Checkpoint, Problem> read(const fs::path& path) {
  const auto cut = [&](const std::string& what) {
    return tl::unexpected(
        Problem{true, Error{ErrorCode::refused, path.string(), what, "a whole checkpoint", ""}});
  };
  const auto content = content_of(path);
  if (!content) { return tl::unexpected(Problem{true, content.error()}); }
  ByteReader reader(*content);
  std::array<char, 4> magic{};
  if (!reader.get_raw(magic.data(), magic.size())) { return cut("the checkpoint is cut short"); }
  if (magic != kMagic) { return cut("this is no checkpoint"); }
  const auto version = reader.get<std::uint32_t>();
  if (!version) { return cut("the checkpoint is cut short"); }
  if (*version != CheckpointFile::kVersion) {
    return tl::unexpected(Problem{
        false,
        Error{ErrorCode::refused, path.string(), fmt::format("the checkpoint is of version {}", *version),
              fmt::format("version {}", CheckpointFile::kVersion), "remove it to start over"}});
  }
  const auto length = reader.get<std::uint64_t>();
  const auto hash = reader.get<std::uint64_t>();
  if (!length || !hash || reader.left() < *length) { return cut("the checkpoint is cut short"); }
  const auto body = std::span(*content).last(reader.left());
  if (body.size() != *length || fnv1a(body) != *hash) { return cut("the checkpoint is damaged"); }

  Checkpoint checkpoint;
  if (!reader.get_to(checkpoint.signature) || !reader.get_to(checkpoint.items) ||
      !reader.get_to(checkpoint.stages) || !reader.get_to(checkpoint.end)) {
    return cut("the checkpoint is damaged");
  }
  return checkpoint;
}

}  // namespace

Result<void> CheckpointFile::check() const {
  for (const fs::path& path : {path_, previous(), fresh()}) {
    if (auto free = is_file(path); !free) { return tl::unexpected(free.error()); }
  }
  const int file = ::open(fresh().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) { return failed_by_errno(path_, "cannot write the checkpoint"); }
  ::close(file);
  ::unlink(fresh().c_str());
  return {};
}

Result<std::optional<CheckpointFile::Loaded>> CheckpointFile::load(const std::string& signature) const {
  const auto is_there = is_file(path_);
  if (!is_there) { return tl::unexpected(is_there.error()); }
  const auto is_previous_there = is_file(previous());
  if (!is_previous_there) { return tl::unexpected(is_previous_there.error()); }
  const bool there = *is_there;
  const bool previous_there = *is_previous_there;
  if (!there && !previous_there) { return std::optional<Loaded>{}; }

  Loaded loaded;
  auto checkpoint = read(there ? path_ : previous());
  if (!checkpoint && checkpoint.error().cut && there && previous_there) {
    loaded.note = fmt::format("{}: {}; the one before it is used: {}", path_.string(),
                              checkpoint.error().error.what, previous().string());
    checkpoint = read(previous());
  }
  if (!checkpoint) {
    Error error = checkpoint.error().error;
    if (error.hint.empty()) { error.hint = "remove it to start over"; }
    return tl::unexpected(std::move(error));
  }
  if (checkpoint->signature != signature) {
    return refused(path_.string(),
                   fmt::format("the checkpoint is of another stream: {}", checkpoint->signature), signature,
                   "remove it to start over");
  }
  loaded.checkpoint = std::move(*checkpoint);
  return std::optional<Loaded>(std::move(loaded));
}

Result<void> CheckpointFile::save(const Checkpoint& checkpoint) const {
  ByteWriter body;
  body.put(checkpoint.signature);
  body.put(checkpoint.items);
  body.put(checkpoint.stages);
  body.put(checkpoint.end);
  ByteWriter file;
  file.put_raw(kMagic.data(), kMagic.size());
  file.put(kVersion);
  file.put<std::uint64_t>(body.bytes().size());
  file.put(fnv1a(body.bytes()));
  file.put_raw(body.bytes().data(), body.bytes().size());

  if (auto written = write_durably(fresh(), file.bytes()); !written) {
    std::error_code ignored;
    fs::remove(fresh(), ignored);
    return written;
  }
  std::error_code error;
  if (fs::exists(path_, error)) { fs::rename(path_, previous(), error); }
  if (!error) { fs::rename(fresh(), path_, error); }
  if (error) {
    return failed(path_.string(), "cannot put the new checkpoint in its place: " + error.message());
  }
  sync_folder_of(path_);
  return {};
}

Result<void> CheckpointFile::remove() const {
  for (const fs::path& path : {path_, previous()}) {
    std::error_code error;
    fs::remove(path, error);
    if (error) { return failed(path.string(), "cannot remove the checkpoint: " + error.message()); }
  }
  return {};
}

}  // namespace streamlab
