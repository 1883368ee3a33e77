// tests/support/run_program.hpp
//
// Runs a program as a child process: its arguments in, its standard output, standard error and exit code out.
// Every wait has a bound, after which the child is killed and the test fails.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace streamlab::test {

struct ProgramResult {
  int exit_code = -1;  // -1: it was ended by a signal, or killed because it took too long
  std::string out;
  std::string err;
};

class Program {
 public:
  // Starts it, in `folder` unless that is empty. `arguments` begins with the path of the program.
  explicit Program(const std::vector<std::string>& arguments, const std::string& folder = {},
                   std::string_view input = {});
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program();

  // Reads until standard output holds `text`; false when the program ends first or takes too long.
  bool wait_for_output(std::string_view text);
  bool wait_for_error(std::string_view text);  // the same of standard error
  void send(int signal) const;
  // Reads everything and waits for the end.
  ProgramResult wait();

 private:
  bool read_some();  // false when both outputs are closed or the time is up

  pid_t pid_ = -1;
  int out_ = -1;
  int err_ = -1;
  double deadline_s_ = 0.0;
  ProgramResult result_;
};

ProgramResult run_program(const std::vector<std::string>& arguments, const std::string& folder = {},
                          std::string_view input = {});

}  // namespace streamlab::test
