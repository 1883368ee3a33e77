// engine/graph/config_text.cpp
#include "engine/graph/config_text.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>
#include <nlohmann/json.hpp>

#include "engine/base/read_file.hpp"
#include "engine/graph/syntax_words.hpp"
#include "engine/graph/yaml_scalar.hpp"

namespace streamlab {
namespace {

// Builds the document event by event, so that it sees what a finished document no longer shows.
class DocumentBuilder final : public nlohmann::json_sax<Document> {
 public:
  DocumentBuilder(std::string_view text, LargeIntegers large_integers, Errors& errors)
      : text_(text), large_integers_(large_integers), errors_(errors) {}
  Document take() { return std::move(root_); }

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(number_integer_t value) override { return put(value); }
  bool number_unsigned(number_unsigned_t value) override { return put(value); }
  bool number_float(number_float_t value, const string_t& source) override {
    if (large_integers_ == LargeIntegers::refused && source.find_first_of(".eE") == string_t::npos) {
      errors_.push_back({ErrorCode::refused, next_pointer(), "64 bits cannot hold this integer",
                         fmt::format("{} .. {}", INT64_MIN, UINT64_MAX), "a text, in quotes"});
    }
    return put(value);
  }
  bool string(string_t& value) override { return put(std::move(value)); }
  bool binary(binary_t& /*value*/) override { return false; }
  bool start_object(std::size_t /*count*/) override { return open(Document::object()); }
  bool start_array(std::size_t /*count*/) override { return open(Document::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& value) override {
    Level& level = stack_.back();
    level.key = value;
    if (!level.keys.insert(value).second) {
      errors_.push_back({ErrorCode::refused, pointer() + "/" + pointer_token(value),
                         fmt::format("the key \"{}\" is here twice", value), "one of them", ""});
    }
    return true;
  }
  bool parse_error(std::size_t byte, const std::string& token,
                   const nlohmann::json::exception& error) override {
    errors_.push_back(json_syntax_error(text_, byte, token, error.what()));
    return false;
  }

 private:
  struct Level {
    Document value;
    std::string key;  // under which the next value goes, in an object
    std::set<std::string> keys;
  };

  std::string pointer() const {  // of the object or array that is open
    std::string text;
    for (std::size_t i = 0; i + 1 < stack_.size(); ++i) {
      const Level& level = stack_[i];
      text += '/';
      text += level.value.is_array() ? std::to_string(level.value.size()) : pointer_token(level.key);
    }
    return text;
  }
  std::string next_pointer() const {  // of the value that comes next
    if (stack_.empty()) { return {}; }
    const Level& level = stack_.back();
    return pointer() + "/" +
           (level.value.is_array() ? std::to_string(level.value.size()) : pointer_token(level.key));
  }
  bool open(Document value) {
    if (stack_.size() == kMaxConfigDepth) {
      errors_.push_back({ErrorCode::refused, pointer(),
                         fmt::format("nested deeper than {} levels", kMaxConfigDepth), "", ""});
      return false;
    }
    stack_.push_back({std::move(value), {}, {}});
    return true;
  }
  bool close() {
    Document value = std::move(stack_.back().value);
    stack_.pop_back();
    return put(std::move(value));
  }
  bool put(Document value) {
    if (stack_.empty()) {
      root_ = std::move(value);
    } else if (stack_.back().value.is_array()) {
      stack_.back().value.push_back(std::move(value));
    } else {  // not by [], which looks through all keys; key() has told one that is there twice
      Level& level = stack_.back();
      level.value.get_ref<Document::object_t&>().emplace_back(std::move(level.key), std::move(value));
    }
    return true;
  }

  std::string_view text_;
  LargeIntegers large_integers_;
  Errors& errors_;
  std::vector<Level> stack_;
  Document root_;
};

// YAML to the same document. Scalars are what the core schema says; quoted ones are texts.
class YamlReader {
 public:
  explicit YamlReader(Errors& errors) : errors_(errors) {}

  Document read(const YAML::Node& node, const std::string& pointer, std::size_t depth) {
    if (depth > kMaxConfigDepth) {
      return stop(pointer, fmt::format("nested deeper than {} levels", kMaxConfigDepth));
    }
    // An alias makes much of little: &a […], [*a, *a], …
    if (++nodes_ > kMaxNodes) { return stop(pointer, fmt::format("more than {} values", kMaxNodes)); }
    if (node.IsMap() || node.IsSequence()) {
      check_tag(node, pointer);
      return node.IsMap() ? map(node, pointer, depth) : list(node, pointer, depth);
    }
    return scalar(node, pointer);
  }

 private:
  static constexpr std::size_t kMaxNodes = 1U << 20U;

