// tests/stream/wrong/missing_move.cpp
//
// A program that is wrong in every line with a comment "says: TEXT", where the compiler says TEXT, once.
// tests/stream/check_messages.sh compiles it.
#include <utility>
#include <vector>

#include "engine/channel/mpsc.hpp"
#include "engine/stream/operators.hpp"
#include "engine/stream/sources.hpp"

using namespace streamlab;

const std::vector<int> kNumbers{1, 2, 3};
Generator<int> generator() { co_yield 1; }
int same(int x) { return x; }

int main() {
  auto stream = from_range(kNumbers);
  auto other = from_range(kNumbers);
  auto channel = mpsc<int>(4);
  auto numbers = generator();
  const auto chain = op::map(same);

  auto mapped = stream.map(same);                         // says: write std::move(stream).map(…)
  auto one = stream.take(1);                              // says: write std::move(stream).take(…)
  auto result = stream.collect();                         // says: write std::move(stream).collect(…)
  auto report = stream.for_each(same);                    // says: write std::move(stream).for_each(…)
  auto items = stream.pull();                             // says: write std::move(stream).pull(…)
  auto by_bar = stream | chain;                           // says: write std::move(stream) | …
  auto copy = stream;                                     // says: use of deleted function
  auto received = from_receiver(channel.receiver);        // says: write std::move(argument)
  auto generated = from_generator(numbers);               // says: write std::move(argument)
  auto zipped = from_range(kNumbers).zip(other);          // says: write std::move(argument)
  auto merged = from_range(kNumbers) | op::merge(other);  // says: merge() takes its argument for good
  from_range(kNumbers).map(same);                         // says: declared with attribute 'nodiscard'
  from_range(kNumbers).collect();                         // says: declared with attribute 'nodiscard'
  from_range(kNumbers).for_each(same);                    // says: declared with attribute 'nodiscard'
  from_range(kNumbers).pull();                            // says: declared with attribute 'nodiscard'
  auto flat = from_range(kNumbers).flat_map(same);        // says: f gives a range, a stream or a generator
  auto ended = from_range(kNumbers).for_each(same, default_value(1));  // says: an end gives no items
}
