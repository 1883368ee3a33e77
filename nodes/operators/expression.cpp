// nodes/operators/expression.cpp
#include "nodes/operators/expression.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <functional>
#include <numbers>

#include <fmt/format.h>
#include <muParser.h>

#include "engine/base/nearest_name.hpp"

namespace streamlab {
namespace {

constexpr const char* kNameChars = "0123456789_.abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

// min, max, sum and avg of one number or more; NaN if any of them is NaN.
template <class Join>
double fold(const double* numbers, int count, Join join) {
  double joined = numbers[0];
  for (int i = 1; i < count; ++i) { joined = std::isnan(numbers[i]) ? numbers[i] : join(joined, numbers[i]); }
  return joined;
}

struct Function1 {
  const char* name;
  double (*call)(double x);
};

// Always the C library's functions: muparser's own asinh, acosh, atanh, log2 and rint lose digits, and its
// _pi has only 13.
constexpr Function1 kFunctions[] = {
    {"sin", [](double x) { return std::sin(x); }},
    {"cos", [](double x) { return std::cos(x); }},
    {"tan", [](double x) { return std::tan(x); }},
    {"asin", [](double x) { return std::asin(x); }},
    {"acos", [](double x) { return std::acos(x); }},
    {"atan", [](double x) { return std::atan(x); }},
    {"sinh", [](double x) { return std::sinh(x); }},
    {"cosh", [](double x) { return std::cosh(x); }},
    {"tanh", [](double x) { return std::tanh(x); }},
    {"asinh", [](double x) { return std::asinh(x); }},
    {"acosh", [](double x) { return std::acosh(x); }},
    {"atanh", [](double x) { return std::atanh(x); }},
    {"exp", [](double x) { return std::exp(x); }},
    {"log", [](double x) { return std::log(x); }},
    {"ln", [](double x) { return std::log(x); }},
    {"log2", [](double x) { return std::log2(x); }},
    {"log10", [](double x) { return std::log10(x); }},
    {"sqrt", [](double x) { return std::sqrt(x); }},
    {"abs", [](double x) { return std::abs(x); }},
    {"sign", [](double x) { return x > 0.0 ? 1.0 : (x < 0.0 ? -1.0 : x); }},
    {"floor", [](double x) { return std::floor(x); }},
    {"ceil", [](double x) { return std::ceil(x); }},
    {"rint", [](double x) { return std::rint(x); }},
    {"isnan", [](double x) { return std::isnan(x) ? 1.0 : 0.0; }},
    {"db", [](double x) { return 20.0 * std::log10(std::abs(x)); }},
    {"from_db", [](double x) { return std::pow(10.0, x / 20.0); }},
};

void define_functions(mu::Parser& parser) {
  parser.DefineNameChars(kNameChars);
  parser.ClearFun();
  for (const Function1& function : kFunctions) { parser.DefineFun(function.name, function.call); }
  parser.DefineFun(
      "atan2", +[](double y, double x) { return std::atan2(y, x); });
  parser.DefineFun(
      "mod", +[](double x, double y) { return std::fmod(x, y); });
  parser.DefineFun(
      "min", +[](const double* x, int count) {
        return fold(x, count, [](double a, double b) { return b < a ? b : a; });
      });
  parser.DefineFun(
      "max", +[](const double* x, int count) {
        return fold(x, count, [](double a, double b) { return b > a ? b : a; });
      });
  parser.DefineFun(
      "sum", +[](const double* x, int count) { return fold(x, count, std::plus<>()); });
  parser.DefineFun(
      "avg",
      +[](const double* x, int count) { return fold(x, count, std::plus<>()) / static_cast<double>(count); });
  parser.ClearConst();
  parser.DefineConst("_pi", std::numbers::pi);
  parser.DefineConst("_e", std::numbers::e);
}

const mu::Parser& plain_parser() {
  static const mu::Parser kParser = [] {
    mu::Parser parser;
    define_functions(parser);
    return parser;
  }();
  return kParser;
}

// muparser's "=" assigns to a variable, which is not allowed here. Returns its position or npos.
std::size_t find_assignment(const std::string& text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') { continue; }
    if (i + 1 < text.size() && text[i + 1] == '=') {
      ++i;
      continue;
    }
    const bool compares = i > 0 && (text[i - 1] == '<' || text[i - 1] == '>' || text[i - 1] == '!');
    if (!compares) { return i; }
  }
  return std::string::npos;
}

// The token for messages: without the spaces that muparser includes.
std::string trimmed(const std::string& token) {
  const std::size_t begin = token.find_first_not_of(" \t");
  if (begin == std::string::npos) { return {}; }
  return token.substr(begin, token.find_last_not_of(" \t") - begin + 1);
}

// Builds the messages about one text.
class Refusal {
 public:
  Refusal(const std::string& text, std::span<const ExpressionVariable> variables, const std::string& where)
      : text_(text), variables_(variables), where_(where) {}

  tl::unexpected<Error> at(std::size_t index, const std::string& what, std::string expected = {},
                           std::string hint = {}) const {
    return refused(where_, fmt::format("column {}: {}", std::min(index, text_.size()) + 1, what),
                   std::move(expected), std::move(hint));
  }

