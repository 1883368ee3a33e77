// engine/flow/reader_watch.cpp
#include "engine/flow/reader_watch.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

namespace streamlab {

ReaderWatch::ReaderWatch() : events_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}

void ReaderWatch::add(std::size_t channel, const std::string& path, std::size_t open_ends) {
  if (!events_) { return; }
  const int watch = ::inotify_add_watch(events_.get(), path.c_str(), IN_OPEN | IN_CLOSE);
  if (watch < 0) { return; }
  channels_[watch] = channel;
  ends_[channel].open = open_ends;
}

bool ReaderWatch::readers_went_first(std::size_t channel) {
  look();
  const auto ends = ends_.find(channel);
  return ends != ends_.end() && ends->second.open == 0 && ends->second.writer_was_last;
}

void ReaderWatch::look() {
  char buffer[4096];
  while (events_) {
    const ssize_t got = ::read(events_.get(), buffer, sizeof buffer);
    if (got <= 0) { return; }
    for (std::size_t at = 0; at + sizeof(inotify_event) <= static_cast<std::size_t>(got);) {
      inotify_event event{};
      std::memcpy(&event, buffer + at, sizeof event);
      at += sizeof event + event.len;
      const auto channel = channels_.find(event.wd);
      if (channel == channels_.end()) { continue; }
      Ends& ends = ends_[channel->second];
      if ((event.mask & IN_OPEN) != 0) { ++ends.open; }
      if ((event.mask & IN_CLOSE) != 0) {
        if (ends.open > 0) { --ends.open; }
        ends.writer_was_last = (event.mask & IN_CLOSE_WRITE) != 0;
      }
    }
  }
}

}  // namespace streamlab
