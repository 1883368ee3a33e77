// nodes/process/process_command.cpp
#include "nodes/process/process_command.hpp"

#include <sys/stat.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/base/json_pointer.hpp"
#include "engine/base/real_path.hpp"
#include "engine/process/find_program.hpp"

namespace streamlab {
namespace {

using Json = nlohmann::ordered_json;

// A string that the system can pass on: without a NUL.
bool is_text(const Json& value) {
  return value.is_string() && value.get_ref<const std::string&>().find('\0') == std::string::npos;
}

Result<std::vector<std::string>> command_of(const std::string& text) {
  const Json list = Json::parse(text, nullptr, false);
  const auto no_list = [](const std::string& where) {
    return refused(where, "this is not a command", "a list of strings: the program and its arguments");
  };
  if (!list.is_array() || list.empty()) { return no_list("/config/command"); }
  std::vector<std::string> words;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (!is_text(list[i])) { return no_list(fmt::format("/config/command/{}", i)); }
    words.push_back(list[i].get<std::string>());
  }
  return words;
}

Result<void> read_environment(const std::string& text, ChildSpec& spec) {
  const Json object = Json::parse(text, nullptr, false);
  if (!object.is_object()) {
    return refused("/config/env", "this is not an object", "{\"NAME\": \"value\", …}");
  }
  for (const auto& [name, value] : object.items()) {
    const bool is_name = !name.empty() && name.find_first_of(std::string_view("=\0", 2)) == std::string::npos;
    if (!is_name || !is_text(value)) {  // the value itself may be a secret
      return refused("/config/env/" + pointer_token(name), "this is not a valid environment variable",
                     "a name without \"=\", and a string without NUL");
    }
    spec.environment.emplace_back(name, value.get<std::string>());
  }
  return {};
}

}  // namespace

Result<ChildSpec> read_process_command(const ParamValues& params, const ProcessCommandParams& at) {
  ChildSpec spec;
  if (params.given(at.env)) {
    if (auto read = read_environment(params.text(at.env), spec); !read) {
      return tl::unexpected(read.error());
    }
  }
  if (params.given(at.cwd)) {
    spec.folder = params.text(at.cwd);
    struct stat info {};
    if (::stat(spec.folder.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
      return refused("/config/cwd", fmt::format("there is no directory \"{}\"", spec.folder), "",
                     home_hint(spec.folder));
    }
  }
  const char* where = "/config/command/0";
  if (params.given(at.command)) {
    auto words = command_of(params.text(at.command));
    if (!words) { return tl::unexpected(words.error()); }
    spec.command = std::move(*words);
  } else {
    where = "/config/shell";
    const std::string& shell = params.text(at.shell);
    const bool is_known = shell == "python" || shell == "sh" || shell == "bash" || shell.starts_with("/");
    if (!is_known) {
      return refused(where, fmt::format("there is no shell \"{}\"", shell),
                     "\"python\", \"sh\", \"bash\", or an absolute path");
    }
    spec.command = {shell == "python" ? "python3" : shell, "-c", params.text(at.run)};
  }
  const char* search_path = nullptr;
  for (const auto& [name, value] : spec.environment) {
    if (name == "PATH") { search_path = value.c_str(); }
  }
  auto program = find_program(spec.command.front(), spec.folder, search_path);
  if (!program) {
    Error error = program.error();
    error.where = where;
    return tl::unexpected(std::move(error));
  }
  spec.program = std::move(*program);
  spec.name = spec.command.front();
  return spec;
}

}  // namespace streamlab
