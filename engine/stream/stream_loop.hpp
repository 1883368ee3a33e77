// engine/stream/stream_loop.hpp
//
// run_stages(): the one loop that asks a chain of stages for items until they are through. Every end is this
// loop with another function.
#pragma once

#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "engine/stream/on_error.hpp"
#include "engine/stream/stage.hpp"

namespace streamlab {

// Begins the report of a run, and ends it.
class RunRecord {
 public:
  RunRecord(StreamRun& run, StageBase& last) : run_(run), last_(last), began_(run.now()) {}

  void item() {
    if (items_++ == 0) [[unlikely]] { to_first_ = run_.now() - began_; }
  }
  std::uint64_t items() const noexcept { return items_; }
  // Joins the stages' threads.
  StreamReport finish(Poll answer);

 private:
  Poll complete();

  StreamRun& run_;
  StageBase& last_;
  const StreamRun::TimePoint began_;
  std::optional<std::chrono::nanoseconds> to_first_;
  std::uint64_t items_ = 0;
};

// Calls f(T&) with every item; an f that returns Result<void>, or throws, ends the run as failed.
// `end_state`: what a checkpoint keeps for the end; may be null.
template <class T, class F>
StreamReport run_stages(StagePtr<T> last, const RunOptions& options, F&& f,
                        StreamRun::EndState* end_state = nullptr, const std::string& end_name = "end") {
  StreamRun run(options);
  run.set_end_state(end_state);
  RunRecord record(run, *last);
  const Poll started = detail::without_throwing(run, last->stats(), [&] {
    if (!last->start(run)) { return Poll::failed; }
    if (end_state == nullptr) { return Poll::item; }
    auto ready = end_state->begin();
    return ready ? Poll::item : run.fail(end_name, 0, std::move(ready.error()));
  });
  if (started != Poll::item) { return record.finish(started); }
  while (true) {
    run.begin_question();
    run.choose_timing();
    T* item = nullptr;
    const Poll answer = last->next(run, item);
    if (answer == Poll::pending) {
      if (run.cancelled()) { return record.finish(Poll::cancelled); }
      run.wait();
      continue;
    }
    if (answer != Poll::item) { return record.finish(answer); }
    const auto fail = [&](Error error) {
      return record.finish(run.fail(end_name, record.items(), std::move(error)));
    };
    try {
      if constexpr (detail::IsResult<std::remove_cvref_t<detail::Returned<F, T>>>::value) {
        auto done = detail::call_once(f, *item);
        if (!done) { return fail(std::move(done.error())); }
      } else {
        detail::call_once(f, *item);
      }
    } catch (const std::exception& e) { return fail(detail::thrown(e.what())); } catch (...) {
      return fail(detail::thrown("something that is no std::exception"));
    }
    record.item();
    if (run.cancelled()) [[unlikely]] { return record.finish(Poll::cancelled); }
  }
}

}  // namespace streamlab
