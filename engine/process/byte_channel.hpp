// engine/process/byte_channel.hpp
//
// ByteChannel: a named stream of bytes from one program to others. Its life cycle:
//
//   create    a name and options                                   nothing exists
//   connect   its producer and its consumers                       still nothing
//   open      pipes and FIFOs are made; the children get their ends
//   stream    the children run: our copies of their ends are closed; the relay, if any, runs
//   close     everything was passed on, or is discarded
//
// In `direct` mode the channel is one pipe between two children; no byte passes through us, so nothing is
// counted unless requested. In `broadcast` mode, with FIFOs, and when bytes are counted, a Relay is in
// between.
//
// Control thread only, except end_step() and report().
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/process/child.hpp"
#include "engine/process/relay.hpp"
#include "engine/process/run_directory.hpp"

namespace streamlab {

// Which end of a program a channel is connected to. A FIFO is for a program that takes a path.
enum class StreamDirection : std::uint8_t { stdin_, stdout_, stderr_, fifo_in, fifo_out };
// "stdin", "stdout", "stderr", "fifo_in", "fifo_out", as in configurations.
std::string_view to_string(StreamDirection direction) noexcept;
bool is_input(StreamDirection direction) noexcept;

enum class StreamMode : std::uint8_t { direct, broadcast };
enum class StreamCount : std::uint8_t { none, bytes, lines };

struct ChannelOptions {
  StreamMode mode = StreamMode::direct;
  std::size_t buffer_bytes = kDefaultPipeBytes;  // of each pipe
  StreamCount count = StreamCount::none;         // a broadcast always counts bytes
  bool zero_copy = true;
};

struct ConsumerOptions {
  // Block, drop_oldest, fail; the last two need broadcast.
  OverflowPolicy policy = OverflowPolicy::block;
  std::size_t buffer_bytes = kDefaultPipeBytes;  // of its own buffer, for drop_oldest and fail
  std::size_t unit_bytes = 1;
};

struct ChannelReport {
  std::string name;
  StreamMode mode = StreamMode::direct;
  std::size_t granted_bytes = 0;  // capacity of one of its pipes
  bool is_counted = false;        // does `relay` hold counts?
  RelayReport relay;
};

class ByteChannel {
 public:
  enum class Phase : std::uint8_t { created, connected, open, streaming, closed };

  // Empty names are refused.
  static Result<ByteChannel> create(std::string name, ChannelOptions options = {});

  // Sets the producer. Refused: a second one, an input, after open().
  Result<void> connect_producer(std::string step, StreamDirection direction);
  // Adds a consumer. Refused: a second one in direct mode, an output, a policy other than block in direct
  // mode, the same step twice, after open().
  Result<void> connect_consumer(std::string step, StreamDirection direction, ConsumerOptions options = {});

  // Most descriptors that we hold once it is open.
  std::size_t descriptors_needed() const;
  // Makes pipes, and FIFOs in `directory`. Refused: no producer, no consumer, too few descriptors left.
  // Leaves nothing open on failure.
  Result<void> open(const RunDirectory& directory);
  // The descriptors of this channel for the child of `step`, and the path if its end is a FIFO, else empty.
  std::vector<Handover> handovers(const std::string& step) const;
  std::string fifo_path(const std::string& step, StreamDirection direction) const;

  // The children have started.
  Result<void> start();
  // The program of this step has ended: stops waiting for it to open its FIFO, and ends the stream if it was
  // the producer. Any thread.
  void end_step(const std::string& step);
  // Waits until everything was passed on; discards the rest at `deadline`. True if everything was passed on.
  bool close(std::chrono::steady_clock::time_point deadline);

  const std::string& name() const { return name_; }
  Phase phase() const { return phase_; }
  StreamMode mode() const { return options_.mode; }
  std::size_t granted_bytes() const { return granted_bytes_; }
  ChannelReport report() const;

 private:
  struct End {
    std::string step;
    StreamDirection direction = StreamDirection::stdin_;
    ConsumerOptions options;
    Fd childs;         // its end, until handed over
    std::string fifo;  // or the path that it opens
  };

  ByteChannel(std::string name, ChannelOptions options) : name_(std::move(name)), options_(options) {}
  bool has_relay() const;
  Result<void> make_ends(const RunDirectory& directory);
  tl::unexpected<Error> wrong_phase(std::string_view what) const;

  std::string name_;
  ChannelOptions options_;
  Phase phase_ = Phase::created;
  std::size_t granted_bytes_ = 0;
  std::optional<End> producer_;
  std::vector<End> consumers_;
  Fd source_;                            // read by the relay
  Fd keeps_fifo_open_;                   // a producer may close its FIFO and open it again
  std::vector<RelayConsumer> to_relay_;  // the other ends of the consumers' pipes
  std::unique_ptr<Relay> relay_;
  std::optional<RelayReport> passed_on_;  // once closed
};

}  // namespace streamlab
