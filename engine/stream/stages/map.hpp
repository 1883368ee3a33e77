// engine/stream/stages/map.hpp
//
// map, filter, flat_map (over ranges), take_while: stages that call a function on every item, and fail as it does.
#pragma once

#include <iterator>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "engine/stream/attempt.hpp"
#include "engine/stream/stage.hpp"

namespace streamlab::stages {

// A stage that asks upstream for an item and calls a function with it until something comes of one.
template <class T, class U, class F, class OnError>
class Calling : public Step<T, U> {
 public:
  Calling(std::string name, StagePtr<T> upstream, F f, OnError on_error)
      : Step<T, U>(std::move(name), std::move(upstream)), attempt_(std::move(f), std::move(on_error)) {}

  Result<void> start(StreamRun& run) override {
    if (auto ok = attempt_.check(); !ok) {
      this->refuse(ok.error().what, ok.error().expected, ok.error().hint);
    }
    return Step<T, U>::start(run);
  }

 protected:
  // `deliver` as in Attempt. Poll::item when it was called.
  template <class Deliver>
  Poll call(StreamRun& run, Deliver&& deliver) {
    using Outcome = typename Attempt<T, F, OnError>::Outcome;
    while (true) {
      if (in_ == nullptr) {
        const Poll answer = this->upstream_->next(run, in_);
        if (answer != Poll::item) {
          in_ = nullptr;
          return answer;
        }
      }
      const Outcome outcome =
          attempt_(run, this->stats_, *in_, this->item_number(), std::forward<Deliver>(deliver));
      if (outcome == Outcome::later) { return Poll::pending; }
      given_ = in_;
      in_ = nullptr;
      if (outcome == Outcome::done) [[likely]] { return Poll::item; }
      if (outcome == Outcome::fatal) { return Poll::failed; }
    }
  }
  // The item that the function was called with last.
  T* given() const noexcept { return given_; }
  // What the function made of given() has failed since. Poll::failed, or Poll::item: it is left out.
  Poll fail_given(StreamRun& run, Error error) {
    using Outcome = typename Attempt<T, F, OnError>::Outcome;
    const Outcome outcome = attempt_.fail_later(run, this->stats_, *given_, this->item_number(),
                                                std::move(error), [](auto&&...) {});
    return outcome == Outcome::fatal ? Poll::failed : Poll::item;
  }

 private:
  Attempt<T, F, OnError> attempt_;
  T* in_ = nullptr;  // taken, and not done with
  T* given_ = nullptr;
};

// U = f(T); the same item when f changes it in place.
template <class T, class U, class F, class OnError>
class Map : public Calling<T, U, F, OnError> {
 public:
  Map(StagePtr<T> upstream, F f, OnError on_error)
      : Calling<T, U, F, OnError>("map", std::move(upstream), std::move(f), std::move(on_error)) {}

 protected:
  Poll poll(StreamRun& run, U*& item) override {
    if constexpr (std::is_void_v<detail::Given<F, T>>) {
      const Poll answer = this->call(run, [] {});
      item = this->given();
      return answer;
    } else {
      const Poll answer =
          this->call(run, [this](auto&& made) { slot_.emplace(std::forward<decltype(made)>(made)); });
      if (answer == Poll::item) [[likely]] { item = &*slot_; }
      return answer;
    }
  }

 private:
  std::optional<U> slot_;
};

// Calls a predicate without giving it the item to keep.
template <class T, class P>
struct Ask {
  P predicate;
  auto operator()(T& item) { return std::invoke(predicate, std::as_const(item)); }
};

template <class T, class P, class OnError>
class Filter final : public Calling<T, T, Ask<T, P>, OnError> {
 public:
  Filter(StagePtr<T> upstream, P predicate, OnError on_error)
      : Calling<T, T, Ask<T, P>, OnError>("filter", std::move(upstream), {std::move(predicate)},
                                          std::move(on_error)) {}

 protected:
  Poll poll(StreamRun& run, T*& item) override {
    while (true) {
      bool wanted = false;
      const Poll answer = this->call(run, [&wanted](bool yes) { wanted = yes; });
      if (answer != Poll::item) { return answer; }
      if (wanted) {
        item = this->given();
        return answer;
      }
    }
  }
};

template <class T, class P, class OnError>
class TakeWhile final : public Calling<T, T, Ask<T, P>, OnError> {
 public:
  TakeWhile(StagePtr<T> upstream, P predicate, OnError on_error)
      : Calling<T, T, Ask<T, P>, OnError>("take_while", std::move(upstream), {std::move(predicate)},
                                          std::move(on_error)) {}

 protected:
  Poll poll(StreamRun& run, T*& item) override {
    bool wanted = false;
    const Poll answer = this->call(run, [&wanted](bool yes) { wanted = yes; });
    if (answer != Poll::item) { return answer; }
    if (!wanted) { return Poll::ended; }
    item = this->given();
    return answer;
  }
};

// f(T) gives a range; its elements come one by one.
template <class T, class Range, class F, class OnError>
class FlatMap final : public Calling<T, std::ranges::range_value_t<Range>, F, OnError> {
 public:
  using U = std::ranges::range_value_t<Range>;
  FlatMap(StagePtr<T> upstream, F f, OnError on_error)
      : Calling<T, U, F, OnError>("flat_map", std::move(upstream), std::move(f), std::move(on_error)) {}

  // The elements of the range in hand that have not come yet.
  Result<void> save(ByteWriter& to) const override {
    if constexpr (Storable<U>) {
      to.put<std::uint64_t>(
          range_ ? static_cast<std::uint64_t>(std::ranges::distance(at_, std::ranges::end(*range_))) : 0);
      if (range_) {
        for (auto it = at_; it != std::ranges::end(*range_); ++it) { to.put<U>(*it); }
      }
      return {};
    } else {
      return this->refuse_to_save("the elements");
    }
  }
  Result<void> load(ByteReader& from) override {
    if constexpr (Storable<U>) {
      auto rest = from.get<std::vector<U>>();
      if (!rest) { return tl::unexpected(rest.error()); }
      restored_ = std::move(*rest);
      restored_next_ = 0;
      return {};
    } else {
      return StageBase::load(from);
    }
  }

 protected:
  Poll poll(StreamRun& run, U*& item) override {
    if (restored_next_ < restored_.size()) [[unlikely]] {
      item = &restored_[restored_next_++];
      return Poll::item;
    }
    while (!range_ || at_ == std::ranges::end(*range_)) {
      const Poll answer = this->call(run, [this](Range&& made) { range_.emplace(std::move(made)); });
      if (answer != Poll::item) { return answer; }
      at_ = std::ranges::begin(*range_);
    }
    if constexpr (std::is_lvalue_reference_v<std::ranges::range_reference_t<Range>> &&
                  !std::is_const_v<std::remove_reference_t<std::ranges::range_reference_t<Range>>>) {
      item = &*at_;
    } else {
      slot_.emplace(*at_);
      item = &*slot_;
    }
    ++at_;
    return Poll::item;
  }

 private:
  mutable std::optional<Range> range_;  // mutable: begin() of some ranges is not const
  mutable std::ranges::iterator_t<Range> at_{};
  std::optional<U> slot_;
  std::vector<U> restored_;
  std::size_t restored_next_ = 0;
};

}  // namespace streamlab::stages
