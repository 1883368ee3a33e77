// engine/stream/stages/with_context.hpp
//
// with(context, f): map() by a function that also has the state of a StreamContext.
#pragma once

#include <functional>
#include <utility>

#include "engine/stream/stages/map.hpp"
#include "engine/stream/stream_context.hpp"

namespace streamlab::stages {

template <class S, class F>
struct CallWithState {
  StreamContext<S> context;
  F f;
  template <class T>
  requires std::invocable<F&, S&, T>
  auto operator()(T&& item) {
    return context.update([&](S& state) { return std::invoke(f, state, std::forward<T>(item)); });
  }
};

template <class T, class U, class S, class F, class OnError>
class WithContext final : public Map<T, U, CallWithState<S, F>, OnError> {
 public:
  using Base = Map<T, U, CallWithState<S, F>, OnError>;
  WithContext(StagePtr<T> upstream, StreamContext<S> context, F f, OnError on_error)
      : Base(std::move(upstream), {context, std::move(f)}, std::move(on_error)), context_(context) {
    this->stats_.name = "with";
  }

  Result<void> save(ByteWriter& to) const override {
    if constexpr (Storable<S>) {
      to.put<S>(context_.snapshot());
      return {};
    } else {
      return this->refuse_to_save("the state");
    }
  }
  Result<void> load(ByteReader& from) override {
    if constexpr (Storable<S>) {
      auto state = from.get<S>();
      if (!state) { return tl::unexpected(state.error()); }
      context_.update([&](S& now) { now = std::move(*state); });
      return {};
    } else {
      return StageBase::load(from);
    }
  }

 private:
  StreamContext<S> context_;
};

}  // namespace streamlab::stages
