// engine/flow/flow_state.cpp
#include "engine/flow/flow_state.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace streamlab {
namespace {

// For messages: a value may be megabytes.
std::string shortened(const Document& value) {
  constexpr std::size_t kMost = 60;
  std::string text = value.dump(-1, ' ', false, Document::error_handler_t::replace);
  if (text.size() <= kMost) { return text; }
  std::size_t end = kMost;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
    --end;
  }  // do not cut a UTF-8 character
  return text.substr(0, end) + "…";
}

// The value that one step set for a key.
struct Word {
  const Document* value;
  StepIndex writer;
};

// One for each writer that no later step has overwritten, in the order of the branches.
std::vector<Word> last_words(const std::vector<const FlowState::Entry*>& entries, const MergePlace& place) {
  std::vector<Word> words;
  const auto add = [&](const Document& value, StepIndex writer) {
    const bool is_known =
        std::any_of(words.begin(), words.end(), [&](const Word& word) { return word.writer == writer; });
    if (!is_known) { words.push_back({&value, writer}); }
  };
  for (const FlowState::Entry* entry : entries) {
    add(entry->value, entry->writer);
    for (const StepIndex writer : entry->also) { add(entry->value, writer); }
  }
  std::vector<Word> last;
  for (const Word& word : words) {
    const auto overwrites = [&](const Word& other) {
      if (other.writer == word.writer || other.writer == kGiven) { return false; }
      return word.writer == kGiven || place.leads_to(word.writer, other.writer);
    };
    if (std::none_of(words.begin(), words.end(), overwrites)) { last.push_back(word); }
  }
  return last;
}

// Documents keep the order in which keys were written; it does not count for equality.
bool is_same(const Document& a, const Document& b) {
  return a == b || nlohmann::json(a) == nlohmann::json(b);
}

Error conflict(const std::string& key, const std::vector<Word>& words, const MergePlace& place) {
  std::string who;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const char* joint = i == 0 ? "" : i + 1 == words.size() ? " and " : ", ";
    who += fmt::format("{}\"{}\" sets it to {}", joint, place.name_of(words[i].writer),
                       shortened(*words[i].value));
  }
  return {ErrorCode::failed, place.where,
          fmt::format("the branches that meet here set the key \"{}\" of the state to different values: {}",
                      key, who),
          "equal values, or \"merge\": \"last\" or \"list\"", ""};
}

}  // namespace

Result<Document> read_state(std::string_view text, const std::string& where) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return refused(where, "the state is empty", "a JSON object");
  }
  auto document = parse_document(text, ConfigLanguage::json, LargeIntegers::refused);
  if (!document) {
    const Error& error = document.error().front();
    return refused(where,
                   fmt::format("the state is not a JSON object: {}{}{}", error.where,
                               error.where.empty() ? "" : ": ", error.what),
                   error.expected, error.hint);
  }
  if (!document->is_object()) {
    return refused(
        where, fmt::format("the state is {} {}", document->is_array() ? "an" : "a", document->type_name()),
        "a JSON object");
  }
  return std::move(*document);
}

void FlowState::set_all(const Document& object, StepIndex writer) {
  for (const auto& member : object.items()) { set(member.key(), member.value(), writer); }
}

void FlowState::set(const std::string& key, Document value, StepIndex writer, std::vector<StepIndex> also) {
  const auto [place, is_new] = index_.emplace(key, entries_.size());
  if (is_new) { entries_.emplace_back(); }
  entries_[place->second] = {key, std::move(value), writer, std::move(also)};
}

const FlowState::Entry* FlowState::find(std::string_view key) const {
  const auto found = index_.find(key);
  return found == index_.end() ? nullptr : &entries_[found->second];
}

Document FlowState::document() const {
  Document object = Document::object();
  auto& members = object.get_ref<Document::object_t&>();
  members.reserve(entries_.size());
  for (const Entry& entry : entries_) { members.emplace_back(entry.key, entry.value); }
  return object;
}

Checked<FlowState> merge_states(std::span<const FlowState* const> branches, const MergePlace& place) {
  FlowState merged;
  Errors errors;
  for (const FlowState* first : branches) {
    for (const FlowState::Entry& first_entry : first->entries()) {
      if (merged.find(first_entry.key) != nullptr) { continue; }
      std::vector<const FlowState::Entry*> entries;
      for (const FlowState* branch : branches) {
        if (const FlowState::Entry* entry = branch->find(first_entry.key)) { entries.push_back(entry); }
      }
      const std::vector<Word> last = last_words(entries, place);
      const Document& first_value = *last.front().value;
      const bool agree = std::all_of(last.begin(), last.end(),
                                     [&](const Word& word) { return is_same(*word.value, first_value); });
      if (agree) {
        std::vector<StepIndex> also;
        for (std::size_t i = 1; i < last.size(); ++i) { also.push_back(last[i].writer); }
        merged.set(first_entry.key, first_value, last.front().writer, std::move(also));
        continue;
      }
      Document value = *last.back().value;
      if (place.rule == MergeRule::error) { errors.push_back(conflict(first_entry.key, last, place)); }
      if (place.rule == MergeRule::list) {
        value = Document::array();
        for (const Word& word : last) { value.push_back(*word.value); }
      }
      merged.set(first_entry.key, std::move(value), place.at);
    }
  }
  if (!errors.empty()) { return tl::unexpected(errors); }
  return merged;
}

}  // namespace streamlab
