// engine/process/byte_backlog.hpp
//
// ByteBacklog: a queue of bytes from which the oldest can be dropped in whole units.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace streamlab {

class ByteBacklog {
 public:
  explicit ByteBacklog(std::size_t unit_bytes = 1) : unit_bytes_(unit_bytes) {}

  std::size_t size() const { return bytes_.size() - begin_; }
  bool empty() const { return size() == 0; }
  std::span<const std::byte> bytes() const { return std::span(bytes_).subspan(begin_); }

  void push(std::span<const std::byte> more) {
    if (begin_ > 0) {
      bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(begin_));
      begin_ = 0;
    }
    bytes_.insert(bytes_.end(), more.begin(), more.end());
  }

  // The first `count` bytes were taken.
  void pop(std::size_t count) {
    begin_ += count;
    taken_ += count;
    if (begin_ == bytes_.size()) {
      bytes_.clear();
      begin_ = 0;
    }
  }

  // Drops the oldest whole units until at most `max_bytes` are left, or no whole unit is. A unit that was
  // partly taken stays, so that its reader gets the rest. Returns the number of bytes dropped.
  std::size_t drop_oldest(std::size_t max_bytes) {
    if (size() <= max_bytes) { return 0; }
    const auto begun = static_cast<std::size_t>(taken_ % unit_bytes_);
    const std::size_t rest_of_unit = begun == 0 ? 0 : unit_bytes_ - begun;
    if (size() < rest_of_unit) { return 0; }
    const std::size_t too_many = size() - max_bytes;
    const std::size_t wanted = (too_many + unit_bytes_ - 1) / unit_bytes_;
    const std::size_t there = (size() - rest_of_unit) / unit_bytes_;
    const std::size_t count = (wanted < there ? wanted : there) * unit_bytes_;
    const auto first = bytes_.begin() + static_cast<std::ptrdiff_t>(begin_ + rest_of_unit);
    bytes_.erase(first, first + static_cast<std::ptrdiff_t>(count));
    return count;
  }

 private:
  std::size_t unit_bytes_;
  std::vector<std::byte> bytes_;
  std::size_t begin_ = 0;    // of the bytes still to be taken
  std::uint64_t taken_ = 0;  // in total; dropped bytes do not change the position in the unit
};

}  // namespace streamlab
