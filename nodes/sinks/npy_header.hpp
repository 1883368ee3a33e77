// nodes/sinks/npy_header.hpp
//
// The header of a .npy file (NumPy Enhancement Proposal 1; numpy.lib.format, versions 1.0 and 3.0). It says what a row
// is, and how many there are. For the same rows it is as long however many they are, so that it can be written again when
// there are more.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace streamlab {

// A named part of a row.
struct NpyField {
  std::string name;
  std::string type;         // "<f8": float64, "<i8": int64, "<u4": uint32, all with the lowest byte first
  std::uint32_t count = 1;  // of numbers
  bool is_vector = false;   // an array also where it is of one number
};

// Rows of named fields: numpy.load(path)["left.rms_db"]. Names are UTF-8 and differ.
std::string npy_header(std::span<const NpyField> fields, std::uint64_t rows);
// Rows of `columns` float64 without names.
std::string npy_header(std::uint32_t columns, std::uint64_t rows);

}  // namespace streamlab
