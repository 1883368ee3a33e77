// apps/examples/unreliable_analyser.cpp
//
// Errors: an analyser that is busy now and then, and cannot do some items at all. What is busy is asked again
// after growing pauses; what cannot be done goes, with its error, into a channel of its own; the rest
// arrives. The clock is a virtual one, so that the pauses take no time here.
#include <cstdio>
#include <numeric>
#include <vector>

#include <fmt/format.h>

#include "engine/channel/mpsc.hpp"
#include "engine/stream/sources.hpp"

using namespace streamlab;
using namespace std::chrono_literals;

int main() {
  VirtualClock clock(VirtualClock::Advance::when_idle);
  const auto began = clock.now();
  auto [dead_letters, letters] = mpsc<FailedItem<int>>(16);

  int calls = 0;
  const auto analyse = [&calls](int item) -> Result<double> {
    ++calls;
    if (item % 4 == 3) { return failed("", "the item cannot be analysed"); }
    if (calls % 3 == 0) { return failed("", "the analyser is busy"); }
    return 0.5 * item;
  };
  RetryOptions when_busy{.attempts = 5, .backoff = {.first = 100ms, .factor = 2.0, .cap = 1s}};
  when_busy.which = [](const Error& error) { return error.what == "the analyser is busy"; };

  std::vector<int> items(12);
  std::iota(items.begin(), items.end(), 0);
  const auto result = from_range(items)
                          .map(analyse, retry(when_busy, dead_letter(std::move(dead_letters))))
                          .named("analyse")
                          .collect({.clock = &clock});

  fmt::print("results: ");
  for (const double value : *result) { fmt::print(" {}", value); }
  fmt::print("\n");
  while (const auto letter = letters.try_receive()) {
    fmt::print("item {} was given up: {}\n", letter->item, letter->error.what);
  }
  const StageReport& stage = *result.report.stage("analyse");
  fmt::print("{} calls, {} of them for another attempt, {} ms waited\n", calls, stage.retried,
             std::chrono::duration_cast<std::chrono::milliseconds>(clock.now() - began).count());
  return result ? 0 : 1;
}
