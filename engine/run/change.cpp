// engine/run/change.cpp
#include "engine/run/change.hpp"

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

bool ChangeQueue::is_over_after(std::unique_ptr<Change> change) noexcept {
  SL_ASSERT(pending_ < kMostPending, "no more changes are pending than a ring holds");
  ++pending_;
  static_cast<void>(inbox_.try_push(change.release()));
  // Either this thread sees that the domain is over, or the domain, in close(), sees the change.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return over_.load();
}

void ChangeQueue::apply_all(std::unique_ptr<Program>& program) noexcept {
  while (next_ != nullptr || inbox_.try_pop(next_)) {
    if (!next_->is_due() && !over_.load(std::memory_order_relaxed)) { return; }
    next_->apply(program);
    static_cast<void>(returned_.try_push(std::exchange(next_, nullptr)));
  }
}

}  // namespace streamlab
