// apps/streamlab/main.cpp
//
// streamlab: the command line. One subcommand a job; what each does is in the file of its name.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <functional>
#include <map>
#include <new>
#include <optional>
#include <string>
#include <thread>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "apps/streamlab/closed_streams.hpp"
#include "apps/streamlab/commands.hpp"
#include "apps/streamlab/config_file.hpp"
#include "apps/streamlab/console.hpp"
#include "apps/streamlab/interrupt.hpp"
#include "apps/streamlab/manual.hpp"
#include "apps/streamlab/option_checks.hpp"
#include "apps/streamlab/out_of_memory.hpp"
#include "apps/streamlab/plugin_files.hpp"
#include "engine/base/nearest_name.hpp"
#include "nodes/dsp/cpu_path.hpp"

namespace streamlab::app {
namespace {

constexpr const char* kAbout =
    R"(StreamLab: real-time audio measurement and signal processing from one JSON graph.

One configuration runs live from a sound card, offline over files, or over many files at once.
)";

constexpr const char* kMore = R"(Examples:
  streamlab run configs/live_capture.json --seconds 10
  streamlab check configs/live_capture.json
  streamlab batch configs/batch_levels.json *.wav --jobs 2 --out-dir results
  streamlab nodes Spectrum

Results go to standard output, everything else to standard error.
Exit codes: 0 success; 1 failed while running (batch: some of the files did); 2 command line, configuration, input
file or existing output refused: nothing was started; 3 finished, but data was lost (xrun, drop, gap).
"streamlab COMMAND --help" explains a command.)";

OptionInfo described(const CLI::Option& option) {
  OptionInfo info;
  for (const std::string& name : option.get_snames()) { info.names.push_back("-" + name); }
  for (const std::string& name : option.get_lnames()) { info.names.push_back("--" + name); }
  const bool is_flag = option.get_items_expected_max() == 0;
  info.value = info.is_argument() ? option.get_name() : is_flag ? "" : option.get_type_name();
  info.about = option.get_description();
  for (const CLI::Option* other : option.get_excludes()) { info.excludes.push_back(other->get_name()); }
  info.is_required = option.get_required();
  info.may_repeat = option.get_items_expected_max() > 1;
  return info;
}
// What a command, or the program with all its commands, says of itself; what has no group is hidden. Arguments first.
CommandInfo described(const CLI::App& app) {
  CommandInfo info{app.get_name(), app.get_description(), app.get_footer(), {}, {}};
  for (const bool is_argument : {true, false}) {
    for (const CLI::Option* option : app.get_options()) {
      if (option->get_positional() == is_argument && !option->get_group().empty()) {
        info.options.push_back(described(*option));
      }
    }
  }
  for (const CLI::App* command :
       app.get_subcommands([](const CLI::App* c) { return !c->get_group().empty(); })) {
    info.commands.push_back(described(*command));
  }
  return info;
}

// The command line of all subcommands. `run` is what the chosen one does.
class CommandLine {
 public:
  CommandLine() : app_(kAbout, "streamlab") {
    app_.footer(kMore);
    app_.set_version_flag("-V,--version", "streamlab " SL_VERSION, "Print the version and end.");
    app_.require_subcommand(1);
    add_run();
    add_check();
    add_batch();
    add_record();
    add_info();
    add_devices();
    add_nodes();
    add_schema();
    add_graph();
    add_doctor();
    add_completion();
    add_manual();
  }

