// engine/channel/registry.hpp
//
// ChannelRegistry: named channels, for parts of a program that do not know each other.
//
//   registry.add("levels", broadcast<Level>(16));
//   auto levels = registry.subscribe<Level>("levels", OnLag::lose);   // Result<BroadcastReceiver<Level>>
//   if (!levels) { print(levels.error()); }
//
// A channel is looked up by name, kind and type of value; a wrong kind or type is an Error that names both.
// The registry holds one end of each channel, so a channel stays open until it is closed or removed, or the
// registry is destroyed.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <typeindex>
#include <utility>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/channel/broadcast.hpp"
#include "engine/channel/mpsc.hpp"
#include "engine/channel/type_name.hpp"
#include "engine/channel/watch.hpp"

namespace streamlab {

enum class ChannelKind { mpsc, broadcast, watch };

// "mpsc", "broadcast", "watch".
std::string_view to_string(ChannelKind kind) noexcept;

// A snapshot.
struct RegisteredChannel {
  std::string name;
  ChannelKind kind = ChannelKind::mpsc;
  std::string type;  // of a value, as type_name() gives it
  std::size_t capacity = 0;
  bool closed = false;
};

// All members: any thread but a real-time one.
class ChannelRegistry {
 public:
  ChannelRegistry() = default;
  ChannelRegistry(const ChannelRegistry&) = delete;
  ChannelRegistry& operator=(const ChannelRegistry&) = delete;

  // Errors: the name is empty or taken.
  template <class T>
  Result<void> add(std::string name, MpscChannel<T> channel) {
    return add_entry<T>(std::move(name), Mpsc<T>{std::move(channel.sender), std::move(channel.receiver)});
  }
  template <class T>
  Result<void> add(std::string name, BroadcastSender<T> sender) {
    return add_entry<T>(std::move(name), Broadcast<T>{std::move(sender), {}});
  }
  // A broadcast channel to which only the source gives values.
  template <class T>
  Result<void> add(std::string name, std::shared_ptr<BroadcastSource<T>> source) {
    return add_entry<T>(std::move(name), Broadcast<T>{{}, std::move(source)});
  }
  template <class T>
  Result<void> add(std::string name, WatchChannel<T> channel) {
    return add_entry<T>(std::move(name), Watch<T>{std::move(channel.sender), std::move(channel.receiver)});
  }

  // Errors of all functions below: there is no channel with this name; it is of another kind or type.

  // One more sender of an mpsc channel.
  template <class T>
  Result<MpscSender<T>> sender(std::string_view name) {
    return with<Mpsc<T>, T>(name,
                            [](Mpsc<T>& channel) -> Result<MpscSender<T>> { return channel.sender.clone(); });
  }
  // The only receiver of an mpsc channel. Also an error: it was taken before.
  template <class T>
  Result<MpscReceiver<T>> receiver(std::string_view name) {
    return with<Mpsc<T>, T>(name, [name](Mpsc<T>& channel) -> Result<MpscReceiver<T>> {
      if (!channel.receiver) { return receiver_taken(name); }
      Result<MpscReceiver<T>> taken(*std::move(channel.receiver));
      channel.receiver.reset();
      return taken;
    });
  }
  // One more sender of a broadcast channel. Also an error: it has a source.
  template <class T>
  Result<BroadcastSender<T>> broadcast_sender(std::string_view name) {
    return with<Broadcast<T>, T>(name, [name](Broadcast<T>& channel) -> Result<BroadcastSender<T>> {
      if (!channel.sender) { return has_a_source(name); }
      return channel.sender->clone();
    });
  }
  // One more subscriber of a broadcast channel. Also an error: its source takes no more now.
  template <class T>
  Result<BroadcastReceiver<T>> subscribe(std::string_view name, OnLag on_lag = OnLag::wait) {
    return with<Broadcast<T>, T>(name, [on_lag](Broadcast<T>& channel) -> Result<BroadcastReceiver<T>> {
      if (channel.sender) { return channel.sender->subscribe(on_lag); }
      auto feed = channel.source->subscribe(on_lag);
      if (!feed) { return tl::unexpected(feed.error()); }
      return BroadcastReceiver<T>(std::move(*feed), on_lag);
    });
  }
  // One more sender of a watch channel.
  template <class T>
  Result<WatchSender<T>> watch_sender(std::string_view name) {
    return with<Watch<T>, T>(
        name, [](Watch<T>& channel) -> Result<WatchSender<T>> { return channel.sender.clone(); });
  }
  // One more receiver of a watch channel; it has seen the current value.
  template <class T>
  Result<WatchReceiver<T>> watch(std::string_view name) {
    return with<Watch<T>, T>(
        name, [](Watch<T>& channel) -> Result<WatchReceiver<T>> { return channel.sender.subscribe(); });
  }

