// engine/batch/run_file.cpp
#include "engine/batch/run_file.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "engine/base/output_file.hpp"
#include "engine/graph/graph_files.hpp"
#include "engine/rt/thread.hpp"

namespace streamlab {
namespace {

// What is written to file() as text.
class MemoryFile {
 public:
  MemoryFile() : file_(open_memstream(&data_, &size_)) {}
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() {
    if (file_ != nullptr) { std::fclose(file_); }
    std::free(data_);  // NOLINT: open_memstream() allocates so
  }
  std::FILE* file() const { return file_; }  // null without memory
  std::string text() const {
    std::fflush(file_);
    return {data_, size_};
  }

 private:
  char* data_ = nullptr;
  std::size_t size_ = 0;
  std::FILE* file_;
};

// Takes every block of an output until its stream ends, on a thread of its own.
class Collector {
 public:
  static Result<std::unique_ptr<Collector>> start(Receiver receiver, std::vector<DataFrame>& blocks) {
    auto collector = std::unique_ptr<Collector>(new Collector(std::move(receiver)));
    auto thread = Thread::start("sl-collect", [receiver = &collector->receiver_, &blocks] {
      while (auto block = receiver->receive()) { blocks.push_back(std::move(*block)); }
    });
    if (!thread) { return tl::unexpected(thread.error()); }
    collector->thread_ = std::move(*thread);
    return collector;
  }

 private:
  explicit Collector(Receiver receiver) : receiver_(std::move(receiver)) {}
  Receiver receiver_;
  Thread thread_;  // goes first: it uses the receiver
};

Result<void> prepare_outputs(const ValidGraph& graph, const FileRun& run, FileResult& result) {
  for (const FileParam& output : output_files(graph)) {
    const auto folder = std::filesystem::path(output.path).parent_path();
    std::error_code error;
    if (!folder.empty()) { std::filesystem::create_directories(folder, error); }
    if (error) { return failed(folder.string(), "the folder cannot be made: " + error.message()); }
    if (run.removes_parts) { OutputFile::remove_part(output.path); }
    result.written.push_back(output.path);
  }
  return {};
}

// Starts the engine, and runs it to its end while the blocks of `outputs` are collected.
Result<RunOutcome> run_and_collect(Engine& engine, const FileRun& run, FileResult& result) {
  std::vector<Receiver> receivers;
  for (const std::string& output : run.outputs) {
    auto receiver = engine.subscribe(output);
    if (!receiver) { return tl::unexpected(receiver.error()); }
    receivers.push_back(std::move(*receiver));
  }
  result.blocks.resize(run.outputs.size());
  if (auto started = engine.start(); !started) { return tl::unexpected(started.error()); }
  if (run.started) { run.started(); }
  std::vector<std::unique_ptr<Collector>> collectors;
  for (std::size_t i = 0; i < receivers.size(); ++i) {
    auto collector = Collector::start(std::move(receivers[i]), result.blocks[i]);
    if (!collector) {
      engine.stop_now();  // so that the others' streams end
      return tl::unexpected(collector.error());
    }
    collectors.push_back(std::move(*collector));
  }
  auto outcome = run_started_to_end(engine, run.watch);
  collectors.clear();  // joins: their streams have ended
  return outcome;
}

}  // namespace

FileResult failed_file(std::string path, Errors errors) {
  FileResult result;
  result.path = std::move(path);
  const bool is_refused = std::any_of(errors.begin(), errors.end(),
                                      [](const Error& error) { return error.code == ErrorCode::refused; });
  result.end = is_refused ? FileEnd::refused : FileEnd::failed;
  result.errors = std::move(errors);
  return result;
}

FileResult run_file(const std::string& path, const ValidGraph& graph, const FileRun& run) {
  const MemoryFile printed;
  if (printed.file() == nullptr) {
    return failed_file(path, {{ErrorCode::failed, "", "there is no memory left", "", ""}});
  }
  EngineOptions options = run.engine;
  options.threads = ThreadPolicy{ThreadPolicy::Kind::count, 1};
  options.cores = 1;
  options.host.naming = Naming::when_complete;
  options.host.console_file = printed.file();
  const auto engine = Engine::create(graph, std::move(options));
  if (!engine) { return failed_file(path, engine.error()); }
  FileResult result;
  result.path = path;
  if (auto prepared = prepare_outputs(graph, run, result); !prepared) {
    return failed_file(path, {prepared.error()});
  }
  const auto ran = run_and_collect(**engine, run, result);
  if (!ran) { return failed_file(path, {ran.error()}); }
  const EngineStatus& status = ran->status;
  const auto& slots = (*engine)->plan().slots();
  if (!slots.empty()) {
    result.sound_s = static_cast<double>(status.frames) / slots.front().format->sample_rate_hz;
  }
  result.has_run = true;
  result.printed = printed.text();
  result.notes = status.notes;
  result.data_lost = status.data_lost();
  result.gap_frames = status.gap_frames;
  if (!status.failures.empty() || ran->cut_short) {
    result.written.clear();  // for they are gone
    result.end = FileEnd::failed;
    result.errors = status.failures;
    if (ran->cut_short) { result.errors = {{ErrorCode::failed, "", "interrupted", "", ""}}; }
  } else if (result.data_lost) {
    result.end = FileEnd::data_lost;
  }
  return result;
}

}  // namespace streamlab
