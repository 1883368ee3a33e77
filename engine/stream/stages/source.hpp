// engine/stream/stages/source.hpp
//
// The stages that streams begin with: ranges, functions, generators, receivers of channels, timers.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "engine/channel/outcome.hpp"
#include "engine/stream/generator.hpp"
#include "engine/stream/on_error.hpp"
#include "engine/stream/stage.hpp"
#include "engine/stream/stage_function.hpp"

namespace streamlab::stages {

// May a range be read before it is given? A container may, and what lies in memory; other views may compute their
// elements.
template <class Range>
constexpr bool kIsContainer = std::ranges::forward_range<const Range> &&
                              (!std::ranges::view<Range> || std::ranges::contiguous_range<const Range>);
template <class Container>
inline constexpr bool kIsContainer<std::ranges::ref_view<Container>> =
    std::ranges::forward_range<const Container> && !std::ranges::view<Container>;

// Gives the elements of a range that it owns; those of a view of somebody else's range are copied.
template <class Range>
class RangeSource final : public Source<std::ranges::range_value_t<Range>> {
 public:
  using T = std::ranges::range_value_t<Range>;
  explicit RangeSource(Range range) : Source<T>("from_range"), range_(std::move(range)) {}

  // The run that goes on has the same range, as far as can be seen.
  std::string signature() const override {
    std::string text = this->stats_.name;
    if constexpr (kIsContainer<Range> && Storable<T>) {
      std::uint64_t count = 0;
      std::uint64_t hash = fnv1a({});
      ByteWriter element;
      for (const auto& value : range_) {
        element.clear();
        element.put<T>(value);
        hash = fnv1a(element.bytes(), hash);
        ++count;
      }
      text += fmt::format("({} elements, content {:016x})", count, hash);
    } else if constexpr (std::ranges::sized_range<const Range>) {
      text += fmt::format("({} elements)", std::ranges::size(range_));
    }
    return text;
  }
  // The number of elements given.
  Result<void> save(ByteWriter& to) const override {
    to.put(given_);
    return {};
  }
  Result<void> load(ByteReader& from) override {
    std::uint64_t given = 0;
    if (auto ok = from.get_to(given); !ok) { return ok; }
    begin();
    while (given_ < given && at_ != std::ranges::end(range_)) {
      ++at_;
      ++given_;
    }
    if (given_ == given) { return {}; }
    return refused("",
                   fmt::format("the checkpoint stands at element {} of a range that has {}", given, given_));
  }

 protected:
  Poll produce(StreamRun&, T*& item) override {
    begin();
    if (at_ == std::ranges::end(range_)) { return Poll::ended; }
    using Reference = std::ranges::range_reference_t<Range>;
    constexpr bool kOwn = !std::ranges::view<Range> && std::is_lvalue_reference_v<Reference> &&
                          !std::is_const_v<std::remove_reference_t<Reference>>;
    if constexpr (kOwn) {
      item = &*at_;
    } else {
      slot_.emplace(*at_);
      item = &*slot_;
    }
    ++at_;
    ++given_;
    return Poll::item;
  }

 private:
  void begin() {
    if (begun_) { return; }
    at_ = std::ranges::begin(range_);
    begun_ = true;
  }

  Range range_;
  std::ranges::iterator_t<Range> at_{};
  bool begun_ = false;
  std::uint64_t given_ = 0;
  std::optional<T> slot_;
};

// Calls f() -> optional<T>, or Result<optional<T>>, until it gives nothing.
template <class T, class F>
class FunctionSource final : public Source<T> {
 public:
  explicit FunctionSource(F f) : Source<T>("from_function"), f_(std::move(f)) {}

 protected:
  Poll produce(StreamRun& run, T*& item) override {
    try {
      if constexpr (detail::IsResult<std::invoke_result_t<F&>>::value) {
        auto made = f_();
        if (!made) { return run.fail(this->stats_.name, this->stats_.out, std::move(made.error())); }
        slot_ = std::move(*made);
      } else {
        slot_ = f_();
      }
    } catch (const std::exception& e) {
      return run.fail(this->stats_.name, this->stats_.out, detail::thrown(e.what()));
    }
    if (!slot_) { return Poll::ended; }
    item = &*slot_;
    return Poll::item;
  }

