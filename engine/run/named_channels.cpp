// engine/run/named_channels.cpp
#include "engine/run/named_channels.hpp"

#include <atomic>
#include <utility>

#include <fmt/format.h>

#include "engine/run/wiring.hpp"

namespace streamlab {
namespace {

// One subscriber. The receiver is used on the subscriber's thread alone.
class OutputFeed final : public BroadcastFeed<DataFrame> {
 public:
  OutputFeed(Receiver receiver, OnLag on_lag, std::shared_ptr<BroadcastSource<DataFrame>> source)
      : receiver_(std::move(receiver)), on_lag_(on_lag), source_(std::move(source)) {}

  Received<DataFrame> try_receive() override {
    if (held_ == nullptr) {
      // Over first: a block that comes between the two looks is then found by the next call.
      const bool over = receiver_.is_over();
      held_ = receiver_.borrow();
      if (held_ == nullptr) { return over ? Why::closed : Why::empty; }
      const std::uint64_t lost = held_->edge_number() - next_number_;
      next_number_ = held_->edge_number() + 1;
      if (lost > 0 && on_lag_ == OnLag::lose) { return Received<DataFrame>::lagged(lost); }
    }
    DataFrame copy = *held_;
    receiver_.give_back(std::exchange(held_, nullptr));
    return copy;
  }
  void arm(std::shared_ptr<WakeSignal> signal) override { receiver_.arm(std::move(signal)); }
  void disarm(const WakeSignal& signal) noexcept override { receiver_.disarm(signal); }
  Clock::Duration poll_period() const noexcept override { return receiver_.poll_period(); }
  ChannelCounters counters() const noexcept override {
    const EdgeCounters edge = receiver_.counters();
    ChannelCounters now;
    const std::uint64_t in_hand =
        held_ != nullptr ? 1 : 0;  // told of what was lost before it, not received yet
    now.pushed = edge.pushed;
    now.delivered = edge.delivered - in_hand;
    now.dropped = edge.dropped;
    now.in_queue = edge.in_queue + in_hand;
    return now;
  }
  BroadcastSource<DataFrame>& source() const noexcept override { return *source_; }

 private:
  Receiver receiver_;
  const OnLag on_lag_;
  const std::shared_ptr<BroadcastSource<DataFrame>> source_;
  DataFrame* held_ = nullptr;
  std::uint64_t next_number_ = 0;
};

}  // namespace

// May outlive the engine: then `subscriptions_` is over, and the domain is not touched any more.
class NamedOutput final : public BroadcastSource<DataFrame>,
                          public std::enable_shared_from_this<NamedOutput> {
 public:
  NamedOutput(std::shared_ptr<Subscriptions> subscriptions, Domain& domain, Subscriptions::Request request)
      : subscriptions_(std::move(subscriptions)), domain_(domain), request_(std::move(request)) {
    request_.channel = this;
    domain.program().stream_of(request_.slot).named_is_over = &is_over_;
  }

  Result<std::unique_ptr<BroadcastFeed<DataFrame>>> subscribe(OnLag on_lag) override {
    Subscriptions::Request request = request_;
    if (on_lag == OnLag::lose) {
      request.policy = OverflowPolicy::drop_oldest;
      request.may_lose = true;
    }
    auto receiver = closed() ? std::nullopt : subscriptions_->add(domain_, std::move(request));
    if (!receiver && !closed() && !subscriptions_->is_over()) {
      return failed(request_.name, "too many changes are pending", "", "try again");
    }
    return std::make_unique<OutputFeed>(receiver ? std::move(*receiver) : Receiver(nullptr), on_lag,
                                        shared_from_this());
  }
  void close() noexcept override {
    is_over_.store(true, std::memory_order_release);
    subscriptions_->close(this);
  }
  bool closed() const noexcept override { return is_over_.load(std::memory_order_acquire); }
  std::size_t capacity() const noexcept override { return request_.capacity; }

 private:
  const std::shared_ptr<Subscriptions> subscriptions_;
  Domain& domain_;
  Subscriptions::Request request_;
  std::atomic<bool> is_over_{false};  // its stream has ended, or somebody has closed it
};

Errors NamedChannels::open(const Plan& plan, const std::vector<std::unique_ptr<Domain>>& domains,
                           const std::shared_ptr<Subscriptions>& subscriptions) {
  Errors errors;
  for (const ValidChannel& channel : plan.graph().channels()) {
    const std::size_t slot = plan.nodes()[channel.from_node].slots[channel.from_port];
    Domain& domain = *domains[plan.nodes()[channel.from_node].domain];
    const bool real_time = is_real_time(plan, domain.index());
    const OverflowPolicy usual = real_time ? OverflowPolicy::drop_oldest : OverflowPolicy::block;
    Subscriptions::Request request;
    request.slot = slot;
    request.name = fmt::format("{} -> channel {}", plan.graph().nodes()[channel.from_node].id, channel.name);
    request.capacity = channel.capacity.value_or(plan.graph().config().edge_capacity);
    request.policy = plan.options().lossless ? OverflowPolicy::block : channel.policy.value_or(usual);
    request.format = plan.slots()[slot].format;
    request.of_real_time = real_time;
    auto output = std::make_shared<NamedOutput>(subscriptions, domain, std::move(request));
    outputs_.push_back(output);
    if (auto added = registry_->add<DataFrame>(channel.name, std::move(output)); !added) {
      Error error = added.error();
      error.where = channel.pointer + "/channel";
      errors.push_back(std::move(error));
      continue;
    }
    names_.push_back(channel.name);
  }
  return errors;
}

NamedChannels::~NamedChannels() {
  for (const std::string& name : names_) { static_cast<void>(registry_->remove(name)); }
  for (const auto& output : outputs_) { output->close(); }
}

}  // namespace streamlab
