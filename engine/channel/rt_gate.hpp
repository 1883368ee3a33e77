// engine/channel/rt_gate.hpp
//
// RtGate: lets a real-time thread push into a channel that others may close, without losing a push in
// between: each one is either seen by the receiving side or refused.
//
//   Real-time thread                               Receiving side
//     const RtGate::Passage passage(gate);           gate.close();
//     if (!passage) { it is closed }                 if (gate.settled()) {
//     push                                             what has not arrived by now never will
//                                                    }
//
//   (1) entering stores inside_ = 1, then loads closed_.
//   (2) close() stores closed_ = 1; later settled() loads inside_.
//       All four are sequentially consistent: either the entering thread sees closed_, or settled() sees
//       inside_ and is not yet true. With weaker orders both could miss.
//   (3) leaving stores inside_ = 0 (release), which settled() loads: having seen it, the receiving side sees
//       the push.
#pragma once

#include <atomic>
#include <cstdint>

namespace streamlab {

class RtGate {
 public:
  // If true, the thread is inside for its lifetime. One thread at a time; wait-free.
  class [[nodiscard]] Passage {
   public:
    explicit Passage(RtGate& gate) noexcept : gate_(gate) {
      gate_.inside_.store(1, std::memory_order_seq_cst);           // (1)
      open_ = gate_.closed_.load(std::memory_order_seq_cst) == 0;  // (1)
    }
    ~Passage() { gate_.inside_.store(0, std::memory_order_release); }  // (3)
    Passage(const Passage&) = delete;
    Passage& operator=(const Passage&) = delete;
    explicit operator bool() const noexcept { return open_; }

   private:
    RtGate& gate_;
    bool open_;
  };

  // Any thread; wait-free. Permanent.
  void close() noexcept { closed_.store(1, std::memory_order_seq_cst); }  // (2)
  // Closed, and no thread inside.
  bool settled() const noexcept {
    return closed_.load(std::memory_order_seq_cst) != 0 &&
           inside_.load(std::memory_order_seq_cst) == 0;  // (2)
  }

 private:
  std::atomic<std::uint32_t> inside_{0};
  std::atomic<std::uint32_t> closed_{0};
};

}  // namespace streamlab
