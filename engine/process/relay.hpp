// engine/process/relay.hpp
//
// Relay: passes one stream of bytes on to several consumers, on a thread of its own.
//
// Consumers with the policy `block` get the stream by tee(2) and splice(2): the kernel hands out references
// to its pages, and no byte is copied to us. Where that cannot be (the source is no pipe) bytes are copied.
// The slowest of them sets the pace. A consumer with drop_oldest or fail has a bounded buffer of its own and
// holds up nobody; what it lost is counted.
//
// A consumer that closes its pipe is dropped, and the others go on. One with a FIFO may close it and open it
// again; it is dropped when end_consumer() says so. When all have gone the source is closed, and
// a writer gets EPIPE, as in a shell's pipe.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/base/overflow_policy.hpp"
#include "engine/process/descriptor.hpp"

namespace streamlab {

struct RelayConsumer {
  std::string name;
  Fd to;             // the write end of its pipe; or none, and
  std::string fifo;  // a FIFO, which is opened as soon as the consumer reads from it
  OverflowPolicy policy = OverflowPolicy::block;  // block, drop_oldest, fail
  std::size_t buffer_bytes = kDefaultPipeBytes;   // of its own buffer; for drop_oldest and fail
  std::size_t unit_bytes = 1;  // bytes are dropped in whole units of the stream (a frame), 1 … buffer_bytes
};

struct RelayOptions {
  bool zero_copy = true;       // false: by copying, wherever that is
  bool count_lines = false;    // needs a look at every byte, and so a copy
  std::size_t tail_bytes = 0;  // keeps the end of the stream; likewise
};

struct RelayReport {
  struct Consumer {
    std::string name;
    std::uint64_t bytes = 0;          // that it was given
    std::uint64_t dropped_bytes = 0;  // by its policy
    std::uint64_t lost_bytes = 0;     // that were on their way when it went; in its pipe, unread, too
    bool left_early = false;          // it went before the stream's end
  };
  std::uint64_t bytes = 0;         // that came
  std::uint64_t lines = 0;         // when counted
  std::uint64_t copied_bytes = 0;  // that passed through our memory
  std::vector<Consumer> consumers;
  std::string tail;
  std::optional<Error> failure;     // a consumer with `fail` fell behind
  std::size_t failed_consumer = 0;  // then: which of `consumers`
};

class Relay {
 public:
  // `source`: the read end of a pipe, or anything else that can be read and polled. Fails when there is no
  // descriptor or thread left.
  static Result<std::unique_ptr<Relay>> start(std::string name, Fd source,
                                              std::vector<RelayConsumer> consumers,
                                              RelayOptions options = {});
  // As stop().
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  // Any thread, all of these.

  // Nobody will write any more, even if somebody still could: what is there is passed on, and that is the
  // end.
  void end_source();
  // That consumer will not read its FIFO (any more). Of one with a pipe the kernel tells, and this does
  // nothing.
  void end_consumer(std::size_t index);
  // Ends at once: what is on its way is lost.
  void stop();
  // True once everything was passed on and all is closed.
  bool wait_until(std::chrono::steady_clock::time_point deadline);
  RelayReport report() const;

 private:
  class Impl;
  explicit Relay(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace streamlab
