// engine/stream/attempt.hpp
//
// Attempt: how a stage calls its function with an item, and what it does where that fails.
#pragma once

#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "engine/base/error.hpp"
#include "engine/channel/backoff.hpp"
#include "engine/stream/on_error.hpp"
#include "engine/stream/stage.hpp"
#include "engine/stream/stage_function.hpp"

namespace streamlab {

// One function of a stage with its strategy. `Given<F, T>` is what it makes of an item.
template <class T, class F, class OnError>
class Attempt {
 public:
  enum class Outcome : std::uint8_t {
    done,      // what was made has been delivered
    left_out,  // nothing came of the item: go on with the next
    later,     // ask again with the same item
    fatal,     // the run has failed
  };
  using Value = detail::Given<F, T>;

  Attempt(F f, OnError on_error) : f_(std::move(f)), on_error_(std::move(on_error)) {}

  // Before the first call: are the strategy's numbers in range?
  Result<void> check() {
    if constexpr (kRetries) {
      const RetryOptions& options = on_error_.options;
      if (options.attempts < 2) { return refused("", "retry() with fewer than 2 attempts", "2 or more"); }
      BackoffConfig config = options.backoff;
      config.attempts = options.attempts - 1;
      auto made = Backoff::make(config);
      if (!made) { return tl::unexpected(made.error()); }
      backoff_ = *made;
    }
    return {};
  }

  // Calls the function with `item` and hands what it made to `deliver(Value&&)`, or to `deliver()` when it
  // changes the item in place.
  template <class Deliver>
  Outcome operator()(StreamRun& run, StageStats& stats, T& item, std::uint64_t number, Deliver&& deliver) {
    // The strategy is the user's, too: its functions, its value, its sender.
    try {
      return attempt(run, stats, item, number, deliver);
    } catch (const std::exception& e) { return give_up(run, stats, number, e.what()); } catch (...) {
      return give_up(run, stats, number, "something that is no std::exception");
    }
  }
  // What the function made of `item` has failed since. The strategy decides as if the call had failed, but nothing
  // is tried again.
  template <class Deliver>
  Outcome fail_later(StreamRun& run, StageStats& stats, T& item, std::uint64_t number, Error error,
                     Deliver&& deliver) {
    try {
      if constexpr (kRetries) {
        return failed(on_error_.then, run, stats, item, number, std::move(error), deliver);
      } else {
        return failed(on_error_, run, stats, item, number, std::move(error), deliver);
      }
    } catch (const std::exception& e) { return give_up(run, stats, number, e.what()); } catch (...) {
      return give_up(run, stats, number, "something that is no std::exception");
    }
  }

 private:
  template <class Deliver>
  Outcome attempt(StreamRun& run, StageStats& stats, T& item, std::uint64_t number, Deliver& deliver) {
    if constexpr (kRetries) {
      if (retry_at_) {
        if (run.now() < *retry_at_) {
          run.wake_at(*retry_at_);
          return Outcome::later;
        }
        retry_at_.reset();
        ++stats.retried;
      }
    }
    std::optional<Error> error;  // told outside of the try: what the strategy throws is another matter
    const auto fail = [&error](Error what) {
      error = std::move(what);
      return Outcome::fatal;
    };
    Outcome outcome = Outcome::done;
    try {
      if constexpr (detail::KeepsItem<OnError>::value) {
        outcome = call_with_copy(item, deliver, fail);
      } else {
        outcome = call(item, deliver, fail);
      }
    } catch (const std::exception& e) { error = detail::thrown(e.what()); } catch (...) {
      error = detail::thrown("something that is no std::exception");
    }
    if (!error) { return outcome; }
    return failed(on_error_, run, stats, item, number, *std::move(error), deliver);
  }
  // An exception of the strategy itself, which nothing is left to deal with.
  static Outcome give_up(StreamRun& run, StageStats& stats, std::uint64_t number, const std::string& what) {
    ++stats.failed;
    run.fail(stats.name, number,
             Error{ErrorCode::failed, "", "the strategy for its errors threw: " + what, "", ""});
    return Outcome::fatal;
  }

  static constexpr bool kInPlace = std::is_void_v<Value>;
  template <class E>
  struct IsRetry : std::false_type {};
  template <class Then>
  struct IsRetry<Retry<Then>> : std::true_type {};
  static constexpr bool kRetries = IsRetry<OnError>::value;

