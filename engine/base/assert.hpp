// engine/base/assert.hpp
//
// SL_ASSERT(condition, "sentence"): an invariant that only a defect of StreamLab itself can break. Checked in
// the dev, sanitizer and coverage presets; free in release. An installed library that was built with SL_ASSERTIONS says so to
// its users' compilers, so that functions in headers are the same on both sides. Never for the user's mistakes: those are Errors.
#pragma once

#ifdef SL_ASSERTIONS
#include <cstdio>
#include <cstdlib>
// Without the folders of the machine that built it.
#ifdef __FILE_NAME__
#define SL_FILE_NAME __FILE_NAME__
#else
#define SL_FILE_NAME __FILE__
#endif
#define SL_ASSERT(condition, sentence)                                                           \
  do {                                                                                           \
    if (!(condition)) {                                                                          \
      std::fprintf(stderr, "%s:%d: broken invariant: %s\n", SL_FILE_NAME, __LINE__, (sentence)); \
      std::abort();                                                                              \
    }                                                                                            \
  } while (false)
#else
#define SL_ASSERT(condition, sentence) static_cast<void>(0)
#endif
