// apps/streamlab/console.cpp
#include "apps/streamlab/console.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>

#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "engine/base/printable.hpp"
#include "engine/process/shared_output.hpp"

namespace streamlab::app {
namespace {

std::string dumped(const Document& document, int indent) {
  return document.dump(indent, ' ', false, Document::error_handler_t::replace) + "\n";
}

// What waits for the readers of both while a PatientConsole lives. Texts may come from several threads.
struct Waiting {
  std::mutex mutex;
  SharedOutput::Backlog out{stdout};
  SharedOutput::Backlog err{stderr};
  SharedOutput::Backlog& of(std::FILE* file) { return file == stderr ? err : out; }
};
std::unique_ptr<Waiting>& waiting() {
  static std::unique_ptr<Waiting> now;
  return now;
}

// What has a reader that is not waited for any more while an InterruptibleConsole lives.
class Interruptible {
 public:
  explicit Interruptible(std::function<int()> interrupts) : patience_(std::move(interrupts)) {}

  void write(std::FILE* file, std::string_view text) {
    Reader& reader = file == stderr ? err_ : out_;
    if (!reader.is_over) {  // (what cannot be written is noticed when the program ends)
      reader.is_over = reader.output->write(text, patience_) == SharedOutput::Put::gave_up;
    }
    if (reader.is_over) { reader.left_out += text.size(); }
  }
  std::uint64_t left_out() const { return out_.left_out; }

