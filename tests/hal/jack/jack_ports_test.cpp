// tests/hal/jack/jack_ports_test.cpp
#include "hal/jack/jack_ports.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace streamlab {
namespace {

using testing::ElementsAre;
using testing::FieldsAre;
using Channels = std::vector<std::uint32_t>;
using Names = std::vector<std::string>;

const ServerPorts kServer{{"system:capture_1", "system:capture_2"},
                          {"system:capture_1", "system:capture_2", "synth:left"},
                          {"system:playback_1"}};

Result<std::vector<PortPair>> choose(const Channels& channels, const Names& names,
                                     const ServerPorts& server = kServer) {
  return choose_ports("jack", PortSide::capture, server, channels, names);
}
std::string message(const Channels& channels, const Names& names, const ServerPorts& server = kServer) {
  const auto pairs = choose(channels, names, server);
  return pairs ? "accepted" : to_string(pairs.error());
}

TEST(ChoosePorts, TakesAllPhysicalPortsOnItsOwn) {
  EXPECT_THAT(*choose({}, {}),
              ElementsAre(FieldsAre("in_1", "system:capture_1"), FieldsAre("in_2", "system:capture_2")));
}

TEST(ChoosePorts, TakesChannelsInTheOrderAsked) {
  EXPECT_THAT(*choose({2, 1}, {}),
              ElementsAre(FieldsAre("in_2", "system:capture_2"), FieldsAre("in_1", "system:capture_1")));
}

TEST(ChoosePorts, TakesPortsByNameAndLeavesAnEmptyOneUnconnected) {
  EXPECT_THAT(*choose({}, {"synth:left", ""}),
              ElementsAre(FieldsAre("in_1", "synth:left"), FieldsAre("in_2", "")));
  EXPECT_THAT(*choose({5, 3}, {"synth:left", ""}),
              ElementsAre(FieldsAre("in_5", "synth:left"), FieldsAre("in_3", "")));
}

TEST(ChoosePorts, NamesOurPlaybackPortsOut) {
  EXPECT_THAT(*choose_ports("jack", PortSide::playback, kServer, Channels{2}, Names{}),
              ElementsAre(FieldsAre("out_2", "system:capture_2")));
}

TEST(ChoosePorts, RefusesWhatIsNotThereWithWhatIs) {
  EXPECT_EQ(
      message({0}, {}),
      "jack: there is no capture channel 0; expected 1 .. 2; the server's physical ports: system:capture_1, "
      "system:capture_2");
  EXPECT_EQ(message({1, 1}, {}), "jack: capture channel 1 is requested twice");
  EXPECT_EQ(message({1}, {"synth:left", ""}),
            "jack: 2 capture ports are given for 1 channels; expected one port for each channel");
  EXPECT_EQ(message({}, {"synth:lefd"}),
            "jack: there is no JACK port \"synth:lefd\"; did you mean \"synth:left\"?");
  EXPECT_EQ(message({}, {"elsewhere"}),
            "jack: there is no JACK port \"elsewhere\"; the server has system:capture_1, system:capture_2, "
            "synth:left");
  EXPECT_EQ(
      message({}, {"system:playback_1"}),
      "jack: JACK port \"system:playback_1\" is an input; expected a port to capture from; the server has "
      "system:capture_1, system:capture_2, synth:left");
  EXPECT_EQ(message({}, {}, {{}, {"synth:left"}, {}}),
            "jack: the JACK server has no physical capture ports; give port names; it has synth:left");
  EXPECT_EQ(message({1}, {}, {}), "jack: there is no capture channel 1; the server's physical ports: none");
}

}  // namespace
}  // namespace streamlab