  template <class Deliver, class Fail>
  Outcome call(T& item, Deliver& deliver, const Fail& fail) {
    using R = std::remove_cvref_t<detail::Returned<F, T>>;
    if constexpr (std::is_void_v<R>) {
      detail::call_once(f_, item);
      deliver();
    } else if constexpr (detail::IsResult<R>::value) {
      auto made = detail::call_once(f_, item);
      if (!made) { return fail(std::move(made.error())); }
      if constexpr (kInPlace) {
        deliver();
      } else {
        deliver(std::move(*made));
      }
    } else {
      deliver(detail::call_once(f_, item));
    }
    if constexpr (kRetries) {
      if (backoff_->attempts() > 0) { backoff_->restart(); }
    }
    return Outcome::done;
  }

  // The item must be whole for a second attempt.
  template <class Deliver, class Fail>
  Outcome call_with_copy(T& item, Deliver& deliver, const Fail& fail) {
    T copy(std::as_const(item));
    if constexpr (kInPlace) {
      auto keep = [&] {
        item = std::move(copy);
        deliver();
      };
      return call(copy, keep, fail);
    } else {
      return call(copy, deliver, fail);
    }
  }

  template <class Deliver>
  Outcome failed(AsTheEnd&, StreamRun& run, StageStats& stats, T& item, std::uint64_t number, Error error,
                 Deliver& deliver) {
    FailFast fail;
    SkipFailed skip;
    CollectErrors collect;
    switch (run.on_failure()) {
      case OnFailure::skip:
        return failed(skip, run, stats, item, number, std::move(error), deliver);
      case OnFailure::collect:
        return failed(collect, run, stats, item, number, std::move(error), deliver);
      case OnFailure::fail:
        break;
    }
    return failed(fail, run, stats, item, number, std::move(error), deliver);
  }
  template <class Deliver>
  Outcome failed(FailFast&, StreamRun& run, StageStats& stats, T&, std::uint64_t number, Error error,
                 Deliver&) {
    ++stats.failed;
    run.fail(stats.name, number, std::move(error));
    return Outcome::fatal;
  }
  template <class Deliver>
  Outcome failed(SkipFailed&, StreamRun&, StageStats& stats, T&, std::uint64_t, Error, Deliver&) {
    ++stats.failed;
    ++stats.dropped;
    return Outcome::left_out;
  }
  template <class Deliver>
  Outcome failed(CollectErrors&, StreamRun& run, StageStats& stats, T&, std::uint64_t number, Error error,
                 Deliver&) {
    ++stats.failed;
    ++stats.dropped;
    run.collect(stats.name, number, std::move(error));
    return Outcome::left_out;
  }
  template <class U, class Deliver>
  Outcome failed(DefaultValue<U>& instead, StreamRun&, StageStats& stats, T& item, std::uint64_t, Error,
                 Deliver& deliver) {
    ++stats.failed;
    if constexpr (kInPlace) {
      item = instead.value;
      deliver();
    } else {
      deliver(Value(instead.value));
    }
    return Outcome::done;
  }
  template <class Sender, class Deliver>
  Outcome failed(DeadLetter<Sender>& letters, StreamRun&, StageStats& stats, T& item, std::uint64_t number,
                 Error error, Deliver&) {
    ++stats.failed;
    FailedItem<T> letter{std::move(item), std::move(error), stats.name, number};
    if (!letters.sender.try_send(std::move(letter))) { ++stats.dropped; }
    return Outcome::left_out;
  }
  template <class Then, class Deliver>
  Outcome failed(Retry<Then>& retry, StreamRun& run, StageStats& stats, T& item, std::uint64_t number,
                 Error error, Deliver& deliver) {
    const bool worth_it = !retry.options.which || retry.options.which(error);
    if (const auto pause = worth_it ? backoff_->next() : std::nullopt) {
      retry_at_ = run.now() + *pause;
      run.wake_at(*retry_at_);
      return Outcome::later;
    }
    backoff_->restart();
    return failed(retry.then, run, stats, item, number, std::move(error), deliver);
  }

  F f_;
  OnError on_error_;
  // With retry() alone.
  std::optional<StreamRun::TimePoint> retry_at_;
  std::optional<Backoff> backoff_;
};

}  // namespace streamlab
