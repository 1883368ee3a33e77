// nodes/sinks/json_text.cpp
#include "nodes/sinks/json_text.hpp"

#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "nodes/sinks/flag_names.hpp"
#include "nodes/sinks/text_output.hpp"

namespace streamlab {
namespace {

// `text` as a JSON string.
std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void append_json_number(std::string& line, double value) {
  if (std::isfinite(value)) {
    append_number(line, value);
  } else {
    line += "null";
  }
}

std::string axis_json(const Axis& axis) {
  std::string text =
      fmt::format(R"({{"quantity":{},"unit":{},"start":)", quoted(axis.quantity), quoted(axis.unit));
  append_json_number(text, axis.start);
  text += ",\"step\":";
  append_json_number(text, axis.step);
  return text + "}";
}

void append_json_metadata(std::string& line, const Metadata& metadata) {
  if (metadata.entries().empty()) { return; }
  line += ",\"metadata\":{";
  const char* separator = "";
  for (const Metadata::Entry& entry : metadata.entries()) {
    line += separator + quoted(std::string(entry.name())) + ":";
    append_json_number(line, entry.value);
    separator = ",";
  }
  line += "}";
}

}  // namespace

JsonText::JsonText(const StreamFormat& format, const std::string& label) : format_(format) {
  if (!label.empty()) { label_ = fmt::format("\"label\":{},", quoted(label)); }
  for (const ChannelInfo& channel : format_.channels) {
    channel_starts_.push_back(fmt::format(R"({}:{{"unit":{},)", quoted(channel.name), quoted(channel.unit)));
  }
}

std::string JsonText::header_line() const {
  std::string line = fmt::format(R"({{"kind":"{}","sample_rate_hz":)", to_string(format_.kind));
  append_json_number(line, format_.sample_rate_hz);
  line += ",\"channels\":[";
  for (std::size_t c = 0; c < format_.channels.size(); ++c) {
    line += fmt::format(R"({}{{"name":{},"unit":{}}})", c == 0 ? "" : ",", quoted(format_.channels[c].name),
                        quoted(format_.channels[c].unit));
  }
  line += "]";
  if (format_.kind == StreamKind::spectrum) { line += ",\"axis\":" + axis_json(format_.axis); }
  line += ",\"notes\":{";
  const char* separator = "";
  for (const auto& [key, value] : format_.notes) {
    line += fmt::format("{}{}:{}", separator, quoted(key), quoted(value));
    separator = ",";
  }
  return line + "}}\n";
}

void JsonText::append(const DataFrame& x, std::string& line) const {
  append_header(x.header(), line);
  if (format_.kind == StreamKind::spectrum) { line += ",\"axis\":" + axis_json(format_.axis); }
  line += ",\"channels\":{";
  for (std::uint32_t c = 0; c < x.channel_count(); ++c) { append_channel(x, c, line); }
  line += "}";
  append_json_metadata(line, x.metadata());
  line += "}\n";
}

void JsonText::append_header(const FrameHeader& header, std::string& line) const {
  ((line += '{') += label_) += "\"position\":";
  append_integer(line, header.position);
  line += ",\"seconds\":";
  append_json_number(line, static_cast<double>(header.position) / format_.sample_rate_hz);
  line += ",\"timestamp_us\":";
  append_integer(line, header.timestamp_us);
  line += fmt::format(",\"sequence_id\":{},\"flags\":[", header.sequence_id);
  const char* separator = "";
  for_each_flag(header, [&](std::string_view name) {
    line += fmt::format("{}\"{}\"", separator, name);
    separator = ",";
  });
  line += "]";
  if (header.has(FrameFlag::gap)) { line += fmt::format(",\"gap_frames\":{}", header.gap_frames); }
  if (header.length_frames > 0) { line += fmt::format(",\"length_frames\":{}", header.length_frames); }
}

void JsonText::append_channel(const DataFrame& x, std::uint32_t c, std::string& line) const {
  if (c > 0) { line += ","; }
  line += channel_starts_[c];
  const auto numbers = x.channel(c);
  if (format_.kind == StreamKind::values && numbers.size() == 1) {
    line += "\"value\":";
    append_json_number(line, numbers[0]);
  } else {
    line += format_.kind == StreamKind::spectrum ? "\"bins\":[" : "\"samples\":[";
    for (std::size_t n = 0; n < numbers.size(); ++n) {
      if (n > 0) { line += ","; }
      append_json_number(line, numbers[n]);
    }
    line += "]";
  }
  line += "}";
}

}  // namespace streamlab
