// tests/nodes/operators/expression_test.cpp
#include "nodes/operators/expression.hpp"

#include <cmath>
#include <functional>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/support/rt_guard.hpp"

namespace streamlab::test {
namespace {

constexpr double kPi = 3.14159265358979323846;

// Three variables; `left` also by its number.
struct Three {
  double left = 0.0;
  double right = 0.0;
  double level = 0.0;
  std::vector<ExpressionVariable> names{{"left", &left}, {"right", &right},      {"left.rms_db", &level},
                                        {"ch1", &left},  {"not a name", &right}, {"sin", &right}};
};

double value_of(const std::string& text, double left = 0.0, double right = 0.0) {
  Three x;
  auto expression = Expression::compile(text, x.names, "/here");
  if (!expression) {
    ADD_FAILURE() << to_string(expression.error());
    return 0.0;
  }
  x.left = left;
  x.right = right;
  return expression->evaluate();
}

std::string expression_refusal(const std::string& text) {
  Three x;
  const auto expression = Expression::compile(text, x.names, "/here");
  return expression ? "accepted" : to_string(expression.error());
}

TEST(Expression, CalculatesAsCDoes) {
  struct Case {
    const char* text;
    std::function<double(double, double)> same;
  };
  const Case cases[] = {
      {"(left + right) / 2", [](double l, double r) { return (l + r) / 2.0; }},
      {"left - right * left + 3e-2", [](double l, double r) { return l - r * l + 3e-2; }},
      {"-left / (1 + abs(right))", [](double l, double r) { return -l / (1.0 + std::abs(r)); }},
      {"0.5 && 1", [](double, double) { return 1.0; }},
      {"(0.5 || 0) + (0 || 0) + (left && (0.2 || 0))", [](double l, double) { return l != 0.0 ? 2.0 : 1.0; }},
      {"left > right ? left : right", [](double l, double r) { return l > r ? l : r; }},
      {"max(left, right, 0) - min(left, right)",
       [](double l, double r) {
         return std::max({l, r, 0.0}) - std::min(l, r);
       }},
      {"left >= 0 && right != left || left < -0.5",
       [](double l, double r) { return (l >= 0.0 && r != l) || l < -0.5 ? 1.0 : 0.0; }},
      {"sqrt(left^2 + right^2)", [](double l, double r) { return std::sqrt(l * l + r * r); }},
      {"floor(left) + ceil(right) + mod(left, 2)",
       [](double l, double r) { return std::floor(l) + std::ceil(r) + std::fmod(l, 2.0); }},
      {"sin(2 * _pi * left)", [](double l, double) { return std::sin(2.0 * kPi * l); }},
      {"ch1 + left", [](double l, double) { return l + l; }},
      {"db(left)", [](double l, double) { return l == 0.0 ? 0.0 : 20.0 * std::log10(std::abs(l)); }},
      {"from_db(left)", [](double l, double) { return std::pow(10.0, l / 20.0); }},
  };
  for (const Case& c : cases) {
    Three x;
    auto expression = Expression::compile(c.text, x.names, "/here");
    ASSERT_TRUE(expression) << to_string(expression.error());
    EXPECT_TRUE(rc::check(c.text, [&] {
      x.left = *rc::gen::inRange(-4000, 4000) / 1024.0;
      x.right = *rc::gen::inRange(-4000, 4000) / 1024.0;
      if (x.left == 0.0) { x.left = 0.25; }
      const double expected = c.same(x.left, x.right);
      // A power may be one product or a call of pow(): 2 ulp, and as many of the sum under the root.
      RC_ASSERT(std::abs(expression->evaluate() - expected) <= 1e-15 * std::max(1.0, std::abs(expected)));
    }));
  }
}

// Digits from Python's math module (3.11), which calls the C library too; the last may differ by 1 ulp.
TEST(Expression, HasConstantsAndFunctionsToTheLastDigit) {
  EXPECT_EQ(value_of("_pi"), 3.141592653589793);
  EXPECT_EQ(value_of("_e"), 2.718281828459045);
  const std::pair<const char*, double> cases[] = {
      {"asinh(0.3)", 0.29567304756342244},
      {"asinh(-1000000000)", -21.416413017506354},
      {"atanh(0.3)", 0.30951960420311175},
      {"acosh(2)", 1.3169578969248166},
      {"log2(3)", 1.584962500721156},
      {"log10(2)", 0.3010299956639812},
      {"log(2)", 0.6931471805599453},
      {"ln(2)", 0.6931471805599453},
      {"tan(1)", 1.5574077246549023},
      {"atan2(1, -1)", 2.356194490192345},
      {"sinh(1e-9)", 1e-09},
      {"mod(-7, 3)", -1.0},
      {"rint(2.5)", 2.0},
      {"rint(0.49999999999999994)", 0.0},
      {"sign(-3)", -1.0},
      {"sign(0)", 0.0},
      {"avg(1, 2, 6)", 3.0},
      {"2^10", 1024.0},
      {"2^3^2", 512.0},
      {"-2^2", -4.0},
  };
  for (const auto& [text, value] : cases) {
    EXPECT_NEAR(value_of(text), value, 2.3e-16 * std::abs(value)) << text;
  }
}

TEST(Expression, KnowsWhatIsNotANumber) {
  EXPECT_EQ(value_of("isnan(left)", std::nan("")), 1.0);
  EXPECT_EQ(value_of("isnan(left)", 1.0), 0.0);
  EXPECT_EQ(value_of("db(left)", 0.0), -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(value_of("left / right", 0.0, 0.0)));
  EXPECT_EQ(value_of("left / right", 1.0, 0.0), std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(value_of("sqrt(left)", -1.0)));
  for (const char* name : {"min", "max", "sum", "avg"}) {
    EXPECT_TRUE(std::isnan(value_of(std::string(name) + "(1, left, 2)", std::nan("")))) << name;
    EXPECT_TRUE(std::isnan(value_of(std::string(name) + "(left, 2)", std::nan("")))) << name;
  }
}

TEST(Expression, EvaluatesWithoutWhatRealTimeCodeMustNot) {
  if (!RtGuardScope::available()) { GTEST_SKIP() << "no guard under a sanitizer"; }
  Three x;
  // Long enough for muparser's general path, short enough (the last) for its short cuts; a division by zero.
  for (const char* text : {"max(left, right, 0.1, avg(1, 2, left)) + sin(left) * db(right) + (left > 0 ? "
                           "left : sum(right, 1)) + "
                           "sqrt(-left) / (right - right)",
                           "left", "0.5", "left * 2"}) {
    auto expression = Expression::compile(text, x.names, "/here");
    ASSERT_TRUE(expression) << to_string(expression.error());
    RtGuardScope::take_violations();
    double sum = 0.0;
    {
      const RtGuardScope guarded;
      for (int i = 0; i < 100; ++i) {
        x.left = i;
        x.right = -i;
        sum += expression->evaluate();
      }
    }
    EXPECT_THAT(RtGuardScope::take_violations(), testing::IsEmpty()) << text << " gave " << sum;
  }
}

TEST(Expression, KnowsWhichVariablesItUses) {
  Three x;
  const auto expression = Expression::compile("ch1 + left.rms_db", x.names, "/here");
  ASSERT_TRUE(expression);
  EXPECT_TRUE(expression->uses(&x.left));
  EXPECT_TRUE(expression->uses(&x.level));
  EXPECT_FALSE(expression->uses(&x.right));
}

TEST(Expression, TakesNamesThatAreIdentifiersAndNoFunction) {
  for (const char* name : {"left", "_x", "ch1", "a.b.c", "rms_db", "X9"}) {
    EXPECT_TRUE(Expression::is_usable(name)) << name;
  }
  for (const char* name : {"", "9x", ".x", "a b", "sin", "floor", "_pi", "größe", "a-b"}) {
    EXPECT_FALSE(Expression::is_usable(name)) << name;
  }
  EXPECT_FALSE(Expression::is_usable(std::string(100, 'x')));
}

TEST(Expression, SaysInWhichColumnSomethingIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "an empty expression; expected a formula, such as \"abs(ch1)\""},
      {"  ", "an empty expression; expected a formula, such as \"abs(ch1)\""},
      {"left + rigth",
       "column 8: there is no \"rigth\"; expected left, right, left.rms_db, ch1; did you mean "
       "\"right\"?"},
      {"sinn(left)",
       "column 1: there is no \"sinn\"; expected left, right, left.rms_db, ch1; did you mean "
       "\"sign\"?"},
      {"zzzzzz", "column 1: there is no \"zzzzzz\"; expected left, right, left.rms_db, ch1"},
      {"(left", "column 6: \")\" is missing"},
      {"left)", "column 5: \")\" is not allowed here"},
      {"left +", "column 7: the expression ends where a number, a name or \"(\" is missing"},
      {"sin()", "column 5: too few arguments for sin()"},
      {"left ? min() : 0", "column 13: too few arguments for min()"},
      {"sin(1, 2)", "column 9: too many arguments for sin()"},
      {"left right", "column 6: \"right\" is not allowed here"},
      {"left 2", "column 6: \"2\" is not allowed here"},
      {"left ** 2", "column 7: \"*\" is not allowed here"},
      {"abs left", "column 1: the function abs without its arguments; expected abs(…)"},
      {"left = 2", "column 6: \"=\" cannot assign here; expected \"==\" to compare"},
      {"left, right", "2 results, separated by commas; expected one formula"},
      {"left ? 2", "column 9: \"?\" without its \":\"; expected condition ? value : value"},
      {"left : 2", "column 6: \":\" without a \"?\" before it; expected condition ? value : value"},
      {"left + #", "column 8: \"#\" is unknown here"},
      {"1e999", "column 1: \"1e999\" is unknown here"},
  };
  for (const auto& [text, message] : cases) {
    EXPECT_EQ(expression_refusal(text), std::string("/here: ") + message) << text;
  }
  EXPECT_EQ(expression_refusal(std::string(30'000, '1')),
            "/here: an expression of 30000 characters; expected less than 20000");
}

// Whatever is typed is accepted or refused with a sentence; nothing throws or hangs.
TEST(Expression, AnswersAnyText) {
  EXPECT_TRUE(rc::check([] {
    static const std::string kPieces[] = {
        "left", "right", "(",  ")", ",", "?",  ":", "+",   "-", "*", "^", "2",   "1e3", "=",    "<", ">",
        "sin",  "min",   "&&", "!", " ", "\"", "x", "ch1", ".", "#", "~", "_pi", "0x",  "\xff", "\n"};
    const auto picks =
        *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(0, std::size(kPieces)));
    std::string text;
    for (const std::size_t pick : picks) { text += kPieces[pick]; }
    RC_ASSERT(!expression_refusal(text).empty());
  }));
}

}  // namespace
}  // namespace streamlab::test
