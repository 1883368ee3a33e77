// engine/rt/rt_section.hpp
//
// RtSection: while it lives, marks this thread as running real-time code. A guard that is linked into a test
// or preloaded into the program (tests/support/rt_guard) sees the mark and reports every allocation, lock and
// system call under it. Without a guard it costs two loads.
#pragma once

extern "C" {
[[gnu::weak]] void rtguard_enter();
[[gnu::weak]] void rtguard_exit();
}

namespace streamlab {

// May be nested; belongs to one thread.
class [[nodiscard]] RtSection {
 public:
  RtSection() noexcept {
    if (rtguard_enter != nullptr) { rtguard_enter(); }
  }
  ~RtSection() {
    if (rtguard_exit != nullptr) { rtguard_exit(); }
  }
  RtSection(const RtSection&) = delete;
  RtSection& operator=(const RtSection&) = delete;
};

}  // namespace streamlab
