// apps/streamlab/doctor.cpp
//
// streamlab doctor: what this machine gives to real-time audio, and what to do about what it does not.
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/streamlab/commands.hpp"
#include "apps/streamlab/console.hpp"
#include "engine/base/printable.hpp"
#include "hal/system_state.hpp"
#include "nodes/dsp/cpu_path.hpp"

namespace streamlab::app {
namespace {

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::ok:
      return "ok";
    case Verdict::warn:
      return "warn";
    case Verdict::fail:
      return "fail";
  }
  return {};
}

std::vector<SystemFact> all_facts() {
  std::vector<SystemFact> facts = system_state();
  const dsp::CpuPathChoice& path = dsp::chosen_cpu_path();
  facts.push_back({"vector unit", "the widest that the processor has", std::string(dsp::name(path.path)),
                   path.error.empty() ? Verdict::ok : Verdict::warn, path.error});
  return facts;
}

}  // namespace

ExitCode doctor_command(bool json) {
  const std::vector<SystemFact> facts = all_facts();
  if (json) {
    for (const SystemFact& fact : facts) {
      print_json_line({{"type", "fact"},
                       {"name", fact.name},
                       {"asked", fact.asked},
                       {"in_force", fact.in_force},
                       {"verdict", to_string(fact.verdict)},
                       {"remedy", fact.remedy}});
    }
    return ExitCode::success;
  }
  std::size_t width = 0;
  for (const SystemFact& fact : facts) { width = std::max(width, fact.name.size()); }
  std::size_t remarks = 0;
  for (const SystemFact& fact : facts) {
    to_stdout(fmt::format("{:<5} {:<{}}  {}\n", to_string(fact.verdict), fact.name, width,
                          printable(fact.in_force)));
    if (fact.verdict == Verdict::ok) { continue; }
    ++remarks;
    to_stdout(fmt::format("{:{}}  wanted: {}\n", "", width + 6, fact.asked));
    if (!fact.remedy.empty()) {
      to_stdout(fmt::format("{:{}}  remedy: {}\n", "", width + 6, printable(fact.remedy)));
    }
  }
  to_stdout(remarks == 0 ? "\nEverything is as real-time audio wants it.\n"
                         : fmt::format("\n{} could be better.\n", counted(remarks, "thing")));
  return ExitCode::success;
}

}  // namespace streamlab::app
