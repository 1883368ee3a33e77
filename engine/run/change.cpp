// engine/run/change.cpp
#include "engine/run/change.hpp"

#include "engine/run/program.hpp"

namespace streamlab {

void SetParams::apply(Program& program) noexcept {
  for (OfNode& of : changes_) {
    of.node->apply(*of.change);
    program.step_of(of.node_index).notice_change();
  }
}

ChangeQueue::~ChangeQueue() {
  collect();
  Change* change = nullptr;
  while (inbox_.try_pop(change)) { delete change; }
}

void ChangeQueue::collect() noexcept {
  Change* change = nullptr;
  while (returned_.try_pop(change)) {
    delete change;
    --pending_;
  }
}

void ChangeQueue::send(std::unique_ptr<Change> change) noexcept {
  SL_ASSERT(has_room(), "no more changes are pending than a ring holds");
  ++pending_;
  static_cast<void>(inbox_.try_push(change.release()));
}

void ChangeQueue::apply_all(Program& program) noexcept {
  Change* change = nullptr;
  while (inbox_.try_pop(change)) {
    change->apply(program);
    static_cast<void>(returned_.try_push(change));
  }
}

}  // namespace streamlab
