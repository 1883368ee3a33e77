// nodes/operators/expression.hpp
//
// Expression: a formula over named numbers, given as text: "(left + right) / 2".
//
// Parsed once, by compile(); evaluated any number of times without allocation, lock or exception. Numbers are
// float64 throughout. There are + - * / ^, comparisons, && and ||, "a ? b : c", parentheses, _pi and _e, and
// these functions:
//
//   abs sign rint (half to even) floor ceil mod(x, y) sqrt exp log (natural) ln log2 log10
//   sin cos tan asin acos atan atan2(y, x) sinh cosh tanh asinh acosh atanh, angles in radians
//   min max sum avg                                  of one number or more; NaN if one of them is NaN
//   db(x) = 20 lg |x|, -infinity for 0     from_db(x) = 10^(x/20)     isnan(x) = 1 where x is NaN, else 0
//
// Uses muparser, without its OpenMP mode.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.hpp"

namespace streamlab {

// A name and the address of its number during evaluation. Several names may share an address.
struct ExpressionVariable {
  std::string name;
  double* value = nullptr;
};

class Expression {
 public:
  // Control thread. Refused with `where` and "column N: …" if `text` cannot be parsed. The values must
  // outlive the expression; a variable that is_usable() rejects is ignored.
  static Result<Expression> compile(const std::string& text, std::span<const ExpressionVariable> variables,
                                    const std::string& where);

  // May a variable have this name? A letter or _, then letters, digits, _ and dots; not a function or
  // constant.
  static bool is_usable(std::string_view name);

  // The result for the current values of the variables. Real-time safe.
  double evaluate() const noexcept;
  // Does the expression use the variable at this address?
  bool uses(const double* value) const;

  Expression(Expression&& other) noexcept;
  Expression& operator=(Expression&& other) noexcept;
  ~Expression();

 private:
  struct Engine;
  explicit Expression(std::unique_ptr<Engine> engine);

  std::unique_ptr<Engine> engine_;
  std::vector<const double*> used_;
};

}  // namespace streamlab