  // In the order of the names.
  std::vector<RegisteredChannel> list() const;
  // The channel stays in the list.
  Result<void> close(std::string_view name);
  void close_all();
  // Drops the registry's end; others keep theirs. The name is free again.
  Result<void> remove(std::string_view name);

 private:
  template <class T>
  struct Mpsc {
    static constexpr ChannelKind kKind = ChannelKind::mpsc;
    MpscSender<T> sender;
    std::optional<MpscReceiver<T>> receiver;  // until it is taken
    std::size_t capacity() const { return sender.capacity(); }
    void close() { sender.close(); }
    bool closed() const { return sender.closed(); }
  };
  template <class T>
  struct Broadcast {
    static constexpr ChannelKind kKind = ChannelKind::broadcast;
    std::optional<BroadcastSender<T>> sender;    // or:
    std::shared_ptr<BroadcastSource<T>> source;  // nobody else sends
    std::size_t capacity() const { return sender ? sender->capacity() : source->capacity(); }
    void close() { sender ? sender->close() : source->close(); }
    bool closed() const { return sender ? sender->closed() : source->closed(); }
  };
  template <class T>
  struct Watch {
    static constexpr ChannelKind kKind = ChannelKind::watch;
    WatchSender<T> sender;
    WatchReceiver<T> receiver;  // so that senders never see a channel without receivers
    std::size_t capacity() const { return 1; }
    void close() { sender.close(); }
    bool closed() const { return sender.closed(); }
  };

  struct Entry {
    ChannelKind kind;
    std::type_index type;
    std::string type_text;
    std::size_t capacity;
    std::shared_ptr<void> channel;  // Mpsc<T>, Broadcast<T> or Watch<T>
    std::function<void()> close;
    std::function<bool()> closed;
  };

  static tl::unexpected<Error> receiver_taken(std::string_view name);
  static tl::unexpected<Error> has_a_source(std::string_view name);
  Result<void> add_entry(std::string name, Entry entry);
  // With mutex_ held.
  Result<Entry*> find(std::string_view name);
  Result<Entry*> find(std::string_view name, ChannelKind kind, const std::type_info& type);

  template <class T, class Channel>
  Result<void> add_entry(std::string name, Channel channel) {
    const std::size_t capacity = channel.capacity();
    auto shared = std::make_shared<Channel>(std::move(channel));
    return add_entry(std::move(name), {Channel::kKind, typeid(T), type_name<T>(), capacity, shared,
                                       [shared] { shared->close(); }, [shared] { return shared->closed(); }});
  }
  template <class Channel, class T, class Function>
  auto with(std::string_view name, Function&& function) -> decltype(function(std::declval<Channel&>())) {
    const std::lock_guard lock(mutex_);
    const Result<Entry*> entry = find(name, Channel::kKind, typeid(T));
    if (!entry) { return tl::unexpected(entry.error()); }
    return function(*static_cast<Channel*>((*entry)->channel.get()));
  }

  mutable std::mutex mutex_;  // guards what follows
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace streamlab
