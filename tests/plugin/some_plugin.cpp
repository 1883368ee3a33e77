// tests/plugin/some_plugin.cpp
//
// The plug-ins of the tests, one a value of SL_SOME_PLUGIN: one that is right, and one for each thing that can be wrong.
#include "engine/plugin/plugin.hpp"

#define SL_RIGHT 1
#define SL_OTHER_VERSION 2
#define SL_OTHER_HEADERS 3
#define SL_NO_FUNCTION 4
#define SL_LACKS_A_FUNCTION 5
#define SL_NAME_OF_STREAMLAB 6
#define SL_SAME_NAME 7
#define SL_BAD_DESCRIPTION 8
#define SL_NO_NODES 9
#define SL_OTHER_VERSION_LACKS_A_FUNCTION 10
#define SL_SAYS_NOTHING 11
#define SL_TWICE 12
#define SL_OTHER_LAYOUT 13

namespace streamlab {

void function_of_nobody(double& sample);

namespace some_plugin {
namespace {

// Twice: y = 2 x, and remembers a file that it says it reads.
constexpr ParamInfo kParams[] = {
    param::as(ParamRole::input_file, param::text("table", Need::optional, "A file that is read.")),
#if SL_SOME_PLUGIN == SL_BAD_DESCRIPTION
    param::text("table", "", "The same again."),
#endif
};
constexpr NodeInfo kInfo {
#if SL_SOME_PLUGIN == SL_NAME_OF_STREAMLAB
  .name = "Gain",
#else
  .name = "Twice",
#endif
  .description = "Doubles every sample.", .inputs = kAudioInPort, .outputs = kAudioOutPort, .params = kParams,
  .rt_safe = RtSafe::yes, .in_place = InPlace::yes, .at_gap = "Carries on.",
  .example = R"({"id": "loud", "type": "Twice"})",
};

class Twice final : public Node {
 public:
  explicit Twice(const ParamValues& /*params*/) {}
  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    return std::vector{OutputFormat{*context.inputs[0]}};
  }
  void reset() noexcept override {}
  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept override {
    DataFrame& y = out[0].emit();
    for (std::uint32_t c = 0; c < y.channel_count(); ++c) {
      for (std::uint32_t n = 0; n < y.frame_count(); ++n) {
        y.channel(c)[n] = 2.0 * in[0]->channel(c)[n];
#if SL_SOME_PLUGIN == SL_LACKS_A_FUNCTION || SL_SOME_PLUGIN == SL_OTHER_VERSION_LACKS_A_FUNCTION
        function_of_nobody(y.channel(c)[n]);
#endif
      }
    }
    return Status::ok;
  }
};

}  // namespace
}  // namespace some_plugin

extern const NodeEntry kTwiceEntry{some_plugin::kInfo, make_node<some_plugin::Twice>};

}  // namespace streamlab

#if SL_SOME_PLUGIN == SL_OTHER_VERSION || SL_SOME_PLUGIN == SL_OTHER_VERSION_LACKS_A_FUNCTION || \
    SL_SOME_PLUGIN == SL_OTHER_HEADERS || SL_SOME_PLUGIN == SL_NO_NODES || SL_SOME_PLUGIN == SL_OTHER_LAYOUT
namespace {
void list_nothing(void (* /*take*/)(const void*, void*), void* /*context*/) {}
}  // namespace
#if SL_SOME_PLUGIN == SL_OTHER_HEADERS
const StreamLabPlugin streamlab_plugin{streamlab::kVersion, "0123456789ab", 0, &list_nothing};
#elif SL_SOME_PLUGIN == SL_OTHER_LAYOUT
const StreamLabPlugin streamlab_plugin{streamlab::kVersion, streamlab::kInterface, 0, &list_nothing};
#elif SL_SOME_PLUGIN == SL_NO_NODES
const StreamLabPlugin streamlab_plugin{streamlab::kVersion, streamlab::kInterface,
                                       streamlab::layout_of_interface(), &list_nothing};
#else
const StreamLabPlugin streamlab_plugin{"0.0.9", "0123456789ab", 0, &list_nothing};
#endif
#elif SL_SOME_PLUGIN == SL_SAYS_NOTHING
const StreamLabPlugin streamlab_plugin{};
#elif SL_SOME_PLUGIN == SL_TWICE
SL_PLUGIN(streamlab::kTwiceEntry, streamlab::kTwiceEntry)
#elif SL_SOME_PLUGIN != SL_NO_FUNCTION
SL_PLUGIN(streamlab::kTwiceEntry)
#endif
