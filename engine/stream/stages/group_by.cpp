// engine/stream/stages/group_by.cpp
#include "engine/stream/stages/group_by.hpp"

namespace streamlab::stages {

void GroupTotal::add(const StageStats& stats) noexcept {
  stats_.out += stats.out;
  stats_.failed += stats.failed;
  stats_.retried += stats.retried;
  stats_.dropped += stats.dropped;
  stats_.time_with_upstream_ns += stats.time_with_upstream_ns;
}

}  // namespace streamlab::stages
