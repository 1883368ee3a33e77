// apps/streamlab/config_file.cpp
#include "apps/streamlab/config_file.hpp"

#include <algorithm>
#include <ctime>
#include <iostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/streamlab/console.hpp"
#include "apps/streamlab/run_files.hpp"
#include "apps/streamlab/standard_streams.hpp"
#include "engine/flow/read_flow.hpp"

namespace streamlab::app {

std::string set_variable(Variables& variables, const std::string& setting) {
  const std::size_t equals = setting.find('=');
  if (equals == std::string::npos || equals == 0) { return fmt::format("\"{}\" is not name=value", setting); }
  const auto [variable, is_new] = variables.emplace(setting.substr(0, equals), setting.substr(equals + 1));
  if (is_new || variable->second == setting.substr(equals + 1)) { return {}; }
  return fmt::format("\"{}\" is given two values", variable->first);
}

const Variables& program_variables() {
  static const Variables variables = [] {
    const std::time_t now = std::time(nullptr);
    std::tm local{};
    ::localtime_r(&now, &local);
    return Variables{
        {"now", fmt::format("{:04}-{:02}-{:02}_{:02}-{:02}-{:02}", local.tm_year + 1900, local.tm_mon + 1,
                            local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec)}};
  }();
  return variables;
}

Result<std::string> read_config(const std::string& path) {
  if (path != "-") { return read_config_file(path); }
  const std::string text = read_at_most(std::cin, kMaxConfigBytes + 1);
  if (text.empty()) { return refused("standard input", "there is nothing", "a configuration in JSON"); }
  if (text.size() > kMaxConfigBytes) {
    return refused("standard input", fmt::format("more than {} bytes", kMaxConfigBytes),
                   "a configuration of at most so many");
  }
  return text;
}

bool prints(const ValidGraph& graph) {
  return std::any_of(graph.nodes().begin(), graph.nodes().end(),
                     [](const ValidNode& node) { return node.writes_to_console(); });
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
  auto graph =
      load_graph(text, language_of(config.path), config.variables, config.catalog, program_variables());
  if (!graph) { return graph; }
  FileUses files;
  if (config.path != "-") { files.reads(config.path, "is this configuration"); }
  Errors errors = check_files(*graph, std::move(files));
  const auto from = config.path == "-" ? ConfigFrom::standard_input : ConfigFrom::file;
  for (Error& error : check_standard_streams(*graph, from, config.catalog)) {
    errors.push_back(std::move(error));
  }
  for (Error& error : check_stdout_formats(*graph)) { errors.push_back(std::move(error)); }
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
