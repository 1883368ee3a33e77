// engine/stream/stages/buffer.hpp
//
// buffer: a queue with a thread of its own before it, which runs the stages upstream while those downstream
// are busy. In memory, or partly on disk.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "engine/base/overflow_policy.hpp"
#include "engine/channel/spill_file.hpp"
#include "engine/channel/wake_list.hpp"
#include "engine/rt/thread.hpp"
#include "engine/stream/stage.hpp"

namespace streamlab {

// Where a buffer goes on when its places in memory are taken.
struct SpillOptions {
  std::filesystem::path directory;  // that exists; the file in it has no name and goes with the process
  std::uint64_t max_bytes = 0;      // on disk, above 0
};

namespace stages {

// What lies between the two threads. The items in the file are younger than all in memory.
template <class T>
class BufferQueue {
 public:
  enum class Pushed : std::uint8_t { taken, full, failed };

  BufferQueue(std::size_t depth, OverflowPolicy policy)
      : depth_(policy == OverflowPolicy::latest ? 1 : depth), policy_(policy) {}

  void spill_to(SpillFile file) { file_ = std::move(file); }

  // Upstream's thread. `full` is the answer of the policies block and fail; `item` is then untouched.
  Result<Pushed> push(T& item) {
    const std::lock_guard lock(mutex_);
    if constexpr (Storable<T>) {
      if (file_) { return push_or_spill(item); }
    }
    if (items_.size() == depth_) {
      switch (policy_) {
        case OverflowPolicy::block:
          return Pushed::full;
        case OverflowPolicy::fail:
          return Pushed::failed;
        case OverflowPolicy::drop_newest:
          ++dropped_;
          return Pushed::taken;
        case OverflowPolicy::drop_buffer:
          dropped_ += items_.size();
          items_.clear();
          break;
        case OverflowPolicy::drop_oldest:
        case OverflowPolicy::latest:
          ++dropped_;
          items_.pop_front();
          break;
      }
    }
    items_.push_back(std::move(item));
    return Pushed::taken;
  }
  void close(Poll answer) {
    const std::lock_guard lock(mutex_);
    answer_ = answer;
  }

  // Downstream's thread: an item, the answer that ended upstream, or pending.
  Result<Poll> pop(std::optional<T>& item) {
    const std::lock_guard lock(mutex_);
    if (items_.empty()) { return answer_; }
    item.emplace(std::move(items_.front()));
    items_.pop_front();
    if constexpr (Storable<T>) {
      if (file_ && !file_->empty()) {
        if (auto ok = refill(); !ok) { return tl::unexpected(ok.error()); }
      }
    }
    return Poll::item;
  }
  std::uint64_t dropped() const {
    const std::lock_guard lock(mutex_);
    return dropped_;
  }

 private:
  Result<Pushed> push_or_spill(T& item) {
    if (file_->empty() && items_.size() < depth_) {
      items_.push_back(std::move(item));
      return Pushed::taken;
    }
    writer_.clear();
    writer_.put<T>(item);
    auto pushed = file_->push(writer_.bytes());
    if (!pushed) { return tl::unexpected(pushed.error()); }
    if (*pushed) { return Pushed::taken; }
    return policy_ == OverflowPolicy::fail ? Pushed::failed : Pushed::full;
  }
  Result<void> refill() {
    if (auto popped = file_->pop(record_); !popped) { return tl::unexpected(popped.error()); }
    ByteReader reader(record_);
    auto item = reader.get<T>();
    if (!item) { return tl::unexpected(item.error()); }
    items_.push_back(std::move(*item));
    return {};
  }

