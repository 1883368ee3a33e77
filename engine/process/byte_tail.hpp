// engine/process/byte_tail.hpp
//
// ByteTail: the last bytes of a text of any length, and how many bytes and lines it had.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace streamlab {

class ByteTail {
 public:
  explicit ByteTail(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  void add(std::string_view bytes) {
    total_ += bytes.size();
    lines_ += static_cast<std::uint64_t>(std::count(bytes.begin(), bytes.end(), '\n'));
    if (bytes.size() > max_bytes_) { bytes.remove_prefix(bytes.size() - max_bytes_); }
    kept_ += bytes;
    if (kept_.size() > 2 * max_bytes_) {
      kept_.erase(0, kept_.size() - max_bytes_);
    }  // seldom, not each time
  }
  std::string text() const {
    return kept_.size() > max_bytes_ ? kept_.substr(kept_.size() - max_bytes_) : kept_;
  }
  std::uint64_t total_bytes() const { return total_; }
  std::uint64_t lines() const { return lines_; }

 private:
  std::size_t max_bytes_;
  std::string kept_;
  std::uint64_t total_ = 0;
  std::uint64_t lines_ = 0;
};

}  // namespace streamlab
