// tests/relacy/model_checks.hpp
//
// What the tests expect of a model under the checker. Like relacy_atomics.hpp, to be included before any header
// of engine/rt.
#pragma once

#include <gtest/gtest.h>

#include "tests/relacy/relacy_atomics.hpp"

namespace streamlab::relacy {

inline constexpr rl::iteration_t kExecutions = 20000;

template <class Model>
void expect_correct() {
  const Verdict verdict = check<Model>(kExecutions);
  EXPECT_TRUE(verdict.correct) << verdict.report;
}

template <class Model>
void expect_error_found() {
  EXPECT_FALSE(check<Model>(kExecutions).correct);
}

}  // namespace streamlab::relacy
