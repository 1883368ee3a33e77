// engine/run/stop_driver.hpp
#pragma once

#include <cstdint>
#include <functional>

#include "engine/run/driver.hpp"
#include "engine/run/patience.hpp"

namespace streamlab {

// Stops it. The thread of a card with a virtual clock waits where an edge is full, perhaps for a reader that takes nothing:
// with `patience`, `abort` is called when that is over. `progress` grows whenever something moves.
void stop_driver(Driver& driver, const Patience* patience, const std::function<std::uint64_t()>& progress,
                 const std::function<void()>& abort) noexcept;

}  // namespace streamlab
