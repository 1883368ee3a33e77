// tests/channel/take_all.hpp
//
// What waits in a channel, without waiting for more.
#pragma once

#include <utility>
#include <vector>

namespace streamlab::test {

template <template <class> class Receiver, class T>
std::vector<T> take_all(Receiver<T>& receiver) {
  std::vector<T> values;
  while (auto value = receiver.try_receive()) { values.push_back(*std::move(value)); }
  return values;
}

}  // namespace streamlab::test
