// engine/stream/stream_context.hpp
//
// StreamContext<S>: state that a chain accumulates as items go by, and that others may look at meanwhile.
//
//   StreamContext<Totals> totals;
//   from_range(levels).with(totals, [](Totals& t, const Level& l) { t.add(l); return l; })…
//   totals.snapshot();   // any thread, any time
//
// Nothing is copied per item: snapshot() makes a copy when it is asked for. A checkpoint behind the stage
// keeps the state, if S is Storable.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <utility>

namespace streamlab {

// A handle: copies are of the same state.
template <class S>
class StreamContext {
 public:
  explicit StreamContext(S initial = S{}) : shared_(std::make_shared<Shared>(std::move(initial))) {}

  // Any thread. A copy of the state between two items.
  S snapshot() const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->state;
  }
  // Any thread. Calls f(S&) with nobody else at the state.
  template <class F>
  decltype(auto) update(F&& f) {
    const std::lock_guard lock(shared_->mutex);
    return std::invoke(std::forward<F>(f), shared_->state);
  }

 private:
  struct Shared {
    explicit Shared(S initial) : state(std::move(initial)) {}
    std::mutex mutex;
    S state;
  };
  std::shared_ptr<Shared> shared_;
};

}  // namespace streamlab
