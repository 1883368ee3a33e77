// engine/channel/broadcast_state.hpp
//
// BroadcastState<T>: what the ends of a broadcast channel share. Only used through them.
//
// The values are in one ring, written once for any number of subscribers; each subscriber has a cursor, the
// position that it reads next, and copies values out. A mutex serialises the senders.
//   (1) a send writes slot[w], then stores tail_ = w + 1 (release).
//   (2) a subscriber loads tail_ (acquire) and reads positions below it. (1)-(2): it sees the value as
//       written.
//   (3) a subscriber that is waited for stores its cursor (release) after it has copied the value.
//   (4) a send loads the cursors of those (acquire) and writes position w only when all are beyond
//       w - capacity. (3)-(4): the copy is made before the value is overwritten. The slowest cursor is
//       remembered, so cursors are looked at only when the ring seems full, not with every send.
//   (5) a subscriber that may lose values pins the slot while it copies: it adds one to pins (acquire), looks
//       whether the slot still holds its position, copies, subtracts one (release).
//   (6) a send first takes pins from 0 to kWriting (compare-exchange, acquire) and takes that away at the end
//       (release). (5)-(6): it overwrites nothing that is being copied; (6)-(5): a pinned slot is not half
//       written. A send thus waits for a copy that is under way, never for a subscriber.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/channel/clock.hpp"
#include "engine/channel/outcome.hpp"
#include "engine/channel/waiting.hpp"
#include "engine/channel/wake_list.hpp"
#include "engine/rt/atomics.hpp"

namespace streamlab {

// What happens when a subscriber is a whole ring behind.
enum class OnLag {
  wait,  // senders wait for it: it gets every value
  lose,  // it loses the oldest values and is told how many
};

// The position of one subscriber. Written by its thread only.
struct alignas(kThreadSeparationBytes) BroadcastCursor {
  explicit BroadcastCursor(std::uint64_t begin) : position(begin) {}
  std::atomic<std::uint64_t> position;
};

template <class T>
class BroadcastState {
 public:
  BroadcastState(std::size_t capacity, Clock& the_clock)
      : clock(the_clock),
        slots_(std::bit_ceil(std::max<std::size_t>(capacity, 1))),
        mask_(slots_.size() - 1),
        capacity_(std::max<std::size_t>(capacity, 1)) {}

  // ---- Senders -----------------------------------------------------------------------------------------

  void add_sender() {
    const std::lock_guard lock(mutex_);
    ++senders_;
  }
  void remove_sender() {
    {
      const std::lock_guard lock(mutex_);
      if (--senders_ > 0) { return; }
    }
    close();
  }
  Sent offer(T& value) {
    std::optional<T> overwritten;  // destroyed outside of the lock
    {
      const std::lock_guard lock(mutex_);
      if (closed_.load(std::memory_order_relaxed) || subscribers_ == 0) { return Why::closed; }
      const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
      if (!has_room(tail)) { return Why::full; }
      write(slots_[tail & mask_], tail, value, overwritten);
      tail_.store(tail + 1, std::memory_order_release);  // (1)
    }
    receiving.fire();
    return {};
  }

  // ---- Subscribers -------------------------------------------------------------------------------------

  // A subscriber that begins with the next value sent, or where `like` is.
  std::shared_ptr<BroadcastCursor> subscribe(OnLag on_lag, const BroadcastCursor* like = nullptr) {
    const std::lock_guard lock(mutex_);
    auto cursor =
        std::make_shared<BroadcastCursor>(like != nullptr ? like->position.load(std::memory_order_relaxed)
                                                          : tail_.load(std::memory_order_relaxed));
    if (on_lag == OnLag::wait) { waited_for_.push_back(cursor); }
    ++subscribers_;
    return cursor;
  }
  void unsubscribe(const std::shared_ptr<BroadcastCursor>& cursor) {
    std::vector<std::optional<T>> dropped;  // destroyed outside of the lock
    {
      const std::lock_guard lock(mutex_);
      std::erase(waited_for_, cursor);
      if (--subscribers_ == 0) { dropped = take_values(); }
    }
    sending.fire();
  }
  Received<T> try_receive(BroadcastCursor& cursor, OnLag on_lag) {
    const bool closed = closed_.load(std::memory_order_acquire);  // before tail_, which then is the last
    const std::uint64_t at = cursor.position.load(std::memory_order_relaxed);
    const std::uint64_t tail = tail_.load(std::memory_order_acquire);  // (2)
    if (at == tail) { return closed ? Why::closed : Why::empty; }
    Slot& slot = slots_[at & mask_];
    if (on_lag == OnLag::wait) {
      Received<T> received(*slot.value);
      cursor.position.store(at + 1, std::memory_order_release);  // (3)
      sending.fire();
      return received;
    }
    if (tail - at > capacity_) { return lagged(cursor, at, tail); }
    const Pin pin(slot);
    if (pin.is_being_written() || slot.position != at) {
      // Overwritten by the send of position at + slots or later, which may not have moved tail_ yet.
      const std::uint64_t now = tail_.load(std::memory_order_acquire);
      return lagged(cursor, at, std::max(now, at + slots_.size() + 1));
    }
    cursor.position.store(at + 1, std::memory_order_relaxed);
    return *slot.value;
  }

