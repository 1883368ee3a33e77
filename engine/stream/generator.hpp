// engine/stream/generator.hpp
//
// Generator<T>: a function that gives values one after the other with co_yield.
//
//   Generator<int> squares(int n) {
//     for (int i = 0; i < n; ++i) { co_yield i * i; }
//   }
//   from_generator(squares(10)).filter(…)
//
// It runs only while it is asked, on the asking thread. Parameters are copied into the coroutine: pass
// values, not references to what may go. An exception in it is kept and thrown at the next request.
#pragma once

#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace streamlab {

template <class T>
class [[nodiscard]] Generator {
  static_assert(std::is_object_v<T> && !std::is_const_v<T>, "a Generator gives values");

 public:
  struct promise_type {
    std::optional<T> value;
    std::exception_ptr exception;

    Generator get_return_object() { return Generator(Handle::from_promise(*this)); }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    std::suspend_always yield_value(T given) noexcept(std::is_nothrow_move_constructible_v<T>) {
      value.emplace(std::move(given));
      return {};
    }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { exception = std::current_exception(); }
  };

  using value_type = T;

  Generator(const Generator&) = delete;  // move-only: write std::move(generator)
  Generator& operator=(const Generator&) = delete;
  Generator(Generator&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Generator& operator=(Generator&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Generator() {
    if (handle_) { handle_.destroy(); }
  }

  // The next value, which lives in the generator until the next call; null when there will be no more. Throws
  // what the generator threw.
  T* next() {
    if (!handle_ || handle_.done()) { return nullptr; }
    handle_.resume();
    if (handle_.promise().exception) {
      std::rethrow_exception(std::exchange(handle_.promise().exception, nullptr));
    }
    return handle_.done() ? nullptr : &*handle_.promise().value;
  }

 private:
  using Handle = std::coroutine_handle<promise_type>;
  explicit Generator(Handle handle) : handle_(handle) {}

  Handle handle_;
};

}  // namespace streamlab
