// engine/graph/document_reader.hpp
//
// DocumentReader: what every reader of a configuration asks of a document: an object with known keys, a text,
// a list of objects. Whatever is something else is an error with its JSON pointer.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/base/error.hpp"
#include "engine/base/nearest_name.hpp"
#include "engine/graph/config_text.hpp"

namespace streamlab {

class DocumentReader {
 public:
  explicit DocumentReader(Errors& errors) : errors_(errors) {}

  void add(const std::string& where, std::string what, std::string expected = {}, std::string hint = {}) {
    errors_.push_back({ErrorCode::refused, where, std::move(what), std::move(expected), std::move(hint)});
  }
  // "an object", "a string", …
  static std::string article(const Document& value) {
    const std::string_view name = value.type_name();
    return fmt::format("{} {}", name == "array" || name == "object" ? "an" : "a", name);
  }
  void check_keys(const Document& object, const std::string& pointer,
                  std::span<const std::string_view> known) {
    for (const auto& item : object.items()) {
      if (std::find(known.begin(), known.end(), item.key()) == known.end()) {
        add(pointer + "/" + pointer_token(item.key()), fmt::format("there is no key \"{}\" here", item.key()),
            "", did_you_mean(item.key(), known));
      }
    }
  }
  // A value as it is written, for messages: a long one shortened.
  static std::string shown(const Document& value) {
    if (value.is_structured() && value.size() > 20) { return article(value) + " of many values"; }
    std::string text = value.dump(-1, ' ', false, Document::error_handler_t::replace);
    if (text.size() > 200) { text = text.substr(0, 197) + "..."; }
    return text;
  }
  // Empty if it is none.
  std::string text(const Document& value, const std::string& pointer) {
    if (value.is_string()) { return value.get<std::string>(); }
    add(pointer, fmt::format("{} is not a text", shown(value)), "a text in quotes");
    return {};
  }
  // A text with something in it. Empty if it is none: then that has been said.
  std::string name(const Document& value, const std::string& pointer, const char* expected) {
    if (value == "") { add(pointer, "this is empty", expected); }
    return text(value, pointer);
  }
  std::string required_name(const Document& object, const std::string& pointer, const char* key,
                            const char* expected) {
    if (!object.contains(key)) {
      add(pointer, fmt::format("\"{}\" is missing", key));
      return {};
    }
    return name(object[key], pointer + "/" + key, expected);
  }
  // Is it an object?
  bool check_object(const Document& value, const std::string& pointer) {
    if (!value.is_object()) {
      add(pointer, fmt::format("this is {}", article(value)), "an object in braces");
    }
    return value.is_object();
  }
  // "$schema" tells an editor where the JSON Schema is; the program does not look there.
  void check_schema_key(const Document& document) {
    if (document.contains("$schema")) { text(document["$schema"], "/$schema"); }
  }
  // Calls read_item(object, pointer) for each object of the list `key` at the top of the document.
  template <class Read>
  void read_list(const Document& document, const char* key, Read read_item) {
    const std::string pointer = fmt::format("/{}", key);
    if (!document.contains(key)) { return add("", fmt::format("\"{}\" is missing", key)); }
    const Document& list = document[key];
    if (!list.is_array()) {
      return add(pointer, fmt::format("this is {}", article(list)), "a list in brackets");
    }
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string item_pointer = fmt::format("{}/{}", pointer, i);
      if (check_object(list[i], item_pointer)) { read_item(list[i], item_pointer); }
    }
  }

  Errors& errors() { return errors_; }

 private:
  Errors& errors_;
};

}  // namespace streamlab
