// engine/run/change.cpp
#include "engine/run/change.hpp"

#include <thread>
#include <utility>

#include "engine/run/program.hpp"

namespace streamlab {

void SetParams::apply(std::unique_ptr<Program>& program) noexcept {
  for (OfNode& of : changes_) {
    of.node->apply(*of.change);
    program->step_of(of.node_index).notice_change();
  }
}

ChangeQueue::~ChangeQueue() {
  has_room();
  delete next_;
  Change* change = nullptr;
  while (inbox_.try_pop(change)) { delete change; }
}

bool ChangeQueue::has_room() noexcept {
  Change* change = nullptr;
  while (returned_.try_pop(change)) {
    delete change;
    --pending_;
  }
  return pending_ < kMostPending;
}

void ChangeQueue::send(std::unique_ptr<Change> change, std::unique_ptr<Program>& program) noexcept {
  SL_ASSERT(pending_ < kMostPending, "no more changes are pending than a ring holds");
  ++pending_;
  static_cast<void>(inbox_.try_push(change.release()));
  // Either this thread sees that the domain is over, or the domain, in close(), sees the change.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (!over_.load()) { return; }
  while (applies_.test_and_set(std::memory_order_acquire)) { std::this_thread::yield(); }
  apply_all(program);
  applies_.clear(std::memory_order_release);
}

void ChangeQueue::apply_all(std::unique_ptr<Program>& program) noexcept {
  while (next_ != nullptr || inbox_.try_pop(next_)) {
    if (!next_->is_due() && !over_.load(std::memory_order_relaxed)) { return; }
    next_->apply(program);
    static_cast<void>(returned_.try_push(std::exchange(next_, nullptr)));
  }
}

void ChangeQueue::close(std::unique_ptr<Program>& program) noexcept {
  over_.store(true);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (applies_.test_and_set(std::memory_order_acquire)) { return; }  // a sender does it
  apply_all(program);
  applies_.clear(std::memory_order_release);
}

}  // namespace streamlab
