// nodes/device_params.hpp
//
// The parameters that select the graph's device, the same for input and output. The engine reads them by role
// and opens one device for both.
#pragma once

#include "engine/core/param.hpp"

namespace streamlab {

inline constexpr std::string_view kSampleFormatChoices[] = {
    "auto", "S16_LE", "S24_3LE", "S24_LE", "S24_LE_HIGH", "S32_LE", "FLOAT_LE", "FLOAT64_LE"};
inline constexpr std::string_view kAccessChoices[] = {"auto", "mmap", "rw"};
inline constexpr std::string_view kOnDeviceLossChoices[] = {"wait", "stop"};

inline constexpr ParamInfo kDeviceParams[] = {
    param::as(
        ParamRole::device,
        param::text(
            "device", "default",
            "\"default\" (a running JACK server, else an ALSA card, else the simulated card), \"jack[:SERVER]\", "
            "\"alsa:PCM\", \"sim[:FILE]\", or \"file:PATH\" to process a recording as fast as possible.")),
    param::as(
        ParamRole::device_channels,
        param::list(
            "channels", ParamType::labels, "", {}, Need::optional,
            "Device connectors, numbered from 1, in the order of the graph's channels. Left out: the first two, "
            "or the only one.")),
    param::as(ParamRole::device_ports,
              param::list(
                  "ports", ParamType::labels, "", {}, Need::optional,
                  "JACK: full names of the ports to connect, one per channel. Left out: the physical ones.")),
    param::as(ParamRole::device_sample_format, param::choice("sample_format", kSampleFormatChoices, "auto",
                                                             "ALSA: sample format of the device.")),
    param::as(ParamRole::device_access, param::choice("access", kAccessChoices, "auto",
                                                      "ALSA: access mode, memory-mapped or read/write.")),
    param::as(ParamRole::device_periods, param::integer("periods", "", {2, 64}, Need::optional,
                                                        "ALSA: periods in the device's buffer.")),
    param::as(ParamRole::device_loss,
              param::choice("on_device_loss", kOnDeviceLossChoices, "wait",
                            "If the device is lost: wait for it and mark the gap, or stop the run.")),
    param::as(ParamRole::device_script,
              param::json("sim", Need::optional,
                          "The simulated card's clock, input and faults: sim.md among the documents.")),
};

}  // namespace streamlab
