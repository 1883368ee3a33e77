// engine/process/relay.cpp
#include "engine/process/relay.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <mutex>

#include <fmt/format.h>

#include "engine/process/byte_tail.hpp"
#include "engine/process/relay_consumer.hpp"
#include "engine/rt/thread.hpp"

namespace streamlab {
namespace {

constexpr std::size_t kCopyBytes = 256 * 1024;
constexpr std::size_t kMostAtOnce = 1U << 30U;  // what tee and splice are asked for: all there is
constexpr int kFifoLookMs = 5;                  // whether somebody reads a FIFO, and how much: nothing tells

// SIGPIPE never comes to the calling thread, for good.
void block_sigpipe() {
  sigset_t pipe_only;
  sigemptyset(&pipe_only);
  sigaddset(&pipe_only, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe_only, nullptr);
}

}  // namespace

class Relay::Impl {
 public:
  Impl(std::string name, Fd source, RelayOptions options)
      : name_(std::move(name)), source_(std::move(source)), options_(options), tail_(options.tail_bytes) {}
  ~Impl() {
    stop();
    thread_.join();
  }

  Result<void> run(std::vector<RelayConsumer> consumers) {
    if (wake_.fd() < 0) { return failed(name_, "no file descriptor is left for waiting"); }
    set_blocking(source_.get(), false);
    const int pipe_bytes = ::fcntl(source_.get(), F_GETPIPE_SZ);
    const bool zero_copy = options_.zero_copy && pipe_bytes > 0;
    for (RelayConsumer& consumer : consumers) {
      auto end = ConsumerEnd::make(std::move(consumer), zero_copy,
                                   static_cast<std::size_t>(std::max(pipe_bytes, 0)));
      if (!end) { return tl::unexpected(end.error()); }
      ends_.push_back(std::move(*end));
    }
    auto thread = Thread::start("relay " + name_, [this] { loop(); });
    if (!thread) { return tl::unexpected(thread.error()); }
    thread_ = std::move(*thread);
    return {};
  }

  void end_source() { set(source_is_ending_); }
  void end_consumer(std::size_t index) {
    {
      const std::lock_guard lock(mutex_);
      ending_.push_back(index);
    }
    wake_.wake();
  }
  void stop() { set(is_stopping_); }
  bool wait_until(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    if (deadline == std::chrono::steady_clock::time_point::max()) {
      finished_.wait(lock, [this] { return is_finished_; });
      return true;
    }
    return finished_.wait_until(lock, deadline, [this] { return is_finished_; });
  }
  RelayReport report() const {
    const std::lock_guard lock(mutex_);
    RelayReport report = report_;
    for (const ConsumerEnd& end : ends_) { report.consumers.push_back(end.counts); }
    report.tail = tail_.text();
    report.lines = tail_.lines();
    return report;
  }

 private:
  void set(bool& flag) {
    {
      const std::lock_guard lock(mutex_);
      flag = true;
    }
    wake_.wake();
  }

  // --- the relay's thread; the mutex is held but while it polls

  void loop() {
    block_sigpipe();
    buffer_.resize(kCopyBytes);
    std::unique_lock lock(mutex_);
    while (!is_over()) {
      if (pull_and_flush()) { continue; }
      if (is_over()) { break; }
      wait(lock);
    }
    for (ConsumerEnd& end : ends_) { end.leave(true); }
    source_.reset();
    is_finished_ = true;
    finished_.notify_all();
  }

  bool looks_at_all() const { return options_.count_lines || options_.tail_bytes > 0; }

  bool is_over() const {
    if (is_stopping_ || report_.failure) { return true; }
    return !source_ &&
           std::all_of(ends_.begin(), ends_.end(), [](const ConsumerEnd& end) { return end.is_gone(); });
  }

