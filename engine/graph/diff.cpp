// engine/graph/diff.cpp
#include "engine/graph/diff.hpp"

#include <set>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/base/real_path.hpp"
#include "engine/graph/change_params.hpp"

namespace streamlab {
namespace {

constexpr std::string_view kNewRun = "stop the graph and start the new one";

// The values of parameters that are live, or of those that are not, as JSON.
enum class Kind : bool { fixed, live };
nlohmann::ordered_json values_of(const ParamValues& params, Kind kind) {
  auto values = params_to_json(params, Defaults::included);
  for (const ParamInfo& info : params.infos()) {
    const bool is_live = info.live == Live::yes;
    if (is_live != (kind == Kind::live)) { values.erase(std::string(info.name)); }
  }
  return values;
}

Errors refuse_other_settings(const PipelineConfig& before, const PipelineConfig& after) {
  Errors errors;
  const auto compare = [&](std::string_view name, const auto& was, const auto& is) {
    if (was == is) { return; }
    errors.push_back({ErrorCode::refused, fmt::format("/pipeline_config/{}", name),
                      "cannot change while the graph runs", "", std::string(kNewRun)});
  };
  compare("sample_rate", before.sample_rate_hz, after.sample_rate_hz);
  compare("block_size", before.block_size, after.block_size);
  compare("duration_s", before.duration_s, after.duration_s);
  compare("threads", std::pair(before.threads.kind, before.threads.count),
          std::pair(after.threads.kind, after.threads.count));
  return errors;
}

// Files that the nodes of `before` write and that do not go on.
std::set<std::string> files_written(const ValidGraph& graph) {
  std::set<std::string> files;
  for (const ValidNode& node : graph.nodes()) {
    const auto path = node.text(ParamRole::output_file);
    if (path && *path != "-") { files.insert(real_path(*path)); }
  }
  return files;
}

}  // namespace

std::optional<std::size_t> former(const ValidGraph& before, const ValidNode& node, const FormerIds& ids) {
  const auto found = ids.find(node.id);
  if (found == ids.end()) { return before.find(node.id); }
  return found->second ? before.find(*found->second) : std::nullopt;
}

Checked<GraphDiff> diff(const ValidGraph& before, const ValidGraph& after, const FormerIds& ids) {
  GraphDiff diff;
  std::vector<bool> is_there(before.nodes().size(), false);
  Errors errors = refuse_other_settings(before.config(), after.config());
  const std::set<std::string> written = files_written(before);
  for (std::size_t n = 0; n < after.nodes().size(); ++n) {
    const ValidNode& node = after.nodes()[n];
    const auto old = former(before, node, ids);
    if (old) { is_there[*old] = true; }
    const bool is_same_type = old && before.nodes()[*old].info().name == node.info().name;
    const bool goes_on = is_same_type && values_of(before.nodes()[*old].params, Kind::fixed) ==
                                             values_of(node.params, Kind::fixed);
    diff.partner.push_back(goes_on ? old : std::nullopt);
    if (goes_on) {
      const bool is_same =
          values_of(before.nodes()[*old].params, Kind::live) == values_of(node.params, Kind::live);
      if (!is_same) { diff.changed.push_back(n); }
      continue;
    }
    (old ? diff.restarted : diff.added).push_back(n);
    if (node.info().boundary != Boundary::none) {
      errors.push_back({ErrorCode::refused, node.pointer,
                        fmt::format("\"{}\" would open the device again", node.id), "",
                        std::string(kNewRun)});
    }
    const auto path = node.text(ParamRole::output_file);
    if (path && *path != "-" && written.count(real_path(*path)) > 0) {
      errors.push_back({ErrorCode::refused, node.pointer_to(*node.find(ParamRole::output_file)),
                        fmt::format("\"{}\" is being written", *path), "another file", ""});
    }
  }
  for (std::size_t n = 0; n < before.nodes().size(); ++n) {
    const ValidNode& node = before.nodes()[n];
    if (is_there[n]) { continue; }
    diff.removed.push_back(n);
    if (node.info().boundary != Boundary::none) {
      errors.push_back({ErrorCode::refused, "/nodes",
                        fmt::format("without \"{}\" the device would be closed", node.id), "",
                        std::string(kNewRun)});
    }
  }
  after.name_nodes(errors);
  if (!errors.empty()) { return tl::unexpected(std::move(errors)); }
  return diff;
}

}  // namespace streamlab
