// engine/process/byte_channel.cpp
#include "engine/process/byte_channel.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace streamlab {
namespace {

int number_of(StreamDirection direction) {
  switch (direction) {
    case StreamDirection::stdin_:
      return 0;
    case StreamDirection::stdout_:
      return 1;
    case StreamDirection::stderr_:
      return 2;
    default:
      return -1;  // a FIFO is opened by its path
  }
}

bool is_fifo(StreamDirection direction) {
  return direction == StreamDirection::fifo_in || direction == StreamDirection::fifo_out;
}

constexpr std::size_t kStderrTail = 64 * 1024;

}  // namespace

std::string_view to_string(StreamDirection direction) noexcept {
  constexpr std::string_view kNames[] = {"stdin", "stdout", "stderr", "fifo_in", "fifo_out"};
  return kNames[static_cast<std::size_t>(direction)];
}

bool is_input(StreamDirection direction) noexcept {
  return direction == StreamDirection::stdin_ || direction == StreamDirection::fifo_in;
}

Result<ByteChannel> ByteChannel::create(std::string name, ChannelOptions options) {
  if (name.empty()) { return refused("", "a channel without a name", "a name"); }
  return ByteChannel(std::move(name), options);
}

tl::unexpected<Error> ByteChannel::wrong_phase(std::string_view what) const {
  constexpr std::string_view kNames[] = {"created", "connected", "open", "streaming", "closed"};
  return refused(
      name_, fmt::format("cannot {} a channel that is {}", what, kNames[static_cast<std::size_t>(phase_)]),
      "the order create, connect, open, stream, close");
}

Result<void> ByteChannel::connect_producer(std::string step, StreamDirection direction) {
  if (phase_ > Phase::connected) { return wrong_phase("connect to"); }
  if (is_input(direction)) {
    return refused(name_, fmt::format("\"{}\" cannot write to it from its {}", step, to_string(direction)),
                   "stdout, stderr or fifo_out");
  }
  if (producer_) {
    return refused(name_, fmt::format("both \"{}\" and \"{}\" write to it", producer_->step, step),
                   "one producer");
  }
  End producer;
  producer.step = std::move(step);
  producer.direction = direction;
  producer_ = std::move(producer);
  if (!consumers_.empty()) { phase_ = Phase::connected; }
  return {};
}

Result<void> ByteChannel::connect_consumer(std::string step, StreamDirection direction,
                                           ConsumerOptions options) {
  if (phase_ > Phase::connected) { return wrong_phase("connect to"); }
  if (!is_input(direction)) {
    return refused(name_, fmt::format("\"{}\" cannot read it with its {}", step, to_string(direction)),
                   "stdin or fifo_in");
  }
  for (const End& other : consumers_) {
    if (other.step == step) { return refused(name_, fmt::format("\"{}\" reads it twice", step), "once"); }
  }
  if (options_.mode == StreamMode::direct && !consumers_.empty()) {
    return refused(
        name_,
        fmt::format("both \"{}\" and \"{}\" read it, and its mode is direct", consumers_[0].step, step),
        "one consumer, or the mode broadcast");
  }
  if (options_.mode == StreamMode::direct && options.policy != OverflowPolicy::block) {
    return refused(name_,
                   fmt::format("\"{}\" asks for the policy {}, which a direct channel does not support", step,
                               to_string(options.policy)),
                   "block, or the mode broadcast");
  }
  const bool can_be = options.policy == OverflowPolicy::block ||
                      options.policy == OverflowPolicy::drop_oldest || options.policy == OverflowPolicy::fail;
  if (!can_be) {
    return refused(name_, fmt::format("\"{}\" asks for the policy {}", step, to_string(options.policy)),
                   "block, drop_oldest or fail");
  }
  if (options.unit_bytes < 1 || options.unit_bytes > options.buffer_bytes) {
    return refused(name_, fmt::format("\"{}\" has units of {} bytes", step, options.unit_bytes),
                   fmt::format("1 .. {} bytes, its buffer", options.buffer_bytes));
  }
  End end;
  end.step = std::move(step);
  end.direction = direction;
  end.options = options;
  consumers_.push_back(std::move(end));
  if (producer_) { phase_ = Phase::connected; }
  return {};
}

bool ByteChannel::has_relay() const {
  return options_.mode == StreamMode::broadcast || options_.count != StreamCount::none ||
         producer_->direction != StreamDirection::stdout_ || is_fifo(consumers_[0].direction);
}

std::size_t ByteChannel::descriptors_needed() const {
  constexpr std::size_t kPerPipe = 2;
  if (!producer_ || consumers_.empty()) { return 0; }
  if (!has_relay()) { return kPerPipe; }
  constexpr std::size_t kOfTheRelay = 2 + kPerPipe;       // its wake-up descriptor and /dev/null; the source
  return kOfTheRelay + consumers_.size() * 2 * kPerPipe;  // the consumer's pipe, and the one before it
}

Result<void> ByteChannel::open(const RunDirectory& directory) {
  if (phase_ != Phase::connected) {
    if (phase_ > Phase::connected) { return wrong_phase("open"); }
    return refused(name_, producer_ ? "it has no reader" : "it has no writer", "a producer and a consumer");
  }
  const std::size_t left = descriptors_left();
  if (descriptors_needed() > left) {
    return refused(name_,
                   fmt::format("its {} consumers need {} open files, but only {} are left", consumers_.size(),
                               descriptors_needed(), left),
                   "fewer consumers, or a higher limit (\"ulimit -n\")");
  }
  auto made = make_ends(directory);
  if (!made) {
    producer_->childs.reset();
    for (End& end : consumers_) { end.childs.reset(); }
    source_.reset();
    keeps_fifo_open_.reset();
    to_relay_.clear();
    return made;
  }
  phase_ = Phase::open;
  return {};
}