  // True when it is worth another look: something came, or the source is at its end.
  bool pull_and_flush() {
    for (const std::size_t index : std::exchange(ending_, {})) {
      ConsumerEnd& end = ends_[index];
      if (end.is_fifo()) { end.leave(source_ || end.held_bytes() > 0); }  // of a pipe, the kernel tells
    }
    for (ConsumerEnd& end : ends_) {
      end.try_open();
      end.flush();
    }
    if (!source_) {
      // Each is at its end as soon as it has everything, whatever the others still have to take. (Who has yet
      // to open its FIFO, for the first time or again, must find a writer there and what is in it.)
      for (ConsumerEnd& end : ends_) {
        if (end.has_all()) { end.leave(false); }
      }
      return false;
    }
    const bool all_gone =
        std::all_of(ends_.begin(), ends_.end(), [](const ConsumerEnd& end) { return end.is_gone(); });
    if (all_gone && options_.tail_bytes == 0) {
      source_.reset();
      return true;
    }
    return may_pull() && (source_is_ready_ || source_is_ending_) && pull();
  }

  bool may_pull() const {
    return source_ && std::all_of(ends_.begin(), ends_.end(), [](const ConsumerEnd& end) {
             return end.is_gone() || !end.waits() || end.has_room();
           });
  }

  // True when bytes came, or the end.
  bool pull() {
    std::vector<ConsumerEnd*> by_reference;
    bool copies = looks_at_all();
    for (ConsumerEnd& end : ends_) {
      if (end.is_gone()) { continue; }
      if (end.is_zero_copy()) {
        by_reference.push_back(&end);
      } else {
        copies = true;
      }
    }
    const ssize_t came = by_reference.empty() ? copy(kCopyBytes) : hand_out(by_reference, copies);
    if (came > 0) {
      report_.bytes += static_cast<std::uint64_t>(came);
      return true;
    }
    const bool is_empty = came < 0 && (errno == EAGAIN || errno == EINTR);
    source_is_ready_ = came < 0 && errno == EINTR;
    if (is_empty && !source_is_ending_) { return false; }
    source_.reset();
    return true;
  }

  // The same bytes to every one of `ends`, whose own pipes are empty, and to our memory where `copies`. What
  // the first takes is the measure; where another takes less (its pipe is smaller, for the kernel granted no
  // more) the rest goes by way of our memory. How many bytes; 0 at the end; < 0 as errno says.
  ssize_t hand_out(const std::vector<ConsumerEnd*>& ends, bool copies) {
    ssize_t count = -1;
    std::vector<std::pair<ConsumerEnd*, std::size_t>> took_less;
    for (ConsumerEnd* end : ends) {
      const bool is_last = end == ends.back();
      const std::size_t ask = count < 0 ? kMostAtOnce : static_cast<std::size_t>(count);
      // Instead of a reference: takes it out, too.
      const bool moves = is_last && !copies && took_less.empty();
      const ssize_t got = moves ? ::splice(source_.get(), nullptr, end->own_pipe(), nullptr, ask,
                                           SPLICE_F_NONBLOCK | SPLICE_F_MOVE)
                                : ::tee(source_.get(), end->own_pipe(), ask, SPLICE_F_NONBLOCK);
      if (count < 0 && got <= 0) { return got; }
      if (count < 0) { count = got; }
      const std::size_t taken = got > 0 ? static_cast<std::size_t>(got) : 0;
      end->took(taken);
      if (moves && got == count) { return count; }
      if (moves) { return copy_rest(*end, static_cast<std::size_t>(count) - taken) ? count : -1; }
      if (got < count) { took_less.emplace_back(end, taken); }
    }
    return copy(static_cast<std::size_t>(count), took_less);
  }

  // Exactly `count` bytes, which are there, to `end` alone.
  bool copy_rest(ConsumerEnd& end, std::size_t count) {
    std::vector<std::byte> rest(count);
    const ssize_t got = ::read(source_.get(), rest.data(), count);
    if (got <= 0) { return false; }
    report_.copied_bytes += static_cast<std::uint64_t>(got);
    end.push(std::span(rest).first(static_cast<std::size_t>(got)));
    return true;
  }

