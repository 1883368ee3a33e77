// engine/channel/type_name.cpp
#include "engine/channel/type_name.hpp"

#include <cstdlib>
#include <memory>
#include <string_view>

#include <cxxabi.h>

namespace streamlab {
namespace {

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

// Erases every template argument that begins with `begin`, up to the bracket that closes it.
void erase_arguments(std::string& text, std::string_view begin) {
  for (std::size_t at = text.find(begin); at != std::string::npos; at = text.find(begin, at)) {
    std::size_t end = at + begin.size();
    for (int depth = 1; depth > 0 && end < text.size(); ++end) {
      depth += text[end] == '<' ? 1 : text[end] == '>' ? -1 : 0;
    }
    text.erase(at, end - at);
  }
}

}  // namespace

std::string type_name(const std::type_info& type) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> demangled(
      abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), std::free);
  std::string name = status == 0 ? demangled.get() : type.name();
  replace_all(name, "std::__cxx11::", "std::");
  replace_all(name, " >", ">");
  erase_arguments(name, ", std::char_traits<");
  erase_arguments(name, ", std::allocator<");
  replace_all(name, "std::basic_string<char>", "std::string");
  return name;
}

}  // namespace streamlab
