// engine/channel/outcome.cpp
#include "engine/channel/outcome.hpp"

namespace streamlab {

std::string_view to_string(Why why) noexcept {
  switch (why) {
    case Why::none:
      return "none";
    case Why::closed:
      return "closed";
    case Why::stopped:
      return "stopped";
    case Why::timed_out:
      return "timed out";
    case Why::empty:
      return "empty";
    case Why::full:
      return "full";
    case Why::lagged:
      return "lagged";
  }
  return "";
}

}  // namespace streamlab
