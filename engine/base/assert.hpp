// engine/base/assert.hpp
//
// SL_ASSERT(condition, "sentence"): an invariant that only a defect of StreamLab itself can break. Checked in
// the dev, sanitizer and coverage presets; free in release. Never for the user's mistakes: those are Errors.
#pragma once

#ifdef SL_ASSERTIONS
#include <cstdio>
#include <cstdlib>
#define SL_ASSERT(condition, sentence)                                                       \
  do {                                                                                       \
    if (!(condition)) {                                                                      \
      std::fprintf(stderr, "%s:%d: broken invariant: %s\n", __FILE__, __LINE__, (sentence)); \
      std::abort();                                                                          \
    }                                                                                        \
  } while (false)
#else
#define SL_ASSERT(condition, sentence) static_cast<void>(0)
#endif
