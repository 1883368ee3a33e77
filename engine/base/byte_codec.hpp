// engine/base/byte_codec.hpp
//
// ByteWriter, ByteReader, Codec<T>: values as bytes, for checkpoints and buffers on disk.
//
// The bytes are read by the program that wrote them, on the same machine: numbers are stored as they are in
// memory, lengths as 64 bits. A reader never trusts a length: one larger than the bytes that are left is an
// Error, so a truncated or damaged file is refused.
//
// To support your own type, specialise Codec<T> for it:
//
//   template <>
//   struct streamlab::Codec<Reading> {
//     static void write(ByteWriter& to, const Reading& r) { to.put(r.time_us); to.put(r.level_db); }
//     static Result<Reading> read(ByteReader& from) { … }
//   };
//
// or, where it is a struct of plain numbers, in one line:
//
//   template <>
//   struct streamlab::Codec<Reading> : streamlab::PlainCodec<Reading> {};
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/base/error.hpp"

namespace streamlab {

// FNV-1a, 64 bits (Fowler, Noll, Vo). `before`: the hash of the preceding bytes.
inline std::uint64_t fnv1a(std::span<const std::byte> bytes, std::uint64_t before = 14695981039346656037ULL) {
  for (const std::byte b : bytes) { before = (before ^ static_cast<std::uint64_t>(b)) * 1099511628211ULL; }
  return before;
}

class ByteWriter;
class ByteReader;

template <class T>
struct Codec;

// Can values of T be written and read back?
template <class T>
concept Storable = requires(ByteWriter& to, ByteReader& from, const T& value) {
  Codec<T>::write(to, value);
  { Codec<T>::read(from) } -> std::same_as<Result<T>>;
};

class ByteWriter {
 public:
  template <class T>
  void put(const T& value) {
    Codec<T>::write(*this, value);
  }
  void put_raw(const void* data, std::size_t size) {
    const auto* bytes = static_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), bytes, bytes + size);
  }
  std::span<const std::byte> bytes() const { return bytes_; }
  std::vector<std::byte> take() { return std::move(bytes_); }
  void clear() { bytes_.clear(); }

 private:
  std::vector<std::byte> bytes_;
};

class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <class T>
  Result<T> get() {
    return Codec<T>::read(*this);
  }
  // Reads into `value`; leaves it unchanged on failure.
  template <class T>
  Result<void> get_to(T& value) {
    auto read = Codec<T>::read(*this);
    if (!read) { return tl::unexpected(read.error()); }
    value = std::move(*read);
    return {};
  }
  Result<void> get_raw(void* data, std::size_t size) {
    if (size > bytes_.size()) {
      return refused("", "the stored bytes end too early", std::to_string(size) + " more bytes");
    }
    if (size > 0) { std::memcpy(data, bytes_.data(), size); }
    bytes_ = bytes_.subspan(size);
    return {};
  }
  std::size_t left() const { return bytes_.size(); }

 private:
  std::span<const std::byte> bytes_;
};

// The bytes of a value as they lie in memory; not for what points to something else.
template <class T>
struct PlainCodec {
  static_assert(std::is_trivially_copyable_v<T> && std::is_default_constructible_v<T>,
                "a PlainCodec is for a struct of plain numbers");
  static void write(ByteWriter& to, const T& value) { to.put_raw(&value, sizeof value); }
  static Result<T> read(ByteReader& from) {
    T value{};
    if (auto done = from.get_raw(&value, sizeof value); !done) { return tl::unexpected(done.error()); }
    return value;
  }
};

// Numbers, enumerations and bool.
template <class T>
requires(std::is_arithmetic_v<T> || std::is_enum_v<T>) struct Codec<T> : PlainCodec<T> {
};

template <>
struct Codec<std::string> {
  static void write(ByteWriter& to, const std::string& value) {
    to.put<std::uint64_t>(value.size());
    to.put_raw(value.data(), value.size());
  }
  static Result<std::string> read(ByteReader& from) {
    const auto size = from.get<std::uint64_t>();
    if (!size) { return tl::unexpected(size.error()); }
    if (*size > from.left()) { return refused("", "the stored bytes end too early", "a complete text"); }
    std::string value(*size, '\0');
    if (auto done = from.get_raw(value.data(), value.size()); !done) { return tl::unexpected(done.error()); }
    return value;
  }
};

template <Storable T>
struct Codec<std::vector<T>> {
  static void write(ByteWriter& to, const std::vector<T>& values) {
    to.put<std::uint64_t>(values.size());
    for (const T& value : values) { to.put<T>(value); }
  }
  static Result<std::vector<T>> read(ByteReader& from) {
    const auto size = from.get<std::uint64_t>();
    if (!size) { return tl::unexpected(size.error()); }
    std::vector<T> values;
    for (std::uint64_t i = 0; i < *size; ++i) {
      auto value = from.get<T>();
      if (!value) { return tl::unexpected(value.error()); }
      values.push_back(std::move(*value));
    }
    return values;
  }
};

template <Storable T>
struct Codec<std::optional<T>> {
  static void write(ByteWriter& to, const std::optional<T>& value) {
    to.put<bool>(value.has_value());
    if (value) { to.put<T>(*value); }
  }
  static Result<std::optional<T>> read(ByteReader& from) {
    const auto given = from.get<bool>();
    if (!given) { return tl::unexpected(given.error()); }
    if (!*given) { return std::optional<T>{}; }
    auto value = from.get<T>();
    if (!value) { return tl::unexpected(value.error()); }
    return std::optional<T>(std::move(*value));
  }
};

template <Storable A, Storable B>
struct Codec<std::pair<A, B>> {
  static void write(ByteWriter& to, const std::pair<A, B>& value) {
    to.put<A>(value.first);
    to.put<B>(value.second);
  }
  static Result<std::pair<A, B>> read(ByteReader& from) {
    auto first = from.get<A>();
    if (!first) { return tl::unexpected(first.error()); }
    auto second = from.get<B>();
    if (!second) { return tl::unexpected(second.error()); }
    return std::pair<A, B>(std::move(*first), std::move(*second));
  }
};

template <Storable K, Storable V>
struct Codec<std::map<K, V>> {
  static void write(ByteWriter& to, const std::map<K, V>& values) {
    to.put<std::uint64_t>(values.size());
    for (const auto& [key, value] : values) {
      to.put<K>(key);
      to.put<V>(value);
    }
  }
  static Result<std::map<K, V>> read(ByteReader& from) {
    const auto size = from.get<std::uint64_t>();
    if (!size) { return tl::unexpected(size.error()); }
    std::map<K, V> values;
    for (std::uint64_t i = 0; i < *size; ++i) {
      auto entry = from.get<std::pair<K, V>>();
      if (!entry) { return tl::unexpected(entry.error()); }
      values.insert(std::move(*entry));
    }
    return values;
  }
};

}  // namespace streamlab
