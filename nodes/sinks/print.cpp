// nodes/sinks/print.cpp
//
// Print: shows what passes on standard output.
//
//   in   audio, spectra or values
//
// brief, one line a channel (brief_text.hpp):
//   [label] 0:00.500  left   peak   -6.65 dBFS  rms  -21.93 dB re 1 FS    values
//   [label] 0:00.500  left     -6.02 dBFS at 1000.0 Hz, -40.12 dBFS at 50.0 Hz  the largest peaks of a spectrum
//   [label] 0:00.500  left   rms  0.354 FS  mean      0 FS                 audio
// full, every number with all its digits:
//   [label] Frame #sequence @ time µs                                      of a live block also (14:03:21.480)
//     channel: len=1024, mean=0.000123, rms=0.3535533905932738             audio
//     channel.rms_db: -9.030899869919436 dB re 1 FS                        values; null where undefined
//     channel: bins=2049, peak=0.5 FS at 996.09375 Hz                      spectra
//
// What is wrong with a block stands behind it: (gap of 480 frames, clipped). With --json each block is
// one JSON object on a line of its own, its numbers in full precision.
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <unistd.h>

#include "engine/base/printable.hpp"
#include "engine/core/node.hpp"
#include "nodes/sinks/brief_text.hpp"
#include "nodes/sinks/full_text.hpp"
#include "nodes/sinks/text_output.hpp"

namespace streamlab {
namespace print_node {
namespace {

constexpr std::string_view kFormats[] = {"brief", "full"};
constexpr ParamInfo kParams[] = {
    param::as(ParamRole::label, param::text("label", "Print", "Stands in brackets before each block.")),
    param::live(
        param::integer("every", "blocks", {1.0, 1e9}, 1.0, "Shows the first block and then each n-th.")),
    param::choice(
        "format", kFormats, "brief",
        "brief: one line a channel, levels with two decimals, other numbers with three significant digits; full: "
        "every number with all its digits. "
        "--json gives all of them in any case."),
};
constexpr auto kLabel = param::at(kParams, "label");
constexpr auto kEvery = param::at(kParams, "every");
constexpr auto kFormat = param::at(kParams, "format");
constexpr NodeInfo kInfo{
    .name = "Print",
    .description = "Shows audio, spectra or values on standard output.",
    .inputs = kAnyInPort,
    .outputs = {},
    .params = kParams,
    .rt_safe = RtSafe::no,
    .records = Records::console,
    .at_gap = "Shows the gap's length with the block behind it.",
    .details =
        "brief: the time of the block (of day when it is live, else since the stream's beginning), the channel and, of "
        "levels, those that are looked at first: peak, rms, crest, and how many samples clipped or were not finite, if "
        "any did; behind a Reduce with its operation, \"max peak\". On a terminal a bar of -60 .. 0 dB re full scale "
        "holds the peaks of the last 3 s. Of spectra the three largest peaks, down to 60 dB below the largest: level "
        "and frequency of the tone that would make them, also between two bins; of a density (psd) its largest bins. "
        "Levels of tones are in dBFS for amplitude, dB re 1 FS for rms, dB re 1 FS² for power; in Pa they are "
        "dB SPL re 20 µPa, in V dBV, which are levels of the rms, for all three. Of audio rms and mean of the finite "
        "samples. -- is undefined, such as the crest factor of silence. full: all values, each with its unit, the "
        "number of bins, the largest bin; null is undefined. Levels of silence are -inf.",
    .example = R"({"id": "show", "type": "Print", "config": {"label": "Mic"}})",
    .cost_ns_per_frame = 5.0,
};

class Print final : public Node {
 public:
  explicit Print(const ParamValues& params)
      : label_(params.text(kLabel)),
        initial_every_(static_cast<std::uint64_t>(params.integer(kEvery))),
        is_full_(params.choice(kFormat) == 1) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    console_ = context.console;
    if (console_ != Console::off) { output_.emplace(context.console_file); }
    brief_.reset();
    if (console_ == Console::text && !is_full_) {
      const int fd = context.console_file == nullptr ? -1 : ::fileno(context.console_file);
      const auto bars = fd >= 0 && ::isatty(fd) == 1 ? BriefText::Bars::yes : BriefText::Bars::no;
      brief_.emplace(*context.inputs[0], label_, bars);
    }
    reset();
    return std::vector<OutputFormat>{};
  }

  void reset() noexcept override {
    every_ = initial_every_;
    seen_ = 0;
    if (output_) { output_->renew(); }
    if (brief_) { brief_->reset(); }
  }

  Result<std::unique_ptr<NodeChange>> plan_change(const ParamValues& now) const override {
    return make_change(static_cast<std::uint64_t>(now.integer(kEvery)));
  }
  void apply(NodeChange& change) noexcept override { every_ = value_of<std::uint64_t>(change); }

  Status process(std::span<const DataFrame* const> in,
                 [[maybe_unused]] std::span<OutputPort> out) noexcept override {
    const bool shown = seen_++ % every_ == 0;
    if (!shown || console_ == Console::off) { return Status::ok; }
    const std::string text = text_of(*in[0]);
    // Whole blocks at once, and none kept back: another program may be reading.
    if (!output_->write(text)) {
      error_ = errno;
      return Status::fault;
    }
    return Status::ok;
  }

  void stop_waiting() noexcept override {
    if (output_) { output_->stop_waiting(); }
  }
  std::vector<NodeNote> notes() const override {
    return output_ ? output_->notes("shown") : std::vector<NodeNote>{};
  }

  Error failure() const override {
    return {ErrorCode::failed, "standard output", fmt::format("cannot be written: {}", std::strerror(error_)),
            "", ""};
  }

 private:
  // Names and units come from files, and may neither command the terminal nor make lines of their own.
  std::string text_of(const DataFrame& frame) {
    if (console_ == Console::json_lines) { return printable(json_line_of(frame, label_), LineEnds::keep); }
    return brief_ ? (*brief_)(frame) : full_text_of(frame, label_);
  }

  const std::string label_;
  const std::uint64_t initial_every_;
  std::uint64_t every_ = 1;  // in force; counted from the first block
  const bool is_full_;
  std::optional<BriefText> brief_;  // made by prepare(), where it is used
  Console console_ = Console::text;
  std::optional<ConsoleText> output_;  // made by prepare()
  std::uint64_t seen_ = 0;             // blocks
  int error_ = 0;                      // errno of the failed write
};

}  // namespace
}  // namespace print_node

extern const NodeEntry kPrintEntry{print_node::kInfo, make_node<print_node::Print>};

}  // namespace streamlab
