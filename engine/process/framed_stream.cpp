// engine/process/framed_stream.cpp
#include "engine/process/framed_stream.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <string_view>
#include <type_traits>

#include <fmt/format.h>
#include <zlib.h>
#include <nlohmann/json.hpp>

namespace streamlab {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are copied in memory order");

constexpr std::string_view kHeaderMagic = "SLSTREAM";
constexpr std::string_view kBlockMagic = "SLFR";
constexpr std::uint16_t kVersion = 1;
constexpr std::string_view kKinds[] = {"audio", "spectrum", "values"};
constexpr std::string_view kFormatNames[] = {"f64le", "f32le", "s16le", "s24le", "s32le"};

std::uint32_t checksum(std::span<const std::byte> bytes) {
  return static_cast<std::uint32_t>(
      ::crc32_z(0, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

template <class T>
T number_at(const std::byte* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

void append_raw(std::vector<std::byte>& bytes, const void* data, std::size_t count) {
  const auto* const first = static_cast<const std::byte*>(data);
  bytes.insert(bytes.end(), first, first + count);
}
template <class T>
requires std::is_integral_v<T>
void append_number(std::vector<std::byte>& bytes, T value) { append_raw(bytes, &value, sizeof value); }

// The checksum of the bytes appended since `begin`.
void append_checksum(std::vector<std::byte>& bytes, std::size_t begin) {
  append_number(bytes, checksum(std::span(bytes).subspan(begin)));
}

bool is_place(std::int64_t position) { return position >= -kMaxPosition && position <= kMaxPosition; }

std::size_t bytes_per_frame(const FramedHeader& header) {
  return header.channels.size() * bytes_per_sample(header.format);
}

std::string json_of(const FramedHeader& header) {
  nlohmann::ordered_json json;
  json["kind"] = kKinds[static_cast<std::size_t>(header.kind)];
  json["format"] = framed_name(header.format);
  json["sample_rate_hz"] = header.sample_rate_hz;
  json["max_frames"] = header.max_frames;
  auto& channels = json["channels"] = nlohmann::ordered_json::array();
  for (const FramedChannel& channel : header.channels) {
    channels.push_back({{"name", channel.name}, {"unit", channel.unit}});
  }
  if (header.axis) {
    json["axis"] = {{"quantity", header.axis->quantity},
                    {"unit", header.axis->unit},
                    {"start", header.axis->start},
                    {"step", header.axis->step}};
  }
  if (!header.notes.empty()) { json["notes"] = header.notes; }
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

tl::unexpected<Error> unreadable(const std::string& what, const std::string& expected) {
  return refused("", "the header of the framed stream " + what, expected);
}

// Parses the JSON; ignores unknown keys, which may be from later versions or other writers.
Result<FramedHeader> header_of(std::string_view text) {
  using Json = nlohmann::json;
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) { return unreadable("is not a JSON object", "an object"); }
  // Absent or of another type: nothing.
  const auto text_of = [](const Json& object, const char* key) -> std::optional<std::string> {
    const auto it = object.find(key);
    if (it == object.end() || !it->is_string()) { return std::nullopt; }
    return it->template get<std::string>();
  };
  const auto number_of = [](const Json& object, const char* key) {
    const auto it = object.find(key);
    return it != object.end() && it->is_number() ? it->template get<double>() : std::nan("");
  };
  FramedHeader header;
  const auto kind = text_of(json, "kind").value_or("");
  const auto* const known = std::find(std::begin(kKinds), std::end(kKinds), kind);
  if (known == std::end(kKinds)) {
    return unreadable(fmt::format("has the unknown kind \"{}\"", kind), "audio, spectrum or values");
  }
  header.kind = static_cast<FramedKind>(known - std::begin(kKinds));
  const auto format = text_of(json, "format").value_or("");
  const auto sample_format = framed_format(format);
  if (!sample_format) {
    return unreadable(fmt::format("has the unknown format \"{}\"", format),
                      "f64le, f32le, s16le, s24le or s32le");
  }
  header.format = *sample_format;
  header.sample_rate_hz = number_of(json, "sample_rate_hz");
  const double max_frames = number_of(json, "max_frames");
  if (!(max_frames >= 1.0 && max_frames <= 4294967295.0)) {
    return unreadable("has no valid max_frames", "1 to 2^32 - 1, the frames of the largest block");
  }
  header.max_frames = static_cast<std::uint32_t>(max_frames);
  const auto channels = json.find("channels");
  if (channels == json.end() || !channels->is_array()) {
    return unreadable("has no \"channels\" list", "the name and unit of each channel");
  }
  for (const Json& channel : *channels) {
    const auto name = channel.is_object() ? text_of(channel, "name") : std::nullopt;
    if (!name || name->empty()) {
      return unreadable("has a channel without a name", "the name and unit of each channel");
    }
    const auto is_same = [&](const FramedChannel& other) { return other.name == *name; };
    if (std::any_of(header.channels.begin(), header.channels.end(), is_same)) {
      return unreadable(fmt::format("names two channels \"{}\"", *name), "another name for each");
    }
    header.channels.push_back({*name, text_of(channel, "unit").value_or("")});
  }
  if (const auto axis = json.find("axis"); axis != json.end() && axis->is_object()) {
    header.axis = FramedAxis{text_of(*axis, "quantity").value_or(""), text_of(*axis, "unit").value_or(""),
                             number_of(*axis, "start"), number_of(*axis, "step")};
  }
  if (const auto notes = json.find("notes"); notes != json.end() && notes->is_object()) {
    for (const auto& [key, value] : notes->items()) {
      if (value.is_string()) { header.notes[key] = value.get<std::string>(); }
    }
  }
  if (auto fine = check(header); !fine) { return tl::unexpected(fine.error()); }
  return header;
}

}  // namespace

std::string_view framed_name(SampleFormat format) noexcept {
  const auto* const it = std::find(std::begin(kFramedFormats), std::end(kFramedFormats), format);
  return it == std::end(kFramedFormats) ? std::string_view{} : kFormatNames[it - std::begin(kFramedFormats)];
}

std::optional<SampleFormat> framed_format(std::string_view name) noexcept {
  const auto* const it = std::find(std::begin(kFormatNames), std::end(kFormatNames), name);
  if (it == std::end(kFormatNames)) { return std::nullopt; }
  return kFramedFormats[it - std::begin(kFormatNames)];
}

Result<void> check(const FramedHeader& header) {
  if (framed_name(header.format).empty()) {
    return unreadable("has an unsupported format", "f64le, f32le, s16le, s24le or s32le");
  }
  if (!(header.sample_rate_hz > 0.0) || !std::isfinite(header.sample_rate_hz)) {
    return unreadable("has no sample rate", "a number above 0");
  }
  constexpr double kMinRateHz = 1e-6;  // a frame in eleven days
  if (header.sample_rate_hz < kMinRateHz || header.sample_rate_hz > kMaxSampleRateHz) {
    return unreadable(fmt::format("says {} Hz", header.sample_rate_hz),
                      fmt::format("{} to {} Hz", kMinRateHz, kMaxSampleRateHz));
  }
  if (header.channels.empty()) { return unreadable("names no channel", "one or more"); }
  if (header.max_frames == 0 || header.max_frames > kMaxFramedBlock / bytes_per_frame(header)) {
    return unreadable(fmt::format("allows blocks of up to {} frames, {} bytes each", header.max_frames,
                                  bytes_per_frame(header)),
                      fmt::format("1 frame or more, and at most {} bytes", kMaxFramedBlock));
  }
  if (const std::size_t bytes = json_of(header).size(); bytes > kMaxFramedJson) {
    return unreadable(fmt::format("takes {} bytes of JSON", bytes),
                      fmt::format("at most {}", kMaxFramedJson));
  }
  return {};
}

// ---- writing

FramedWriter::FramedWriter(const FramedHeader& header, std::uint32_t header_every)
    : frame_bytes_(bytes_per_frame(header)),
      max_frames_(header.max_frames),
      header_every_(header_every),
      json_(json_of(header)) {
  stream_ = checksum(std::as_bytes(std::span(json_)));
}

Result<FramedWriter> FramedWriter::create(const FramedHeader& header, std::uint32_t header_every) {
  if (auto fine = check(header); !fine) { return tl::unexpected(fine.error()); }
  return FramedWriter(header, header_every);
}

void FramedWriter::append_header(std::vector<std::byte>& bytes) {
  const std::size_t begin = bytes.size();
  append_raw(bytes, kHeaderMagic.data(), kHeaderMagic.size());
  append_number(bytes, kVersion);
  append_number(bytes, std::uint16_t{0});
  append_number(bytes, static_cast<std::uint32_t>(json_.size()));
  append_checksum(bytes, begin);
  append_raw(bytes, json_.data(), json_.size());
  append_number(bytes, stream_);
  header_is_last_ = true;
}

Result<void> FramedWriter::append(const FramedBlock& block, std::vector<std::byte>& bytes) {
  if (block.frame_count > max_frames_) {
    return refused("", fmt::format("a block of {} frames", block.frame_count),
                   fmt::format("at most {}, as the header says", max_frames_));
  }
  if (block.samples.size() != block.frame_count * frame_bytes_) {
    return refused("", fmt::format("a block of {} bytes of samples", block.samples.size()),
                   fmt::format("{} frames of {} bytes", block.frame_count, frame_bytes_));
  }
  const bool header_is_due = blocks_ == 0 || (header_every_ > 0 && blocks_ % header_every_ == 0);
  if (header_is_due && !header_is_last_) { append_header(bytes); }
  header_is_last_ = false;
  ++blocks_;
  const std::size_t begin = bytes.size();
  append_raw(bytes, kBlockMagic.data(), kBlockMagic.size());
  append_number(bytes, stream_);
  append_number(bytes, block.sequence_id);
  append_number(bytes, block.position);
  append_number(bytes, block.timestamp_us);
  append_number(bytes, block.gap_frames);
  append_number(bytes, block.flags);
  append_number(bytes, block.frame_count);
  append_number(bytes, static_cast<std::uint32_t>(block.samples.size()));
  append_checksum(bytes, begin);
  bytes.insert(bytes.end(), block.samples.begin(), block.samples.end());
  append_checksum(bytes, begin + kFramedBlockFixed);
  return {};
}

// ---- reading

void FramedReader::feed(std::span<const std::byte> bytes) {
  if (begin_ > 0 && begin_ >= held_.size() - begin_) {  // moving the rest costs less than what was used
    held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(begin_));
    begin_ = 0;
  }
  held_.insert(held_.end(), bytes.begin(), bytes.end());
  counts_.bytes += bytes.size();
}

void FramedReader::skip(std::size_t bytes) {
  begin_ += bytes;
  counts_.skipped_bytes += bytes;
}

// Skips to where a header or a block might begin; false if there is no such place in the held bytes.
bool FramedReader::find_candidate() {
  while (held_bytes() > 0) {
    const auto* const found = static_cast<const std::byte*>(std::memchr(at(0), 'S', held_bytes()));
    if (found == nullptr) {
      skip(held_bytes());
      return false;
    }
    skip(static_cast<std::size_t>(found - at(0)));
    // Compares as much of either mark as is available.
    const auto begins = [&](std::string_view mark) {
      return std::memcmp(at(0), mark.data(), std::min(mark.size(), held_bytes())) == 0;
    };
    if (begins(kHeaderMagic) || begins(kBlockMagic)) { return true; }
    skip(1);
  }
  return false;
}

FramedReader::Look FramedReader::wait_or_skip() {
  if (!ended_) { return Look::nothing; }
  skip(1);
  return Look::skipped;
}

FramedReader::Look FramedReader::look_at_header() {
  if (held_bytes() < kFramedHeaderFixed) { return wait_or_skip(); }
  const auto json_bytes = number_at<std::uint32_t>(at(12));
  const bool fixed_is_right =
      number_at<std::uint32_t>(at(16)) == checksum({at(0), 16}) && json_bytes <= kMaxFramedJson;
  if (!fixed_is_right) {
    skip(1);
    return Look::skipped;
  }
  const std::size_t whole = kFramedHeaderFixed + json_bytes + kFramedChecksum;
  if (held_bytes() < whole) { return wait_or_skip(); }
  const std::span json(at(kFramedHeaderFixed), json_bytes);
  const auto stream = number_at<std::uint32_t>(at(whole - kFramedChecksum));
  if (stream != checksum(json)) {
    skip(1);
    return Look::skipped;
  }
  const auto version = number_at<std::uint16_t>(at(8));
  begin_ += whole;
  ++counts_.headers;
  if (header_ && stream == stream_) { return Look::used; }
  header_.reset();
  expected_.reset();
  if (version != kVersion) {
    refusal_ =
        unreadable(fmt::format("is of version {}", version), fmt::format("version {}", kVersion)).value();
    return Look::given;
  }
  auto header = header_of({reinterpret_cast<const char*>(json.data()), json.size()});
  if (!header) {
    refusal_ = header.error();
    return Look::given;
  }
  frame_bytes_ = bytes_per_frame(*header);
  header_ = std::move(*header);
  stream_ = stream;
  return Look::given;
}

FramedReader::Look FramedReader::look_at_block() {
  if (held_bytes() < kFramedBlockFixed) { return wait_or_skip(); }
  constexpr std::size_t kChecked = kFramedBlockFixed - kFramedChecksum;
  const auto sample_bytes = number_at<std::uint32_t>(at(48));
  const bool fixed_is_right = number_at<std::uint32_t>(at(kChecked)) == checksum({at(0), kChecked}) &&
                              sample_bytes <= kMaxFramedBlock;
  if (!fixed_is_right) {
    skip(1);
    return Look::skipped;
  }
  const bool is_ours = header_ && number_at<std::uint32_t>(at(4)) == stream_;
  const auto frame_count = number_at<std::uint32_t>(at(44));
  const bool has_a_place = is_place(number_at<std::int64_t>(at(16))) &&
                           is_place(number_at<std::int64_t>(at(24))) &&
                           number_at<std::uint64_t>(at(32)) <= kMaxPosition;
  if (is_ours &&
      (frame_count > header_->max_frames || sample_bytes != frame_count * frame_bytes_ || !has_a_place)) {
    skip(kFramedBlockFixed);  // its writer contradicts its own header, or the document of the format
    ++counts_.damaged;
    return Look::skipped;
  }
  const std::size_t whole = kFramedBlockFixed + sample_bytes + kFramedChecksum;
  const bool is_whole = held_bytes() >= whole;
  if (!is_whole && !ended_) { return Look::nothing; }
  const std::span samples(at(kFramedBlockFixed), is_whole ? sample_bytes : 0);
  if (!is_whole || number_at<std::uint32_t>(at(whole - kFramedChecksum)) != checksum(samples)) {
    skip(kFramedBlockFixed);  // bytes may be missing: the next block can begin anywhere in it
    ++counts_.damaged;
    return Look::skipped;
  }
  if (!is_ours) {
    begin_ += whole;
    ++counts_.unclaimed;
    return Look::used;
  }
  block_ = {.sequence_id = number_at<std::uint64_t>(at(8)),
            .position = number_at<std::int64_t>(at(16)),
            .timestamp_us = number_at<std::int64_t>(at(24)),
            .gap_frames = number_at<std::uint64_t>(at(32)),
            .flags = number_at<std::uint32_t>(at(40)),
            .frame_count = frame_count,
            .samples = samples};
  if (expected_ && block_.sequence_id > *expected_) { counts_.missed += block_.sequence_id - *expected_; }
  // Sent twice, or the writer has begun again.
  if (expected_ && block_.sequence_id < *expected_) { ++counts_.repeated; }
  expected_ = block_.sequence_id + 1;
  begin_ += whole;
  ++counts_.blocks;
  return Look::given;
}

Result<FramedReader::Item> FramedReader::next() {
  while (find_candidate()) {
    // Both begin with "SL"; the third letter tells them apart.
    const bool is_block = held_bytes() > 2 && *at(2) == std::byte{'F'};
    if (held_bytes() <= 2) {
      if (wait_or_skip() == Look::nothing) { return Item::nothing; }
      continue;
    }
    const Look look = is_block ? look_at_block() : look_at_header();
    if (look == Look::nothing) { return Item::nothing; }
    if (look != Look::given) { continue; }
    if (is_block) { return Item::block; }
    if (!refusal_) { return Item::header; }
    Error refusal = std::move(*refusal_);
    refusal_.reset();
    return tl::unexpected(std::move(refusal));
  }
  return Item::nothing;
}

}  // namespace streamlab
