// tests/fuzz/check_target.cpp
//
// What a fuzzer calls: `streamlab check` of a text, whatever it holds. A text that begins with "{" is JSON,
// every other one YAML; both may be a graph or a flow. Only the device is another one than the program's:
// simulated cards are opened, all others are refused. Nothing may crash, throw, hang or go beyond its bounds.
//
// LLVMFuzzerCustomMutator() changes a text as bytes, or, if it is JSON, as a tree: most bytes that are
// changed blindly only break the syntax.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "apps/streamlab/commands.hpp"
#include "hal/backends.hpp"

// Of libFuzzer: changes `size` bytes in place, to at most `max_size`; the new size.
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned int seed);

namespace streamlab {
namespace {

bool is_json(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '{';
}

Result<std::unique_ptr<Driver>> open_simulated(const DeviceRequest& request) {
  const bool is_simulated = request.device.starts_with("sim") || request.device.starts_with("file:");
  if (is_simulated) { return open_device(request); }
  return failed(request.device, "this device is not opened here");
}

// ---- Odd trees

// A tree as deep as a text is long would take more stack than there is.
bool is_deep(std::string_view text) {
  constexpr int kDeep = 64;
  int depth = 0;
  int deepest = 0;
  for (const char c : text) {
    if (c == '[' || c == '{') { deepest = std::max(deepest, ++depth); }
    if (c == ']' || c == '}') { --depth; }
  }
  return deepest > kDeep;
}

using Random = std::minstd_rand;

std::size_t below(Random& random, std::size_t count) {
  return std::uniform_int_distribution<std::size_t>(0, count - 1)(random);
}

void collect(Document& value, std::vector<Document*>& all) {
  all.push_back(&value);
  if (!value.is_structured()) { return; }
  for (Document& member : value) { collect(member, all); }
}

Document odd_value(Random& random) {
  static const std::vector<Document> kOdd{nullptr,
                                          true,
                                          false,
                                          0,
                                          1,
                                          2,
                                          -1,
                                          0.5,
                                          1e-300,
                                          1e300,
                                          4294967295,
                                          4294967296,
                                          std::numeric_limits<std::int64_t>::min(),
                                          std::numeric_limits<std::uint64_t>::max(),
                                          "",
                                          "-",
                                          ".",
                                          "a.b",
                                          "/",
                                          "${f}",
                                          "${",
                                          "in1",
                                          "\u0001\x7f",
                                          "auto",
                                          Document::array(),
                                          Document::object(),
                                          Document::array({Document::array()}),
                                          Document::array({1, 1}),
                                          Document::array({"", ""})};
  return kOdd[below(random, kOdd.size())];
}

void change(Document& root, Random& random) {
  std::vector<Document*> all;
  collect(root, all);
  Document& at = *all[below(random, all.size())];
  const Document& other = *all[below(random, all.size())];
  switch (below(random, 6)) {
    case 0:
      at = odd_value(random);
      return;
    case 1:
      at = Document(other);
      return;
    case 2:  // one less
      if (at.is_structured() && !at.empty()) {
        at.erase(std::next(at.begin(), static_cast<std::ptrdiff_t>(below(random, at.size()))));
      }
      return;
    case 3:  // one more
      if (at.is_array()) { at.push_back(Document(other)); }
      if (at.is_object() && other.is_string()) { at[other.get<std::string>()] = odd_value(random); }
      return;
    case 4: {  // a member under the key of another
      const Document& source = *all[below(random, all.size())];
      if (!at.is_object() || !source.is_object() || source.empty()) { return; }
      const auto item = std::next(source.begin(), static_cast<std::ptrdiff_t>(below(random, source.size())));
      at[std::string(item.key())] = Document(item.value());
      return;
    }
    default:
      if (at.is_number_integer()) { at = at.get<std::int64_t>() ^ (std::int64_t{1} << below(random, 40)); }
      if (at.is_number_float()) { at = at.get<double>() * (below(random, 2) == 0 ? 1e6 : -1e-6); }
      if (at.is_string()) {
        auto text = at.get<std::string>();
        text.resize(text.size() + 8);
        text.resize(
            LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(text.data()), text.size() - 8, text.size()));
        at = text;
      }
  }
}

}  // namespace
}  // namespace streamlab

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  streamlab::app::CheckArguments arguments;
  arguments.config.path = streamlab::is_json(text) ? "fuzz.json" : "fuzz.yaml";
  static_cast<void>(streamlab::app::check_text(arguments, text, streamlab::open_simulated));
  return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                    unsigned int seed) {
  using streamlab::Document;
  streamlab::Random random(seed + 1);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (streamlab::below(random, 4) > 0 && streamlab::is_json(text) && !streamlab::is_deep(text)) {
    Document document = Document::parse(text, nullptr, false, true);
    if (!document.is_discarded()) {
      const std::size_t changes = 1 + streamlab::below(random, 3);
      for (std::size_t i = 0; i < changes; ++i) { streamlab::change(document, random); }
      const std::string changed = document.dump(-1, ' ', false, Document::error_handler_t::ignore);
      if (changed.size() <= max_size) {
        std::memcpy(data, changed.data(), changed.size());
        return changed.size();
      }
    }
  }
  return LLVMFuzzerMutate(data, size, max_size);
}
