// streamlab.hpp
//
// StreamLab for C++ programs: graphs from JSON, run on the caller's thread, on several threads, on a device,
// as a pool, or over many files; typed channels between threads; streams over frames, files and what a graph gives; and what a node of
// one's own is made of. The hardware layer gives RealtimePipeline its devices: streamlab::open_device.
#pragma once

#include "engine/batch/batch.hpp"            // IWYU pragma: export
#include "engine/channel/broadcast.hpp"      // IWYU pragma: export
#include "engine/channel/mpsc.hpp"           // IWYU pragma: export
#include "engine/channel/oneshot.hpp"        // IWYU pragma: export
#include "engine/channel/registry.hpp"       // IWYU pragma: export
#include "engine/channel/select.hpp"         // IWYU pragma: export
#include "engine/channel/watch.hpp"          // IWYU pragma: export
#include "engine/core/node.hpp"              // IWYU pragma: export
#include "engine/graph/make_node.hpp"        // IWYU pragma: export
#include "engine/graph/validate.hpp"         // IWYU pragma: export
#include "engine/plugin/load_plugins.hpp"    // IWYU pragma: export
#include "engine/run/pipeline.hpp"           // IWYU pragma: export
#include "engine/run/streaming_engine.hpp"   // IWYU pragma: export
#include "engine/stream/node_stage.hpp"      // IWYU pragma: export
#include "engine/stream/operators.hpp"       // IWYU pragma: export
#include "engine/stream/sources.hpp"         // IWYU pragma: export
#include "engine/stream/stream_context.hpp"  // IWYU pragma: export
#include "hal/backends.hpp"                  // IWYU pragma: export
#include "nodes/sources/frames_of.hpp"       // IWYU pragma: export
