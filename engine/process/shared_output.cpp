// engine/process/shared_output.cpp
#include "engine/process/shared_output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <stdio_ext.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <map>
#include <thread>

#include <fmt/format.h>

namespace streamlab {
namespace {

constexpr std::chrono::milliseconds kLook{20};  // how soon the end of somebody's patience is noticed
constexpr std::size_t kWithoutBlocking = 256;   // bytes that a terminal takes once poll(2) has reported room

bool would_block(int error_number) { return error_number == EAGAIN || error_number == EINTR; }

}  // namespace

std::shared_ptr<SharedOutput> SharedOutput::of(std::FILE* file) {
  static std::mutex mutex;
  static std::map<std::FILE*, std::weak_ptr<SharedOutput>> known;
  const std::scoped_lock lock(mutex);
  if (auto there = known[file].lock()) { return there; }
  const std::shared_ptr<SharedOutput> made(new SharedOutput(file));
  // A stream that never pauses is locked by stdio, and may have the address of one that was closed.
  if (made->kind_ != Kind::plain) { known[file] = made; }
  return made;
}

SharedOutput::SharedOutput(std::FILE* file) : file_(file), fd_(file == nullptr ? -1 : ::fileno(file)) {
  struct stat status {};
  if (fd_ < 0 || ::fstat(fd_, &status) != 0) { return; }
  if (S_ISSOCK(status.st_mode)) {
    kind_ = Kind::socket;
    return;
  }
  if (!S_ISFIFO(status.st_mode) && ::isatty(fd_) != 1) { return; }
  kind_ = Kind::polled;
  const int flags = O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
  const Fd again(::open(fmt::format("/proc/self/fd/{}", fd_).c_str(), flags));
  if (!again) { return; }  // no /proc, another user's terminal, reader gone
  if (auto moved = duplicate(again.get())) {
    own_ = std::move(*moved);
    kind_ = Kind::reopened;
  }
}

bool SharedOutput::take_turn(std::chrono::milliseconds wait) noexcept {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, wait, [this] { return !is_taken_; })) { return false; }
  is_taken_ = true;
  return true;
}

void SharedOutput::end_turn(bool is_cut) noexcept {
  {
    const std::scoped_lock lock(mutex_);
    is_taken_ = false;
    is_cut_ = is_cut;
  }
  changed_.notify_one();
}

std::ptrdiff_t SharedOutput::put_plain(std::string_view text) noexcept {
  const bool written =
      std::fwrite(text.data(), 1, text.size(), file_) == text.size() && std::fflush(file_) == 0;
  return written ? static_cast<std::ptrdiff_t>(text.size()) : -1;
}

std::ptrdiff_t SharedOutput::put(std::string_view text) noexcept {
  if (kind_ == Kind::plain) { return put_plain(text); }
  if (__fpending(file_) > 0 && std::fflush(file_) != 0) { return -1; }  // what the program itself has printed
  ssize_t written = -1;
  if (kind_ == Kind::socket) {
    written = ::send(fd_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  } else if (kind_ == Kind::reopened) {
    written = ::write(own_.get(), text.data(), text.size());
  } else {
    pollfd room{fd_, POLLOUT, 0};
    if (::poll(&room, 1, 0) <= 0) { return 0; }
    written = ::write(fd_, text.data(), std::min(text.size(), kWithoutBlocking));
  }
  if (written >= 0 || would_block(errno)) { return std::max<ssize_t>(written, 0); }
  // Fails the same way through stdio, and so for everybody who asks ferror().
  const std::ptrdiff_t put = put_plain(text);
  const int error_number = errno;
  if (put < 0) { __fpurge(file_); }
  errno = error_number;
  return put;
}

void SharedOutput::wait_for_room() const noexcept {
  pollfd room{kind_ == Kind::reopened ? own_.get() : fd_, POLLOUT, 0};
  if (::poll(&room, 1, static_cast<int>(kLook.count())) > 0 && kind_ == Kind::polled) {
    std::this_thread::yield();
  }
}

SharedOutput::Put SharedOutput::write(std::string_view text, const Patience& patience) noexcept {
  std::optional<Clock::time_point> give_up_at;
  const auto is_over = [&] {
    const int ends = patience.ends();
    if (ends == 0) { return false; }
    if (!give_up_at) { give_up_at = Clock::now() + kLastWait; }
    return ends > 1 || Clock::now() >= *give_up_at;
  };
  while (!take_turn(kLook)) {
    if (is_over()) { return Put::gave_up; }
  }
  bool begins_line = is_cut_;  // (only who has the turn changes it)
  std::size_t done = 0;
  while (done < text.size()) {
    const std::ptrdiff_t written = put(begins_line ? std::string_view("\n") : text.substr(done));
    if (written < 0) {
      const int error_number = errno;
      end_turn(done > 0 || is_cut_);
      errno = error_number;
      return Put::failed;
    }
    if (written > 0) {
      give_up_at.reset();
      if (!std::exchange(begins_line, false)) { done += static_cast<std::size_t>(written); }
      continue;
    }
    if (is_over()) {
      end_turn(done > 0 || begins_line);
      return Put::gave_up;
    }
    wait_for_room();
  }
  end_turn(false);
  return Put::all;
}

// ---- Backlog

SharedOutput::Backlog::~Backlog() {
  pass_on();
  forget();
}

void SharedOutput::Backlog::forget() noexcept {
  lost_bytes_ += text_.size();
  text_.clear();
  if (std::exchange(has_turn_, false)) { output_->end_turn(true); }
}

void SharedOutput::Backlog::add(std::string_view text) {
  if (text_.size() + text.size() > kMost) {
    lost_bytes_ += text.size();
  } else {
    text_ += text;
  }
  pass_on();
}

void SharedOutput::Backlog::pass_on() {
  if (text_.empty()) { return; }
  if (!has_turn_) {
    if (!output_->take_turn(std::chrono::milliseconds(0))) { return; }
    has_turn_ = true;
    if (output_->is_cut_) { text_.insert(0, "\n"); }
  }
  std::size_t done = 0;
  while (done < text_.size()) {
    const std::ptrdiff_t written = output_->put(std::string_view(text_).substr(done));
    if (written < 0) { done = text_.size(); }  // nobody can be told here; the stream has its error
    if (written == 0) { break; }
    if (written > 0) { done += static_cast<std::size_t>(written); }
  }
  text_.erase(0, done);
  if (text_.empty()) {
    has_turn_ = false;
    output_->end_turn(false);
  }
}

void SharedOutput::Backlog::finish(std::optional<std::chrono::milliseconds> idle,
                                   const std::function<bool()>& gives_up) {
  auto since = Clock::now();
  for (std::size_t left = text_.size(); !text_.empty();) {
    pass_on();
    if (text_.size() < left) { since = Clock::now(); }
    left = text_.size();
    if (left == 0) { return; }
    if (gives_up() || (idle && Clock::now() - since >= *idle)) { return forget(); }
    if (has_turn_) {
      output_->wait_for_room();
    } else {
      std::this_thread::sleep_for(kLook);
    }
  }
}

}  // namespace streamlab
