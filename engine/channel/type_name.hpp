// engine/channel/type_name.hpp
//
// The name of a type as a person would write it, for messages.
#pragma once

#include <string>
#include <typeinfo>

namespace streamlab {

// For instance "std::vector<std::string>". The compiler's name of the type without the parts that people do
// not write: allocators, the internals of std::string, inline namespaces.
std::string type_name(const std::type_info& type);

template <class T>
std::string type_name() {
  return type_name(typeid(T));
}

}  // namespace streamlab
