// engine/process/relay_consumer.hpp
//
// One consumer of a relay: what is on its way to it, in the kernel or in our memory, and handing it over.
// Never blocks. For relay.cpp alone.
#pragma once

#include "engine/process/byte_backlog.hpp"
#include "engine/process/relay.hpp"

namespace streamlab {

class ConsumerEnd {
 public:
  // `zero_copy`: it gets a pipe of its own, from which its bytes are spliced. `pipe_bytes`: of the source's pipe, which
  // can be taken over several times before its own is full.
  static Result<ConsumerEnd> make(RelayConsumer spec, bool zero_copy, std::size_t pipe_bytes);

  const RelayConsumer& spec() const { return spec_; }
  bool is_gone() const { return is_gone_; }
  bool is_open() const { return static_cast<bool>(spec_.to); }
  bool is_fifo() const { return !spec_.fifo.empty(); }
  // Is there somebody to take bytes now? A FIFO's reader may close it and open it again: what is in it stays.
  bool has_reader() const;
  // Has it got everything that it was given? A FIFO's reader may go and come again, so it must have read it,
  // too.
  bool has_all() const;
  bool is_zero_copy() const { return static_cast<bool>(own_.write_end); }
  bool waits() const { return spec_.policy == OverflowPolicy::block; }
  int fd() const { return spec_.to.get(); }
  int own_pipe() const { return own_.write_end.get(); }
  std::size_t held_bytes() const { return in_pipe_ + backlog_.size(); }
  // Does it take all that the source's pipe may hold, now and in order?
  bool has_room() const { return backlog_.empty() && takes_ < (is_zero_copy() ? most_takes_ : 1); }

  // `count` bytes were teed or spliced into own_pipe().
  void took(std::size_t count) {
    in_pipe_ += count;
    ++takes_;
  }
  // Bytes that come after all that it holds, by its policy. False: it has `fail` and they are too many.
  bool push(std::span<const std::byte> bytes);
  // Hands over as much as the reader takes now.
  void flush();
  // Its FIFO, if somebody reads from it by now.
  void try_open();
  // Nothing more goes to it: it has gone, or will never come (is_early), or it has everything.
  void leave(bool is_early);

  RelayReport::Consumer counts;

 private:
  ConsumerEnd() = default;
  void flush_pipe();
  void flush_backlog();
  bool may_go_on(bool wrote);  // after a write that did not go through

  RelayConsumer spec_;
  Pipe own_;
  std::size_t in_pipe_ = 0;     // bytes in own_, older than those of backlog_
  std::size_t takes_ = 0;       // that they came in
  std::size_t most_takes_ = 1;  // that own_ has room for, however small the writes into the source's pipe are
  ByteBacklog backlog_;
  bool is_gone_ = false;
};

}  // namespace streamlab
