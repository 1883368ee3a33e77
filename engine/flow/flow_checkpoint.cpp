// engine/flow/flow_checkpoint.cpp
#include "engine/flow/flow_checkpoint.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include <fmt/format.h>

namespace streamlab {
namespace {

constexpr const char* kVersionKey = "streamlab_flow_progress";
constexpr int kVersion = 1;

Document document_of(const ValidFlow& flow, const FlowProgress& progress) {
  Document done = Document::array();
  for (const FlowProgress::Done& step : progress.done) {
    Document entries = Document::array();
    for (const FlowState::Entry& entry : step.state.entries()) {
      const bool is_given = entry.writer == kGiven;
      entries.push_back(
          {{"key", entry.key},
           {"value", entry.value},
           {"set_by", is_given ? Document(nullptr) : Document(flow.steps()[entry.writer].spec.name)}});
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
      const Document& set_by = entry.at("set_by");
      const auto writer = set_by.is_null() ? kGiven : flow.find(set_by.get<std::string>()).value();
      done.state.set(entry.at("key").get<std::string>(), entry.at("value"), writer);
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

Result<FlowProgress> load_progress(const std::string& path, const ValidFlow& flow) {
  const auto text = read_config_file(path);
  if (!text) {
    Error error = text.error();
    error.expected = "what \"interrupt_after\" saved";
    return tl::unexpected(error);
  }
  const auto no_progress = [&] {
    return refused(path, "this is not the progress of a flow", "what \"interrupt_after\" saved");
  };
  const Document document = Document::parse(*text, nullptr, false);
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
