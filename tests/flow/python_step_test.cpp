// tests/flow/python_step_test.cpp
#include "engine/flow/python_step.hpp"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/run_program.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Outcome {
  test::ProgramResult result;
  std::string state;  // what came on descriptor 3
};

// `body` run by the program, as a flow runs it; standard output into `into`.
Outcome run(const std::string& body, const std::string& state = "{}", const std::string& into = "cat") {
  const test::TempDir folder;
  folder.write("program.py", python_step_program());
  folder.write("body.py", body);
  folder.write("state.json", state);
  Outcome outcome;
  // The exit status of the step itself, as the shell sees it: 128 + signal where one ended it.
  outcome.result =
      test::run_program({"/bin/bash", "-c",
                         "export STREAMLAB_STATE=$PWD/state.json STREAMLAB_STATE_FD=3; set -o pipefail\n"
                         "python3 program.py body.py 'a step' 3>out.json | " +
                             into},
                        folder.path().string());
  std::ifstream file(folder.file("out.json"));
  std::getline(file, outcome.state, '\0');
  return outcome;
}

TEST(PythonStep, GivesWhatItsBodyReturns) {
  const Outcome outcome = run("return {'total': state['a'] + 1, 'text': 'ä'}", R"({"a": 41})");
  EXPECT_EQ(outcome.result.exit_code, 0) << outcome.result.err;
  EXPECT_EQ(outcome.state, R"({"total": 42, "text": "\u00e4"})");
}

TEST(PythonStep, HasStandardOutputForItself) {
  const Outcome outcome = run("print('line 1')\nreturn {'n': 1}");
  EXPECT_EQ(outcome.result.out, "line 1\n");
  EXPECT_EQ(outcome.state, R"({"n": 1})");
}

TEST(PythonStep, LeavesTextsAndIndentationAsTheyAre) {
  const Outcome outcome =
      run("text = '''first\n"
          "  second\n"
          "third'''\n"
          "for line in text.splitlines():\n"
          "  if line:\n"
          "        print(repr(line))\n"
          "return {}");
  EXPECT_EQ(outcome.result.out, "'first'\n'  second'\n'third'\n") << outcome.result.err;
}

TEST(PythonStep, AllowsImportsFunctionsAndClassesInItsBody) {
  const Outcome outcome =
      run("import math\n"
          "class Sum:\n"
          "    def __init__(self): self.value = 0\n"
          "def factorial(n):\n"
          "    return 1 if n == 0 else n * factorial(n - 1)\n"
          "sum = Sum()\n"
          "sum.value = factorial(5) + math.floor(0.5) + len([x for x in range(3) if math.sqrt(x) > 0])\n"
          "return {'value': sum.value}");
  EXPECT_EQ(outcome.state, R"({"value": 122})") << outcome.result.err;
}

TEST(PythonStep, NamesTheStepAndTheLineOfAnError) {
  const Outcome outcome = run("a = 1\nb = 0\nreturn {'x': a / b}");
  EXPECT_EQ(outcome.result.exit_code, 1);
  EXPECT_EQ(outcome.state, "");
  EXPECT_THAT(outcome.result.err, HasSubstr("File \"<a step>\", line 3, in step\n    return {'x': a / b}"));
  EXPECT_THAT(outcome.result.err, HasSubstr("ZeroDivisionError: division by zero"));
  EXPECT_THAT(outcome.result.err, Not(HasSubstr("program.py")));  // the path of our own part must not show
}

TEST(PythonStep, NamesTheLineOfASyntaxError) {
  const Outcome outcome = run("a = 1\nif a = 2:\n  pass");
  EXPECT_EQ(outcome.result.exit_code, 1);
  EXPECT_THAT(outcome.result.err, HasSubstr("File \"<a step>\", line 2\n"));
  EXPECT_THAT(outcome.result.err, HasSubstr("SyntaxError: invalid syntax"));
}

