// engine/run/change.hpp
//
// Change: what the control thread does to a running domain. Made and checked on the control thread, applied by the domain
// between two rounds, handed back, and destroyed on the control thread with what it replaced.
//
//   control thread -> inbox -> domain -> returned -> control thread
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/core/node.hpp"
#include "engine/rt/spsc_ring.hpp"

namespace streamlab {

class Program;

class Change {
 public:
  virtual ~Change() = default;
  Change(const Change&) = delete;
  Change& operator=(const Change&) = delete;
  // The domain's thread. Wait-free; allocates and frees nothing. A change may put another program in place of `program`.
  virtual void apply(std::unique_ptr<Program>& program) noexcept = 0;
  // False: the domain goes on without it and asks again before the next round. The domain's thread.
  virtual bool is_due() const noexcept { return true; }

 protected:
  Change() = default;
};

// New values of parameters: all of them at one block edge.
class SetParams final : public Change {
 public:
  void add(std::size_t node_index, Node& node, std::unique_ptr<NodeChange> change) {
    changes_.push_back({node_index, &node, std::move(change)});
  }
  void apply(std::unique_ptr<Program>& program) noexcept override;

 private:
  struct OfNode {
    std::size_t node_index = 0;
    Node* node = nullptr;
    std::unique_ptr<NodeChange> change;
  };
  std::vector<OfNode> changes_;
};

// The way of changes into one domain, and back.
class ChangeQueue {
 public:
  static constexpr std::size_t kMostPending = 64;

  ~ChangeQueue();

  // --- the control threads, one at a time: each holds the lock for what it does.
  [[nodiscard]] std::unique_lock<std::mutex> lock() { return std::unique_lock(mutex_); }
  // Destroys what was applied, and says whether there is room for one more.
  bool has_room() noexcept;
  // `program`: what the domain runs. `end`: see close().
  template <class End>
  void send(std::unique_ptr<Change> change, std::unique_ptr<Program>& program, const End& end) noexcept {
    if (!is_over_after(std::move(change))) { return; }
    while (applies_.test_and_set(std::memory_order_acquire)) { std::this_thread::yield(); }
    apply_last(program, end);
  }

  // --- the domain's thread
  void apply_all(std::unique_ptr<Program>& program) noexcept;
  // Its last round is over: what comes from now on is applied by send(), due or not. Until restart(). `end()` ends what
  // leaves the program that is in place then: here, and once more behind whatever send() applies.
  template <class End>
  void close(std::unique_ptr<Program>& program, const End& end) noexcept {
    over_.store(true);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (!applies_.test_and_set(std::memory_order_acquire)) {
      apply_last(program, end);
    }  // else a sender does it
  }
  void restart() noexcept { over_.store(false); }

 private:
  bool is_over_after(std::unique_ptr<Change> change) noexcept;
  template <class End>
  void apply_last(std::unique_ptr<Program>& program, const End& end) noexcept {
    apply_all(program);
    end();
    applies_.clear(std::memory_order_release);
  }

  SpscRing<Change*> inbox_{kMostPending};
  SpscRing<Change*> returned_{kMostPending};
  Change* next_ = nullptr;   // taken from the inbox, and not due yet; the domain's thread
  std::size_t pending_ = 0;  // sent and not collected: no more than either ring holds
  std::mutex mutex_;
  std::atomic<bool> over_{false};
  std::atomic_flag applies_ = ATOMIC_FLAG_INIT;  // once it is over: one of the two sides
};

}  // namespace streamlab