 private:
  struct Reader {
    std::shared_ptr<SharedOutput> output;
    std::atomic<bool> is_over{false};
    std::atomic<std::uint64_t> left_out{0};  // bytes, those of a text of which a part was written too
  };
  SharedOutput::Patience patience_;
  Reader out_{.output = SharedOutput::of(stdout)};
  Reader err_{.output = SharedOutput::of(stderr)};
};
std::unique_ptr<Interruptible>& interruptible() {
  static std::unique_ptr<Interruptible> now;
  return now;
}

void write_to(std::FILE* file, std::string_view text) {
  if (interruptible() != nullptr) { return interruptible()->write(file, text); }
  if (Waiting* const now = waiting().get()) {
    const std::scoped_lock lock(now->mutex);
    now->of(file).add(text);
    return;
  }
  std::fwrite(text.data(), 1, text.size(), file);
  std::fflush(file);
}

bool is_set(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

bool shows_colour() {
  return isatty(STDERR_FILENO) == 1 && !is_set("NO_COLOR") && is_set("TERM") &&
         std::string_view(std::getenv("TERM")) != "dumb";
}

// `text`, which is printable, so that nothing in it ends the colour; a line end at its end stays outside.
std::string coloured(std::string_view text, Tone tone) {
  if (tone == Tone::plain || text.empty() || !shows_colour()) { return std::string(text); }
  const bool has_end = text.ends_with('\n');
  if (has_end) { text.remove_suffix(1); }
  const std::string_view colour = tone == Tone::error ? "\x1b[1;31m" : "\x1b[33m";
  return fmt::format("{}{}\x1b[0m{}", colour, text, has_end ? "\n" : "");
}

void write_stderr(std::string_view text) { write_to(stderr, text); }

// May a line be written that is worth nothing later?
bool has_reader_now(std::FILE* file) {
  Waiting* const now = waiting().get();
  if (now == nullptr) { return true; }
  const std::scoped_lock lock(now->mutex);
  now->of(file).pass_on();
  return now->of(file).is_empty();
}

// The line of an error with its place in colour, or all of it where it has none.
std::string shown_error(const Error& error, const std::string& prefix) {
  const std::string line = to_string(Errors{error}, prefix);
  const std::string place = printable(prefix + error.where);
  if (place.empty() || !line.starts_with(place)) { return coloured(line, Tone::error); }
  return coloured(place, Tone::error) + line.substr(place.size());
}

int gravity(ExitCode code) {
  switch (code) {
    case ExitCode::success:
      return 0;
    case ExitCode::data_lost:
      return 1;
    case ExitCode::refused:
      return 2;
    case ExitCode::failed:
      return 3;
  }
  return 3;
}

}  // namespace

ExitCode worse(ExitCode a, ExitCode b) { return gravity(a) >= gravity(b) ? a : b; }

ExitCode exit_code(const Errors& errors) {
  const bool refused = std::any_of(errors.begin(), errors.end(),
                                   [](const Error& error) { return error.code == ErrorCode::refused; });
  return refused ? ExitCode::refused : ExitCode::failed;
}

PatientConsole::PatientConsole() { waiting() = std::make_unique<Waiting>(); }
PatientConsole::~PatientConsole() {
  waiting()->err.finish(SharedOutput::kLastWait, [] { return false; });
  waiting().reset();
}

void PatientConsole::pass_on() {
  Waiting& now = *waiting();
  const std::scoped_lock lock(now.mutex);
  now.out.pass_on();
  now.err.pass_on();
}

bool PatientConsole::finish(std::optional<std::chrono::milliseconds> idle,
                            const std::function<bool()>& gives_up) {
  Waiting& now = *waiting();
  {
    const std::scoped_lock lock(now.mutex);
    now.out.finish(idle, gives_up);
  }
  const std::uint64_t lost = now.out.lost_bytes();
  if (lost > 0) {
    to_stderr(
        fmt::format("standard output: its reader took nothing: {} were left out\n", counted(lost, "byte")),
        Tone::warning);
  }
  const std::scoped_lock lock(now.mutex);
  now.err.finish(SharedOutput::kLastWait, gives_up);
  return lost == 0;
}

InterruptibleConsole::InterruptibleConsole(std::function<int()> interrupts) {
  interruptible() = std::make_unique<Interruptible>(std::move(interrupts));
}
InterruptibleConsole::~InterruptibleConsole() { interruptible().reset(); }
std::uint64_t InterruptibleConsole::left_out() const { return interruptible()->left_out(); }

void to_stdout_unchanged(std::string_view bytes) { write_to(stdout, bytes); }

// What cannot be written is noticed when the program ends.
void to_stdout(std::string_view text) { write_to(stdout, printable(text, LineEnds::keep)); }
void to_stderr(std::string_view text, Tone tone) {
  write_stderr(coloured(printable(text, LineEnds::keep), tone));
}

// Within a text of JSON what printable() writes means the same.
void print_json_line(const Document& document, std::FILE* file) {
  write_to(file, printable(dumped(document, -1), LineEnds::keep));
}
void print_json(const Document& document) { to_stdout(dumped(document, 2)); }

ExitCode report(const Errors& errors, const std::string& subject) {
  constexpr std::size_t kShown = 20;
  const std::string prefix = subject.empty() ? subject : subject + ": ";
  for (std::size_t i = 0; i < std::min(errors.size(), kShown); ++i) {
    write_stderr(shown_error(errors[i], prefix));
  }
  if (errors.size() > kShown) {
    to_stderr(fmt::format("{}{} in all; the first {} are shown\n", prefix, counted(errors.size(), "error"),
                          kShown));
  }
  return exit_code(errors);
}
ExitCode report(const Error& error, const std::string& subject) { return report(Errors{error}, subject); }

std::string spoken_time(double seconds) {
  if (seconds < 1.0) { return fmt::format("{:.3g} ms", 1000.0 * seconds); }
  if (seconds < 60.0) { return fmt::format("{:.3g} s", seconds); }
  if (seconds > 1e12) { return fmt::format("{:.3g} h", seconds / 3600.0); }  // thirty thousand years
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  const std::int64_t hours = whole / 3600;
  const std::int64_t minutes = whole / 60 % 60;
  if (hours == 0) { return fmt::format("{} min {:02} s", minutes, whole % 60); }
  return fmt::format("{} h {:02} min {:02} s", hours, minutes, whole % 60);
}

std::string read_at_most(std::istream& stream, std::size_t bytes) {
  constexpr std::size_t kPiece = std::size_t{64} << 10U;
  std::string text;
  while (text.size() < bytes && stream) {
    const std::size_t begin = text.size();
    const std::size_t wanted = std::min(kPiece, bytes - begin);
    text.resize(begin + wanted);
    stream.read(text.data() + begin, static_cast<std::streamsize>(wanted));
    text.resize(begin + static_cast<std::size_t>(stream.gcount()));
  }
  return text;
}

std::string times_real_time(double signal_s, double wall_s) {
  const double times = wall_s > 0.0 ? signal_s / wall_s : 0.0;
  return times >= 100.0 ? fmt::format("{:.0f} × real time", times) : fmt::format("{:.3g} × real time", times);
}

std::string counted(std::uint64_t count, std::string_view singular) {
  return fmt::format("{} {}{}", count, singular, count == 1 ? "" : "s");
}

bool has_room_for_progress(Results results) {
  if (isatty(STDERR_FILENO) != 1 || results == Results::on_stderr) { return false; }
  if (results == Results::none) { return true; }
  struct stat out {};
  if (::fstat(STDOUT_FILENO, &out) != 0) { return true; }  // closed: nothing can come through it
  return S_ISREG(out.st_mode) || (S_ISCHR(out.st_mode) && isatty(STDOUT_FILENO) != 1);
}

std::size_t terminal_columns() {
  winsize size{};
  constexpr std::size_t kUsual = 80;
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kUsual;
}

void StatusLine::show(const std::string& text) {
  if (!shown_ || !has_reader_now(stderr)) { return; }
  // A longer line would be wrapped, and then only its end be written over. (The last column wraps on some terminals.)
  std::string line = printable(text);
  std::size_t columns = terminal_columns() - 1;
  std::size_t end = 0;
  for (; end < line.size(); ++end) {
    const bool begins = (static_cast<unsigned char>(line[end]) & 0xC0U) != 0x80U;  // a character, in UTF-8
    if (begins && columns-- == 0) { break; }
  }
  line.resize(end);
  write_stderr(fmt::format("\r{}\x1b[K", line));
  dirty_ = true;
}

void StatusLine::clear() {
  if (dirty_) { write_stderr("\r\x1b[K"); }
  dirty_ = false;
}

Error stdout_failure(int error_number) {
  Error error{ErrorCode::failed, "standard output", "cannot be written", "", ""};
  pollfd output{STDOUT_FILENO, POLLOUT, 0};
  if (poll(&output, 1, 0) == 1 && (output.revents & POLLERR) != 0) {
    error.what = "nobody reads it any more";
  } else if (error_number != 0) {
    error.what += fmt::format(": {}", std::strerror(error_number));
  } else {
    error.hint = "is the disk full?";
  }
  return error;
}

}  // namespace streamlab::app
