// engine/stream/stages/count.hpp
//
// take, skip, scan, distinct, batch: stages that count or remember.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "engine/stream/stages/calls.hpp"
#include "engine/stream/stages/map.hpp"

namespace streamlab::stages {

// A stage that counts down from what it was given, and goes on counting behind a checkpoint.
template <class T>
class CountsDown : public Step<T, T> {
 public:
  CountsDown(const std::string& name, StagePtr<T> upstream, std::uint64_t count)
      : Step<T, T>(name, std::move(upstream)), left_(count), signature_(fmt::format("{}({})", name, count)) {}
  std::string signature() const override { return signature_; }
  Result<void> save(ByteWriter& to) const override {
    to.put(left_);
    return {};
  }
  Result<void> load(ByteReader& from) override { return from.get_to(left_); }

 protected:
  std::uint64_t left_;

 private:
  const std::string signature_;
};

// The first `count` items. Asks upstream for no more than these.
template <class T>
class Take final : public CountsDown<T> {
 public:
  Take(StagePtr<T> upstream, std::uint64_t count) : CountsDown<T>("take", std::move(upstream), count) {}

 protected:
  Poll poll(StreamRun& run, T*& item) override {
    if (this->left_ == 0) { return Poll::ended; }
    const Poll answer = this->upstream_->next(run, item);
    this->left_ -= answer == Poll::item ? 1 : 0;
    return answer;
  }
};

// All but the first `count` items.
template <class T>
class Skip final : public CountsDown<T> {
 public:
  Skip(StagePtr<T> upstream, std::uint64_t count) : CountsDown<T>("skip", std::move(upstream), count) {}

 protected:
  Poll poll(StreamRun& run, T*& item) override {
    while (true) {
      const Poll answer = this->upstream_->next(run, item);
      if (answer != Poll::item || this->left_ == 0) { return answer; }
      --this->left_;
    }
  }
};

// The state after every item: state = f(state, item), beginning with `initial`.
template <class T, class S, class F, class OnError>
class Scan final : public Step<T, S> {
 public:
  Scan(StagePtr<T> upstream, S initial, F f, OnError on_error)
      : Step<T, S>("scan", std::move(upstream)),
        state_(std::move(initial)),
        attempt_(Fold{&state_, std::move(f)}, std::move(on_error)) {}
  Result<void> start(StreamRun& run) override {
    if (auto ok = attempt_.check(); !ok) { this->refuse(ok.error().what, ok.error().expected); }
    return Step<T, S>::start(run);
  }
  Result<void> save(ByteWriter& to) const override {
    if constexpr (Storable<S>) {
      to.put<S>(state_);
      return {};
    } else {
      return this->refuse_to_save("the state");
    }
  }
  Result<void> load(ByteReader& from) override {
    if constexpr (Storable<S>) {
      return from.get_to(state_);
    } else {
      return StageBase::load(from);
    }
  }

 protected:
  Poll poll(StreamRun& run, S*& item) override {
    using Outcome = typename decltype(attempt_)::Outcome;
    while (true) {
      if (in_ == nullptr) {
        const Poll answer = this->upstream_->next(run, in_);
        if (answer != Poll::item) {
          in_ = nullptr;
          return answer;
        }
      }
      const Outcome outcome = attempt_(run, this->stats_, *in_, this->item_number(),
                                       [this](S&& made) { state_ = std::move(made); });
      if (outcome == Outcome::later) { return Poll::pending; }
      in_ = nullptr;
      if (outcome == Outcome::fatal) { return Poll::failed; }
      if (outcome == Outcome::done) {
        slot_ = state_;  // what is given may be moved from; the state stays
        item = &*slot_;
        return Poll::item;
      }
    }
  }

 private:
  // The state is given as it stands, so that it is whole when f fails.
  struct Fold {
    S* state;
    F f;
    auto operator()(T&& item) { return std::invoke(f, std::as_const(*state), std::move(item)); }
  };

  S state_;
  std::optional<S> slot_;
  Attempt<T, Fold, OnError> attempt_;
  T* in_ = nullptr;
};

// Leaves out what equals one of the last `memory` different keys. O(memory).
template <class T, class K, class KeyOf>
class Distinct final : public Step<T, T> {
 public:
  Distinct(StagePtr<T> upstream, KeyOf key_of, std::size_t memory)
      : Step<T, T>("distinct", std::move(upstream)), key_of_(std::move(key_of)), memory_(memory) {
    if (memory == 0) { this->refuse("distinct() that remembers 0 keys", "1 or more"); }
  }
  std::string signature() const override { return "distinct(" + std::to_string(memory_) + ")"; }
  Result<void> save(ByteWriter& to) const override {
    if constexpr (Storable<K>) {
      to.put<std::uint64_t>(order_.size());
      for (const K& key : order_) { to.put<K>(key); }
      return {};
    } else {
      return this->refuse_to_save("the keys");
    }
  }
  Result<void> load(ByteReader& from) override {
    if constexpr (Storable<K>) {
      auto keys = from.get<std::vector<K>>();
      if (!keys) { return tl::unexpected(keys.error()); }
      order_.assign(keys->begin(), keys->end());
      seen_ = {order_.begin(), order_.end()};
      return {};
    } else {
      return StageBase::load(from);
    }
  }

 protected:
  Poll poll(StreamRun& run, T*& item) override {
    while (true) {
      const Poll answer = this->upstream_->next(run, item);
      if (answer != Poll::item) { return answer; }
      std::optional<K> key;
      if (!guarded(run, this->stats_, this->item_number(),
                   [&] { key.emplace(std::invoke(key_of_, std::as_const(*item))); })) {
        return Poll::failed;
      }
      if (!seen_.insert(*key).second) { continue; }
      order_.push_back(std::move(*key));
      if (order_.size() > memory_) {
        seen_.erase(order_.front());
        order_.pop_front();
      }
      return answer;
    }
  }

 private:
  KeyOf key_of_;
  const std::size_t memory_;
  std::unordered_set<K> seen_;
  std::deque<K> order_;  // oldest first
};

// `size` items at a time; the last batch may be shorter.
template <class T>
class Batch final : public Step<T, std::vector<T>> {
 public:
  Batch(StagePtr<T> upstream, std::size_t size)
      : Step<T, std::vector<T>>("batch", std::move(upstream)), size_(size) {
    if (size == 0) { this->refuse("batch() of 0 items", "1 or more"); }
  }
  std::string signature() const override { return "batch(" + std::to_string(size_) + ")"; }
  // Between two items a batch is never half full: it is only left once it was given.

 protected:
  Poll poll(StreamRun& run, std::vector<T>*& batch) override {
    if (given_) {
      items_.clear();
      given_ = false;
    }
    while (items_.size() < size_) {
      T* item = nullptr;
      const Poll answer = this->upstream_->next(run, item);
      if (answer == Poll::ended && !items_.empty()) { break; }
      if (answer != Poll::item) { return answer; }
      items_.push_back(std::move(*item));
    }
    given_ = true;
    batch = &items_;
    return Poll::item;
  }

 private:
  const std::size_t size_;
  std::vector<T> items_;
  bool given_ = false;
};

}  // namespace streamlab::stages
