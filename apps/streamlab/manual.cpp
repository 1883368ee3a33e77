// apps/streamlab/manual.cpp
#include "apps/streamlab/manual.hpp"

#include <cctype>
#include <sstream>

#include <fmt/format.h>

#include "apps/streamlab/roff.hpp"
#include "engine/graph/describe.hpp"

namespace streamlab::app {
namespace {

std::string upper(std::string text) {
  for (char& c : text) { c = static_cast<char>(std::toupper(static_cast<unsigned char>(c))); }
  return text;
}

std::string bold(const std::string& text) { return "\\fB" + roff_text(text) + "\\fR"; }
std::string italic(const std::string& text) { return "\\fI" + roff_text(text) + "\\fR"; }

std::string title(const std::string& page, int section) {
  return fmt::format(
      ".\\\" Made by \"streamlab manual\" from the program's own descriptions.\n.TH {} {} {} \"StreamLab {}\" "
      "\"StreamLab Manual\"\n",
      roff_text(upper(page)), section, SL_DATE, SL_VERSION);
}

std::string name_section(const std::string& page, const std::string& about) {
  std::string first = about.substr(0, about.find('\n'));
  if (first.ends_with('.')) { first.pop_back(); }
  return fmt::format(".SH NAME\n{} \\- {}\n", roff_text(page), roff_text(first));
}

// What stands at the end of a command's help, by what it is. Lines that begin with blanks are typed as they stand.
struct Footer {
  std::vector<std::string> examples;
  std::vector<std::string> prose;  // paragraphs
  std::string exit_codes;
};

Footer parts_of(const std::string& text) {
  constexpr std::string_view kExitCodes = "Exit codes: ";
  Footer footer;
  std::istringstream lines(text);
  std::string* paragraph = nullptr;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("  ")) {
      footer.examples.push_back(line.substr(2));
      paragraph = nullptr;
    } else if (line.empty() || line == "Examples:") {
      paragraph = nullptr;
    } else if (line.starts_with(kExitCodes)) {
      footer.exit_codes = line.substr(kExitCodes.size());
      paragraph = &footer.exit_codes;
    } else if (paragraph != nullptr &&
               !(paragraph == &footer.exit_codes && footer.exit_codes.ends_with('.'))) {
      *paragraph += " " + line;
    } else {
      footer.prose.push_back(line);
      paragraph = &footer.prose.back();
    }
  }
  return footer;
}

// "-j, --jobs N"
std::string option_head(const OptionInfo& option) {
  if (option.is_argument()) { return italic(option.value); }
  std::vector<std::string> names;
  for (const std::string& name : option.names) { names.push_back(bold(name)); }
  return fmt::format("{}{}", fmt::join(names, ", "), option.value.empty() ? "" : " " + italic(option.value));
}

std::string options_section(const CommandInfo& command) {
  std::string text = ".SH OPTIONS\n";
  for (const OptionInfo& option : command.options) {
    text += fmt::format(".TP\n{}\n{}\n", option_head(option), roff_text(option.about));
    for (const std::string& other : option.excludes) { text += "Not together with " + bold(other) + ".\n"; }
  }
  return text;
}

std::string examples_section(const Footer& footer) {
  if (footer.examples.empty()) { return {}; }
  std::string text = ".SH EXAMPLES\n.nf\n";
  for (const std::string& line : footer.examples) { text += roff_text(line) + "\n"; }
  return text + ".fi\n";
}

std::string prose_of(const Footer& footer) {
  std::string text;
  for (const std::string& paragraph : footer.prose) { text += ".PP\n" + roff_text(paragraph) + "\n"; }
  return text;
}

ManPage command_page(const CommandInfo& command) {
  const std::string page = "streamlab-" + command.name;
  const Footer footer = parts_of(command.footer);
  std::string text = title(page, 1) + name_section(page, command.about);
  text += ".SH SYNOPSIS\n" + bold("streamlab " + command.name) + " [" + italic("options") + "]";
  for (const OptionInfo& option : command.options) {
    if (!option.is_argument()) { continue; }
    const std::string name = italic(option.value) + (option.may_repeat ? " ..." : "");
    text += option.is_required ? " " + name : " [" + name + "]";
  }
  text += "\n.SH DESCRIPTION\n" + roff_text(command.about) + "\n" + prose_of(footer);
  text += options_section(command) + examples_section(footer);
  text += ".SH EXIT STATUS\nAs in\n.BR streamlab (1).\n";
  text += ".SH SEE ALSO\n.BR streamlab (1),\n.BR streamlab\\-config (5)\n";
  return {page + ".1", text};
}

constexpr std::string_view kFiles = R"(.SH FILES
.TP
.I share/doc/streamlab/examples/configs
Configurations to begin with, below where StreamLab is installed
.RI ( /usr ,
if it came as a Debian package). The examples above mean copies of them.
)";

constexpr std::string_view kEnvironment = R"(.SH ENVIRONMENT
.TP
.B NO_COLOR
If it is set and not empty, messages on a terminal have no colour.
.TP
.B STREAMLAB_PLUGIN_PATH
Folders with colons between them. Every library (*.so) in them is a plug-in, whose nodes graphs may use.
.TP
.B STREAMLAB_CPU_PATH
Which instructions the arithmetic uses instead of the best that the processor has; for comparisons.
)";

ManPage program_page(const CommandInfo& program) {
  const Footer footer = parts_of(program.footer);
  std::string about = program.about;  // a line for people who read "StreamLab: …", then a paragraph
  const std::size_t colon = about.find(": ");
  std::string text = title("streamlab", 1) + name_section("streamlab", about.substr(colon + 2));
  text += ".SH SYNOPSIS\n" + bold("streamlab") + " " + italic("command") + " [" + italic("options") + "] [" +
          italic("arguments") + "]\n.SH DESCRIPTION\n";
  std::istringstream lines(about);
  bool is_first = true;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) { continue; }
    text += (is_first ? "" : ".PP\n") + roff_text(line) + "\n";
    is_first = false;
  }
  text += prose_of(footer) + ".SH COMMANDS\nEach has a page of its own, such as\n.BR streamlab\\-run (1).\n";
  for (const CommandInfo& command : program.commands) {
    text += fmt::format(".TP\n{}\n{}\n", bold(command.name), roff_text(command.about));
  }
  text += options_section(program);
  text += ".SH EXIT STATUS\n" + roff_text(footer.exit_codes) + "\n";
  text += examples_section(footer) + std::string(kFiles) + std::string(kEnvironment);
  text += ".SH SEE ALSO\n";
  for (const CommandInfo& command : program.commands) {
    text += ".BR streamlab\\-" + roff_text(command.name) + " (1),\n";
  }
  return {"streamlab.1", text + ".BR streamlab\\-config (5)\n"};
}

ManPage config_page(const NodeCatalog& catalog) {
  const std::string page = "streamlab-config";
  return {page + ".5", title(page, 5) + name_section(page, "configurations of streamlab, and every node") +
                           ".SH DESCRIPTION\n" + roff_from_markdown(config_reference(catalog)) +
                           ".SH SEE ALSO\n.BR streamlab (1),\n.BR streamlab\\-check (1)\n"};
}

}  // namespace

std::vector<ManPage> man_pages(const CommandInfo& program, const NodeCatalog& catalog) {
  std::vector<ManPage> pages{program_page(program), config_page(catalog)};
  for (const CommandInfo& command : program.commands) { pages.push_back(command_page(command)); }
  return pages;
}

}  // namespace streamlab::app
