// engine/run/subscriptions.cpp
#include "engine/run/subscriptions.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "engine/run/edge_report.hpp"

namespace streamlab {

std::optional<Receiver> Subscriptions::add(Domain& domain, Request request) {
  // (All under the lock: once the graph is over, its domain may be gone.)
  const std::scoped_lock lock(mutex_);
  if (is_over_) { return std::nullopt; }
  auto shared = std::make_shared<Receiver::Shared>(std::move(request.name), request.capacity, request.policy,
                                                   request.format, domain.signal());
  if (request.of_real_time) { shared->link.readers = nullptr; }
  remove_those_who_left();
  shared->link.comes_and_goes = is_running_ || request.channel != nullptr;
  shared->link.reader_may_lose = request.may_lose;
  if (shared->link.comes_and_goes) { shared->owner = weak_from_this(); }
  entries_.reserve(entries_.size() + 1);
  auto change = domain.program().attach(request.slot, shared->link, shared);
  if (!is_running_) {
    change->apply(no_program_);
  } else if (!domain.change(std::move(change))) {
    // The plan of the program must not name a link that its domain never saw.
    static_cast<void>(domain.program().detach(request.slot, shared->link, nullptr));
    return std::nullopt;
  }
  entries_.push_back({shared, &domain, request.slot, request.channel});
  return Receiver(std::move(shared));
}

void Subscriptions::left() noexcept {
  const std::scoped_lock lock(mutex_);
  remove_those_who_left();
}

// Those that cannot be removed now, as too many changes are pending or there is no memory, are removed the next time: until
// then their domain passes them by.
void Subscriptions::remove_those_who_left() noexcept {
  if (is_over_) { return; }  // their counters are part of the result
  const auto is_removed = [this](const Entry& entry) {
    EdgeLink& link = entry.shared->link;
    if (!link.comes_and_goes || !link.abandoned.load(std::memory_order_acquire)) { return false; }
    try {
      auto change = entry.domain->program().detach(entry.slot, link, entry.shared);
      if (!is_running_) {
        change->apply(no_program_);
      } else if (!entry.domain->change(std::move(change))) {
        return false;
      }
      const EdgeCounters counters = link.counters();
      if (counters.dropped == 0 || link.reader_may_lose) { return true; }
      EdgeCounters& sum = left_[link.name];
      sum.pushed += counters.pushed;
      sum.delivered += counters.delivered;
      sum.dropped += counters.dropped;
      return true;
    } catch (const std::bad_alloc&) { return false; }
  };
  entries_.erase(std::remove_if(entries_.begin(), entries_.end(), is_removed), entries_.end());
}

void Subscriptions::follow(const std::function<NewPlace(Domain&, std::size_t slot)>& place_in) {
  std::vector<Entry> go_on;
  for (Entry& entry : entries_) {
    EdgeLink& link = entry.shared->link;
    const NewPlace place = place_in(*entry.domain, entry.slot);
    if (place.program == nullptr) {
      ended_.push_back(entry.shared);
      continue;
    }
    place.program->attach(place.slot, link, entry.shared)->apply(no_program_);
    go_on.push_back({entry.shared, entry.domain, place.slot, entry.channel});
  }
  entries_ = std::move(go_on);
}

void Subscriptions::end_those_left_behind() noexcept {
  for (const auto& shared : ended_) {
    shared->link.edge.close();
    shared->link.wake_consumer();
  }
  ended_.clear();
}

void Subscriptions::started() noexcept {
  const std::scoped_lock lock(mutex_);
  is_running_ = true;
}

void Subscriptions::stopped() noexcept {
  const std::scoped_lock lock(mutex_);
  is_over_ = true;
}

bool Subscriptions::is_over() const noexcept {
  const std::scoped_lock lock(mutex_);
  return is_over_;
}

void Subscriptions::close(const void* channel) noexcept {
  const std::scoped_lock lock(mutex_);
  for (const Entry& entry : entries_) {
    if (entry.channel != channel) { continue; }
    EdgeLink& link = entry.shared->link;
    link.abandoned.store(true, std::memory_order_release);
    link.wake_producer();
    link.wake_consumer();
  }
}

std::uint64_t Subscriptions::delivered() const {
  const std::scoped_lock lock(mutex_);
  std::uint64_t sum = 0;
  for (const Entry& entry : entries_) { sum += entry.shared->link.edge.delivered(); }
  return sum;
}

void Subscriptions::report(EngineStatus& status) const {
  const std::scoped_lock lock(mutex_);
  for (const Entry& entry : entries_) { status.edges.push_back(report_of(entry.shared->link)); }
  for (const auto& [name, counters] : left_) {
    status.edges.push_back({.name = name + ", of those that left",
                            .policy = OverflowPolicy::drop_oldest,
                            .counters = counters,
                            .of_link = name});
  }
}

}  // namespace streamlab