  ExitCode run(int argc, char** argv) {
    if (argc == 1) {
      to_stderr(app_.help());
      return ExitCode::refused;
    }
    if (const auto code = check_command_name(argv[1])) { return *code; }
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) { return explain(error); }
    if (const auto code = load_plugins()) { return *code; }
    return action_();
  }

 private:
  using Action = std::function<ExitCode()>;

  CLI::App& add(const std::string& name, const std::string& about, const std::string& examples,
                const Action& action) {
    CLI::App& command = *app_.add_subcommand(name, about);
    command.footer("Examples:\n" + examples);
    command.callback([this, action] { action_ = action; });
    return command;
  }
  void add_config(CLI::App& command, ConfigArguments& config) {
    command
        .add_option("CONFIG", config.path,
                    "Configuration in JSON, or YAML by its name; \"-\": JSON on standard input.")
        ->type_name("")
        ->required();
    command
        .add_option_function<std::vector<std::string>>(
            "--set",
            [&config](const std::vector<std::string>& settings) {
              for (const std::string& setting : settings) {
                const std::string wrong = set_variable(config.variables, setting);
                if (!wrong.empty()) { throw CLI::ValidationError("--set", wrong); }
              }
            },
            "Value of the variable ${name}. May be repeated.")
        ->type_name("name=value")
        ->type_size(1)
        ->allow_extra_args(false);
    add_plugins(command, config.catalog);
  }
  // `catalog` has the nodes of plug-ins, too, when the command runs.
  void add_plugins(CLI::App& command, NodeCatalog& catalog) {
    command
        .add_option(
            "--plugin", plugins_,
            "A library with further nodes, beside those in the folders of STREAMLAB_PLUGIN_PATH. May be repeated.")
        ->type_name("FILE")
        ->type_size(1)
        ->allow_extra_args(false);
    catalogs_.emplace(&command, &catalog);
  }
  // Those of the chosen command; the exit code where one cannot be used.
  std::optional<ExitCode> load_plugins() {
    const auto chosen = catalogs_.find(app_.get_subcommands().front());
    if (chosen == catalogs_.end()) { return std::nullopt; }
    auto catalog = catalog_with(plugins_);
    if (!catalog) { return catalog.error(); }
    run_.plugins = plugins_;
    *chosen->second = *std::move(catalog);
    return std::nullopt;
  }
  static void add_json(CLI::App& command, bool& json, const std::string& what) {
    command.add_flag("--json", json, what);
  }
  static void add_force(CLI::App& command, bool& force) {
    command.add_flag("--force", force, "Replace output files that exist.");
  }
  static void add_quiet(CLI::App& command, bool& quiet) {
    command.add_flag("--quiet", quiet, "Say nothing on standard error but errors and losses.");
  }

  void add_run() {
    CLI::App& run =
        add("run", "Run a graph, live or over files, as its configuration says; or a flow of programs.",
            "  streamlab run configs/live_capture.json\n"
            "  streamlab run configs/file_analysis.json --set input=take.wav --json > levels.jsonl\n"
            "  streamlab run configs/tone_to_speakers.json --set frequency=440 --seconds 5\n"
            "  streamlab run configs/flow_lines.yaml --state '{\"name\": \"value\"}'\n"
            "Ctrl-C ends a run cleanly; a second Ctrl-C gives up what is still under way.",
            [this] { return run_command(run_); });
    add_config(run, run_.config);
    CLI::Option* seconds = run.add_option("--seconds", run_.seconds, "End after this much signal.")
                               ->type_name("S")
                               ->check(check_seconds);
    CLI::Option* watch = run.add_flag("--watch", run_.watch,
                                      "Take the configuration over whenever it is saved, without a gap.");
    run.add_flag("--allow-gap", run_.allow_gap, "With --watch: also where what is played would jump.")
        ->needs(watch);
    run.add_option("--frames", run_.frames, "End after this many frames.")
        ->type_name("N")
        ->check(check_count)
        ->excludes(seconds);
    run.add_option("--state", run_.state, "Of a flow: the state that it begins with, or @FILE.")
        ->type_name("JSON");
    run.add_flag("--resume", run_.resume, "Of a flow: go on from where \"interrupt_after\" ended it.");
    run.add_option("--save", run_.save, "Of a flow: where its progress is kept; left out, CONFIG.progress.")
        ->type_name("FILE");
    add_json(
        run, run_.json,
        "Print JSON Lines on standard output (standard error, where a PipeSink streams to stdout): blocks, "
        "device, summary.");
    add_quiet(run, run_.quiet);
    add_force(run, run_.force);
  }
  void add_check() {
    CLI::App& check =
        add("check", "Check a configuration and show what it would run: threads, formats, latency, memory.",
            "  streamlab check configs/live_capture.json", [this] { return check_command(check_); });
    add_config(check, check_.config);
    add_json(check, check_.json, "Print one JSON object.");
  }
  void add_batch() {
    CLI::App& batch = add(
        "batch", "Run one configuration over many files, several at a time.",
        "  streamlab batch configs/batch_levels.json *.wav --out-dir results\n"
        "  streamlab batch configs/batch_levels.json recordings/ --csv levels.csv\n"
        "  streamlab batch configs/file_to_file.json a.wav b.wav --out-dir filtered --jobs 2\n"
        "Each file takes the place of the first FileSource's path, or of AudioInput's device. Variables of a\n"
        "file: ${input} is its path, ${dir} the folder in it, ${stem} its name without folder and ending, ${ext}\n"
        "the ending without its dot, ${index} its number from 1. Output and its order do not depend on --jobs;\n"
        "what goes to standard output names its file: before it, in \"input\" of each object, or in a column.\n"
        "A file is PATH.part until it is complete; so is a table, also after an interrupt. What was done is noted in\n"
        "TABLE.batch, or, without a table, in DIR/streamlab.batch, for --resume. Exit codes: 0 all done; 1 some failed,\n"
        "or interrupted; 2 refused, or every file was: nothing was started; 3 all done, but data was lost (now, or\n"
        "earlier in files that --resume leaves alone). A file without a result is counted and is no failure.",
        [this] {
          if (batch_.files.empty() && batch_.files_from.empty()) {
            return report(
                {ErrorCode::refused, "batch", "no file was given", "FILES, folders or --files-from", ""}, "");
          }
          return batch_command(batch_);
        });
    add_config(batch, batch_.config);
    batch.add_option("FILES", batch_.files, "Sound files, or folders: all sound files in and below them.")
        ->type_name("");
    batch
        .add_option(
            "--files-from", batch_.files_from,
            "Further files from a list, a path on each line, or between NULs; \"-\": on standard input.")
        ->type_name("LIST");
    batch_.jobs = std::max(1U, std::thread::hardware_concurrency());
    batch.add_option("--jobs,-j", batch_.jobs, "Files at a time; left out, one for each processor core.")
        ->type_name("N")
        ->check(check_small_count);
    batch
        .add_option(
            "--out-dir", batch_.out_dir,
            "Relative output paths go to DIR/<stem>/; for files of one stem, to DIR/<folder>/<stem>/.")
        ->type_name("DIR");
    batch.add_flag("--keep-folders", batch_.keep_folders,
                   "With --out-dir: to DIR/<path of the file>/, whatever the other files are called.");
    CLI::Option* csv =
        batch
            .add_option(
                "--csv", batch_.csv,
                "One table of the results of all files, with names, exit codes and losses, in place of what CsvSink and "
                "JsonlSink write, or else Print shows; files that failed have no row. \"-\": on standard output.")
            ->type_name("FILE");
    batch.add_option("--jsonl", batch_.jsonl, "Likewise, as JSON Lines.")->type_name("FILE")->excludes(csv);
    batch
        .add_option(
            "--failures", batch_.failures,
            "Write the paths of files that failed, or that an interrupt kept from being done, to LIST, "
            "which --files-from takes; \"-\": to standard output.")
        ->type_name("LIST");
    batch.add_flag(
        "--resume", batch_.resume,
        "Go on with an earlier batch: files that it has done with this configuration and that have not changed "
        "are left alone, the others done (again). Rows of other files stay in the table.");
    add_json(batch, batch_.json, "Print JSON Lines: for each file, failed or not, an object, then blocks.");
    add_quiet(batch, batch_.quiet);
    add_force(batch, batch_.force);
  }
  void add_record() {
    CLI::App& record = add(
        "record", "Record a device into a sound file.",
        "  streamlab record --device jack --seconds 10 --subtype pcm_24 take.wav\n"
        "  streamlab record --device alsa:hw:0 --rate 48000 --channels 2 --seconds 60 take.flac\n"
        "The ending of OUT chooses the format: .wav, .rf64, .w64, .flac. Ctrl-C ends the recording; on a terminal\n"
        "a meter shows the level and holds its peaks for 3 s.",
        [this] { return record_command(record_); });
    record.add_option("OUT", record_.out, "The file to write.")->type_name("")->required();
    record
        .add_option("--device", record_.device, "As \"streamlab devices\" lists it; left out, \"default\".")
        ->type_name("D");
    record.add_option("--rate", record_.sample_rate_hz, "Sample rate; left out, the device's.")
        ->type_name("HZ")
        ->check(check_seconds);
    record
        .add_option("--channels", record_.channels,
                    "The first N channels; left out, the first two or the only one.")
        ->type_name("N")
        ->check(check_small_count);
    record.add_option("--period", record_.period_frames, "Frames per block; left out, the device's.")
        ->type_name("FRAMES")
        ->check(check_small_count);
    record
        .add_option("--subtype", record_.subtype, "Samples: pcm_16, pcm_24, pcm_32, float, double or auto.")
        ->type_name("T");
    record.add_option("--seconds", record_.seconds, "Length of the recording; left out, until Ctrl-C.")
        ->type_name("S")
        ->check(check_seconds);
    add_json(record, record_.json, "Print device and summary as JSON Lines.");
    add_quiet(record, record_.quiet);
    add_force(record, record_.force);
  }
  void add_info() {
    CLI::App& info = add("info", "Show what a sound file holds.", "  streamlab info take.wav",
                         [this] { return info_command(file_, json_); });
    info.add_option("FILE", file_, "The sound file.")->type_name("")->required();
    add_json(info, json_, "Print one JSON object.");
  }
  void add_devices() {
    CLI::App& devices = add("devices", "List the devices: channels, rates, formats, busy or free.",
                            "  streamlab devices", [this] { return devices_command(json_); });
    add_json(devices, json_, "Print one JSON object a line.");
  }
  void add_nodes() {
    CLI::App& nodes =
        add("nodes", "List the node types, or explain one.",
            "  streamlab nodes\n  streamlab nodes LevelMeter\n  streamlab nodes --markdown > reference.md",
            [this] { return nodes_command(nodes_); });
    CLI::Option* name =
        nodes.add_option("NAME", nodes_.name, "The node type to explain; left out, all are listed.")
            ->type_name("");
    add_json(nodes, nodes_.json, "Print one JSON object a line.");
    nodes.add_flag("--markdown", nodes_.markdown, "Print the reference manual.")->excludes(name);
    add_plugins(nodes, nodes_.catalog);
  }
  void add_schema() {
    CLI::App& schema =
        add("schema", "Print the JSON Schema of configurations: graphs and flows.",
            "  streamlab schema > streamlab.schema.json", [this] { return schema_command(schema_); });
    add_plugins(schema, schema_);
  }
  void add_graph() {
    CLI::App& graph = add("graph", "Print a graph in DOT, for Graphviz.",
                          "  streamlab graph configs/live_capture.json | dot -Tsvg > graph.svg",
                          [this] { return graph_command(graph_); });
    add_config(graph, graph_);
  }
  void add_doctor() {
    CLI::App& doctor =
        add("doctor", "Show what this machine gives to real-time audio, and what to do about it.",
            "  streamlab doctor", [this] { return doctor_command(json_); });
    add_json(doctor, json_, "Print one JSON object a line.");
  }

  void add_completion() {
    CLI::App& completion =
        add("completion", "Print what makes a shell complete commands, options and node types.",
            "  source <(streamlab completion bash)\n"
            "  streamlab completion zsh > ~/.zfunc/_streamlab\n"
            "An installed StreamLab has put both where the shells look for them.",
            [this] { return completion_command(); });
    completion.add_option("SHELL", shell_, "bash or zsh.")
        ->type_name("")
        ->required()
        ->check(CLI::IsMember(std::vector<std::string>{"bash", "zsh"}).description(""));
  }
  ExitCode completion_command() const {
    const NodeCatalog& catalog = default_catalog();
    const CommandInfo program = described(app_);
    to_stdout(shell_ == "bash" ? bash_completion(program, catalog) : zsh_completion(program, catalog));
    return ExitCode::success;
  }
  // For the build, so that no list of commands shows it.
  void add_manual() {
    CLI::App& manual = add("manual", "Write the manual pages.", "  streamlab manual --to FOLDER",
                           [this] { return manual_command(manual_folder_); });
    manual.group("");
    manual.add_option("--to", manual_folder_, "The folder that they are written into.")
        ->type_name("DIR")
        ->required();
  }
  ExitCode manual_command(const std::string& folder) const {
    for (const ManPage& page : man_pages(described(app_), default_catalog())) {
      const std::string path = folder + "/" + page.file;
      std::ofstream file(path);
      file << page.text;
      file.close();
      if (!file) { return report({ErrorCode::failed, path, "cannot be written", "", ""}, ""); }
    }
    return ExitCode::success;
  }

  // A mistyped command is answered with the nearest one.
  std::optional<ExitCode> check_command_name(const std::string& name) const {
    if (name.starts_with("-")) { return std::nullopt; }
    std::vector<std::string> names;
    for (const CLI::App* command : app_.get_subcommands({})) { names.push_back(command->get_name()); }
    if (std::find(names.begin(), names.end(), name) != names.end()) { return std::nullopt; }
    std::string hint = did_you_mean(name, std::vector<std::string_view>(names.begin(), names.end()));
    if (hint.empty()) { hint = "\"streamlab --help\" lists them"; }
    return report({ErrorCode::refused, "streamlab", "there is no command \"" + name + "\"", "", hint}, "");
  }
  // The first of what no option and no argument took.
  static Error unknown_argument(const CLI::App& command, const std::string& name) {
    const std::vector<std::string> rest = command.remaining();
    const auto option = std::find_if(
        rest.begin(), rest.end(), [](const std::string& text) { return text.size() > 1 && text[0] == '-'; });
    const std::string help = fmt::format("\"{} --help\" explains", name);
    if (option == rest.end()) {
      const std::string text = rest.empty() ? std::string() : fmt::format(" \"{}\"", rest.front());
      return {ErrorCode::refused, name, fmt::format("the argument{} is one too many", text), "", help};
    }
    const std::string given = option->substr(0, option->find('='));
    std::vector<std::string> names;
    for (const CLI::Option* known : command.get_options()) {
      for (const std::string& long_name : known->get_lnames()) { names.push_back(long_name); }
    }
    const std::vector<std::string_view> views(names.begin(), names.end());
    const std::string_view bare = std::string_view(given).substr(given.find_first_not_of('-') % given.size());
    std::string_view meant = related_name(bare, views);
    if (meant.empty()) { meant = nearest_name(bare, views); }
    return {ErrorCode::refused, name, fmt::format("there is no option \"{}\"", given), "",
            meant.empty() ? help : fmt::format("did you mean \"--{}\"?", meant)};
  }
  // Help and version are no errors.
  ExitCode explain(const CLI::ParseError& error) const {
    if (error.get_exit_code() == 0) {
      app_.exit(error);
      return ExitCode::success;
    }
    const auto chosen = app_.get_subcommands();
    const std::string name = chosen.empty() ? "streamlab" : "streamlab " + chosen.front()->get_name();
    if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
      return report(unknown_argument(chosen.empty() ? app_ : *chosen.front(), name), "");
    }
    return report({ErrorCode::refused, name, error.what(), "", fmt::format("\"{} --help\" explains", name)},
                  "");
  }

  CLI::App app_;
  Action action_;
  RunArguments run_;
  CheckArguments check_;
  BatchArguments batch_;
  RecordArguments record_;
  NodesArguments nodes_;
  ConfigArguments graph_;
  NodeCatalog schema_;
  std::vector<std::string> plugins_;
  std::map<const CLI::App*, NodeCatalog*> catalogs_;  // of the commands that take plug-ins
  std::string file_;
  std::string shell_;
  std::string manual_folder_;
  bool json_ = false;
};

