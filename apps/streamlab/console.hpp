// apps/streamlab/console.hpp
//
// How the program speaks: results on standard output, everything for people on standard error.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <istream>
#include <optional>
#include <string>
#include <string_view>

#include "apps/streamlab/exit_code.hpp"
#include "engine/graph/config_text.hpp"

namespace streamlab::app {

// Lines for people, printable: whatever they name cannot command the terminal (engine/base/printable.hpp).
void to_stdout(std::string_view text);

// What a line on standard error is. Errors and warnings have a colour where standard error is a terminal that shows
// colours and NO_COLOR is not set (no-color.org).
enum class Tone : std::uint8_t { plain, warning, error };
void to_stderr(std::string_view text, Tone tone = Tone::plain);

// While one lives, what is said here never waits for a reader that pauses: lines wait instead, and go out as it takes
// them. One at a time.
class PatientConsole {
 public:
  PatientConsole();
  PatientConsole(const PatientConsole&) = delete;
  PatientConsole& operator=(const PatientConsole&) = delete;
  ~PatientConsole();  // waits a second for who reads messages

  void pass_on();  // what the readers take meanwhile
  // Waits until all is out, or until the reader has taken nothing for so long (standard output; empty: without a
  // limit), or `gives_up()`. For messages it waits a second. False: something on standard output was left out, which
  // is told.
  bool finish(std::optional<std::chrono::milliseconds> idle, const std::function<bool()>& gives_up);
};

// While one lives, what is said here waits for its reader until the program is interrupted: from then on as long as the
// reader takes something every second, after a second interrupt no longer. One at a time; any thread may speak.
class InterruptibleConsole {
 public:
  explicit InterruptibleConsole(std::function<int()> interrupts);  // how many have come
  InterruptibleConsole(const InterruptibleConsole&) = delete;
  InterruptibleConsole& operator=(const InterruptibleConsole&) = delete;
  ~InterruptibleConsole();

  std::uint64_t left_out() const;  // bytes of standard output that its reader did not take
};

// On standard output byte for byte, as a file has it.
void to_stdout_unchanged(std::string_view bytes);

// One line on `file`.
void print_json_line(const Document& document, std::FILE* file = stdout);
// Over several lines, for documents that people read too.
void print_json(const Document& document);

// One line per error on standard error, for the first 20, and how many there are; each behind "SUBJECT: ";
// nothing before the place where `subject` is empty. On a terminal the place has a colour. Returns the exit code that they stand for.
ExitCode report(const Errors& errors, const std::string& subject);
ExitCode report(const Error& error, const std::string& subject);

// Why standard output cannot be written. `error_number`: of the last write; 0 where an earlier one failed, which has
// left none. What it wrote to is still there: a pipe tells whether it is read.
Error stdout_failure(int error_number);

// "1 h 02 min 03 s", "2 min 03 s", "3.2 s", "20 ms".
std::string spoken_time(double seconds);
// What `stream` gives, but no more than so many bytes: it may have no end.
std::string read_at_most(std::istream& stream, std::size_t bytes);
// "1500 × real time".
std::string times_real_time(double signal_s, double wall_s);
// "96000 frames", "1 frame".
std::string counted(std::uint64_t count, std::string_view singular);

enum class Results : std::uint8_t { none, on_stdout, on_stderr };

// Can a line that is written over and over stand on standard error? It must be a terminal, and nobody else may write
// on it: results do, from here or from behind a pipe ("| grep"), unless standard output is a file or /dev/null.
bool has_room_for_progress(Results results);

// Of the terminal that standard error is; 80 where it does not say.
std::size_t terminal_columns();

// A line on standard error that is written over and over, no longer than the terminal is wide.
class StatusLine {
 public:
  explicit StatusLine(bool is_shown) : shown_(is_shown) {}
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;
  ~StatusLine() { clear(); }
  bool is_shown() const { return shown_; }
  void show(const std::string& text);
  void clear();

 private:
  const bool shown_;
  bool dirty_ = false;
};

}  // namespace streamlab::app
