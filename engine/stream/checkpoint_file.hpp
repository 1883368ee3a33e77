// engine/stream/checkpoint_file.hpp
//
// CheckpointFile: the state of a stream on disk, replaced as a whole.
//
//   "SLCP", version (u32), length of what follows (u64), its FNV-1a hash (u64), then: signature, state, end
//
// A new checkpoint is written beside the old one, made durable, and takes its name; the old one stays as
// PATH.previous. So at every moment one of the two is whole, whenever the process or the machine stops. A
// file that was cut short or damaged is known by its length and hash: the previous one is then used, and
// said.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/error.hpp"

namespace streamlab {

struct Checkpoint {
  std::string signature;          // of the chain: names and sizes of its stages, and the user's key
  std::uint64_t items = 0;        // that had passed
  std::vector<std::byte> stages;  // what they hold, in the direction of flow
  std::vector<std::byte> end;     // where the end stands; empty for ends that do not say
};

class CheckpointFile {
 public:
  static constexpr std::uint32_t kVersion = 3;

  explicit CheckpointFile(std::filesystem::path path) : path_(std::move(path)) {}

  struct Loaded {
    Checkpoint checkpoint;
    std::string note;  // "resumed from PATH.previous: PATH is cut short"; empty when there is nothing to say
  };
  // Before there is anything to save: refused where save() could not write, or would replace what is no regular
  // file. Leaves nothing behind.
  Result<void> check() const;
  // Nothing when there is no checkpoint. Refused: another version, another signature, no whole file.
  Result<std::optional<Loaded>> load(const std::string& signature) const;
  Result<void> save(const Checkpoint& checkpoint) const;
  // The job is done: removes both files.
  Result<void> remove() const;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path previous() const { return path_.string() + ".previous"; }
  std::filesystem::path fresh() const { return path_.string() + ".new"; }
  std::filesystem::path path_;
};

}  // namespace streamlab
