// engine/stream/stages/flat_map_streams.hpp
//
// flat_map() whose function gives streams or generators: the items of one after those of the other.
//
//   from_range(paths).flat_map(frames_of)                   // the blocks of many files
//   from_range(paths).flat_map(frames_of, skip_failed())    // of those that can be read
//
// One stream is open at a time. A stream that fails is a failure of the item that it was made of, whatever it has
// given until then: the strategy decides, and the error says which stage of which stream it was. retry() tries again
// what fails before the stream has begun (a file that cannot be opened); later, its items would come twice.
//
// What the streams have counted is reported in sum, by the names of their stages, as "in flat_map: NAME".
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "engine/stream/generator.hpp"
#include "engine/stream/stages/map.hpp"
#include "engine/stream/stages/source.hpp"

namespace streamlab::stages {

template <class X>
struct IsGenerator : std::false_type {};
template <class T>
struct IsGenerator<Generator<T>> : std::true_type {};

// Is X a stream or a generator?
template <class X>
constexpr bool kGivesStream = IsGenerator<X>::value || requires(X& x) {
  { std::move(x).take_stages() } -> std::same_as<StagePtr<typename X::value_type>>;
};

template <class U, class Made>
StagePtr<U> stages_of(Made made) {
  if constexpr (IsGenerator<Made>::value) {
    return std::make_unique<GeneratorSource<U>>(std::move(made));
  } else {
    return std::move(made).take_stages();
  }
}

// The streams that are open one after the other, apart from what they are made of.
template <class U_>
class InnerStreams {
 public:
  using U = U_;
  bool is_open() const noexcept { return last_ != nullptr; }

  Result<void> open(StreamRun& run, StagePtr<U> last) {
    last_ = std::move(last);
    errors_ = std::make_shared<StreamRun::Shared>();
    if (auto fits = check(); !fits) {
      last_ = nullptr;
      return fits;
    }
    bool started = false;
    {
      const StreamRun::Divert divert(run, errors_);
      started = streamlab::detail::without_throwing(run, last_->stats(), [&] {
                  return last_->start(run) ? Poll::item : Poll::failed;
                }) == Poll::item;
    }
    if (started) { return {}; }
    return tl::unexpected(close_failed(run));
  }
  Poll next(StreamRun& run, U*& item) {
    const StreamRun::Divert divert(run, errors_);
    return last_->next(run, item);
  }
  // Ends the one that is open, if there is one.
  void close(StreamRun& run) noexcept {
    if (last_ == nullptr) { return; }
    {
      const StreamRun::Divert divert(run, errors_);
      last_->halt(run);
    }
    add_reports();
    hand_on(run);
    last_ = nullptr;
  }
  // The same for one that has failed: why.
  Error close_failed(StreamRun& run) {
    close(run);
    const std::lock_guard lock(errors_->mutex);
    if (!errors_->error) { return Error{ErrorCode::failed, "", "the stream failed", "", ""}; }
    StreamError inner = *std::move(errors_->error);
    const std::string where = fmt::format("stage \"{}\", item {}", inner.stage, inner.item);
    inner.error.where = inner.error.where.empty() ? where : fmt::format("{}: {}", where, inner.error.where);
    return std::move(inner.error);
  }

  const std::vector<StageReport>& reports() const noexcept { return reports_; }
  std::uint64_t time_ns() const noexcept { return time_ns_; }

