// nodes/operators/waiting_blocks.hpp
//
// WaitingBlocks: the blocks of one input of a join that wait for their partners, in the order of their keys
// (sequence id or time), in preallocated storage.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "engine/core/data_frame.hpp"

namespace streamlab {

class WaitingBlocks {
 public:
  struct Block {
    DataFrame frame;
    std::int64_t key = 0;
    bool used = false;  // was used as a partner
  };

  // Control thread. Room for `capacity` blocks.
  WaitingBlocks(std::shared_ptr<const StreamFormat> format, std::size_t capacity)
      : format_(std::move(format)) {
    for (std::size_t b = 0; b < capacity; ++b) { blocks_.push_back({DataFrame(format_)}); }
  }

  // Makes room for more blocks. Not real-time safe.
  void grow() {
    std::rotate(blocks_.begin(), blocks_.begin() + static_cast<std::ptrdiff_t>(first_), blocks_.end());
    first_ = 0;
    for (std::size_t more = blocks_.size() / 2 + 1; more > 0; --more) {
      blocks_.push_back({DataFrame(format_)});
    }
  }

  // The following are real-time safe.
  const StreamFormat& format() const noexcept { return *format_; }
  std::size_t size() const noexcept { return count_; }
  bool empty() const noexcept { return count_ == 0; }
  bool has_room(std::size_t blocks = 1) const noexcept { return count_ + blocks <= blocks_.size(); }
  // `index` counts from the oldest; below size().
  Block& operator[](std::size_t index) noexcept { return blocks_[(first_ + index) % blocks_.size()]; }
  const Block& operator[](std::size_t index) const noexcept {
    return blocks_[(first_ + index) % blocks_.size()];
  }
  // Keeps a copy; there must be room, and `key` must not be below that of the block before.
  void push(const DataFrame& frame, std::int64_t key) noexcept {
    Block& to = blocks_[(first_ + count_) % blocks_.size()];
    to.frame.copy_from(frame);
    to.key = key;
    to.used = false;
    ++count_;
  }
  void pop() noexcept {
    first_ = (first_ + 1) % blocks_.size();
    --count_;
  }
  // The largest key so far, popped or not; the lowest number before any.
  std::int64_t seen() const noexcept { return seen_; }
  void set_seen(std::int64_t key) noexcept { seen_ = key; }
  bool ended() const noexcept { return ended_; }
  void end() noexcept { ended_ = true; }
  // No block with this key or a lower one can come any more.
  bool has_passed(std::int64_t key) const noexcept { return ended_ || seen_ >= key; }
  void clear() noexcept {
    first_ = count_ = 0;
    seen_ = std::numeric_limits<std::int64_t>::min();
    ended_ = false;
  }

 private:
  std::shared_ptr<const StreamFormat> format_;
  std::vector<Block> blocks_;  // a ring
  std::size_t first_ = 0;
  std::size_t count_ = 0;
  std::int64_t seen_ = std::numeric_limits<std::int64_t>::min();
  bool ended_ = false;
};

}  // namespace streamlab
