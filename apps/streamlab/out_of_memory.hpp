// apps/streamlab/out_of_memory.hpp
//
// When memory runs out, a reserve is freed: enough to end the run in good order, as Ctrl-C does, with whole files and a
// message. So the failed allocation is tried again and succeeds, wherever it was, also where nothing may throw. When
// the reserve is used up too, the program ends at once with a message and exit code 1.
//
// It works from before main() on. A library that allocates with malloc() sees the failure itself.
#pragma once

namespace streamlab::app {

// Any thread. Was the reserve needed?
bool ran_out_of_memory() noexcept;

}  // namespace streamlab::app