TEST(PythonStep, ThatReturnsNothingGivesAnEmptyState) {
  EXPECT_EQ(run("pass").state, "{}");
  EXPECT_EQ(run("").state, "{}");
  EXPECT_EQ(run("# only a comment").state, "{}");
  EXPECT_EQ(run("import sys\nsys.exit(0)").state, "{}");
  EXPECT_EQ(run("import sys\nsys.exit()").state, "{}");
}

TEST(PythonStep, ThatLeavesByTheBackDoorGivesNone) {
  const Outcome outcome = run("import os\nos._exit(0)");
  EXPECT_EQ(outcome.result.exit_code, 0);
  EXPECT_EQ(outcome.state, "");
}

TEST(PythonStep, ExitsAsItSays) {
  EXPECT_EQ(run("import sys\nsys.exit(7)").result.exit_code, 7);
  const Outcome outcome = run("import sys\nsys.exit('why')");
  EXPECT_EQ(outcome.result.exit_code, 1);
  EXPECT_THAT(outcome.result.err, HasSubstr("why"));
  EXPECT_EQ(outcome.state, "");
}

TEST(PythonStep, RefusesWhatIsNotAState) {
  const Outcome list = run("return [1]");
  EXPECT_EQ(list.result.exit_code, 1);
  EXPECT_EQ(list.result.err, "a step: returned list; expected a dict\n");
  EXPECT_EQ(list.state, "");
  EXPECT_EQ(run("return {'x': float('nan')}").result.err,
            "a step: what it returned cannot be written as JSON: Out of range float values are not JSON "
            "compliant\n");
  EXPECT_EQ(
      run("return {'x': {1, 2}}").result.err,
      "a step: what it returned cannot be written as JSON: Object of type set is not JSON serializable\n");
  EXPECT_EQ(run("yield 1").result.err, "a step: returned generator; expected a dict\n");
}

TEST(PythonStep, DiesOfABrokenPipeAsProgramsDo) {
  const Outcome outcome = run("while True: print('x' * 1000)", "{}", "head -c 10 >/dev/null");
  EXPECT_EQ(outcome.result.exit_code, 141);  // 128 + SIGPIPE
  EXPECT_EQ(outcome.result.err, "");
  EXPECT_EQ(outcome.state, "");
}

TEST(PythonStep, SaysABrokenPipeThatIsNotItsStandardOutput) {
  const Outcome outcome =
      run("import os\n"
          "reader, writer = os.pipe()\n"
          "os.close(reader)\n"
          "os.write(writer, b'x')");
  EXPECT_EQ(outcome.result.exit_code, 1);
  EXPECT_THAT(outcome.result.err, HasSubstr("BrokenPipeError"));
}

TEST(PythonStep, TakesAndGivesAStateOfAMegabyte) {
  const std::string text(1'000'000, 'x');
  const Outcome outcome =
      run("return {'length': len(state['text']), 'text': state['text']}", "{\"text\": \"" + text + "\"}");
  EXPECT_EQ(outcome.state, "{\"length\": 1000000, \"text\": \"" + text + "\"}");
}

TEST(PythonStep, FindsModulesInTheWorkingDirectory) {
  const Outcome outcome =
      run("open('helper.py', 'w').write('value = 5')\n"
          "import helper\n"
          "return {'value': helper.value}");
  EXPECT_EQ(outcome.state, R"({"value": 5})") << outcome.result.err;
}

TEST(PythonStep, DoesNotHandTheStateDescriptorOn) {
  const Outcome outcome =
      run("import subprocess\n"
          "subprocess.run(['sh', '-c', 'ls -l /proc/$$/fd; true'], close_fds=False)\n"
          "return {}");
  EXPECT_THAT(outcome.result.out, Not(HasSubstr("out.json"))) << outcome.result.err;
  EXPECT_THAT(outcome.result.out, HasSubstr(" 1 -> "));
}

}  // namespace
}  // namespace streamlab
