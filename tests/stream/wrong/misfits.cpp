// tests/stream/wrong/misfits.cpp
//
// What does not fit a stage, in every line with a comment "says: TEXT", where the compiler says TEXT, once.
// tests/stream/check_messages.sh compiles it.
#include <string>
#include <vector>

#include "engine/channel/mpsc.hpp"
#include "engine/stream/operators.hpp"
#include "engine/stream/sources.hpp"

using namespace streamlab;

const std::vector<int> kInts{1, 2, 3};
const std::vector<double> kHalves{0.5, 0.5};
int same(int x) { return x; }
// Another function for every line: the compiler says the same of the same but once.
template <int>
struct OfText {
  int operator()(const std::string& text) const { return static_cast<int>(text.size()); }
};
std::string text_of(int x) { return std::to_string(x); }
double sum(double a, double b) { return a + b; }
struct Plain {
  int x = 0;
};
Plain plain(int x) { return {x}; }
int add_to(const Plain& state, int x) { return state.x + x; }

int main() {
  // What is cut short by the type of a state.
  auto a1 = from_range(kHalves).reduce(0, sum);                       // says: by the type of the state
  auto a2 = from_range(kHalves).scan(0, sum).count();                 // says: by the type of the state
  auto a3 = from_range(kHalves).reduce(0.0F, sum);                    // says: by the type of the state
  auto a4 = from_range(kInts).conflate(sum).count();                  // says: by the type of the state
  auto a5 = from_range(kHalves).execute_reduce(0L, sum);              // says: by the type of the state
  auto a6 = (from_range(kHalves) | op::reduce(short{0}, sum));        // says: by the type of the state
  auto a7 = from_range(kInts).map(same, default_value(0.5)).count();  // says: v is cut short
  // Functions of other items, and other answers.
  auto b1 = from_range(kInts).map(OfText<1>{}).count();                  // says: or f(T&)
  auto b2 = from_range(kInts).filter(text_of).count();                   // says: gives a bool
  auto b3 = from_range(kInts).take_while(OfText<2>{}).count();           // says: gives a bool
  auto b4 = from_range(kInts).flat_map(OfText<3>{}).count();             // says: or f(T&)
  auto b5 = from_range(kInts).reduce(Plain{}, add_to);                   // says: f(S, T) -> S
  auto b6 = from_range(kInts).scan(std::string(), OfText<4>{}).count();  // says: f(S, T) -> S
  auto b7 = from_range(kInts).map(plain).distinct().count();             // says: a key has a std::hash
  auto b8 = from_range(kInts).distinct_by(OfText<5>{}).count();          // says: f(const T&)
  auto b9 = from_range(kInts).window(3, 1).map(OfText<6>{}).count();     // says: or f(T&)
  auto c1 = from_range(kInts).write_lines("x", same);                // says: gives a text, or a Result of one
  auto c2 = from_range(kInts).for_each(OfText<7>{});                 // says: or f(T&)
  auto c3 = from_range(kInts).parallel_map(2, OfText<8>{}).count();  // says: or f(T&)
  auto c4 = from_range(kInts).circuit_breaker({}, OfText<9>{}).count();    // says: or f(T&)
  auto c5 = from_range(kInts).window_by(OfText<10>{}, 10, 10).count();     // says: f(const T&)
  auto c6 = from_range(kInts).rate_limit(5.0, 1.0, OfText<11>{}).count();  // says: f(const T&)
  auto c7 = from_function([] { return 3; }).count();                       // says: f() gives a std::optional
  // Strategies and other arguments.
  auto d1 = from_range(kInts).map(same, skip_failed).count();  // says: with its parentheses
  auto d2 = from_range(kInts).map(same, 3).count();            // says: is a strategy for errors
  auto d3 = from_range(kInts).parallel_map(2, same, collect_errors).count();  // says: with its parentheses
  auto d4 = from_range(kInts).map(same, retry(3)).count();                    // says: retry({.attempts = 3})
  auto letters = mpsc<int>(4);
  auto letter = dead_letter(std::move(letters.sender));
  auto d0 = from_range(kInts).map(same, std::move(letter)).count();  // says: carries FailedItem<T>
  auto d5 = from_range(kInts).zip(kHalves).count();                  // says: takes another stream
  auto d6 = from_range(kInts).timeout(5).count();                    // says: timeout(…) takes a duration
  auto d7 = from_range(kInts).throttle(0.5).count();                 // says: throttle(…) takes a duration
  auto d8 = from_range(kInts).window_for(1).count();                 // says: window_for(…) takes a duration
  auto d9 = from_range(kInts).checkpoint("state").count();           // says: checkpoint({.path
  auto e1 = from_range(kInts).named(3).count();                      // says: named(…) takes
  auto e2 = (from_range(kInts) | op::debounce(5) | op::count());     // says: debounce(…) takes a duration
}
