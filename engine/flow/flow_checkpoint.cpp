// engine/flow/flow_checkpoint.cpp
#include "engine/flow/flow_checkpoint.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "engine/base/output_file.hpp"
#include "engine/base/read_file.hpp"

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
      Document writers = Document::array();  // empty: the state was given at the start
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

// Throws nlohmann's exceptions if the document does not have the shape that document_of() gives.
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

}  // namespace

Result<void> save_progress(const std::string& path, const ValidFlow& flow, const FlowProgress& progress) {
  const std::string text =
      document_of(flow, progress).dump(1, ' ', false, Document::error_handler_t::replace) + "\n";
  auto file = OutputFile::create(path, true, Naming::at_once, 0600);
  if (!file) {
    file.error().code = ErrorCode::failed;  // the flow has begun, whatever it is
    return tl::unexpected(file.error());
  }
  file->set_ending(Ending::not_begun);  // until it is complete
  const bool written =
      file->write_at(reinterpret_cast<const std::byte*>(text.data()), text.size(), 0) == text.size();
  if (written) { file->set_ending(Ending::complete); }
  const int error = errno;
  auto closed = file->close();
  if (!file->left_beside().empty()) { ::unlink(file->left_beside().c_str()); }
  return written ? closed : failed(path, fmt::format("cannot be written: {}", std::strerror(error)));
}

Result<void> check_progress_path(const std::string& path, ExistingProgress existing) {
  if (auto checked = OutputFile::check(path); !checked) { return checked; }
  std::error_code error;
  if (existing == ExistingProgress::refuse && std::filesystem::exists(path, error)) {
    return refused(path, "already exists", "", "--resume continues from it, --force replaces it");
  }
  return {};
}

Result<FlowProgress> load_progress(const std::string& path, const ValidFlow& flow) {
  // Not read_config_file(), which has a size limit: many steps may each have a large state.
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    return refused(
        path, std::filesystem::exists(path, error) ? "this is not a regular file" : "there is no such file",
        kExpected);
  }
  const auto content = read_file(path);
  if (!content) {
    return refused(path, "the file cannot be read", kExpected,
                   "do you have permission to read "
                   "it?");
  }
  const auto no_progress = [&] {
    return refused(path, "this file does not hold the progress of a flow", kExpected);
  };
  const Document document = Document::parse(*content, nullptr, false);
  if (!document.is_object() || !document.contains(kVersionKey)) { return no_progress(); }
  if (document[kVersionKey] != kVersion) {
    return refused(path, fmt::format("this progress file has version {}", document[kVersionKey].dump()),
                   fmt::format("version {}", kVersion));
  }
  if (!document.contains("flow") || document["flow"] != flow.fingerprint()) {
    return refused(path, "this is the progress of another flow, or of an earlier version of this one", "",
                   "run the flow from its start");
  }
  try {
    return progress_of(flow, document);
  } catch (const std::exception&) { return no_progress(); }
}

}  // namespace streamlab
