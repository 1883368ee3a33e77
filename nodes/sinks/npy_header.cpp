// nodes/sinks/npy_header.cpp
#include "nodes/sinks/npy_header.hpp"

#include <algorithm>
#include <limits>
#include <string_view>

#include <fmt/format.h>

namespace streamlab {
namespace {

// A text as Python writes it.
std::string python_text(std::string_view text) {
  std::string literal = "'";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\'' || c == '\\') {
      literal += '\\';
      literal += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      literal += fmt::format("\\x{:02x}", byte);
    } else {
      literal += c;
    }
  }
  return literal + "'";
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string dictionary(const std::string& row_type, std::uint64_t rows, const std::string& more_dimensions) {
  return fmt::format("{{'descr': {}, 'fortran_order': False, 'shape': ({},{}), }}", row_type, rows,
                     more_dimensions);
}

std::string header(const std::string& row_type, std::uint64_t rows, const std::string& more_dimensions) {
  constexpr std::size_t kAlignment = 64;  // of the first row
  const std::size_t longest =
      dictionary(row_type, std::numeric_limits<std::uint64_t>::max(), more_dimensions).size() + 1;
  // Version 1.0 has two bytes for the length, and no other letters than Latin-1.
  const bool is_version_1 =
      is_ascii(row_type) && longest + kAlignment < std::numeric_limits<std::uint16_t>::max();
  const std::size_t before = is_version_1 ? 10 : 12;
  const std::size_t all = (before + longest + kAlignment - 1) / kAlignment * kAlignment;
  std::string text = "\x93NUMPY";
  text += is_version_1 ? '\1' : '\3';
  text += '\0';
  for (std::size_t i = 8; i < before; ++i) {
    text += static_cast<char>(((all - before) >> (8 * (i - 8))) & 0xFFU);
  }
  text += dictionary(row_type, rows, more_dimensions);
  text.resize(all - 1, ' ');
  return text + '\n';
}

}  // namespace

std::string npy_header(std::span<const NpyField> fields, std::uint64_t rows) {
  std::string type = "[";
  for (const NpyField& field : fields) {
    const std::string shape = field.is_vector ? fmt::format(", ({},)", field.count) : "";
    type += fmt::format("({}, '{}'{}), ", python_text(field.name), field.type, shape);
  }
  return header(type + "]", rows, "");
}

std::string npy_header(std::uint32_t columns, std::uint64_t rows) {
  return header("'<f8'", rows, fmt::format(" {}", columns));
}

}  // namespace streamlab
