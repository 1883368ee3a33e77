// engine/rt/latest.hpp
//
// Latest<T>: hands the newest value from one thread to another, using three copies.
//   Writer: back(), publish().  Reader: update(), front().  All wait-free, no allocation.
//
// At any time the writer owns one copy, the reader one, and the third is in the middle. middle_ holds the
// number of that copy and a mark that the reader has not seen it yet.
//   (1) publish() exchanges its copy, marked, for the middle one (acquire and release).
//   (2) update() exchanges its copy for the marked middle one (acquire and release).
//       (1)-(2): the reader sees the value as written. (2)-(1): the writer gets back a copy only after the
//       reader has read it. (1)-(1) and (2)-(2) return one's own copies. Without release in (1) the reader
//       could see half a value; without release in (2) the writer could overwrite one that is being read.
//   (3) update() first looks at the mark (relaxed): only the writer sets it and only the reader clears it, so
//       a mark that was seen is still there at (2).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/rt/atomics.hpp"

namespace streamlab {

// T: copyable. `Atomics`: see atomics.hpp.
template <class T, class Atomics = StdAtomics>
class Latest {
 public:
  // The reader sees `initial` until the first publish().
  explicit Latest(const T& initial = T{}) : copies_{Place{initial}, Place{initial}, Place{initial}} {}
  Latest(const Latest&) = delete;
  Latest& operator=(const Latest&) = delete;

  // Writer. The copy to fill in; it holds some earlier value.
  T& back() noexcept { return copies_[writer_.copy].value; }
  // Writer. Makes back() the newest value; the next back() is another copy.
  void publish() noexcept {
    writer_.copy = middle_.copy.exchange(writer_.copy | kUnseen, Atomics::acq_rel) & kCopyMask;  // (1)
  }
  // Writer. Both in one.
  void write(const T& value) noexcept {
    back() = value;
    publish();
  }

  // Reader. Makes front() the newest value; false if it already was.
  bool update() noexcept {
    if ((middle_.copy.load(Atomics::relaxed) & kUnseen) == 0) { return false; }        // (3)
    reader_.copy = middle_.copy.exchange(reader_.copy, Atomics::acq_rel) & kCopyMask;  // (2)
    return true;
  }
  // Reader. Stays as it is until the next update().
  const T& front() const noexcept { return copies_[reader_.copy].value; }
  // Reader. Both in one.
  const T& read() noexcept {
    update();
    return front();
  }

 private:
  static constexpr std::uint32_t kCopyMask = 3;
  static constexpr std::uint32_t kUnseen = 4;

  struct alignas(kThreadSeparationBytes) Place {
    T value;
  };

  std::array<Place, 3> copies_;
  struct alignas(kThreadSeparationBytes) {
    std::uint32_t copy = 0;
  } writer_;
  struct alignas(kThreadSeparationBytes) {
    std::uint32_t copy = 1;
  } reader_;
  struct alignas(kThreadSeparationBytes) {
    typename Atomics::template Atomic<std::uint32_t> copy{2};
  } middle_;
};

}  // namespace streamlab
