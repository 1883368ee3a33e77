// engine/flow/python_step.cpp
#include "engine/flow/python_step.hpp"

namespace streamlab {

std::string_view python_step_program() {
  return R"python(import ast
import json
import linecache
import os
import select
import signal
import sys
import traceback


def fail(name, message):
    print(f"{name}: {message}", file=sys.stderr)
    sys.stderr.flush()
    os._exit(1)


def stdout_is_broken():
    poll = select.poll()
    poll.register(1, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def die_of_broken_pipe():
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGPIPE)


def function_of(body, label):
    linecache.cache[label] = (len(body), None, body.splitlines(True), label)
    module = ast.parse("def step(state): pass", label)
    parsed = ast.parse(body, label).body
    if parsed:
        module.body[0].body = parsed
    namespace = {"__name__": "__main__", "__file__": label}
    exec(compile(module, label, "exec"), namespace)
    return namespace["step"]


def run(body, name, state):
    try:
        step = function_of(body, f"<{name}>")
    except (SyntaxError, ValueError) as error:
        sys.stderr.write("".join(traceback.format_exception_only(type(error), error)))
        os._exit(1)
    try:
        result = step(state)
        sys.stdout.flush()
        return result
    except SystemExit as error:
        if error.code not in (None, 0):
            raise
        sys.stdout.flush()
        return None


def main():
    path, name = sys.argv[1:3]
    sys.argv = [name]
    sys.path[0] = os.getcwd()
    descriptor = int(os.environ["STREAMLAB_STATE_FD"])
    os.set_inheritable(descriptor, False)
    with open(path, encoding="utf-8") as file:
        body = file.read()
    with open(os.environ["STREAMLAB_STATE"], encoding="utf-8") as file:
        state = json.load(file)
    try:
        result = run(body, name, state)
    except BrokenPipeError:
        if not stdout_is_broken() and "STREAMLAB_FIFO_OUT" not in os.environ:
            raise
        die_of_broken_pipe()
    if result is None:
        result = {}
    if not isinstance(result, dict):
        fail(name, f"returned {type(result).__name__}; expected a dict")
    try:
        text = json.dumps(result, allow_nan=False)
    except (TypeError, ValueError) as error:
        fail(name, f"what it returned cannot be written as JSON: {error}")
    with open(descriptor, "w", encoding="utf-8") as out:
        out.write(text)


def without_this_file(kind, error, trace):
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    traceback.print_exception(kind, error, trace)


sys.excepthook = without_this_file
main()
)python";
}

}  // namespace streamlab