 private:
  F f_;
  std::optional<T> slot_;
};

template <class T>
class GeneratorSource final : public Source<T> {
 public:
  explicit GeneratorSource(Generator<T> generator)
      : Source<T>("from_generator"), generator_(std::move(generator)) {}

  // The number of values given: the generator runs again up to there, so it must give the same ones.
  Result<void> save(ByteWriter& to) const override {
    to.put(given_);
    return {};
  }
  Result<void> load(ByteReader& from) override {
    std::uint64_t given = 0;
    if (auto ok = from.get_to(given); !ok) { return ok; }
    while (given_ < given) {
      if (generator_.next() == nullptr) {
        return refused(
            "", fmt::format("the checkpoint stands at value {} of a generator that gives {}", given, given_));
      }
      ++given_;
    }
    return {};
  }

 protected:
  Poll produce(StreamRun& run, T*& item) override {
    try {
      item = generator_.next();
    } catch (const std::exception& e) {
      return run.fail(this->stats_.name, this->stats_.out, detail::thrown(e.what()));
    }
    if (item == nullptr) { return Poll::ended; }
    ++given_;
    return Poll::item;
  }

 private:
  Generator<T> generator_;
  std::uint64_t given_ = 0;
};

// What comes out of a channel. Ends when the channel is closed and empty; counts as dropped what the receiver
// says it lost.
template <class Receiver>
class ReceiverSource final : public Source<typename Receiver::value_type> {
 public:
  using T = typename Receiver::value_type;
  explicit ReceiverSource(Receiver receiver) : Source<T>("from_receiver"), receiver_(std::move(receiver)) {}

 protected:
  Poll produce(StreamRun& run, T*& item) override {
    if (const auto answer = try_take(item)) { return *answer; }
    receiver_.arm(run.signal());
    if (const auto answer = try_take(item)) { return *answer; }
    // Real-time senders wake nobody.
    if (const auto period = receiver_.poll_period(); period > Clock::Duration::zero()) {
      run.wake_at(run.now() + period);
    }
    return Poll::pending;
  }

 private:
  std::optional<Poll> try_take(T*& item) {
    while (true) {
      auto received = receiver_.try_receive();
      if (received) {
        slot_.emplace(std::move(*received));
        item = &*slot_;
        return Poll::item;
      }
      if (received.why() == Why::lagged) {
        this->stats_.dropped += received.lost();
        continue;
      }
      if (received.why() == Why::closed) { return Poll::ended; }
      return std::nullopt;
    }
  }

  Receiver receiver_;
  std::optional<T> slot_;
};

// 0, 1, 2, …, one every `period`, the first after one period. A tick that nobody asked for in time is not
// made up for: it is counted as dropped, and the number goes on with it.
class TimerSource final : public Source<std::uint64_t> {
 public:
  explicit TimerSource(std::chrono::nanoseconds period) : Source("timer"), period_(period) {
    if (period <= std::chrono::nanoseconds(0)) {
      refuse(fmt::format("a timer of {} ns", period.count()), "a period above 0");
    }
  }

 protected:
  Poll produce(StreamRun& run, std::uint64_t*& item) override {
    const auto now = run.now();
    if (!began_) { began_ = now; }
    const auto due = *began_ + period_ * static_cast<std::int64_t>(ticks_ + 1);
    if (now < due) {
      run.wake_at(due);
      return Poll::pending;
    }
    const auto reached = static_cast<std::uint64_t>((now - *began_) / period_);
    stats_.dropped += reached - ticks_ - 1;
    ticks_ = reached;
    tick_ = ticks_ - 1;
    item = &tick_;
    return Poll::item;
  }

 private:
  const std::chrono::nanoseconds period_;
  std::optional<StreamRun::TimePoint> began_;
  std::uint64_t ticks_ = 0;  // that have passed
  std::uint64_t tick_ = 0;
};

}  // namespace streamlab::stages
