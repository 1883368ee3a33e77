// engine/stream/stages/join_by.hpp
//
// join_by(other, key_left, key_right, max_waiting): pairs of items with the same key, such as a sequence id.
//
// Keys are meant to grow, by and large, on both sides; some may be missing, and some out of order. The side
// whose keys are behind is asked first. An item waits for its partner among at most `max_waiting` of its
// side; when there is no room, the one with the smallest key gives up. Of two that wait with the same key the
// later takes the place. What was left without a partner is counted as dropped.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <map>
#include <memory_resource>
#include <optional>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "engine/stream/stages/calls.hpp"
#include "engine/stream/stages/two.hpp"

namespace streamlab::stages {

// What waits for a partner on one side. Allocates only while it grows.
template <class K, class T>
class WaitingByKey {
 public:
  explicit WaitingByKey(std::size_t most) : most_(most) {}

  bool empty() const noexcept { return items_.empty(); }
  bool full() const noexcept { return items_.size() >= most_; }
  std::size_t size() const noexcept { return items_.size(); }
  // How many had to go for it: 0 or 1; `key` itself when it is the smallest of too many.
  std::uint64_t add(K key, T item) {
    const auto [place, is_new] = items_.try_emplace(std::move(key), std::move(item));
    if (!is_new) {
      place->second = std::move(item);
      return 1;
    }
    if (items_.size() <= most_) { return 0; }
    items_.erase(items_.begin());
    return 1;
  }
  std::optional<T> take(const K& key) {
    const auto found = items_.find(key);
    if (found == items_.end()) { return std::nullopt; }
    std::optional<T> item(std::move(found->second));
    items_.erase(found);
    return item;
  }
  std::size_t clear() {
    const std::size_t count = items_.size();
    items_.clear();
    return count;
  }

 private:
  const std::size_t most_;
  std::pmr::unsynchronized_pool_resource pool_;
  std::pmr::map<K, T> items_{&pool_};
};

// Once one side has ended, items of the other are matched with what still waits of it, until nothing does or
// max_waiting of them, one after another, have found no partner. O(max_waiting).
template <class T, class U, class KeyLeft, class KeyRight>
class JoinBy final : public TwoInputs<T, U, std::pair<T, U>> {
 public:
  using K = std::remove_cvref_t<std::invoke_result_t<KeyLeft&, const T&>>;
  static_assert(std::same_as<K, std::remove_cvref_t<std::invoke_result_t<KeyRight&, const U&>>>,
                "both keys of a join are of one type");
  static_assert(std::totally_ordered<K>, "the keys of a join can be compared with <");

  JoinBy(StagePtr<T> left, StagePtr<U> right, KeyLeft key_left, KeyRight key_right, std::size_t max_waiting)
      : TwoInputs<T, U, std::pair<T, U>>("join_by", std::move(left), std::move(right)),
        a_(std::move(key_left), max_waiting),
        b_(std::move(key_right), max_waiting),
        max_waiting_(max_waiting) {
    if (max_waiting == 0) {
      this->refuse("a join in which no item may wait for its partner", "max_waiting of 1 or more");
    }
  }

 protected:
  Poll poll(StreamRun& run, std::pair<T, U>*& pair) override {
    while (true) {
      if ((a_.over && (b_.over || a_.waiting.empty())) || (b_.over && b_.waiting.empty()) ||
          vain_ >= max_waiting_) {
        this->stats_.dropped += a_.waiting.clear() + b_.waiting.clear();
        return Poll::ended;
      }
      // The side that is behind; while that one has nothing, the other one as far as it may wait.
      const bool left_first = !a_.over && (b_.over || is_behind());
      Poll answer = left_first ? ask_left(run, pair) : ask_right(run, pair);
      if (answer == Poll::pending) {
        if (left_first && !b_.over && !b_.waiting.full()) {
          answer = ask_right(run, pair);
        } else if (!left_first && !a_.over && !a_.waiting.full()) {
          answer = ask_left(run, pair);
        }
        if (answer == Poll::pending) { return answer; }
      }
      if (answer == Poll::item && matched_) { return answer; }
      if (this->is_fatal(answer)) { return answer; }
    }
  }

 private:
  template <class X, class KeyOf>
  struct Side {
    Side(KeyOf key, std::size_t max_waiting) : key_of(std::move(key)), waiting(max_waiting) {}
    KeyOf key_of;
    WaitingByKey<K, X> waiting;
    std::optional<K> newest;
    bool over = false;
  };

  // Is the left behind the right, or level with it?
  bool is_behind() const { return !a_.newest || (b_.newest && !(*b_.newest < *a_.newest)); }

  Poll ask_left(StreamRun& run, std::pair<T, U>*& pair) {
    return ask(run, *this->left_, a_, b_,
               [&](T& item, U&& partner) { pair = &slot_.emplace(std::move(item), std::move(partner)); });
  }
  Poll ask_right(StreamRun& run, std::pair<T, U>*& pair) {
    return ask(run, *this->right_, b_, a_,
               [&](U& item, T&& partner) { pair = &slot_.emplace(std::move(partner), std::move(item)); });
  }

  // Poll::item when one came, `matched_` when it had a partner; Poll::ended when the side has.
  template <class X, class Own, class Other, class Give>
  Poll ask(StreamRun& run, Stage<X>& upstream, Own& own, Other& other, Give give) {
    matched_ = false;
    X* item = nullptr;
    const Poll answer = upstream.next(run, item);
    if (answer == Poll::ended) { own.over = true; }
    if (answer != Poll::item) { return answer; }
    std::optional<K> key;
    if (!guarded(run, this->stats_, upstream.stats().out - 1,
                 [&] { key.emplace(std::invoke(own.key_of, std::as_const(*item))); })) {
      return Poll::failed;
    }
    if (!own.newest || *own.newest < *key) { own.newest = *key; }
    if (auto partner = other.waiting.take(*key)) {
      matched_ = true;
      vain_ = 0;
      give(*item, std::move(*partner));
    } else if (other.over) {
      ++vain_;
      ++this->stats_.dropped;
    } else {
      this->stats_.dropped += own.waiting.add(std::move(*key), std::move(*item));
    }
    return answer;
  }

  Side<T, KeyLeft> a_;
  Side<U, KeyRight> b_;
  const std::size_t max_waiting_;
  std::size_t vain_ = 0;  // items in a row without a partner, since the other side has ended
  bool matched_ = false;
  std::optional<std::pair<T, U>> slot_;
};

}  // namespace streamlab::stages