Result<void> ByteChannel::make_ends(const RunDirectory& directory) {
  if (!has_relay()) {
    auto pipe = make_pipe(options_.buffer_bytes);
    if (!pipe) { return tl::unexpected(pipe.error()); }
    granted_bytes_ = pipe->bytes;
    producer_->childs = std::move(pipe->write_end);
    consumers_[0].childs = std::move(pipe->read_end);
    return {};
  }
  if (is_fifo(producer_->direction)) {
    auto path = directory.make_fifo(fmt::format("{}.out", name_));
    if (!path) { return tl::unexpected(path.error()); }
    producer_->fifo = std::move(*path);
    source_ = Fd(::open(producer_->fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    if (!source_) {
      return failed(producer_->fifo, fmt::format("cannot be opened: {}", std::strerror(errno)));
    }
    granted_bytes_ = set_pipe_bytes(source_.get(), options_.buffer_bytes);
    keeps_fifo_open_ = Fd(::open(producer_->fifo.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  } else {
    auto pipe = make_pipe(options_.buffer_bytes);
    if (!pipe) { return tl::unexpected(pipe.error()); }
    granted_bytes_ = pipe->bytes;
    producer_->childs = std::move(pipe->write_end);
    source_ = std::move(pipe->read_end);
  }
  for (End& end : consumers_) {
    RelayConsumer consumer;
    consumer.name = end.step;
    consumer.policy = end.options.policy;
    consumer.buffer_bytes = end.options.buffer_bytes;
    consumer.unit_bytes = end.options.unit_bytes;
    if (is_fifo(end.direction)) {
      auto path = directory.make_fifo(fmt::format("{}.{}", name_, end.step));
      if (!path) { return tl::unexpected(path.error()); }
      end.fifo = *path;
      consumer.fifo = std::move(*path);
    } else {
      auto pipe = make_pipe(options_.buffer_bytes);
      if (!pipe) { return tl::unexpected(pipe.error()); }
      granted_bytes_ = std::min(granted_bytes_, pipe->bytes);
      end.childs = std::move(pipe->read_end);
      consumer.to = std::move(pipe->write_end);
    }
    to_relay_.push_back(std::move(consumer));
  }
  return {};
}

std::vector<Handover> ByteChannel::handovers(const std::string& step) const {
  std::vector<Handover> handovers;
  const auto add = [&](const End& end) {
    if (end.step == step && end.childs) { handovers.push_back({end.childs.get(), number_of(end.direction)}); }
  };
  if (producer_) { add(*producer_); }
  for (const End& end : consumers_) { add(end); }
  return handovers;
}

std::string ByteChannel::fifo_path(const std::string& step, StreamDirection direction) const {
  const auto is_it = [&](const End& end) { return end.step == step && end.direction == direction; };
  if (producer_ && is_it(*producer_)) { return producer_->fifo; }
  const auto end = std::find_if(consumers_.begin(), consumers_.end(), is_it);
  return end == consumers_.end() ? std::string() : end->fifo;
}

Result<void> ByteChannel::start() {
  if (phase_ != Phase::open) { return wrong_phase("stream on"); }
  producer_->childs.reset();
  for (End& end : consumers_) { end.childs.reset(); }
  if (has_relay()) {
    RelayOptions options;
    options.zero_copy = options_.zero_copy;
    options.count_lines = options_.count == StreamCount::lines;
    options.tail_bytes = producer_->direction == StreamDirection::stderr_ ? kStderrTail : 0;
    auto relay = Relay::start(name_, std::move(source_), std::exchange(to_relay_, {}), options);
    if (!relay) { return tl::unexpected(relay.error()); }
    relay_ = std::move(*relay);
  }
  phase_ = Phase::streaming;
  return {};
}

void ByteChannel::end_step(const std::string& step) {
  if (!relay_) { return; }
  if (producer_->step == step) {
    keeps_fifo_open_.reset();
    relay_->end_source();
  }
  for (std::size_t i = 0; i < consumers_.size(); ++i) {
    if (consumers_[i].step == step) { relay_->end_consumer(i); }
  }
}

bool ByteChannel::close(std::chrono::steady_clock::time_point deadline) {
  bool was_all = true;
  if (relay_) {
    was_all = relay_->wait_until(deadline);
    relay_->stop();
    relay_->wait_until(std::chrono::steady_clock::time_point::max());
    passed_on_ = relay_->report();
    relay_.reset();
  }
  if (producer_) { producer_->childs.reset(); }
  for (End& end : consumers_) { end.childs.reset(); }
  source_.reset();
  keeps_fifo_open_.reset();
  to_relay_.clear();
  phase_ = Phase::closed;
  return was_all;
}

ChannelReport ByteChannel::report() const {
  ChannelReport report;
  report.name = name_;
  report.mode = options_.mode;
  report.granted_bytes = granted_bytes_;
  report.is_counted = relay_ || passed_on_;
  if (relay_) {
    report.relay = relay_->report();
  } else if (passed_on_) {
    report.relay = *passed_on_;
  } else {
    for (const End& end : consumers_) { report.relay.consumers.push_back({end.step, 0, 0, 0, false}); }
  }
  return report;
}

}  // namespace streamlab
