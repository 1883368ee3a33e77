// engine/channel/outcome.hpp
//
// Received<T>, Done, Sent: the result of an operation on a channel: what was asked for, or why not.
// ChannelCounters: what went through a channel.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace streamlab {

enum class Why {
  none,       // there is a value, or it was done
  closed,     // receiving: everything was received and nothing can follow; sending: no receiver is left
  stopped,    // the stop token asked for it; nothing was taken or sent
  timed_out,  // the deadline came first
  empty,      // there is nothing to receive now
  full,       // there is no room now, or the policy rejects the value
  lagged,     // values that this receiver has not seen were overwritten; see Received::lost()
};

// "none", "closed", "stopped", "timed out", "empty", "full", "lagged".
std::string_view to_string(Why why) noexcept;

// One value, or why there is none. Has the operators of std::optional.
template <class T>
class [[nodiscard]] Received {
 public:
  using value_type = T;

  Received(T value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor): as std::optional
  Received(Why why) : why_(why) {}                 // NOLINT(google-explicit-constructor): as std::optional
  // `lost` values, 1 or more, will never be received; the next receive continues with the oldest that was
  // kept.
  static Received lagged(std::uint64_t lost) {
    Received received(Why::lagged);
    received.lost_ = lost;
    return received;
  }

  bool has_value() const noexcept { return value_.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }
  // has_value() must hold.
  T& operator*() & noexcept { return *value_; }
  const T& operator*() const& noexcept { return *value_; }
  T&& operator*() && noexcept { return *std::move(value_); }
  T* operator->() noexcept { return &*value_; }
  const T* operator->() const noexcept { return &*value_; }

  // Why there is no value; Why::none when there is one.
  Why why() const noexcept { return why_; }
  // How many values were lost; 0 unless why() is lagged.
  std::uint64_t lost() const noexcept { return lost_; }

 private:
  std::optional<T> value_;
  Why why_ = Why::none;
  std::uint64_t lost_ = 0;
};

// Done, or why not.
class [[nodiscard]] Done {
 public:
  Done() = default;
  Done(Why why) : why_(why) {}  // NOLINT(google-explicit-constructor): as Received

  explicit operator bool() const noexcept { return why_ == Why::none; }
  // Why it was not done; Why::none when it was.
  Why why() const noexcept { return why_; }

 private:
  Why why_ = Why::none;
};

// The result of a send. A send that was not done has not touched the caller's value.
using Sent = Done;

// A snapshot. pushed = delivered + dropped + in_queue always; while the channel is in use, in_queue may
// include values that came or went while the snapshot was taken.
struct ChannelCounters {
  std::uint64_t pushed = 0;     // values offered, including those that the policy rejected
  std::uint64_t delivered = 0;  // values received
  std::uint64_t dropped = 0;    // values that will never be received
  std::uint64_t in_queue = 0;

  friend bool operator==(const ChannelCounters&, const ChannelCounters&) = default;
};

}  // namespace streamlab
