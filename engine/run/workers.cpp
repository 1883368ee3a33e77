// engine/run/workers.cpp
#include "engine/run/workers.hpp"

#include <utility>

namespace streamlab {
namespace {

// Counts a worker before it starts, because it may end at once; undone if it does not start.
class Counted {
 public:
  explicit Counted(std::atomic<std::size_t>& left) : left_(left) {
    left.fetch_add(1, std::memory_order_relaxed);
  }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() {
    if (!runs_) { left_.fetch_sub(1, std::memory_order_relaxed); }
  }
  void runs() noexcept { runs_ = true; }

 private:
  std::atomic<std::size_t>& left_;
  bool runs_ = false;
};

}  // namespace

Result<void> Workers::start(const std::string& name, std::function<Domain::Round()> body) {
  threads_.reserve(threads_.size() + 1);  // once the thread runs, nothing may fail and leave it behind
  Counted counted(left_);
  auto thread = Thread::start(name, [this, body = std::move(body)] {
    if (body() == Domain::Round::failed) { failed_.store(true, std::memory_order_release); }
    left_.fetch_sub(1, std::memory_order_release);
    ended_->notify();
  });
  if (!thread) { return tl::unexpected(thread.error()); }
  counted.runs();
  threads_.push_back(std::move(*thread));
  return {};
}

}  // namespace streamlab
