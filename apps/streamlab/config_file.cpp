// apps/streamlab/config_file.cpp
#include "apps/streamlab/config_file.hpp"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>
#include <sstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/streamlab/console.hpp"
#include "apps/streamlab/standard_streams.hpp"
#include "engine/flow/read_flow.hpp"

namespace streamlab::app {
namespace {

constexpr std::string_view kFilePrefix = "file:";

}  // namespace

Result<std::string> read_config(const std::string& path) {
  if (path != "-") { return read_config_file(path); }
  std::ostringstream text;
  text << std::cin.rdbuf();
  if (text.view().empty()) {
    return refused("standard input", "there is nothing", "a configuration in JSON");
  }
  if (text.view().size() > kMaxConfigBytes) {
    return refused("standard input", fmt::format("{} bytes", text.view().size()),
                   fmt::format("a configuration of at most {} bytes", kMaxConfigBytes));
  }
  return text.str();
}

std::string file_identity(const std::string& path) {
  std::error_code error;
  const auto canonical = std::filesystem::weakly_canonical(path, error);
  return error ? path : canonical.string();
}

std::vector<std::string> input_files(const ValidGraph& graph) {
  std::vector<std::string> files;
  for (const ValidNode& node : graph.nodes()) {
    const bool is_source = node.info().inputs.empty();
    if (const auto path = node.params.find("path"); is_source && path) {
      files.push_back(node.params.text(*path));
    }
    if (const auto device = node.params.find("device"); is_source && device) {
      const std::string& name = node.params.text(*device);
      if (name.starts_with(kFilePrefix)) { files.push_back(name.substr(kFilePrefix.size())); }
    }
  }
  return files;
}

std::vector<FileParam> output_files(const ValidGraph& graph) {
  std::vector<FileParam> files;
  for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
    const ValidNode& node = graph.nodes()[n];
    const auto path = node.params.find("path");
    if (!node.info().outputs.empty() || !path || node.params.text(*path) == "-") { continue; }
    files.push_back({n, *path, node.params.text(*path)});
  }
  return files;
}

bool prints(const ValidGraph& graph) {
  return std::any_of(graph.nodes().begin(), graph.nodes().end(), [](const ValidNode& node) {
    const auto path = node.params.find("path");
    return node.info().name == "Print" || (path && node.params.text(*path) == "-");
  });
}

Errors check_files(const ValidGraph& graph) {
  Errors errors;
  std::map<std::string, std::string> used;  // file -> what it is used for
  for (const std::string& path : input_files(graph)) {
    used.emplace(file_identity(path), "is read by this graph");
  }
  for (const FileParam& file : output_files(graph)) {
    const std::string& pointer = graph.nodes()[file.node].pointer;
    const auto [other, is_new] =
        used.emplace(file_identity(file.path), fmt::format("is written by {} already", pointer));
    if (!is_new) {
      errors.push_back({ErrorCode::refused, pointer + "/config/path",
                        fmt::format("\"{}\" {}", file.path, other->second), "another file", ""});
    }
  }
  return errors;
}

std::string name_of(const ConfigArguments& config) {
  return config.path == "-" ? "standard input" : config.path;
}

bool is_flow_text(const std::string& text, const std::string& path) {
  const auto document = parse_document(text, language_of(path));
  return document && is_flow(*document);
}

Checked<ValidGraph> check_config(const ConfigArguments& config, const std::string& text) {
  if (is_flow_text(text, config.path)) {
    return tl::unexpected(Errors{{ErrorCode::refused, "", "this is a flow of programs", "a graph",
                                  "\"streamlab run\" and \"streamlab check\" take flows"}});
  }
  auto graph = load_graph(text, language_of(config.path), config.variables);
  if (!graph) { return graph; }
  Errors errors = check_files(*graph);
  const auto from = config.path == "-" ? ConfigFrom::standard_input : ConfigFrom::file;
  for (Error& error : check_standard_streams(*graph, from)) { errors.push_back(std::move(error)); }
  if (!errors.empty()) { return tl::unexpected(std::move(errors)); }
  return graph;
}

Checked<ValidGraph> check_config(const ConfigArguments& config) {
  const auto text = read_config(config.path);
  if (!text) { return tl::unexpected(Errors{text.error()}); }
  return check_config(config, *text);
}

tl::expected<ValidGraph, ExitCode> load_config(const ConfigArguments& config, const std::string& text) {
  auto graph = check_config(config, text);
  if (!graph) { return tl::unexpected(report(graph.error(), name_of(config))); }
  return *std::move(graph);
}

tl::expected<ValidGraph, ExitCode> load_config(const ConfigArguments& config) {
  const auto text = read_config(config.path);
  if (!text) { return tl::unexpected(report(text.error(), "")); }
  return load_config(config, *text);
}

}  // namespace streamlab::app
