// tests/rt/give_way.hpp
//
// How a test's thread waits for the other one: it looks again at once, and gives the processor away every
// 256th time. With a yield each time a test of many hand-overs takes minutes on a machine with much else to
// do.
#pragma once

#include <thread>

namespace streamlab {

inline void give_way() {
  thread_local unsigned calls = 0;
  if (++calls % 256 == 0) { std::this_thread::yield(); }
}

}  // namespace streamlab
