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

#include "engine/process/byte_channel.hpp"

namespace streamlab {

class StreamRegistry {
 public:
  // A new channel. Refused: a name that is taken.
  Result<ByteChannel*> create(std::string name, ChannelOptions options = {});
  // Null if there is none; find() returns an error with the nearest name.
  ByteChannel* get(std::string_view name);
  Result<ByteChannel*> find(std::string_view name);
  std::vector<std::string_view> names() const;

  // The descriptors of all open channels for the child of `step`.
  std::vector<Handover> handovers(const std::string& step) const;
  // The path of the FIFO that `step` reads from (fifo_in) or writes to (fifo_out); empty if there is none.
  std::string fifo_path(const std::string& step, StreamDirection direction) const;
  // The program of this step has ended.
  void end_step(const std::string& step);

  // Closes all, in the order of creation; a channel that has not passed on everything by `deadline` discards
  // the rest. True if everything was passed on.
  bool close(std::chrono::steady_clock::time_point deadline);
  std::vector<ChannelReport> reports() const;

 private:
  std::deque<ByteChannel> channels_;  // addresses must stay valid
};

}  // namespace streamlab
