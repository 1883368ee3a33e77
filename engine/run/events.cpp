// engine/run/events.cpp
#include "engine/run/events.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/run/event_finder.hpp"

namespace streamlab {
namespace {

std::int64_t event_time_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

}  // namespace

Received<EngineEvent> EventReceiver::try_receive() {
  Received<EngineEvent> event = events_.try_receive();
  if (event || event.why() != Why::empty) { return event; }
  const auto source = source_.lock();
  if (source == nullptr) { return event; }
  source->look();
  return events_.try_receive();
}

EventHub::EventHub(std::function<EngineView()> see)
    : see_(std::move(see)), finder_(std::make_unique<EventFinder>()) {}
EventHub::~EventHub() = default;

EventReceiver EventHub::listen(std::optional<EngineEvent::Kind> only, std::size_t capacity) {
  auto [sender, receiver] = mpsc<EngineEvent>(capacity, OverflowPolicy::drop_oldest);
  const std::scoped_lock lock(mutex_);
  if (see_) {
    look_now(false);  // what was before is not for this one
    listeners_.push_back({only, std::move(sender)});
  } else {
    sender.close();
  }
  return EventReceiver(std::move(receiver), weak_from_this());
}

void EventHub::send(EngineEvent event) {
  const std::scoped_lock lock(mutex_);
  if (!see_ || listeners_.empty()) { return; }
  event.position = look_now(false);
  event.timestamp_us = event_time_us();
  pass_on(event);
}

void EventHub::look() {
  const std::scoped_lock lock(mutex_);
  if (see_ && !listeners_.empty()) { look_now(false); }
}

void EventHub::finish() {
  const std::scoped_lock lock(mutex_);
  if (!see_) { return; }
  if (!listeners_.empty()) {
    EngineEvent end;
    end.position = look_now(true);
    end.timestamp_us = event_time_us();
    pass_on(end);
  }
  listeners_.clear();
  see_ = nullptr;
}

std::int64_t EventHub::look_now(bool is_last) {
  const EngineView view = see_();
  for (const EngineEvent& event : finder_->find(view, event_time_us(), is_last)) { pass_on(event); }
  return stream_position(view.status);
}

// (A listener that has gone is forgotten.)
void EventHub::pass_on(const EngineEvent& event) {
  const auto has_gone = [&](const Listener& to) {
    if (to.only && *to.only != event.kind) { return to.sender.closed(); }
    return !to.sender.try_send(event);
  };
  listeners_.erase(std::remove_if(listeners_.begin(), listeners_.end(), has_gone), listeners_.end());
}

}  // namespace streamlab
