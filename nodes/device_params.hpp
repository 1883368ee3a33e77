// nodes/device_params.hpp
//
// The parameters by which a graph names its device: the same for the node where sound comes in and the one
// where it goes out. The engine reads them by name and opens one device for both.
#pragma once

#include "engine/core/param.hpp"

namespace streamlab {

inline constexpr std::string_view kSampleFormatChoices[] = {
    "auto", "S16_LE", "S24_3LE", "S24_LE", "S24_LE_HIGH", "S32_LE", "FLOAT_LE", "FLOAT64_LE"};
inline constexpr std::string_view kAccessChoices[] = {"auto", "mmap", "rw"};
inline constexpr std::string_view kOnDeviceLossChoices[] = {"wait", "stop"};

inline constexpr ParamInfo kDeviceParams[] = {
    param::text(
        "device", "default",
        "\"default\" (a running JACK server, else an ALSA card, else the simulated card), \"jack[:SERVER]\", "
        "\"alsa:PCM\", \"sim[:FILE]\", or \"file:PATH\" to run over a recording as fast as it goes."),
    param::list(
        "channels", ParamType::labels, "", {}, Need::optional,
        "Connectors of the device by number from 1, in the order in which the graph sees them. Left out: the "
        "first two, or the only one."),
    param::list("ports", ParamType::labels, "", {}, Need::optional,
                "JACK: full names of the ports to connect, one per channel. Left out: the physical ones."),
    param::choice("sample_format", kSampleFormatChoices, "auto", "ALSA: sample format on the wire."),
    param::choice("access", kAccessChoices, "auto", "ALSA: how samples are handed over."),
    param::integer("periods", "", {2, 64}, Need::optional, "ALSA: periods in the device's buffer."),
    param::choice("on_device_loss", kOnDeviceLossChoices, "wait",
                  "When the device goes away: wait for it and mark the gap, or stop the run."),
    param::json("sim", Need::optional,
                "The simulated card's clock, input and script of faults: see docs/sim.md."),
};

}  // namespace streamlab
