// engine/flow/flow_params.hpp
//
// The parameters of the parts of a flow, for the reader and the manual. The enumerators are indices into the
// tables.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/core/param.hpp"

namespace streamlab {

namespace flow_settings {
enum Index : std::size_t { kParallel, kState, kMerge };
}
std::span<const ParamInfo> flow_settings_params();

namespace flow_parallel {
enum Index : std::size_t { kStrategy, kMaxSteps, kStreams };
}
std::span<const ParamInfo> flow_parallel_params();

namespace flow_streams {
enum Index : std::size_t { kEnabled, kBufferSize, kTimeout, kCount };
}
std::span<const ParamInfo> flow_stream_settings_params();

namespace flow_state {
enum Index : std::size_t { kMaxBytes };
}
std::span<const ParamInfo> flow_state_params();

namespace flow_step {
enum Index : std::size_t {
  kName,
  kRun,
  kShell,
  kCommand,
  kGraph,
  kSet,
  kStreams,
  kEnv,
  kCwd,
  kTimeout,
  kRetry,
  kInterruptAfter,
  kState
};
}
std::span<const ParamInfo> flow_step_params();

namespace flow_retry {
enum Index : std::size_t { kAttempts, kBackoff, kFactor, kMaxBackoff };
}
std::span<const ParamInfo> flow_retry_params();

// One end of a step that is connected to a channel.
namespace flow_stream {
enum Index : std::size_t { kChannel, kPolicy, kBufferSize, kUnitBytes };
}
std::span<const ParamInfo> flow_stream_params();

namespace flow_edge {
enum Index : std::size_t { kFrom, kTo, kParallel, kStrategy, kMode, kFanIn, kMerge };
}
std::span<const ParamInfo> flow_edge_params();

}  // namespace streamlab
