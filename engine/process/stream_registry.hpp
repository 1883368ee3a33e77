// engine/process/stream_registry.hpp
//
// StreamRegistry: the named channels of one run.
//
// Control thread only.
#pragma once

#include <chrono>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "engine/process/stream_channel.hpp"

namespace streamlab {

class StreamRegistry {
 public:
  // A new channel. Refused: a name that is taken.
  Result<StreamChannel*> create(std::string name, ChannelOptions options = {});
  // Null where there is none; find() says it, with the nearest name that there is.
  StreamChannel* get(std::string_view name);
  Result<StreamChannel*> find(std::string_view name);
  std::vector<std::string_view> names() const;

  // Everything that the child of `step` is given, of all channels that are open.
  std::vector<Handover> handovers(const std::string& step) const;
  // The path of the FIFO that `step` reads from (fifo_in) or writes to (fifo_out); empty if there is none.
  std::string fifo_path(const std::string& step, StreamDirection direction) const;
  // That step's program has ended.
  void end_step(const std::string& step);

  // Closes all, in the order in which they were created; one that has not passed on everything by `deadline`
  // gives the rest up. True if everything was passed on.
  bool close(std::chrono::steady_clock::time_point deadline);
  std::vector<ChannelReport> reports() const;

 private:
  std::deque<StreamChannel> channels_;  // they stay where they are
};

}  // namespace streamlab
