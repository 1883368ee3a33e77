// engine/base/printable.cpp
#include "engine/base/printable.hpp"

#include <algorithm>
#include <array>

namespace streamlab {
namespace {

struct CodePoint {
  char32_t value = 0;
  std::size_t bytes = 0;  // 0: not valid UTF-8
};

// The first code point of a non-empty text. UTF-8 as in Unicode 15, table 3-7: no overlong forms, no
// surrogates, nothing above U+10FFFF.
CodePoint first_of(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) { return {lead, 1}; }
  const std::size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  constexpr std::array<char32_t, 5> kLeast{0, 0, 0x80, 0x800, 0x10000};
  if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes) { return {}; }
  char32_t value = lead & (0xffU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0U) != 0x80) { return {}; }
    value = value << 6U | (byte(i) & 0x3fU);
  }
  const bool is_surrogate = value >= 0xd800 && value <= 0xdfff;
  return value < kLeast[bytes] || is_surrogate || value > 0x10ffff ? CodePoint{} : CodePoint{value, bytes};
}

bool is_obeyed(char32_t c) {
  const bool is_control = c < 0x20 || (c >= 0x7f && c <= 0x9f);
  const bool is_direction = c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
                            (c >= 0x2066 && c <= 0x2069);
  return is_control || is_direction || c == 0x2028 || c == 0x2029;
}

// The last `digits` hexadecimal digits of `value`.
std::string hex(char32_t value, int digits) {
  std::string text;
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) {
    text += "0123456789abcdef"[value >> shift & 0xfU];
  }
  return text;
}

std::string escaped(char32_t c) {
  if (c == '\n') { return "\\n"; }
  if (c == '\t') { return "\\t"; }
  if (c == '\r') { return "\\r"; }
  return "\\u" + hex(c, 4);
}

}  // namespace

std::string printable(std::string_view text, LineEnds line_ends) {
  std::string shown;
  shown.reserve(text.size());
  while (!text.empty()) {
    const auto [value, bytes] = first_of(text);
    const bool is_layout = line_ends == LineEnds::keep && (value == '\n' || value == '\t');
    if (bytes == 0) {
      shown += "\\x" + hex(static_cast<unsigned char>(text[0]), 2);
    } else if (is_obeyed(value) && !is_layout) {
      shown += escaped(value);
    } else {
      shown += text.substr(0, bytes);
    }
    text.remove_prefix(std::max<std::size_t>(1, bytes));
  }
  return shown;
}

}  // namespace streamlab