 private:
  Result<void> check() const {
    Result<void> fits;
    visit_in_flow_order(*last_, [&](StageBase& stage) {
      if (!stage.is_checkpoint()) { return; }
      fits = refused("", "a checkpoint cannot stand in a stream that flat_map() opens", "",
                     "put it behind flat_map(), or run that stream by itself");
    });
    return fits;
  }
  void add_reports() {
    for (StageReport& one : StageMap(*last_).all_reports()) {
      one.name = "in flat_map: " + one.name;
      const auto sum = std::find_if(reports_.begin(), reports_.end(),
                                    [&](const StageReport& other) { return other.name == one.name; });
      if (sum == reports_.end()) {
        reports_.push_back(std::move(one));
        continue;
      }
      sum->in += one.in;
      sum->out += one.out;
      sum->failed += one.failed;
      sum->retried += one.retried;
      sum->dropped += one.dropped;
      sum->time += one.time;
    }
    time_ns_ += last_->stats().time_with_upstream_ns;
  }
  // What its stages have noted and collected is the whole run's.
  void hand_on(StreamRun& run) {
    StreamRun::Shared& from = *errors_;
    StreamRun::Shared& to = *run.shared();
    const std::scoped_lock lock(from.mutex, to.mutex);
    to.collected_count += from.collected_count;
    for (StreamError& error : from.collected) {
      if (to.collected.size() < StreamReport::kMaxCollected) { to.collected.push_back(std::move(error)); }
    }
    for (std::string& note : from.notes) { to.notes.push_back(std::move(note)); }
  }

  StagePtr<U> last_;
  std::shared_ptr<StreamRun::Shared> errors_;  // of the stream that is open, and notes
  std::vector<StageReport> reports_;           // of those that were
  Count time_ns_;
};

// What OpenInner gives: the stream itself is kept aside.
struct Opened {};

// Calls the user's function and opens what it gives.
template <class T, class U, class F>
struct OpenInner {
  InnerStreams<U>* inner;
  StreamRun* const* run;
  F f;

  Result<Opened> operator()(T& item) {
    if constexpr (streamlab::detail::IsResult<
                      std::remove_cvref_t<streamlab::detail::Returned<F, T>>>::value) {
      auto made = streamlab::detail::call_once(f, item);
      if (!made) { return tl::unexpected(std::move(made.error())); }
      return open(std::move(*made));
    } else {
      return open(streamlab::detail::call_once(f, item));
    }
  }

 private:
  template <class Made>
  Result<Opened> open(Made&& made) {
    if (auto opened = inner->open(**run, stages_of<U>(std::forward<Made>(made))); !opened) {
      return tl::unexpected(std::move(opened.error()));
    }
    return Opened{};
  }
};

// For a base that is there before the stage that calls it.
template <class U>
struct InnerState {
  InnerStreams<U> inner;
  StreamRun* run = nullptr;  // that asks
};

template <class T, class U_, class F, class OnError>
class FlatMapStreams final : private InnerState<U_>, public Calling<T, U_, OpenInner<T, U_, F>, OnError> {
  static_assert(!streamlab::detail::kGivesDefault<OnError>,
                "default_value() cannot take the place of a stream: skip_failed() leaves it out");

 public:
  using U = U_;
  using Base = Calling<T, U, OpenInner<T, U, F>, OnError>;

  FlatMapStreams(StagePtr<T> upstream, F f, OnError on_error)
      : Base("flat_map", std::move(upstream), OpenInner<T, U, F>{&this->inner, &this->run, std::move(f)},
             std::move(on_error)) {}

  // A stream that is half given cannot be had again at that place.
  Result<void> save(ByteWriter& to) const override { return StageBase::save(to); }
  Result<void> load(ByteReader& from) override { return StageBase::load(from); }

  void halt(StreamRun& asking) noexcept override {
    this->inner.close(asking);
    StageBase::halt(asking);
  }
  std::uint64_t inner_time_ns() const noexcept override { return this->inner.time_ns(); }
  std::vector<StageReport> inner_reports() const override { return this->inner.reports(); }

 protected:
  Poll poll(StreamRun& asking, U*& item) override {
    this->run = &asking;
    while (true) {
      if (!this->inner.is_open()) {
        const Poll answer = this->call(asking, [](Opened&&) {});
        if (answer != Poll::item) { return answer; }
      }
      const Poll answer = this->inner.next(asking, item);
      if (answer == Poll::ended) {
        this->inner.close(asking);
      } else if (answer == Poll::failed) {
        if (this->fail_given(asking, this->inner.close_failed(asking)) == Poll::failed) {
          return Poll::failed;
        }
      } else {
        return answer;
      }
    }
  }
};

}  // namespace streamlab::stages
