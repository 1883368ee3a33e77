// engine/stream/checkpoint.cpp
#include "engine/stream/stages/checkpoint.hpp"

namespace streamlab {

std::string chain_signature(StageBase& last, const std::string& key) {
  std::string signature;
  visit_in_flow_order(last, [&signature](StageBase& stage) {
    if (!signature.empty()) { signature += " | "; }
    signature += stage.signature();
  });
  return key.empty() ? signature : fmt::format("{} [{}]", signature, key);
}

Result<std::vector<std::byte>> save_chain(StageBase& last) {
  ByteWriter state;
  Result<void> saved;
  visit_in_flow_order(last, [&](StageBase& stage) {
    if (saved) { saved = stage.save(state); }
  });
  if (!saved) { return tl::unexpected(saved.error()); }
  return state.take();
}

Result<void> load_chain(StageBase& last, const std::vector<std::byte>& state) {
  ByteReader reader(state);
  Result<void> loaded;
  visit_in_flow_order(last, [&](StageBase& stage) {
    if (loaded) { loaded = stage.load(reader); }
  });
  if (loaded && reader.left() > 0) {
    return refused("", fmt::format("the checkpoint holds {} bytes that no stage takes", reader.left()));
  }
  return loaded;
}

}  // namespace streamlab
