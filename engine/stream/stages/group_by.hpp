// engine/stream/stages/group_by.hpp
//
// group_by(key_of, chain, max_groups): a chain of its own for the items of every key.
//
//   readings | group_by(&Reading::channel, [](Stream<Reading> s) { return std::move(s).batch(10); }, 64)
//
// gives Keyed{channel, vector of 10 readings}, as they get ready. What the chains' stages have counted is
// reported in sum, stage by stage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "engine/stream/stage.hpp"
#include "engine/stream/stages/calls.hpp"

namespace streamlab {

template <class T>
class Stream;

// What came out of the chain of one group.
template <class K, class U>
struct Keyed {
  K key;
  U value;
  friend bool operator==(const Keyed&, const Keyed&) = default;
};

template <Storable K, Storable U>
struct Codec<Keyed<K, U>> {
  static void write(ByteWriter& to, const Keyed<K, U>& keyed) {
    to.put<K>(keyed.key);
    to.put<U>(keyed.value);
  }
  static Result<Keyed<K, U>> read(ByteReader& from) {
    auto key = from.get<K>();
    if (!key) { return tl::unexpected(key.error()); }
    auto value = from.get<U>();
    if (!value) { return tl::unexpected(value.error()); }
    return Keyed<K, U>{std::move(*key), std::move(*value)};
  }
};

namespace stages {

// The beginning of a group's chain: one item at a time.
template <class T>
class GroupFeed final : public Stage<T> {
 public:
  GroupFeed() : Stage<T>("group") {}
  void for_each_upstream(const std::function<void(StageBase&)>&) override {}

  // Has the chain done with the item before, so that it may have another?
  bool is_hungry() const noexcept { return hungry_; }
  void feed(T item) {
    slot_.emplace(std::move(item));
    fresh_ = true;
    hungry_ = false;
  }
  void finish() noexcept { finished_ = true; }

 protected:
  Poll poll(StreamRun&, T*& item) override {
    if (fresh_) {
      fresh_ = false;
      item = &*slot_;
      return Poll::item;
    }
    hungry_ = true;
    return finished_ ? Poll::ended : Poll::pending;
  }

 private:
  std::optional<T> slot_;
  bool fresh_ = false;
  bool hungry_ = true;
  bool finished_ = false;
};

// Stands in the report for one stage of all the chains.
class GroupTotal final : public StageBase {
 public:
  GroupTotal(std::string name, StageBase& upstream) : StageBase(std::move(name)), upstream_(upstream) {}
  void for_each_upstream(const std::function<void(StageBase&)>& visit) override { visit(upstream_); }
  void add(const StageStats& stats) noexcept;

 private:
  StageBase& upstream_;
};

// A group begins with the first item of its key, and keeps its place after its chain has ended (as with
// take()): what comes then for that key is not wanted. At the end the groups are finished one after another,
// in the order in which they began. O(max_groups), and what their chains hold.
template <class T, class K, class U, class KeyOf, class Chain>
class GroupBy final : public Stage<Keyed<K, U>> {
 public:
  GroupBy(StagePtr<T> upstream, KeyOf key_of, Chain chain, std::size_t max_groups)
      : Stage<Keyed<K, U>>("group_by"),
        upstream_(std::move(upstream)),
        key_of_(std::move(key_of)),
        chain_(std::move(chain)),
        max_groups_(max_groups) {
    if (max_groups == 0) { this->refuse("group_by() of 0 groups", "max_groups of 1 or more"); }
  }
  void for_each_upstream(const std::function<void(StageBase&)>& visit) override {
    visit(totals_.empty() ? static_cast<StageBase&>(*upstream_) : *totals_.back());
  }
  void halt(StreamRun& run) noexcept override {
    for (auto& group : groups_) { close(run, *group); }
    // The chains' time does not hold that of the stages before them, as that of a stage should.
    for (auto& total : totals_) {
      total->stats().time_with_upstream_ns += upstream_->stats().time_with_upstream_ns;
    }
    upstream_->halt(run);
  }

 protected:
  Poll poll(StreamRun& run, Keyed<K, U>*& keyed) override {
    if (!finishing_) {
      const Poll answer = ask_waiting(run, keyed);
      if (answer != Poll::pending) { return answer; }
    }
    while (true) {
      if (finishing_) { return finish_groups(run, keyed); }
      if (current_ != nullptr) {
        const Poll answer = ask(run, *current_, keyed);
        if (answer == Poll::pending && !current_->feed->is_hungry()) { return answer; }
        if (answer == Poll::pending && current_->waits) { waiting_.push_back(current_); }
        if (answer == Poll::pending || answer == Poll::ended) {
          current_ = nullptr;
        } else {
          return answer;
        }
      }
      T* item = nullptr;
      const Poll answer = upstream_->next(run, item);
      if (answer == Poll::ended) {
        for (auto& group : groups_) {
          if (group->feed != nullptr) { group->feed->finish(); }
        }
        finishing_ = true;
        continue;
      }
      if (answer != Poll::item) { return answer; }
      Group* const group = group_of(run, *item);
      if (group == nullptr) { return Poll::failed; }
      if (group->last == nullptr) { continue; }  // its chain has ended
      group->feed->feed(std::move(*item));
      std::erase(waiting_, group);
      current_ = group;
    }
  }

 private:
  struct Group {
    K key;
    StagePtr<U> last;              // null once the chain has ended
    GroupFeed<T>* feed = nullptr;  // the chain's first stage
    bool waits = false;            // for something else than items: a time, say
  };

