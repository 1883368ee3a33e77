// streamlab.hpp
//
// StreamLab for C++ programs: graphs from JSON, run on the caller's thread, on several threads, on a device,
// or as a pool; and typed channels between threads. The hardware layer gives RealtimePipeline its devices:
// streamlab::open_device.
#pragma once

#include "engine/channel/broadcast.hpp"  // IWYU pragma: export
#include "engine/channel/mpsc.hpp"       // IWYU pragma: export
#include "engine/channel/oneshot.hpp"    // IWYU pragma: export
#include "engine/channel/registry.hpp"   // IWYU pragma: export
#include "engine/channel/select.hpp"     // IWYU pragma: export
#include "engine/channel/watch.hpp"      // IWYU pragma: export
#include "engine/graph/validate.hpp"     // IWYU pragma: export
#include "engine/run/pipeline.hpp"       // IWYU pragma: export
#include "hal/backends.hpp"              // IWYU pragma: export