  // ---- Any thread --------------------------------------------------------------------------------------

  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_.store(true, std::memory_order_release);
    }
    receiving.fire();
    sending.fire();
  }
  bool closed() const noexcept { return closed_.load(std::memory_order_acquire); }
  std::uint64_t sent() const noexcept { return tail_.load(std::memory_order_acquire); }
  std::size_t capacity() const noexcept { return capacity_; }
  std::size_t subscribers() const {
    const std::lock_guard lock(mutex_);
    return subscribers_;
  }

  Clock& clock;
  WakeList sending;    // senders that wait for the slowest subscriber
  WakeList receiving;  // subscribers that wait for a value

 private:
  static constexpr std::uint32_t kWriting = 1U << 31U;

  struct Slot {
    std::atomic<std::uint32_t> pins{0};  // subscribers that copy, and kWriting
    std::uint64_t position = 0;
    std::optional<T> value;
  };
  class Pin {
   public:
    explicit Pin(Slot& slot) noexcept
        : slot_(slot), before_(slot.pins.fetch_add(1, std::memory_order_acquire)) {}  // (5)
    ~Pin() { slot_.pins.fetch_sub(1, std::memory_order_release); }                    // (5)
    Pin(const Pin&) = delete;
    Pin& operator=(const Pin&) = delete;
    bool is_being_written() const noexcept { return (before_ & kWriting) != 0; }

   private:
    Slot& slot_;
    const std::uint32_t before_;
  };

  // The next receive continues with the oldest value that is kept when `tail` values have been sent.
  Received<T> lagged(BroadcastCursor& cursor, std::uint64_t at, std::uint64_t tail) const {
    const std::uint64_t oldest = tail - capacity_;
    cursor.position.store(oldest, std::memory_order_relaxed);
    return Received<T>::lagged(oldest - at);
  }

  bool has_room(std::uint64_t tail) {
    if (waited_for_.empty() || tail - slowest_ < capacity_) { return true; }
    slowest_ = tail;
    for (const auto& cursor : waited_for_) {
      slowest_ = std::min(slowest_, cursor->position.load(std::memory_order_acquire));  // (4)
    }
    return tail - slowest_ < capacity_;
  }
  void write(Slot& slot, std::uint64_t position, T& value, std::optional<T>& overwritten) noexcept {
    std::uint32_t none = 0;
    for (Pause pause; !slot.pins.compare_exchange_weak(none, kWriting, std::memory_order_acquire,
                                                       std::memory_order_relaxed);  // (6)
         pause()) {
      none = 0;
    }
    if constexpr (!std::is_trivially_destructible_v<T>) {
      if (slot.value) { overwritten.emplace(*std::move(slot.value)); }
    }
    slot.value.emplace(std::move(value));
    slot.position = position;
    slot.pins.fetch_sub(kWriting, std::memory_order_release);  // (6); subscribers may have tried and failed
  }
  std::vector<std::optional<T>> take_values() {
    std::vector<std::optional<T>> values;
    for (Slot& slot : slots_) {
      if (slot.value) {
        values.emplace_back(std::move(slot.value));
        slot.value.reset();
      }
    }
    return values;
  }

  mutable std::mutex mutex_;                                  // guards the next four and all writing
  std::vector<std::shared_ptr<BroadcastCursor>> waited_for_;  // of subscribers with OnLag::wait
  std::uint64_t slowest_ = 0;                                 // no cursor of those is before it
  std::size_t subscribers_ = 0;
  std::size_t senders_ = 1;
  std::atomic<bool> closed_{false};
  std::vector<Slot> slots_;
  const std::size_t mask_;
  const std::size_t capacity_;
  alignas(kThreadSeparationBytes) std::atomic<std::uint64_t> tail_{0};  // values ever sent
};

}  // namespace streamlab
