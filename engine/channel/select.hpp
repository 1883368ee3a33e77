// engine/channel/select.hpp
//
// select(receivers…): waits until one of several channels has something.
//
//   while (auto got = select(settings, spectra)) {
//     if (auto* value = got.template from<0>()) { apply(**value); }   // Received<Settings>*
//     if (auto* value = got.template from<1>()) { show(**value); }    // Received<Spectrum>*
//   }
//
// Works over the receivers of mpsc, broadcast, oneshot and watch channels, and over a graph's Receiver. Each
// call serves one receiver: it returns a value or how many were lost (lagged). Closed receivers are skipped;
// when all are closed, select ends with closed. The calling thread sleeps while there is nothing; the channels
// notify it, and it polls only if a channel has real-time senders (poll_period()).
//
// Not for a real-time thread; only the calling thread may use the receivers meanwhile. The clock is that of
// the first receiver.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <tuple>
#include <utility>
#include <variant>

#include "engine/channel/clock.hpp"
#include "engine/channel/outcome.hpp"
#include "engine/channel/waiting.hpp"
#include "engine/channel/wake_list.hpp"

namespace streamlab {

// The receivers of all channels.
template <class T>
concept Selectable = requires(T& receiver, std::shared_ptr<WakeSignal> signal) {
  typename T::value_type;
  receiver.try_receive();
  receiver.arm(signal);
  receiver.disarm(*signal);
  receiver.poll_period();
  receiver.clock();
};

// What select() found, or why it found nothing: closed (all of them), stopped, timed_out, empty.
template <class... T>
class [[nodiscard]] Selected {
 public:
  Selected(Why why) : why_(why) {}  // NOLINT(google-explicit-constructor): as Received

  explicit operator bool() const noexcept { return found_.index() != 0; }
  // Which receiver, counted from 0; kNone if none was found.
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::size_t index() const noexcept { return found_.index() - 1; }
  // Why none was found; Why::none when one was.
  Why why() const noexcept { return found_.index() == 0 ? why_ : Why::none; }
  // What receiver I returned (a value or lagged), or nullptr if another one was found.
  template <std::size_t I>
  auto* from() noexcept {
    return std::get_if<I + 1>(&found_);
  }

  // Moves out what receiver I returned.
  template <std::size_t I, class U>
  void set(Received<U>&& received) {
    found_.template emplace<I + 1>(std::move(received));
  }

 private:
  std::variant<std::monostate, Received<T>...> found_;
  Why why_;
};

enum class SelectOrder {
  fair,      // each look begins one receiver further on: no receiver starves
  priority,  // in the order of the arguments: the first that has something
};

// Selects repeatedly over the same receivers, which must outlive it and must not move.
template <Selectable... Receiver>
class Selector {
  static_assert(sizeof...(Receiver) > 0, "there is something to select from");

 public:
  using Result = Selected<typename Receiver::value_type...>;

  // `first`: the receiver with which the first fair look begins, counted from 0.
  explicit Selector(SelectOrder order, Receiver&... receivers) : order_(order), receivers_(receivers...) {}
  Selector(SelectOrder order, std::size_t first, Receiver&... receivers)
      : order_(order), receivers_(receivers...), next_(first % sizeof...(Receiver)) {}

  // Looks once and does not wait: empty if there is nothing.
  Result try_select() {
    Result result(Why::closed);
    for (std::size_t i = 0; i < sizeof...(Receiver); ++i) {
      const std::size_t at = order_ == SelectOrder::fair ? (next_ + i) % sizeof...(Receiver) : i;
      bool found = false;
      with_receiver(at, [&]<std::size_t I>(auto& receiver) {
        auto received = receiver.try_receive();
        found = received.has_value() || received.why() == Why::lagged;
        if (found) {
          result.template set<I>(std::move(received));
        } else if (received.why() == Why::empty) {
          result = Result(Why::empty);
        }
      });
      if (found) {
        next_ = (at + 1) % sizeof...(Receiver);
        return result;
      }
    }
    return result;
  }