ExitCode main_of(int argc, char** argv) {
  set_signals();
  const dsp::CpuPathChoice& path = dsp::chosen_cpu_path();
  if (!path.error.empty()) {
    return report({ErrorCode::refused, "STREAMLAB_CPU_PATH", path.error, "", ""}, "");
  }
  const ExitCode code = CommandLine().run(argc, argv);
  if (ran_out_of_memory()) { return report({ErrorCode::failed, "", "memory ran out", "", ""}, ""); }
  errno = 0;
  const bool flushed = std::fflush(stdout) == 0;
  const int error_number = errno;
  const bool written = flushed && std::ferror(stdout) == 0;
  if (written || code == ExitCode::failed) { return code; }  // a failed node has said so itself
  return report(stdout_failure(error_number), "");
}

}  // namespace
}  // namespace streamlab::app

int main(int argc, char** argv) {
  streamlab::app::occupy_closed_streams();
  try {
    return static_cast<int>(streamlab::app::main_of(argc, argv));
  } catch (const std::exception& error) {  // a library was refused memory, or a defect of ours
    const bool is_memory = dynamic_cast<const std::bad_alloc*>(&error) != nullptr;
    streamlab::app::to_stderr(fmt::format("streamlab: {}\n", is_memory ? "memory ran out" : error.what()));
    return static_cast<int>(streamlab::app::ExitCode::failed);
  }
}