  const std::size_t depth_;
  const OverflowPolicy policy_;
  mutable std::mutex mutex_;  // guards what follows
  std::deque<T> items_;
  Poll answer_ = Poll::pending;
  std::uint64_t dropped_ = 0;
  std::optional<SpillFile> file_;
  ByteWriter writer_;
  std::vector<std::byte> record_;
};

template <class T>
class Buffer final : public Step<T, T> {
 public:
  Buffer(StagePtr<T> upstream, std::size_t depth, OverflowPolicy policy,
         std::optional<SpillOptions> spill = {})
      : Step<T, T>("buffer", std::move(upstream)), queue_(depth, policy), spill_(std::move(spill)) {
    if (depth == 0) { this->refuse("a buffer of 0 items", "1 or more"); }
    if (spill_ && policy != OverflowPolicy::block && policy != OverflowPolicy::fail) {
      this->refuse(fmt::format("a buffer on disk with the policy \"{}\"", to_string(policy)),
                   "\"block\" or \"fail\"");
    }
  }
  ~Buffer() override { stop(); }

  bool has_own_thread() const noexcept override { return true; }
  Result<void> start(StreamRun& run) override {
    if (spill_) {
      auto file = SpillFile::create(spill_->directory, spill_->max_bytes);
      if (!file) {
        run.fail(this->stats_.name, 0, file.error());
        return tl::unexpected(file.error());
      }
      queue_.spill_to(std::move(*file));
    }
    return Step<T, T>::start(run);
  }
  void halt(StreamRun& run) noexcept override {
    stop();
    StageBase::halt(run);
  }
  StageStats counted() const override {
    StageStats all = this->stats_;
    all.dropped += queue_.dropped();
    return all;
  }
  Result<void> save(ByteWriter& to) const override { return StageBase::save(to); }
  Result<void> load(ByteReader& from) override { return StageBase::load(from); }

 protected:
  Poll poll(StreamRun& run, T*& item) override {
    if (!thread_.joinable()) {
      auto started =
          run.start_thread("stream buffer", stop_.get_token(), [this](StreamRun& own) { fill(own); });
      if (!started) { return run.fail(this->stats_.name, 0, started.error()); }
      thread_ = std::move(*started);
    }
    if (run.cancelled()) { return Poll::cancelled; }
    auto answer = queue_.pop(slot_);
    if (answer && *answer == Poll::pending) {
      items_.arm(run.signal());
      answer = queue_.pop(slot_);
    }
    if (!answer) { return run.fail(this->stats_.name, this->stats_.out, answer.error()); }
    if (*answer == Poll::item) {
      room_.fire();
      item = &*slot_;
    }
    return *answer;
  }

 private:
  // The thread: upstream's own run.
  void fill(StreamRun& run) {
    const Poll answer =
        streamlab::detail::without_throwing(run, this->stats_, [&] { return run_upstream(run); });
    queue_.close(answer);
    items_.fire();
  }
  Poll run_upstream(StreamRun& run) {
    while (true) {
      run.begin_question();
      run.choose_timing();
      T* in = nullptr;
      const Poll answer = this->upstream_->next(run, in);
      if (run.cancelled()) { return Poll::cancelled; }
      if (answer == Poll::pending) {
        run.wait();
        continue;
      }
      if (answer != Poll::item) { return answer; }
      if (const Poll put = push(run, *in); put != Poll::item) { return put; }
    }
  }
  Poll push(StreamRun& run, T& item) {
    using Pushed = typename BufferQueue<T>::Pushed;
    while (true) {
      run.begin_question();
      room_.arm(run.signal());
      auto pushed = queue_.push(item);
      if (!pushed) { return run.fail(this->stats_.name, this->item_number(), pushed.error()); }
      if (*pushed == Pushed::failed) {
        return run.fail(
            this->stats_.name, this->item_number(),
            Error{ErrorCode::failed, "", "the buffer is full and its policy is \"fail\"", "", ""});
      }
      if (*pushed == Pushed::taken) {
        items_.fire();
        return Poll::item;
      }
      if (run.cancelled()) { return Poll::cancelled; }
      run.wait();
    }
  }
  void stop() noexcept {
    stop_.request_stop();
    thread_.join();
  }

  BufferQueue<T> queue_;
  std::optional<SpillOptions> spill_;
  std::optional<T> slot_;
  WakeList items_;  // downstream waits here for items
  WakeList room_;   // the thread waits here for room
  std::stop_source stop_;
  Thread thread_;
};

}  // namespace stages
}  // namespace streamlab