  // Up to `count` bytes through our memory, to all that have no pipe of their own, and what is left of them
  // to those who took less of them by reference.
  ssize_t copy(std::size_t count, const std::vector<std::pair<ConsumerEnd*, std::size_t>>& took_less = {}) {
    if (count > buffer_.size()) { buffer_.resize(count); }
    const ssize_t got = ::read(source_.get(), buffer_.data(), count);
    if (got <= 0) { return got; }
    const auto bytes = std::span<const std::byte>(buffer_).first(static_cast<std::size_t>(got));
    report_.copied_bytes += bytes.size();
    if (looks_at_all()) { tail_.add({reinterpret_cast<const char*>(bytes.data()), bytes.size()}); }
    for (ConsumerEnd& end : ends_) {
      if (end.is_gone() || end.is_zero_copy()) { continue; }
      if (end.push(bytes)) {
        end.flush();
      } else {
        fail(end);
      }
    }
    for (const auto& [end, taken] : took_less) { end->push(bytes.subspan(taken)); }
    return got;
  }

  void fail(const ConsumerEnd& end) {
    if (report_.failure) { return; }
    report_.failed_consumer = static_cast<std::size_t>(&end - ends_.data());
    report_.failure =
        Error{ErrorCode::failed, name_,
              fmt::format("\"{}\" fell behind by more than {} bytes, and its policy is \"fail\"",
                          end.spec().name, end.spec().buffer_bytes),
              "", "a larger buffer_size, or the policy \"block\" or \"drop_oldest\""};
  }

  void wait(std::unique_lock<std::mutex>& lock) {
    std::vector<pollfd> all{{wake_.fd(), POLLIN, 0}};
    const bool pulls = may_pull();
    if (pulls) { all.push_back({source_.get(), POLLIN, 0}); }
    const std::size_t first = all.size();
    std::vector<std::size_t> polled;
    int timeout_ms = -1;
    for (std::size_t i = 0; i < ends_.size(); ++i) {
      if (ends_[i].is_gone()) { continue; }
      const bool is_looked_at = ends_[i].is_fifo() && (!ends_[i].has_reader() || !source_);
      if (is_looked_at) {
        timeout_ms = kFifoLookMs;
        continue;
      }
      all.push_back({ends_[i].fd(), static_cast<short>(ends_[i].held_bytes() > 0 ? POLLOUT : 0), 0});
      polled.push_back(i);
    }
    lock.unlock();
    ::poll(all.data(), all.size(), timeout_ms);
    lock.lock();
    wake_.clear();
    // A FIFO that nobody has opened to write reads as if it were at its end; only poll tells it apart.
    source_is_ready_ = source_is_ready_ || (pulls && all[1].revents != 0);
    for (std::size_t i = 0; i < polled.size(); ++i) {
      const bool has_gone = (all[first + i].revents & (POLLERR | POLLNVAL)) != 0;
      if (has_gone && !ends_[polled[i]].is_fifo()) { ends_[polled[i]].leave(true); }
    }
  }

  const std::string name_;
  Fd source_;
  const RelayOptions options_;
  WakeFd wake_;
  std::vector<std::byte> buffer_;
  mutable std::mutex mutex_;  // guards what follows, and source_ and buffer_
  std::condition_variable finished_;
  std::vector<ConsumerEnd> ends_;
  std::vector<std::size_t> ending_;
  RelayReport report_;
  ByteTail tail_;
  bool source_is_ready_ = false;
  bool source_is_ending_ = false;
  bool is_stopping_ = false;
  bool is_finished_ = false;
  Thread thread_;
};

Relay::Relay(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Relay::~Relay() = default;

Result<std::unique_ptr<Relay>> Relay::start(std::string name, Fd source, std::vector<RelayConsumer> consumers,
                                            RelayOptions options) {
  auto impl = std::make_unique<Impl>(std::move(name), std::move(source), options);
  if (auto running = impl->run(std::move(consumers)); !running) { return tl::unexpected(running.error()); }
  return std::unique_ptr<Relay>(new Relay(std::move(impl)));
}

void Relay::end_source() { impl_->end_source(); }
void Relay::end_consumer(std::size_t index) { impl_->end_consumer(index); }
void Relay::stop() { impl_->stop(); }
bool Relay::wait_until(std::chrono::steady_clock::time_point deadline) { return impl_->wait_until(deadline); }
RelayReport Relay::report() const { return impl_->report(); }

}  // namespace streamlab
