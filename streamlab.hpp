// streamlab.hpp
//
// StreamLab for C++ programs: graphs from JSON, run on the caller's thread, on several threads, on a device, or as a
// pool. The hardware layer gives RealtimePipeline its devices: streamlab::open_device.
#pragma once

#include "engine/graph/validate.hpp"  // IWYU pragma: export
#include "engine/run/pipeline.hpp"    // IWYU pragma: export
#include "hal/backends.hpp"           // IWYU pragma: export
