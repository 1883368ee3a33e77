// nodes/process/process_command.hpp
//
// What the node Process starts: a command or a script, with environment and folder, as its parameters say.
#pragma once

#include "engine/core/param.hpp"
#include "engine/process/child.hpp"

namespace streamlab {

namespace process_command {
inline constexpr ParamInfo kCommand = param::json(
    "command", Need::optional, "The program and its arguments, a list of texts. No shell sees them.");
inline constexpr ParamInfo kRun = param::text("run", Need::optional, "A script, instead of a command.");
inline constexpr ParamInfo kShell =
    param::text("shell", "python", "What runs the script: \"python\", \"sh\", \"bash\" or an absolute path.");
inline constexpr ParamInfo kEnv =
    param::json("env", Need::optional, "Environment variables, an object of texts. Never printed.");
inline constexpr ParamInfo kCwd =
    param::text("cwd", Need::optional, "Its working directory; left out, ours.");
}  // namespace process_command

struct ProcessCommandParams {  // where they stand in the node's table
  std::size_t command, run, shell, env, cwd;
};

// Refused, with `where` relative to the node: both command and run, or neither; a command that is no list of
// texts; a program that is not there or may not be executed; a folder that is none.
Result<ChildSpec> read_process_command(const ParamValues& params, const ProcessCommandParams& at);

}  // namespace streamlab
