// engine/run/receiver.cpp
#include "engine/run/receiver.hpp"

#include <utility>

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
  if (const auto owner = std::exchange(shared_->owner, {}).lock()) { owner->left(); }
}

Received<DataFrame> Receiver::try_receive() {
  // Over first: a block that comes between the two looks is then found by the next call.
  const bool over = is_over();
  DataFrame* const block = borrow();
  if (block == nullptr) { return over ? Why::closed : Why::empty; }
  DataFrame copy = *block;
  give_back(block);
  return copy;
}

void Receiver::give_back(DataFrame* block) noexcept {
  if (shared_ == nullptr) { return; }
  shared_->link.edge.release(block);
  shared_->link.wake_producer();
}

}  // namespace streamlab
