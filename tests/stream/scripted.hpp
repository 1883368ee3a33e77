// tests/stream/scripted.hpp
//
// scripted(steps): a stream that gives what a test says, with "nothing yet" in between, and says how often it
// was asked. Everything that stages meet from the stages before them.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <rapidcheck.h>

#include "engine/stream/stream.hpp"

namespace streamlab::testing_streams {

enum class Finally { ends, fails, waits };

template <class T>
struct Script {
  std::vector<std::optional<T>> steps;  // nothing: "pending", and wants to be asked again at once
  Finally finally = Finally::ends;

  std::vector<T> items() const {
    std::vector<T> all;
    for (const auto& step : steps) {
      if (step) { all.push_back(*step); }
    }
    return all;
  }
};

template <class T>
class Scripted final : public Source<T> {
 public:
  Scripted(Script<T> script, int* given) : Source<T>("scripted"), script_(std::move(script)), given_(given) {}

 protected:
  Poll produce(StreamRun& run, T*& item) override {
    if (at_ == script_.steps.size()) {
      if (script_.finally == Finally::ends) { return Poll::ended; }
      if (script_.finally == Finally::waits) { return Poll::pending; }
      return run.fail("scripted", at_, Error{ErrorCode::failed, "", "as the script says", "", ""});
    }
    auto& step = script_.steps[at_++];
    if (!step) {
      run.wake_at(run.now());
      return Poll::pending;
    }
    if (given_ != nullptr) { ++*given_; }
    item = &*step;
    return Poll::item;
  }

 private:
  Script<T> script_;
  std::size_t at_ = 0;
  int* given_;
};

template <class T>
Stream<T> scripted(Script<T> script, int* given = nullptr) {
  return Stream<T>(std::make_unique<Scripted<T>>(std::move(script), given));
}

// `items` with nothing in between. A list in braces is one of int.
template <class T = int>
Script<T> script_of(const std::vector<T>& items, Finally finally = Finally::ends) {
  Script<T> script;
  for (const T& item : items) { script.steps.emplace_back(item); }
  script.finally = finally;
  return script;
}

// `items` with "nothing yet" at random places, which RapidCheck chooses.
template <class T>
Script<T> with_pauses(const std::vector<T>& items) {
  Script<T> script;
  for (const T& item : items) {
    for (int pauses = *rc::gen::inRange(0, 3); pauses > 0; --pauses) { script.steps.push_back(std::nullopt); }
    script.steps.push_back(item);
  }
  if (*rc::gen::arbitrary<bool>()) { script.steps.push_back(std::nullopt); }
  return script;
}

}  // namespace streamlab::testing_streams
