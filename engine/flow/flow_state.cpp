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
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) { --end; }  // no torn UTF-8
  return text.substr(0, end) + "…";
}

// The entries that nobody further down has overwritten, one for each writer.
std::vector<const FlowState::Entry*> survivors(const std::vector<const FlowState::Entry*>& entries,
                                               const MergePlace& place) {
  std::vector<const FlowState::Entry*> last;
  for (const FlowState::Entry* entry : entries) {
    const auto overwrites = [&](const FlowState::Entry* other) {
      if (other->writer == entry->writer) { return false; }
      if (entry->writer == kGiven) { return true; }
      return other->writer != kGiven && place.leads_to(entry->writer, other->writer);
    };
    const bool is_known = std::any_of(last.begin(), last.end(), [&](const FlowState::Entry* other) {
      return other->writer == entry->writer;
    });
    if (!is_known && std::none_of(entries.begin(), entries.end(), overwrites)) { last.push_back(entry); }
  }
  return last;
}

Error conflict(const std::vector<const FlowState::Entry*>& entries, const MergePlace& place) {
  std::string who;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const char* joint = i == 0 ? "" : i + 1 == entries.size() ? " and " : ", ";
    who += fmt::format("{}\"{}\" sets it to {}", joint, place.name_of(entries[i]->writer),
                       shortened(entries[i]->value));
  }
  return {ErrorCode::failed, place.where,
          fmt::format("the key \"{}\" of the state has different values where branches meet: {}",
                      entries.front()->key, who),
          "equal values, or \"merge\": \"last\" or \"list\"", ""};
}

}  // namespace

Result<Document> read_state(std::string_view text, const std::string& where) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return refused(where, "there is no state", "a JSON object");
  }
  auto document = parse_document(text, ConfigLanguage::json);
  if (!document) {
    const Error& error = document.error().front();
    return refused(where,
                   fmt::format("the state is no JSON object: {}{}{}", error.where,
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

void FlowState::set(const std::string& key, Document value, StepIndex writer) {
  const auto found =
      std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.key == key; });
  if (found == entries_.end()) {
    entries_.push_back({key, std::move(value), writer});
  } else {
    found->value = std::move(value);
    found->writer = writer;
  }
}

const FlowState::Entry* FlowState::find(std::string_view key) const {
  const auto found =
      std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.key == key; });
  return found == entries_.end() ? nullptr : &*found;
}

Document FlowState::document() const {
  Document object = Document::object();
  for (const Entry& entry : entries_) { object[entry.key] = entry.value; }
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
      const auto last = survivors(entries, place);
      const auto is_equal = [&](const FlowState::Entry* entry) {
        return entry->value == last.front()->value;
      };
      if (last.size() == 1) {
        merged.set(last[0]->key, last[0]->value, last[0]->writer);
        continue;
      }
      Document value = last.back()->value;
      if (!std::all_of(last.begin(), last.end(), is_equal)) {
        if (place.rule == MergeRule::error) { errors.push_back(conflict(last, place)); }
        if (place.rule == MergeRule::list) {
          value = Document::array();
          for (const FlowState::Entry* entry : last) { value.push_back(entry->value); }
        }
      }
      merged.set(first_entry.key, std::move(value), place.at);
    }
  }
  if (!errors.empty()) { return tl::unexpected(errors); }
  return merged;
}

}  // namespace streamlab
