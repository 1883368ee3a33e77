// apps/streamlab/completion.cpp
//
// Completion for bash and zsh. What can follow an option or stand in a command's place comes from the name of its value:
// FILE and DIR are looked for on the disk, CONFIG too, by its ending; NAME is a node, D a device, SHELL a shell. Of
// others (N, S, JSON, …) only the user knows.
#include <cstdint>

#include <fmt/format.h>

#include "apps/streamlab/manual.hpp"

namespace streamlab::app {
namespace {

constexpr std::string_view kConfigEndings = "json|yaml|yml";
constexpr std::string_view kDevices = "default jack alsa sim";

enum class ValueKind : std::uint8_t { none, file, directory, config, words };
struct Value {
  ValueKind kind = ValueKind::none;
  std::string words = {};  // of ValueKind::words
};

Value value_of(const OptionInfo& option, const NodeCatalog& catalog) {
  const std::string& name = option.value;
  if (name == "CONFIG") { return {ValueKind::config}; }
  if (name == "DIR") { return {ValueKind::directory}; }
  if (name == "FILE" || name == "FILES" || name == "OUT") { return {ValueKind::file}; }
  if (name == "D") { return {ValueKind::words, std::string(kDevices)}; }
  if (name == "SHELL") { return {ValueKind::words, "bash zsh"}; }
  if (name == "NAME") { return {ValueKind::words, fmt::format("{}", fmt::join(catalog.names(), " "))}; }
  return {};
}

// ---- bash

std::string bash_answer(const Value& value) {
  switch (value.kind) {
    case ValueKind::none:
      return ":";
    case ValueKind::file:
      return "_streamlab_files \"$cur\"";
    case ValueKind::directory:
      return "_streamlab_directories \"$cur\"";
    case ValueKind::config:
      return fmt::format("_streamlab_files \"$cur\" '{}'", kConfigEndings);
    case ValueKind::words:
      return fmt::format("_streamlab_words \"$cur\" '{}'", value.words);
  }
  return ":";
}

constexpr std::string_view kBashHelpers =
    R"(# Completion of streamlab for bash; made by "streamlab completion bash".
_streamlab_words() { mapfile -t COMPREPLY < <(compgen -W "$2" -- "$1"); }
_streamlab_directories() {
  mapfile -t COMPREPLY < <(compgen -d -- "$1")
  compopt -o filenames 2>/dev/null || :
}
# Files, or with "a|b" only those with one of these endings; and folders, which may hold some.
_streamlab_files() {
  local name pattern="\.(${2:-.*})$"
  COMPREPLY=()
  while IFS= read -r name; do
    [[ -z ${2:-} || -d $name || $name =~ $pattern ]] && COMPREPLY+=("$name")
  done < <(compgen -f -- "$1")
  compopt -o filenames 2>/dev/null || :
}
)";

std::string bash_command(const CommandInfo& command, const NodeCatalog& catalog) {
  std::string values;
  std::vector<std::string> options;
  std::vector<Value> arguments;
  for (const OptionInfo& option : command.options) {
    const Value value = value_of(option, catalog);
    if (option.is_argument()) {
      arguments.push_back(value);
    } else {
      options.insert(options.end(), option.names.begin(), option.names.end());
      if (option.value.empty()) { continue; }
      values +=
          fmt::format("        {}) {}; return ;;\n", fmt::join(option.names, " | "), bash_answer(value));
    }
  }
  if (arguments.empty()) { arguments.emplace_back(); }
  const Value& value = arguments.front();
  // Behind the first argument come those of the last: batch CONFIG FILES...
  const Value& more = arguments.back();
  std::string text = fmt::format("    {})\n", command.name);
  if (!values.empty()) { text += fmt::format("      case $prev in\n{}      esac\n", values); }
  text += fmt::format("      if [[ $cur == -* ]]; then _streamlab_words \"$cur\" '{}'\n",
                      fmt::join(options, " "));
  if (value.kind == more.kind) {
    text += fmt::format("      else {}; fi ;;\n", bash_answer(value));
  } else {
    text += fmt::format("      elif [[ $values -eq 0 ]]; then {}\n      else {}; fi ;;\n", bash_answer(value),
                        bash_answer(more));
  }
  return text;
}

// ---- zsh

// Within '…' of an argument of _arguments.
std::string zsh_quoted(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\'') {
      result += "'\\''";
    } else {
      if (c == '[' || c == ']' || c == ':' || c == '\\') { result += '\\'; }
      result += c;
    }
  }
  return result;
}

