// hal/bounded_call.hpp
//
// call_within(limit, function): runs `function` on a thread of its own and returns its result, or nothing
// when `limit` has passed. A hanging function is abandoned with all that it owns, so it must own (by value or
// shared_ptr) everything it touches. For libjack calls that wait for a server that may never answer.
#pragma once

#include <chrono>
#include <future>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>

namespace streamlab {

template <class Function>
auto call_within(std::chrono::milliseconds limit, Function function)
    -> std::optional<std::invoke_result_t<Function>> {
  std::packaged_task<std::invoke_result_t<Function>()> task(std::move(function));
  auto result = task.get_future();
  std::thread thread(std::move(task));
  if (result.wait_for(limit) != std::future_status::ready) {
    thread.detach();
    return std::nullopt;
  }
  thread.join();
  return result.get();
}

}  // namespace streamlab
