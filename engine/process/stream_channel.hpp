// engine/process/stream_channel.hpp
//
// StreamChannel: a named stream of bytes from one program to others, and its life:
//
//   create    a name and options                                   nothing exists
//   connect   who writes to it and who reads it                    still nothing
//   open      pipes and FIFOs are made; the children get their ends
//   stream    the children run: our copies of their ends are closed, a relay passes on where there is one
//   close     everything was passed on, or is given up
//
// In `direct` mode the channel is one pipe between two children, and no byte of it comes near us; so nothing
// is counted unless that is asked for. In `broadcast` mode, with FIFOs and where bytes are counted, a Relay
// stands between.
//
// Control thread only, but end_step() and report().
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

// Which end of a program a channel is tied to. A FIFO is for a program that takes a path.
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
  // Block, drop_oldest, fail; others than block need broadcast.
  OverflowPolicy policy = OverflowPolicy::block;
  std::size_t buffer_bytes = kDefaultPipeBytes;  // of its own, for the others
  std::size_t unit_bytes = 1;
};

struct ChannelReport {
  std::string name;
  StreamMode mode = StreamMode::direct;
  std::size_t granted_bytes = 0;  // that a pipe of it holds
  bool is_counted = false;        // is `relay` more than names?
  RelayReport relay;
};

class StreamChannel {
 public:
  enum class Phase : std::uint8_t { created, connected, open, streaming, closed };

  // Empty names are refused.
  static Result<StreamChannel> create(std::string name, ChannelOptions options = {});

  // One producer. Refused: a second one, an input, after open().
  Result<void> connect_producer(std::string step, StreamDirection direction);
  // Consumers. Refused: a second one in direct mode, an output, a policy other than block in direct mode, a
  // step twice, after open().
  Result<void> connect_consumer(std::string step, StreamDirection direction, ConsumerOptions options = {});

  // Descriptors that we hold once it is open, at most.
  std::size_t descriptors_needed() const;
  // Makes pipes, and FIFOs in `directory`. Refused: no producer, no consumer, more descriptors than there
  // are. After a failure nothing is left open.
  Result<void> open(const RunDirectory& directory);
  // What the child of `step` is given of this channel; the FIFO's path where its end is one, else empty.
  std::vector<Handover> handovers(const std::string& step) const;
  std::string fifo_path(const std::string& step, StreamDirection direction) const;

  // The children have started.
  Result<void> start();
  // That step's program has ended: nobody is waited for who will never come, and a stream whose producer has
  // ended ends. Any thread.
  void end_step(const std::string& step);
  // Waits until everything was passed on; what has not been by `deadline` is given up. True if all was.
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
    Fd childs;         // its end, until it has it
    std::string fifo;  // or the path that it opens
  };

  StreamChannel(std::string name, ChannelOptions options) : name_(std::move(name)), options_(options) {}
  bool has_relay() const;
  Result<void> make_ends(const RunDirectory& directory);
  tl::unexpected<Error> wrong_phase(std::string_view what) const;

  std::string name_;
  ChannelOptions options_;
  Phase phase_ = Phase::created;
  std::size_t granted_bytes_ = 0;
  std::optional<End> producer_;
  std::vector<End> consumers_;
  Fd source_;                            // that the relay is to read
  Fd keeps_fifo_open_;                   // a producer may close its FIFO and open it again
  std::vector<RelayConsumer> to_relay_;  // the other ends of the consumers' pipes
  std::unique_ptr<Relay> relay_;
  std::optional<RelayReport> passed_on_;  // once closed
};

}  // namespace streamlab
