// apps/streamlab/plugin_files.cpp
#include "apps/streamlab/plugin_files.hpp"

#include <cstdlib>
#include <filesystem>
#include <utility>

#include "apps/streamlab/console.hpp"
#include "engine/plugin/load_plugins.hpp"

namespace streamlab::app {
namespace {

std::string plugin_folders() {
  const char* const folders = std::getenv(kPluginPathVariable);
  return folders != nullptr ? folders : "";
}

std::string absolute_path(const std::string& path) {
  std::error_code error;
  const auto absolute = std::filesystem::absolute(path, error);
  return error ? path : absolute.string();
}

}  // namespace

tl::expected<NodeCatalog, ExitCode> catalog_with(const std::vector<std::string>& files) {
  auto catalog = with_plugins(default_catalog(), {files, plugin_folders()});
  if (!catalog) { return tl::unexpected(report(catalog.error(), "")); }
  return *std::move(catalog);
}

std::vector<std::string> pass_plugins_on(const std::vector<std::string>& files) {
  std::vector<std::string> options;
  for (const std::string& file : files) {
    options.emplace_back("--plugin");
    options.push_back(absolute_path(file));
  }
  std::string folders;
  for (const std::string& folder : folders_in(plugin_folders())) {
    folders += (folders.empty() ? "" : ":") + absolute_path(folder);
  }
  if (!folders.empty()) { ::setenv(kPluginPathVariable, folders.c_str(), 1); }
  return options;
}

}  // namespace streamlab::app
