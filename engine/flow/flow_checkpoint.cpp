// engine/flow/flow_checkpoint.cpp
#include "engine/flow/flow_checkpoint.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include <fmt/format.h>

namespace streamlab {
namespace {

constexpr const char* kVersionKey = "streamlab_flow_progress";
constexpr int kVersion = 1;
constexpr const char* kExpected = "what \"interrupt_after\" saved";

Document document_of(const ValidFlow& flow, const FlowProgress& progress) {
  Document done = Document::array();
  for (const FlowProgress::Done& step : progress.done) {
    Document entries = Document::array();
    for (const FlowState::Entry& entry : step.state.entries()) {
      Document writers = Document::array();  // none: it was given
      if (entry.writer != kGiven) { writers.push_back(flow.steps()[entry.writer].spec.name); }
      for (const StepIndex also : entry.also) { writers.push_back(flow.steps()[also].spec.name); }
      entries.push_back({{"key", entry.key}, {"value", entry.value}, {"set_by", std::move(writers)}});
    }
    done.push_back({{"step", step.step}, {"state", std::move(entries)}});
  }
  return {{kVersionKey, kVersion},
          {"flow", flow.fingerprint()},
          {"given", progress.given},
          {"done", std::move(done)}};
}

// Throws nlohmann's exceptions where the document is not of the shape that document_of() gives.
FlowProgress progress_of(const ValidFlow& flow, const Document& document) {
  FlowProgress progress;
  progress.given = document.at("given");
  for (const Document& step : document.at("done")) {
    FlowProgress::Done done;
    done.step = step.at("step").get<std::string>();
    if (!flow.find(done.step)) { throw Document::other_error::create(501, done.step, nullptr); }
    for (const Document& entry : step.at("state")) {
      std::vector<StepIndex> writers;
      for (const Document& name : entry.at("set_by")) {
        writers.push_back(flow.find(name.get<std::string>()).value());
      }
      const StepIndex first = writers.empty() ? kGiven : writers.front();
      if (!writers.empty()) { writers.erase(writers.begin()); }
      done.state.set(entry.at("key").get<std::string>(), entry.at("value"), first, std::move(writers));
    }
    progress.done.push_back(std::move(done));
  }
  return progress;
}

Result<void> write_file(const std::string& path, std::string_view text) {
  const auto failure = [&] {
    return failed(path, fmt::format("cannot be written: {}", std::strerror(errno)));
  };
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file) { return failure(); }
  while (!text.empty()) {
    const ssize_t written = ::write(file.get(), text.data(), text.size());
    if (written < 0 && errno != EINTR) { return failure(); }
    if (written > 0) { text.remove_prefix(static_cast<std::size_t>(written)); }
  }
  if (::fsync(file.get()) != 0) { return failure(); }
  return {};
}

}  // namespace

Result<void> save_progress(const std::string& path, const ValidFlow& flow, const FlowProgress& progress) {
  const std::string text =
      document_of(flow, progress).dump(1, ' ', false, Document::error_handler_t::replace) + "\n";
  const std::string beside = path + ".new";
  if (auto written = write_file(beside, text); !written) {
    ::unlink(beside.c_str());
    return written;
  }
  if (std::rename(beside.c_str(), path.c_str()) != 0) {
    const std::string reason = std::strerror(errno);
    ::unlink(beside.c_str());
    return failed(path, fmt::format("cannot be written: {}", reason));
  }
  return {};
}

Result<void> check_progress_path(const std::string& path, ExistingProgress existing) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    return refused(path, "this is a directory", "a file for the progress");
  }
  if (existing == ExistingProgress::refuse && std::filesystem::exists(path, error)) {
    return refused(path, "exists already", "", "--resume goes on from it, --force replaces it");
  }
  const std::string beside = path + ".new";
  const Fd file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (!file) {
    return refused(path, fmt::format("cannot be written: {}", std::strerror(errno)),
                   "a file for the progress, for \"interrupt_after\"");
  }
  ::unlink(beside.c_str());
  return {};
}

Result<FlowProgress> load_progress(const std::string& path, const ValidFlow& flow) {
  // Not by read_config_file(), which has a limit: many steps may each have a large state.
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    return refused(
        path, std::filesystem::exists(path, error) ? "this is not a regular file" : "there is no such file",
        kExpected);
  }
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  if (!file) { return refused(path, "the file cannot be read", kExpected, "is reading it permitted?"); }
  const auto no_progress = [&] { return refused(path, "this is not the progress of a flow", kExpected); };
  const Document document = Document::parse(content.str(), nullptr, false);
  if (!document.is_object() || !document.contains(kVersionKey)) { return no_progress(); }
  if (document[kVersionKey] != kVersion) {
    return refused(path, fmt::format("this is progress of version {}", document[kVersionKey].dump()),
                   fmt::format("version {}", kVersion));
  }
  if (!document.contains("flow") || document["flow"] != flow.fingerprint()) {
    return refused(path, "this is the progress of another flow, or of this one before it was changed", "",
                   "run the flow from its start");
  }
  try {
    return progress_of(flow, document);
  } catch (const std::exception&) { return no_progress(); }
}

}  // namespace streamlab