  Poll ask(StreamRun& run, Group& group, Keyed<K, U>*& keyed) {
    U* made = nullptr;
    const std::uint64_t waits = run.waits();
    const Poll answer = group.last->next(run, made);
    group.waits = run.waits() != waits;
    if (answer == Poll::item) {
      slot_.emplace(Keyed<K, U>{group.key, std::move(*made)});
      keyed = &*slot_;
    } else if (answer == Poll::ended) {
      close(run, group);
    }
    return answer;
  }

  // The groups that may have something without having got an item. "pending" when none has.
  Poll ask_waiting(StreamRun& run, Keyed<K, U>*& keyed) {
    for (std::size_t i = 0; i < waiting_.size();) {
      const Poll answer = ask(run, *waiting_[i], keyed);
      if (answer == Poll::item || answer == Poll::failed || answer == Poll::cancelled) { return answer; }
      if (answer == Poll::ended || !waiting_[i]->waits) {
        waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
      } else {
        ++i;
      }
    }
    return Poll::pending;
  }

  Poll finish_groups(StreamRun& run, Keyed<K, U>*& keyed) {
    for (; finished_ < groups_.size(); ++finished_) {
      if (groups_[finished_]->last == nullptr) { continue; }
      const Poll answer = ask(run, *groups_[finished_], keyed);
      if (answer != Poll::ended) { return answer; }
    }
    return Poll::ended;
  }

  // Null when the run has failed.
  Group* group_of(StreamRun& run, const T& item) {
    const std::uint64_t number = upstream_->stats().out - 1;
    std::optional<K> key;
    if (!guarded(run, this->stats_, number, [&] { key.emplace(std::invoke(key_of_, item)); })) {
      return nullptr;
    }
    const auto found = index_.find(*key);
    if (found != index_.end()) { return found->second; }
    if (groups_.size() == max_groups_) {
      ++this->stats_.failed;
      run.fail(this->stats_.name, number,
               Error{ErrorCode::failed, "", "there are more keys than groups",
                     fmt::format("{} different keys at the most", max_groups_), "a larger max_groups"});
      return nullptr;
    }
    auto group = std::make_unique<Group>(Group{*key, nullptr, nullptr, false});
    auto feed = std::make_unique<GroupFeed<T>>();
    group->feed = feed.get();
    if (!guarded(run, this->stats_, number, [&] {
          group->last = std::invoke(chain_, Stream<T>(StagePtr<T>(std::move(feed)))).take_stages();
        })) {
      return nullptr;
    }
    if (!is_usable(run, *group, number)) { return nullptr; }
    index_.emplace(std::move(*key), group.get());
    groups_.push_back(std::move(group));
    return groups_.back().get();
  }

  // A stage with a thread of its own would ask the group's feed from there.
  bool is_usable(StreamRun& run, Group& group, std::uint64_t number) {
    std::string threaded;
    bool has_checkpoint = false;
    visit_in_flow_order(*group.last, [&](StageBase& stage) {
      if (stage.has_own_thread()) { threaded = stage.stats().name; }
      has_checkpoint = has_checkpoint || stage.is_checkpoint();
    });
    if (has_checkpoint) {
      run.fail(this->stats_.name, number,
               Error{ErrorCode::refused, "", "a checkpoint cannot stand in a group", "",
                     "put it before or behind group_by()"});
      return false;
    }
    if (!threaded.empty()) {
      run.fail(
          this->stats_.name, number,
          Error{ErrorCode::refused, "",
                fmt::format("the stage \"{}\" has threads of its own and cannot stand in a group", threaded),
                "stages that work in the thread that asks them", "put it before or behind group_by()"});
      return false;
    }
    if (totals_.empty()) { make_totals(*group.last); }
    return group.last->start(run).has_value();
  }

  void make_totals(StageBase& last) {
    StageBase* before = upstream_.get();
    visit_in_flow_order(last, [&](StageBase& stage) {
      if (dynamic_cast<GroupFeed<T>*>(&stage) != nullptr) { return; }
      totals_.push_back(std::make_unique<GroupTotal>("in groups: " + stage.stats().name, *before));
      before = totals_.back().get();
    });
  }
  // Keeps what the stages have counted, and frees them.
  void close(StreamRun& run, Group& group) noexcept {
    if (group.last == nullptr) { return; }
    group.last->halt(run);
    std::size_t at = 0;
    visit_in_flow_order(*group.last, [&](StageBase& stage) {
      if (&stage == group.feed || at == totals_.size()) { return; }
      totals_[at++]->add(stage.stats());
    });
    group.last = nullptr;
    group.feed = nullptr;
  }

  StagePtr<T> upstream_;
  KeyOf key_of_;
  Chain chain_;
  const std::size_t max_groups_;
  std::vector<std::unique_ptr<Group>> groups_;  // in the order of their first items
  std::unordered_map<K, Group*> index_;
  Group* current_ = nullptr;     // was given an item, and has not said yet that it wants another
  std::vector<Group*> waiting_;  // others that may have something without an item
  bool finishing_ = false;       // upstream has ended
  std::size_t finished_ = 0;     // groups that are through, then
  std::vector<std::unique_ptr<GroupTotal>> totals_;
  std::optional<Keyed<K, U>> slot_;
};

}  // namespace stages
}  // namespace streamlab
