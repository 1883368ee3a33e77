// tests/hal/backends_test.cpp
#include "hal/backends.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/recording_client.hpp"
#include "tests/support/virtual_driver.hpp"

namespace streamlab {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Three backends of which the test says what is there.
class Backends : public testing::Test {
 protected:
  std::vector<Backend> backends() {
    const auto opener = [this](const DeviceRequest& request) -> Result<std::unique_ptr<Driver>> {
      opened_ = request;
      if (busy_) { return failed(request.device, "is busy"); }
      return driver_.opener()(request);
    };
    const auto find = [](const bool& there, std::string what) {
      return [&there, what]() -> Result<std::string> {
        if (there) { return "the " + what; }
        return failed(what, "no " + what);
      };
    };
    return {{.name = "jack",
             .forms = {"jack", "jack:SERVER"},
             .find = find(jack_, "server"),
             .open = opener,
             .list = {},
             .has_ports = true},
            {.name = "alsa",
             .forms = {"alsa:PCM"},
             .find = find(alsa_, "card"),
             .open = opener,
             .list = [this]() -> Result<std::vector<DeviceEntry>> {
               if (!alsa_) { return failed("alsa", "no card"); }
               std::vector<DeviceEntry> cards(2);
               cards[0].device = "alsa:a";
               cards[1].device = "alsa:b";
               return cards;
             }},
            {.name = "sim",
             .forms = {"sim"},
             .find = [] { return Result<std::string>("the simulated card"); },
             .open = opener,
             .list = [] { return Result<std::vector<DeviceEntry>>({DeviceEntry{}}); },
             .scripted = true}};
  }
  Result<std::unique_ptr<Driver>> open(const std::string& device, const std::string& script = {}) {
    DeviceRequest request;
    request.device = device;
    request.capture = true;
    request.sim_script = script;
    return open_device_of(backends(), request);
  }