  // Waits until there is something, all are closed, or a stop is asked for.
  Result select(std::stop_token stop = {}) { return select_within({Clock::kNoDeadline, std::move(stop)}); }
  Result select_until(Clock::TimePoint deadline, std::stop_token stop = {}) {
    return select_within({deadline, std::move(stop)});
  }
  Result select_for(Clock::Duration duration, std::stop_token stop = {}) {
    return select_until(clock().after(duration), std::move(stop));
  }

 private:
  Clock& clock() const noexcept { return std::get<0>(receivers_).clock(); }

  template <class Function>
  void with_receiver(std::size_t index, Function&& function) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      static_cast<void>(
          ((I == index ? (function.template operator()<I>(std::get<I>(receivers_)), true) : false) || ...));
    }
    (std::index_sequence_for<Receiver...>{});
  }

  Result select_within(WaitLimit limit) {
    std::optional<Result> result;
    std::apply(
        [&](auto&... receiver) {
          for (const Clock::Duration period : {receiver.poll_period()...}) {
            if (period > Clock::Duration::zero() &&
                (limit.look_every == Clock::Duration::zero() || period < limit.look_every)) {
              limit.look_every = period;
            }
          }
        },
        receivers_);
    const std::optional<Why> end = wait_until(
        clock(), limit,
        [&] {
          result.emplace(try_select());
          return *result || result->why() != Why::empty;
        },
        [&](const std::shared_ptr<WakeSignal>& signal) {
          std::apply([&](auto&... receiver) { (receiver.arm(signal), ...); }, receivers_);
        },
        [&](const WakeSignal& signal) {
          std::apply([&](auto&... receiver) { (receiver.disarm(signal), ...); }, receivers_);
        });
    if (end) { return *end; }
    return *std::move(result);
  }

  const SelectOrder order_;
  const std::tuple<Receiver&...> receivers_;
  std::size_t next_ = 0;  // with which the next fair look begins
};

// Where the next fair select() of this thread begins. Multiples of the golden ratio spread evenly over any
// number of receivers, even when several selects alternate.
inline std::size_t next_select_start() noexcept {
  thread_local std::uint64_t calls = 0;
  calls += 0x9E3779B97F4A7C15U;
  return static_cast<std::size_t>(calls >> 32U);
}

// One fair select; for strict turns in a loop over the same receivers use a Selector.
template <Selectable... Receiver>
typename Selector<Receiver...>::Result select(Receiver&... receivers) {
  return Selector<Receiver...>(SelectOrder::fair, next_select_start(), receivers...).select();
}
template <Selectable... Receiver>
typename Selector<Receiver...>::Result select(std::stop_token stop, Receiver&... receivers) {
  return Selector<Receiver...>(SelectOrder::fair, next_select_start(), receivers...).select(std::move(stop));
}
// The first, in the order of the arguments, that has something.
template <Selectable... Receiver>
typename Selector<Receiver...>::Result select_by_priority(Receiver&... receivers) {
  return Selector<Receiver...>(SelectOrder::priority, receivers...).select();
}
// Does not wait: empty if there is nothing (the default case).
template <Selectable... Receiver>
typename Selector<Receiver...>::Result try_select(Receiver&... receivers) {
  return Selector<Receiver...>(SelectOrder::fair, next_select_start(), receivers...).try_select();
}
template <Selectable... Receiver>
typename Selector<Receiver...>::Result select_until(Clock::TimePoint deadline, Receiver&... receivers) {
  return Selector<Receiver...>(SelectOrder::fair, next_select_start(), receivers...).select_until(deadline);
}
template <Selectable... Receiver>
typename Selector<Receiver...>::Result select_for(Clock::Duration duration, Receiver&... receivers) {
  return Selector<Receiver...>(SelectOrder::fair, next_select_start(), receivers...).select_for(duration);
}

}  // namespace streamlab
