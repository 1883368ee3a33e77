// nodes/process/process_command.hpp
//
// The program of node Process: a command or a script, with environment and folder, from its parameters.
#pragma once

#include "engine/core/param.hpp"
#include "engine/process/child.hpp"

namespace streamlab {

namespace process_command {
inline constexpr ParamInfo kCommand =
    param::as(ParamRole::command,
              param::json("command", Need::optional,
                          "The program and its arguments, as a list of strings. No shell is involved."));
inline constexpr ParamInfo kRun = param::text("run", Need::optional, "A script, instead of a command.");
inline constexpr ParamInfo kShell =
    param::text("shell", "python", "What runs the script: \"python\", \"sh\", \"bash\" or an absolute path.");
inline constexpr ParamInfo kEnv =
    param::json("env", Need::optional, "Environment variables, an object of strings. Never printed.");
inline constexpr ParamInfo kCwd =
    param::as(ParamRole::folder,
              param::text("cwd", Need::optional, "Its working directory; left out: the current one."));
}  // namespace process_command

struct ProcessCommandParams {  // their indices in the node's table
  std::size_t command, run, shell, env, cwd;
};

// Refused, with `where` relative to the node: both command and run, or neither; a command that is not a list
// of strings; a program that does not exist or is not executable; a folder that does not exist.
Result<ChildSpec> read_process_command(const ParamValues& params, const ProcessCommandParams& at);

}  // namespace streamlab
