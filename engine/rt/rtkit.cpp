// engine/rt/rtkit.cpp
#include "engine/rt/rtkit.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include <dbus/dbus.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace streamlab {
namespace {

constexpr const char* kService = "org.freedesktop.RealtimeKit1";
constexpr const char* kObjectPath = "/org/freedesktop/RealtimeKit1";
constexpr const char* kWhere = "RealtimeKit";
constexpr int kTimeoutMs = 500;  // of each call; there are four

struct CloseConnection {
  void operator()(DBusConnection* connection) const {
    dbus_connection_close(connection);
    dbus_connection_unref(connection);
  }
};
using Connection = std::unique_ptr<DBusConnection, CloseConnection>;

struct UnrefMessage {
  void operator()(DBusMessage* message) const { dbus_message_unref(message); }
};
using Message = std::unique_ptr<DBusMessage, UnrefMessage>;

class BusError {
 public:
  BusError() { dbus_error_init(&error_); }
  ~BusError() { dbus_error_free(&error_); }
  BusError(const BusError&) = delete;
  BusError& operator=(const BusError&) = delete;
  DBusError* get() { return &error_; }
  std::string text() const { return error_.message == nullptr ? "no answer" : error_.message; }

 private:
  DBusError error_;
};

Result<Message> call(DBusConnection* bus, Message message) {
  if (!message) { return failed(kWhere, "out of memory"); }
  BusError error;
  Message reply(dbus_connection_send_with_reply_and_block(bus, message.get(), kTimeoutMs, error.get()));
  if (!reply) { return failed(kWhere, error.text()); }
  return reply;
}

// A private connection: the shared one of dbus_bus_get() exits the process when the bus goes away, and waits
// for 25 s.
Result<Connection> connect_to_system_bus() {
  const char* const given = std::getenv("DBUS_SYSTEM_BUS_ADDRESS");  // NOLINT(concurrency-mt-unsafe)
  const char* const address = given != nullptr ? given : "unix:path=/run/dbus/system_bus_socket";
  BusError error;
  Connection bus(dbus_connection_open_private(address, error.get()));
  if (!bus) { return failed(kWhere, "no system bus: " + error.text()); }
  dbus_connection_set_exit_on_disconnect(bus.get(), FALSE);
  auto hello = call(bus.get(), Message(dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS,
                                                                    DBUS_INTERFACE_DBUS, "Hello")));
  if (!hello) { return tl::unexpected(hello.error()); }
  return bus;
}

// An integer property of RealtimeKit, of 32 or 64 bits.
Result<std::int64_t> property(DBusConnection* bus, const char* name) {
  Message message(
      dbus_message_new_method_call(kService, kObjectPath, "org.freedesktop.DBus.Properties", "Get"));
  if (!message || dbus_message_append_args(message.get(), DBUS_TYPE_STRING, &kService, DBUS_TYPE_STRING,
                                           &name, DBUS_TYPE_INVALID) == FALSE) {
    return failed(kWhere, "out of memory");
  }
  auto reply = call(bus, std::move(message));
  if (!reply) { return tl::unexpected(reply.error()); }
  DBusMessageIter outer;
  DBusMessageIter inner;
  if (dbus_message_iter_init(reply->get(), &outer) == FALSE ||
      dbus_message_iter_get_arg_type(&outer) != DBUS_TYPE_VARIANT) {
    return failed(kWhere, std::string("RealtimeKit does not report ") + name);
  }
  dbus_message_iter_recurse(&outer, &inner);
  if (dbus_message_iter_get_arg_type(&inner) == DBUS_TYPE_INT32) {
    dbus_int32_t value = 0;
    dbus_message_iter_get_basic(&inner, &value);
    return value;
  }
  if (dbus_message_iter_get_arg_type(&inner) == DBUS_TYPE_INT64) {
    dbus_int64_t value = 0;
    dbus_message_iter_get_basic(&inner, &value);
    return value;
  }
  return failed(kWhere, std::string("RealtimeKit reports no number for ") + name);
}

Result<void> bound_realtime_run(std::int64_t microseconds) {
  rlimit limit{};
  getrlimit(RLIMIT_RTTIME, &limit);
  const auto most = static_cast<rlim_t>(microseconds);
  if (limit.rlim_max <= most) { return {}; }
  limit = {.rlim_cur = most, .rlim_max = most};
  if (setrlimit(RLIMIT_RTTIME, &limit) != 0) {
    return failed(kWhere, std::string("RLIMIT_RTTIME: ") + std::strerror(errno));
  }
  return {};
}

}  // namespace

Result<int> make_realtime_through_rtkit(int priority) {
  auto bus = connect_to_system_bus();
  if (!bus) { return tl::unexpected(bus.error()); }
  const auto most = property(bus->get(), "MaxRealtimePriority");
  if (!most) { return tl::unexpected(most.error()); }
  const auto run_us = property(bus->get(), "RTTimeUSecMax");
  if (!run_us) { return tl::unexpected(run_us.error()); }
  if (const auto bounded = bound_realtime_run(*run_us); !bounded) { return tl::unexpected(bounded.error()); }

  const int granted = static_cast<int>(std::min<std::int64_t>(priority, *most));
  const auto thread = static_cast<dbus_uint64_t>(syscall(SYS_gettid));
  const auto wanted = static_cast<dbus_uint32_t>(granted);
  Message message(dbus_message_new_method_call(kService, kObjectPath, kService, "MakeThreadRealtime"));
  if (!message || dbus_message_append_args(message.get(), DBUS_TYPE_UINT64, &thread, DBUS_TYPE_UINT32,
                                           &wanted, DBUS_TYPE_INVALID) == FALSE) {
    return failed(kWhere, "out of memory");
  }
  if (const auto reply = call(bus->get(), std::move(message)); !reply) {
    return tl::unexpected(reply.error());
  }
  return granted;
}

}  // namespace streamlab
