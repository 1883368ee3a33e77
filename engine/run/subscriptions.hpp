// engine/run/subscriptions.hpp
//
// Subscriptions: who gets copies of a running graph's blocks, at any time. Each is an edge out of a domain, with a policy and
// counters of its own. Where nobody subscribes, nothing is copied.
//
// A subscription that was made before the start is a reader like those in the graph: what feeds only it ends with it. One
// made while the graph runs comes and goes: nothing ends because of it. So does, whenever it was made, one by the name of an
// output (run/named_channels.hpp).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/run/domain.hpp"
#include "engine/run/receiver.hpp"

namespace streamlab {

struct EngineStatus;

// Any thread.
class Subscriptions : public SubscriptionOwner, public std::enable_shared_from_this<Subscriptions> {
 public:
  struct Request {
    std::size_t slot = 0;
    std::string name;  // "mic -> subscriber"
    std::size_t capacity = 0;
    OverflowPolicy policy = OverflowPolicy::block;
    std::shared_ptr<const StreamFormat> format;
    bool of_real_time = false;      // the domain wakes nobody
    bool may_lose = false;          // and is told: no loss of the run
    const void* channel = nullptr;  // whose it is, if it was made by name
  };

  // Empty: too many changes are pending in that domain, or the graph was stopped.
  std::optional<Receiver> add(Domain& domain, Request request);
  // A receiver has gone.
  void left() noexcept override;
  // A reload: `place_in` says where the output of a slot is in the program that its domain goes over to, and that does not run
  // yet. Where there is none the stream ends. Nobody may come or go meanwhile: hold `lock()`, also for the next.
  struct NewPlace {
    Program* program = nullptr;
    std::size_t slot = 0;
  };
  void follow(const std::function<NewPlace(Domain&, std::size_t slot)>& place_in);
  // Once the domains have gone over: ends the streams of outputs that are gone.
  void end_those_left_behind() noexcept;
  [[nodiscard]] std::unique_lock<std::mutex> lock() { return std::unique_lock(mutex_); }
  // From now on the domains run.
  void started() noexcept;
  // They are over. What is still subscribed stays in the report, and may outlive the domains.
  void stopped() noexcept;

  bool is_over() const noexcept;
  // Those that were made by this name receive what they have, and then no more.
  void close(const void* channel) noexcept;

  // Grows whenever a subscriber takes a block.
  std::uint64_t delivered() const;
  // The edge of each; of those that came, lost blocks and went, one by name.
  void report(EngineStatus& status) const;

 private:
  struct Entry {
    std::shared_ptr<Receiver::Shared> shared;
    Domain* domain = nullptr;
    std::size_t slot = 0;
    const void* channel = nullptr;
  };

  void remove_those_who_left() noexcept;

  mutable std::mutex mutex_;
  std::vector<Entry> entries_;
  std::map<std::string, EdgeCounters> left_;
  std::vector<std::shared_ptr<Receiver::Shared>> ended_;  // by a reload that is under way
  std::unique_ptr<Program> no_program_;                   // for changes of one that does not run yet
  bool is_running_ = false;
  bool is_over_ = false;
};

}  // namespace streamlab