  tl::unexpected<Error> of(const mu::ParserError& error) const {
    const std::string token = trimmed(error.GetToken());
    const std::size_t end = text_.size();
    const std::size_t at_token = error.GetPos() < 0 ? end : static_cast<std::size_t>(error.GetPos());
    switch (error.GetCode()) {
      case mu::ecEMPTY_EXPRESSION:
        return refused(where_, "an empty expression", "a formula, such as \"abs(ch1)\"");
      case mu::ecUNEXPECTED_EOF:
        return at(end, "the expression ends where a number, a name or \"(\" is missing");
      case mu::ecMISSING_PARENS:
        return at(end, "\")\" is missing");
      case mu::ecMISSING_ELSE_CLAUSE:
        return at(end, "\"?\" without its \":\"", "condition ? value : value");
      case mu::ecMISPLACED_COLON:
        return at(at_token > 0 ? at_token - 1 : 0, "\":\" without a \"?\" before it",
                  "condition ? value : value");
      case mu::ecTOO_FEW_PARAMS:
        return at(at_token, fmt::format("too few arguments for {}()", token));
      case mu::ecTOO_MANY_PARAMS:
        return at(at_token, fmt::format("too many arguments for {}()", token));
      case mu::ecUNASSIGNABLE_TOKEN:
        return unknown(token, at_token);
      case mu::ecEXPRESSION_TOO_LONG:
        return refused(where_, fmt::format("an expression of {} characters", end),
                       fmt::format("less than {}", mu::MaxLenExpression));
      default:
        return at(at_token, token.empty() ? "this is not allowed here"
                                          : fmt::format("{} is not allowed here", quoted(token)));
    }
  }

 private:
  static std::string quoted(const std::string& token) { return "\"" + token + "\""; }

  tl::unexpected<Error> unknown(const std::string& token, std::size_t at_token) const {
    const char first = token.empty() ? ' ' : token.front();
    const bool is_name = std::isalpha(static_cast<unsigned char>(first)) != 0 || first == '_';
    const auto& functions = plain_parser().GetFunDef();
    if (functions.contains(token)) {
      return at(at_token, fmt::format("the function {} without its arguments", token),
                fmt::format("{}(…)", token));
    }
    if (!is_name) { return at(at_token, fmt::format("{} is unknown here", quoted(token))); }
    std::vector<std::string_view> names;
    for (const ExpressionVariable& variable : variables_) {
      if (Expression::is_usable(variable.name)) { names.push_back(variable.name); }
    }
    constexpr std::size_t kMostShown = 12;
    const auto shown = std::span(names).first(std::min(names.size(), kMostShown));
    const std::string expected =
        fmt::format("{}{}", fmt::join(shown, ", "), names.size() > kMostShown ? ", …" : "");
    for (const auto& function : functions) { names.push_back(function.first); }
    return at(at_token, fmt::format("there is no {}", quoted(token)), expected, did_you_mean(token, names));
  }

  const std::string& text_;
  std::span<const ExpressionVariable> variables_;
  const std::string& where_;
};

}  // namespace

struct Expression::Engine {
  mu::Parser parser;
};

bool Expression::is_usable(std::string_view name) {
  if (name.empty() || name.size() >= mu::MaxLenIdentifier) { return false; }
  const bool begins_well = std::isalpha(static_cast<unsigned char>(name.front())) != 0 || name.front() == '_';
  if (!begins_well || name.find_first_not_of(kNameChars) != std::string_view::npos) { return false; }
  const std::string key(name);
  return !plain_parser().GetFunDef().contains(key) && !plain_parser().GetConst().contains(key);
}

Result<Expression> Expression::compile(const std::string& text, std::span<const ExpressionVariable> variables,
                                       const std::string& where) {
  const Refusal refusal(text, variables, where);
  if (const std::size_t at = find_assignment(text); at != std::string::npos) {
    return refusal.at(at, "\"=\" cannot assign here", "\"==\" to compare");
  }
  auto engine = std::make_unique<Engine>();
  try {
    mu::Parser& parser = engine->parser;
    define_functions(parser);
    for (const ExpressionVariable& variable : variables) {
      if (is_usable(variable.name)) { parser.DefineVar(variable.name, variable.value); }
    }
    // Where muParser calculates "0.5 && 1" in advance it makes whole numbers of both, and so 0 of what is 1.
    parser.EnableOptimizer(text.find("&&") == std::string::npos && text.find("||") == std::string::npos);
    parser.SetExpr(text);
    parser.Eval();  // now, so that later calls find the byte code ready
    if (parser.GetNumResults() != 1) {
      return refused(where, fmt::format("{} results, separated by commas", parser.GetNumResults()),
                     "one formula");
    }
    std::vector<const double*> used;
    for (const auto& variable : parser.GetUsedVar()) { used.push_back(variable.second); }
    parser.Eval();  // finding the used names has parsed the text again
    Expression expression(std::move(engine));
    expression.used_ = std::move(used);
    return expression;
  } catch (const mu::ParserError& error) { return refusal.of(error); }
}

double Expression::evaluate() const noexcept { return engine_->parser.Eval(); }

bool Expression::uses(const double* value) const {
  return std::find(used_.begin(), used_.end(), value) != used_.end();
}

Expression::Expression(std::unique_ptr<Engine> engine) : engine_(std::move(engine)) {}
Expression::Expression(Expression&& other) noexcept = default;
Expression& Expression::operator=(Expression&& other) noexcept = default;
Expression::~Expression() = default;

}  // namespace streamlab
