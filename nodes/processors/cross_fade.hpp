// nodes/processors/cross_fade.hpp
//
// CrossFade: what a node works with, where a new one takes over from the old along a straight line:
//
//   y[n] = (1 - w) old[n] + w new[n],   w = n / length,   n = 1 … length: frames since the new one was ready
//
// So a signal that both have alike is not touched, and what differs by d changes by d / length a frame: neither a step
// nor, beyond that slope, a corner.
//
// At most two are at work. A change that comes while the new one is still unheard replaces it; one that comes during the
// line waits for its end, and of several that wait the last one counts. All are kept until a change takes them along, as
// the thread that processes may not free them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <utility>

namespace streamlab {

template <class T>
class CrossFade {
 public:
  // Control thread, in prepare(). `length_frames` >= 1.
  void prepare(std::unique_ptr<T> initial, std::uint32_t length_frames) noexcept {
    owned_ = {};
    owned_[0] = std::move(initial);
    length_ = length_frames;
    reset();
  }

  // --- real-time safe
  // The one that the node began with, and no change.
  void reset() noexcept { be(owned_[0].get()); }
  // The newest one, at once: for a break in the signal.
  void settle() noexcept { be(waiting_ != nullptr ? waiting_ : next_ != nullptr ? next_ : now_); }
  // Takes what a change brings, and leaves there what is no longer needed.
  void take(std::unique_ptr<T>& brought) noexcept {
    T*& place = next_ == nullptr || done_ == 0 ? next_ : waiting_;
    for (std::size_t i = 1; i < owned_.size(); ++i) {
      T* const owned = owned_[i].get();
      const bool is_free = owned == nullptr || (owned != now_ && owned != next_);
      if (place != nullptr ? owned != place : !is_free) { continue; }
      owned_[i].swap(brought);
      place = owned_[i].get();
      return;
    }
  }

  T& now() noexcept { return *now_; }
  const T& now() const noexcept { return *now_; }
  // What takes over; null if nothing does.
  T* next() noexcept { return next_; }
  // How many frames are still a mixture of both; behind them only next() is heard.
  std::uint32_t mixed_frames() const noexcept { return length_ - 1 - done_; }
  // The part of next() in frame `n` from here, n < mixed_frames().
  double weight(std::uint32_t n) const noexcept {
    return static_cast<double>(done_ + n + 1) / static_cast<double>(length_);
  }
  // `frames` of the mixture are over. With all of them, next() becomes now().
  void advance(std::uint32_t frames) noexcept {
    done_ += frames;
    if (mixed_frames() > 0) { return; }
    now_ = next_;
    next_ = std::exchange(waiting_, nullptr);
    done_ = 0;
  }

 private:
  void be(T* now) noexcept {
    now_ = now;
    next_ = waiting_ = nullptr;
    done_ = 0;
  }

  std::array<std::unique_ptr<T>, 4> owned_;  // the first is what the node began with
  T* now_ = nullptr;
  T* next_ = nullptr;
  T* waiting_ = nullptr;
  std::uint32_t length_ = 1;
  std::uint32_t done_ = 0;  // frames of the mixture
};

}  // namespace streamlab
