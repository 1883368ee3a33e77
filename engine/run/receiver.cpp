// engine/run/receiver.cpp
#include "engine/run/receiver.hpp"

#include <algorithm>

namespace streamlab {
Receiver& Receiver::operator=(Receiver&& other) noexcept {
  if (this != &other) {
    close();
    shared_ = std::move(other.shared_);
  }
  return *this;
}

void Receiver::close() noexcept {
  if (shared_ == nullptr) { return; }
  shared_->link.abandoned.store(true, std::memory_order_release);
  shared_->link.wake_producer();
}

std::optional<DataFrame> Receiver::try_receive() {
  DataFrame* const block = borrow();
  if (block == nullptr) { return std::nullopt; }
  DataFrame copy = *block;
  give_back(block);
  return copy;
}

void Receiver::give_back(DataFrame* block) noexcept {
  shared_->link.edge.release(block);
  shared_->link.wake_producer();
}

std::optional<std::chrono::nanoseconds> Receiver::look_again_after() const noexcept {
  if (shared_->link.readers != nullptr) { return std::nullopt; }
  return kLookAgain;
}

std::optional<DataFrame> Receiver::receive_until(WakeSignal::Clock::time_point deadline) {
  while (true) {
    const std::uint32_t ticket = shared_->signal.ticket();
    // Ask for the end first: a block that arrives between the two calls is then found in the next round.
    const bool over = ended();
    auto block = try_receive();
    if (block || over || WakeSignal::Clock::now() >= deadline) { return block; }
    shared_->signal.wait(ticket, std::min(deadline, WakeSignal::Clock::now() + kLookAgain));
  }
}

std::optional<DataFrame> Receiver::receive() { return receive_until(WakeSignal::Clock::time_point::max()); }

std::optional<DataFrame> Receiver::receive_for(std::chrono::nanoseconds timeout) {
  return receive_until(WakeSignal::Clock::now() + timeout);
}

}  // namespace streamlab
