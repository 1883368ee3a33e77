// engine/base/json_pointer.hpp
//
// Keys as they stand in a JSON pointer (RFC 6901).
#pragma once

#include <string>
#include <string_view>

namespace streamlab {

// "~" is "~0" and "/" is "~1" (section 3).
inline std::string pointer_token(std::string_view key) {
  std::string text;
  for (const char c : key) {
    if (c == '~') {
      text += "~0";
    } else if (c == '/') {
      text += "~1";
    } else {
      text += c;
    }
  }
  return text;
}

}  // namespace streamlab