  bool jack_ = false;
  bool alsa_ = false;
  bool busy_ = false;
  VirtualDriver driver_;
  DeviceRequest opened_;
};

TEST_F(Backends, OpensWhatItsPrefixNames) {
  for (const char* const device : {"jack", "jack:studio", "alsa:hw:0,0", "sim"}) {
    const auto driver = open(device);
    ASSERT_TRUE(driver);
    EXPECT_EQ(opened_.device, device);
    EXPECT_EQ((*driver)->format().notice, "");
  }
}

TEST_F(Backends, TakesTheFirstThatIsThereAsDefault) {
  EXPECT_EQ(open("default").value()->format().notice,
            "device \"default\" is the simulated card: no server, no card");
  EXPECT_EQ(opened_.device, "sim");
  alsa_ = true;
  EXPECT_EQ(open("default").value()->format().notice, "device \"default\" is the card: no server");
  EXPECT_EQ(opened_.device, "alsa");
  jack_ = true;
  EXPECT_EQ(open("default").value()->format().notice, "device \"default\" is the server");
  EXPECT_EQ(opened_.device, "jack");
}

TEST_F(Backends, DoesNotPassOverADeviceThatIsThereAndCannotBeHad) {
  alsa_ = true;
  busy_ = true;
  EXPECT_EQ(to_string(open("default").error()), "alsa: is busy");
}

TEST_F(Backends, RunsTheDefaultLikeAnyOther) {
  const auto driver = open("default");
  ASSERT_TRUE(driver);
  RecordingClient client((*driver)->format());
  ASSERT_TRUE((*driver)->start(client));
  EXPECT_EQ((*driver)->status().state, DriverState::running);
  EXPECT_TRUE(driver_.tick());
  (*driver)->stop();
  EXPECT_EQ(client.ticks.size(), 1U);
  EXPECT_EQ((*driver)->status().state, DriverState::idle);
}

TEST_F(Backends, GivesTheScriptToTheSimulatedCardOnly) {
  ASSERT_TRUE(open("default", "{}"));
  EXPECT_EQ(opened_.sim_script, "{}");
  jack_ = true;
  ASSERT_TRUE(open("default", "{}"));
  EXPECT_EQ(opened_.sim_script, "");
  EXPECT_EQ(to_string(open("jack:x", "{}").error()),
            "/sim: device \"jack:x\" is not simulated and cannot follow a script");
}

TEST_F(Backends, NamesTheNearestKindOfDevice) {
  EXPECT_EQ(to_string(open("jak:studio").error()),
            "/device: there is no device type \"jak\"; expected one of default, jack, jack:SERVER, "
            "alsa:PCM, sim; did "
            "you mean \"jack\"?");
  EXPECT_EQ(
      to_string(open("hw:0,0").error()),
      "/device: there is no device type \"hw\"; expected one of default, jack, jack:SERVER, alsa:PCM, sim");
  EXPECT_EQ(
      to_string(open("").error()),
      "/device: there is no device type \"\"; expected one of default, jack, jack:SERVER, alsa:PCM, sim");
}

TEST_F(Backends, SaysThatPortsNeedAServer) {
  DeviceRequest request;
  request.capture = true;
  request.input_ports = {"cable:output_1"};
  EXPECT_EQ(to_string(open_device_of(backends(), request).error()),
            "/ports: \"ports\" needs JACK, and no server");
  request.playback = true;
  request.output_ports = std::exchange(request.input_ports, {});
  EXPECT_EQ(to_string(open_device_of(backends(), request).error()),
            "default: the output's \"ports\" need JACK, and no server");
  jack_ = true;
  EXPECT_TRUE(open_device_of(backends(), request));
}

TEST_F(Backends, LetsTheSimulatedCardStandInOnlyWhereThatIsAllowed) {
  DeviceRequest request;
  request.capture = true;
  const auto stand_in = open_device_of(backends(), request);
  ASSERT_TRUE(stand_in);
  EXPECT_TRUE(is_stand_in((*stand_in)->format()));
  request.may_be_simulated = false;
  EXPECT_EQ(to_string(open_device_of(backends(), request).error()),
            "default: no device was found: no server, no card; device \"sim\" is the simulated card");
  request.device = "sim";
  const auto by_name = open_device_of(backends(), request);
  ASSERT_TRUE(by_name);
  EXPECT_FALSE(is_stand_in((*by_name)->format()));
  request.device = "default";
  jack_ = true;
  const auto found = open_device_of(backends(), request);
  ASSERT_TRUE(found);
  EXPECT_FALSE(is_stand_in((*found)->format()));
}

TEST_F(Backends, SaysWhenThereIsNothingAtAll) {
  DeviceRequest request;
  const std::vector<Backend> all = backends();
  EXPECT_EQ(to_string(open_device_of(std::span(all).first(2), request).error()),
            "default: no device was found: no server, no card");
}

TEST_F(Backends, ListsWhatIsThereAndSaysWhatIsNot) {
  const DeviceList without = list_devices_of(backends());
  EXPECT_EQ(without.devices.size(), 1U);
  EXPECT_THAT(without.notes, ElementsAre("alsa: no card"));
  alsa_ = true;
  const DeviceList with = list_devices_of(backends());
  ASSERT_EQ(with.devices.size(), 3U);
  EXPECT_EQ(with.devices[1].device, "alsa:b");
  EXPECT_THAT(with.notes, IsEmpty());
}

TEST(SystemBackends, HaveTheSimulatedCardEverywhere) {
  DeviceRequest request;
  request.device = "sim";
  request.capture = true;
  request.sim_script = R"({"clock": "virtual", "input": {"counting": true}, "frames": 3})";
  const auto driver = open_device(request);
  ASSERT_TRUE(driver) << to_string(driver.error());
  RecordingClient client((*driver)->format());
  EXPECT_EQ(run_to_end(**driver, client).frames, 3U);
}

// libjack copies the name into a buffer of 256 characters without a look at its length.
TEST(Devices, AJackServerNameIsNoLongerThanLibjackHasRoomFor) {
  DeviceRequest request;
  request.capture = true;
  request.device = "jack:" + std::string(256, 'x');
  auto opened = open_device(request);
  ASSERT_FALSE(opened);
  EXPECT_EQ(to_string(opened.error()),
            "jack: the name of this JACK server has 256 characters; expected at most 255");
  setenv("JACK_DEFAULT_SERVER", std::string(1000, 'x').c_str(),
         1);  // NOLINT(concurrency-mt-unsafe): one thread
  request.device = "jack";
  opened = open_device(request);
  unsetenv("JACK_DEFAULT_SERVER");  // NOLINT(concurrency-mt-unsafe)
  ASSERT_FALSE(opened);
  EXPECT_EQ(to_string(opened.error()),
            "JACK_DEFAULT_SERVER: the name of this JACK server has 1000 characters; expected at most 255");
}

}  // namespace
}  // namespace streamlab