std::string zsh_action(const Value& value) {
  switch (value.kind) {
    case ValueKind::none:
      return " ";
    case ValueKind::file:
      return "_files";
    case ValueKind::directory:
      return "_files -/";
    case ValueKind::config:
      return fmt::format("_files -g \"*.({})\"", kConfigEndings);
    case ValueKind::words:
      return "(" + value.words + ")";
  }
  return " ";
}

std::string zsh_option(const OptionInfo& option, const NodeCatalog& catalog, std::string_view indent) {
  const std::string action = zsh_action(value_of(option, catalog));
  if (option.is_argument()) {
    return fmt::format(" \\\n{}'{}:{}:{}'", indent, option.may_repeat ? "*" : "", option.value, action);
  }
  std::string text;
  for (const std::string& name : option.names) {
    text +=
        fmt::format(" \\\n{}'{}{}[{}]", indent, option.may_repeat ? "*" : "", name, zsh_quoted(option.about));
    if (!option.value.empty()) { text += fmt::format(":{}:{}", zsh_quoted(option.value), action); }
    text += "'";
  }
  return text;
}

std::string zsh_command(const CommandInfo& command, const NodeCatalog& catalog) {
  std::string text = fmt::format("    {})\n      _arguments -s", command.name);
  for (const OptionInfo& option : command.options) { text += zsh_option(option, catalog, "        "); }
  return text + " ;;\n";
}

}  // namespace

std::string bash_completion(const CommandInfo& program, const NodeCatalog& catalog) {
  std::vector<std::string> names;
  std::string cases;
  for (const CommandInfo& command : program.commands) {
    names.push_back(command.name);
    cases += bash_command(command, catalog);
  }
  for (const OptionInfo& option : program.options) {
    names.insert(names.end(), option.names.begin(), option.names.end());
  }
  std::string text(kBashHelpers);
  text +=
      "_streamlab() {\n"
      "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command= values=0 i\n"
      "  COMPREPLY=()\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    [[ ${COMP_WORDS[i]} == -* ]] && continue\n"
      "    if [[ -z $command ]]; then command=${COMP_WORDS[i]}\n"
      "    elif [[ ${COMP_WORDS[i - 1]} != -* ]]; then values=$((values + 1)); fi\n"
      "  done\n"
      "  # --set name=VALUE, which may be a file\n"
      "  if [[ $cur == = ]]; then _streamlab_files ''; return; fi\n"
      "  if [[ $prev == = ]]; then _streamlab_files \"$cur\"; return; fi\n"
      "  case $command in\n";
  text += fmt::format("    '') _streamlab_words \"$cur\" '{}' ;;\n", fmt::join(names, " "));
  text += cases + "  esac\n}\ncomplete -F _streamlab streamlab\n";
  return text;
}

std::string zsh_completion(const CommandInfo& program, const NodeCatalog& catalog) {
  std::string text =
      "#compdef streamlab\n# Completion of streamlab for zsh; made by \"streamlab completion zsh\".\n_streamlab() {\n"
      "  local -a commands\n  commands=(\n";
  std::string cases;
  for (const CommandInfo& command : program.commands) {
    text += fmt::format("    '{}:{}'\n", command.name, zsh_quoted(command.about));
    cases += zsh_command(command, catalog);
  }
  text += "  )\n  if (( CURRENT == 2 )); then\n    _describe command commands\n    _arguments -s";
  for (const OptionInfo& option : program.options) { text += zsh_option(option, catalog, "      "); }
  text += "\n    return\n  fi\n";
  text +=
      "  local command=$words[2]\n  words=(\"streamlab $command\" \"${(@)words[3,-1]}\")\n  (( CURRENT -= 1 ))\n"
      "  case $command in\n";
  text +=
      cases +
      "  esac\n}\nif [[ $funcstack[1] == _streamlab ]]; then _streamlab \"$@\"; else compdef _streamlab streamlab; fi\n";
  return text;
}

}  // namespace streamlab::app
