// engine/run/events.hpp
//
// EventHub: the events of an engine as a stream, for any number of listeners. EventReceiver: one of them.
//
// No thread looks for events: a listener that finds its queue empty looks itself, and so does Engine::wait_for(). Without listeners
// nobody looks. The real-time thread counts, and leaves its gaps in a ring (event_finder.hpp); it knows of no listener and no lock.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "engine/channel/mpsc.hpp"
#include "engine/run/engine_event.hpp"

namespace streamlab {

class EventFinder;
struct EngineView;

// Who looks for events.
class EventSource {
 public:
  virtual ~EventSource() = default;
  virtual void look() = 0;
};

// Receives as the receivers of channels do: receive(), receive_for(), try_receive(), in select() and from_receiver(). Closed after the
// event `end`. One thread at a time; may outlive the engine. A listener that is slow loses its oldest events: lost() says how many.
class EventReceiver : public Receiving<EventReceiver, EngineEvent> {
 public:
  EventReceiver(MpscReceiver<EngineEvent> events, std::weak_ptr<EventSource> source)
      : events_(std::move(events)), source_(std::move(source)) {}

  Received<EngineEvent> try_receive();
  std::uint64_t lost() const { return events_.counters().dropped; }
  ChannelCounters counters() const { return events_.counters(); }
  std::size_t capacity() const noexcept { return events_.capacity(); }

  // For select() and streams; see MpscReceiver.
  void arm(std::shared_ptr<WakeSignal> signal) { events_.arm(std::move(signal)); }
  void disarm(const WakeSignal& signal) noexcept { events_.disarm(signal); }
  Clock::Duration poll_period() const noexcept { return std::chrono::milliseconds(20); }
  Clock& clock() const noexcept { return events_.clock(); }

 private:
  MpscReceiver<EngineEvent> events_;
  std::weak_ptr<EventSource> source_;
};

// Any thread but a real-time one.
class EventHub final : public EventSource, public std::enable_shared_from_this<EventHub> {
 public:
  // `see`: what is to be seen of the engine now. Not called after finish().
  explicit EventHub(std::function<EngineView()> see);
  ~EventHub() override;

  // From now on. `only`: of one kind.
  EventReceiver listen(std::optional<EngineEvent::Kind> only, std::size_t capacity);
  // To all listeners, behind what a look finds; place and time are added.
  void send(EngineEvent event);
  void look() override;
  // The last look, then the event `end`; all listeners are closed.
  void finish();

 private:
  struct Listener {
    std::optional<EngineEvent::Kind> only;
    MpscSender<EngineEvent> sender;
  };
  std::int64_t look_now(bool is_last);  // returns how far the stream has come
  void pass_on(const EngineEvent& event);

  std::mutex mutex_;  // guards what follows
  std::function<EngineView()> see_;
  std::unique_ptr<EventFinder> finder_;
  std::vector<Listener> listeners_;
};

}  // namespace streamlab