  Document stop(const std::string& pointer, std::string what) {
    if (!stopped_) { errors_.push_back({ErrorCode::refused, pointer, std::move(what), "", ""}); }
    stopped_ = true;
    return nullptr;
  }
  // The escapes "\_" and "\N" are U+00A0 and U+0085; the parser gives these numbers as single bytes, which is
  // no UTF-8.
  static std::string whole(const std::string& text) {
    std::string mended;
    std::size_t rest = 0;  // bytes that the present character still has
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (rest > 0) {
        --rest;
      } else if (byte >= 0xc0) {
        rest = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : 1;
      } else if (byte >= 0x80) {
        mended += '\xc2';
      }
      mended += c;
    }
    return mended;
  }
  Document map(const YAML::Node& node, const std::string& pointer, std::size_t depth) {
    Document object = Document::object();
    std::set<std::string> keys;
    for (const auto& item : node) {
      if (stopped_) { break; }
      if (!item.first.IsScalar()) {
        errors_.push_back({ErrorCode::refused, pointer, "a key is not a text", "key: value", ""});
        continue;
      }
      const std::string key = whole(item.first.Scalar());
      const std::string where = pointer + "/" + pointer_token(key);
      if (!keys.insert(key).second) {
        errors_.push_back(
            {ErrorCode::refused, where, fmt::format("the key \"{}\" is here twice", key), "one of them", ""});
        continue;
      }
      object.get_ref<Document::object_t&>().emplace_back(key, read(item.second, where, depth + 1));
    }
    return object;
  }
  Document list(const YAML::Node& node, const std::string& pointer, std::size_t depth) {
    Document list = Document::array();
    for (const auto& item : node) {
      if (stopped_) { break; }
      list.push_back(read(item, fmt::format("{}/{}", pointer, list.size()), depth + 1));
    }
    return list;
  }
  void check_tag(const YAML::Node& node, const std::string& pointer) {
    const std::string tag = short_tag(node.Tag());
    const char* const own = node.IsMap() ? "!!map" : "!!seq";
    if (tag.empty() || tag == "?" || tag == "!" || tag == own) { return; }
    errors_.push_back({ErrorCode::refused, pointer,
                       fmt::format("there is no tag {} for {}", tag, node.IsMap() ? "a map" : "a list"), own,
                       ""});
  }
  Document scalar(const YAML::Node& node, const std::string& pointer) {
    const std::string text = node.IsScalar() ? whole(node.Scalar()) : std::string{};
    bytes_ += text.size();
    if (bytes_ > kMaxConfigBytes) {
      return stop(pointer, fmt::format("more than {} bytes of text", kMaxConfigBytes));
    }
    const std::string& tag = node.Tag();
    if (tag == "!") { return text; }  // was quoted
    auto value = tag.empty() || tag == "?" ? plain_scalar(text) : tagged_scalar(tag, text);
    if (value) { return *std::move(value); }
    value.error().where = pointer;
    errors_.push_back(value.error());
    return nullptr;
  }

  Errors& errors_;
  std::size_t nodes_ = 0;
  std::size_t bytes_ = 0;  // of scalars
  bool stopped_ = false;
};

class IgnoreEvents final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override {}
  void OnAlias(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override {}
  void OnScalar(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                const std::string& /*value*/) override {}
  void OnSequenceStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                       YAML::EmitterStyle::value /*style*/) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                  YAML::EmitterStyle::value /*style*/) override {}
  void OnMapEnd() override {}
};

// (YAML::LoadAll would tell, too, but never ends where a document begins with ",": it makes one empty
// document after the other.) Throws as YAML::Load does.
bool has_more_than_one_document(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  IgnoreEvents ignore;
  return parser.HandleNextDocument(ignore) && static_cast<bool>(parser);
}

Checked<Document> parse_yaml(std::string_view text) {
  Errors errors;
  const std::string bytes(text);
  if (!is_utf8(bytes) || bytes.find('\0') != std::string::npos) {  // the parser takes a NUL for a backslash
    errors.push_back({ErrorCode::refused, "", "this is not text", "YAML in UTF-8", ""});
    return tl::unexpected(errors);
  }
  try {
    if (has_more_than_one_document(bytes)) {
      errors.push_back(
          {ErrorCode::refused, "", "there is more behind the first YAML document", "one document", ""});
      return tl::unexpected(errors);
    }
    Document document = YamlReader(errors).read(YAML::Load(bytes), "", 1);
    if (errors.empty()) { return document; }
  } catch (const YAML::Exception& error) {
    const bool has_place = !error.mark.is_null();
    Error words = yaml_syntax_error(bytes, error.msg, has_place ? error.mark.line : -1, error.mark.column);
    if (dynamic_cast<const YAML::DeepRecursion*>(&error) != nullptr) {
      words.what = fmt::format("nested deeper than {} levels", kMaxConfigDepth);
      words.where.clear();  // how far the parser has looked ahead
    }
    errors.push_back(std::move(words));
  }
  return tl::unexpected(errors);
}

}  // namespace

ConfigLanguage language_of(std::string_view path) {
  return path.ends_with(".yaml") || path.ends_with(".yml") ? ConfigLanguage::yaml : ConfigLanguage::json;
}

Result<std::string> read_config_file(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    return refused(path, "there is no such file", "a configuration file");
  }
  if (S_ISDIR(info.st_mode)) { return refused(path, "this is a directory", "a configuration file"); }
  if (!S_ISREG(info.st_mode)) { return refused(path, "this is not a regular file", "a configuration file"); }
  if (info.st_size == 0) { return refused(path, "the file is empty", "a configuration in JSON or YAML"); }
  if (static_cast<std::size_t>(info.st_size) > kMaxConfigBytes) {
    return refused(path, fmt::format("the file has {} bytes", info.st_size),
                   fmt::format("a configuration of at most {} bytes", kMaxConfigBytes));
  }
  auto text = read_file(path);
  if (!text) { return refused(path, "the file cannot be read", "", "is reading it permitted?"); }
  if (text->find('\0') != std::string::npos) {
    return refused(path, "this is a binary file", "a configuration in JSON or YAML");
  }
  return *std::move(text);
}

Checked<Document> parse_document(std::string_view text, ConfigLanguage language,
                                 LargeIntegers large_integers) {
  if (language == ConfigLanguage::yaml) { return parse_yaml(text); }
  Errors errors;
  const std::string json = without_trailing_commas(text);
  DocumentBuilder builder(json, large_integers, errors);
  Document::sax_parse(json, &builder, Document::input_format_t::json, true, true);
  if (!errors.empty()) { return tl::unexpected(errors); }
  return builder.take();
}

bool is_utf8(const Document& document) {
  try {
    return !document.dump().empty();
  } catch (const Document::type_error&) { return false; }
}

}  // namespace streamlab
