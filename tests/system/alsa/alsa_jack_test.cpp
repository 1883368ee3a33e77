// tests/system/alsa/alsa_jack_test.cpp
//
// The ALSA driver through a real plug-in that it knows nothing of: the `jack` PCM of libasound2-plugins, in
// front of a real JACK server with the dummy driver and a cable (jack_thru) from its output to its input.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sndfile.h>

#include "engine/run/driver.hpp"
#include "hal/alsa/alsa_driver.hpp"
#include "hal/jack/probe_jack.hpp"
#include "tests/support/private_jack.hpp"

namespace streamlab::test {
namespace {

constexpr const char* kVoice = "/usr/share/sounds/alsa/Front_Center.wav";
constexpr const char* kConfiguration = R"(
pcm.cable_end {
  type jack
  playback_ports { 0 "cable:input_1" 1 "cable:input_2" }
  capture_ports { 0 "cable:output_1" 1 "cable:output_2" }
}
pcm.cable { type plug slave.pcm "cable_end" }
)";

// jack_thru: what goes into cable:input_N comes out of cable:output_N in the next cycle.
class Cable {
 public:
  explicit Cable(const std::string& server) {
    const pid_t parent = getpid();
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() != parent) { _exit(1); }
      if (std::freopen("/dev/null", "w", stdout) == nullptr ||
          std::freopen("/dev/null", "w", stderr) == nullptr) {
        _exit(1);
      }
      execlp("jack_thru", "jack_thru", "cable", server.c_str(), nullptr);
      _exit(127);
    }
    ready_ =
        pid_ > 0 && eventually([&] {
          const auto there = probe_jack(server);
          return there &&
                 std::count(there->other_inputs.begin(), there->other_inputs.end(), "cable:input_2") == 1 &&
                 std::count(there->other_outputs.begin(), there->other_outputs.end(), "cable:output_2") == 1;
        });
  }
  ~Cable() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Cable(const Cable&) = delete;
  Cable& operator=(const Cable&) = delete;
  bool ready() const { return ready_; }

 private:
  pid_t pid_ = -1;
  bool ready_ = false;
};

// Plays `sound` on the first output, from `lead_frames` on; keeps what comes in by position, up to `room`
// frames.
class LoopClient final : public DeviceClient {
 public:
  LoopClient(const DeviceFormat& format, std::vector<double> sound, std::size_t room)
      : sound_(std::move(sound)),
        in_(format.input_names.size(), std::vector<double>(format.max_block_frames)),
        out_(format.output_names.size(), std::vector<double>(format.max_block_frames)),
        heard_(room) {
    for (auto& channel : in_) { in_pointers_.push_back(channel.data()); }
    for (auto& channel : out_) { out_pointers_.push_back(channel.data()); }
    infos_.reserve(kInfos);
  }
  std::span<double* const> inputs() noexcept override { return in_pointers_; }
  std::span<const double* const> outputs() noexcept override { return out_pointers_; }
  void tick(const TickInfo& info) noexcept override {
    const auto position = static_cast<std::size_t>(info.position);
    for (std::uint32_t n = 0; n < info.frame_count; ++n) {
      if (!in_.empty() && position + n < heard_.size()) { heard_[position + n] = in_[0][n]; }
      const std::size_t at = position + n - kLeadFrames;  // wraps to a huge number before
      if (!out_.empty()) { out_[0][n] = at < sound_.size() ? sound_[at] : 0.0; }
    }
    if (infos_.size() < kInfos) { infos_.push_back(info); }
    count_.store(infos_.size(), std::memory_order_release);
    frames_.store(position + info.frame_count, std::memory_order_release);
  }
  std::size_t frames() const { return frames_.load(std::memory_order_acquire); }
  std::size_t count() const { return count_.load(std::memory_order_acquire); }
  const TickInfo& info(std::size_t n) const { return infos_[n]; }  // n < count()
  const std::vector<double>& heard() const { return heard_; }      // once stopped

  static constexpr std::size_t kLeadFrames = 4'800;

 private:
  static constexpr std::size_t kInfos = 20'000;
  const std::vector<double> sound_;
  std::vector<std::vector<double>> in_;
  std::vector<std::vector<double>> out_;
  std::vector<double*> in_pointers_;
  std::vector<const double*> out_pointers_;
  std::vector<double> heard_;
  std::vector<TickInfo> infos_;
  std::atomic<std::size_t> frames_{0};
  std::atomic<std::size_t> count_{0};
};

std::vector<double> read_voice() {
  SF_INFO info{};
  SNDFILE* file = sf_open(kVoice, SFM_READ, &info);
  if (file == nullptr) { return {}; }
  std::vector<double> voice(static_cast<std::size_t>(info.frames));
  EXPECT_EQ(info.channels, 1);
  EXPECT_EQ(info.samplerate, 48000);
  EXPECT_EQ(sf_readf_double(file, voice.data(), info.frames), info.frames);
  sf_close(file);
  return voice;
}

class AlsaThroughJack : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    static const bool own_world = enter_private_world();
    RecordProperty("own_world", own_world ? "yes" : "no");
    static const std::string path = "/tmp/streamlab_asound_" + std::to_string(getpid()) + ".conf";
    std::ofstream(path) << kConfiguration;
    setenv("ALSA_CONFIG_PATH", path.c_str(), 1);
    std::atexit([] { std::remove(path.c_str()); });
  }
  void SetUp() override {
    setenv("JACK_DEFAULT_SERVER", server_.name().c_str(), 1);  // what the plug-in asks for
    ASSERT_TRUE(server_.start({})) << server_.log();
    cable_ = std::make_unique<Cable>(server_.name());
    ASSERT_TRUE(cable_->ready());
  }
  static DeviceRequest duplex(const std::string& pcm) {
    DeviceRequest request;
    request.device = "alsa:" + pcm;
    request.capture = request.playback = true;
    request.period_frames = 1024;
    request.periods = 4;
    return request;
  }
  PrivateJack server_;
  std::unique_ptr<Cable> cable_;
};

class AlsaVoice : public AlsaThroughJack,
                  public ::testing::WithParamInterface<std::pair<const char*, const char*>> {};

TEST_P(AlsaVoice, ComesBackBitForBit) {
  const std::vector<double> voice = read_voice();
  ASSERT_FALSE(voice.empty());
  DeviceRequest request = duplex(GetParam().first);
  request.access = GetParam().second;
  // A run in which the machine stalled, and the driver said so, is taken again.
  Result<std::unique_ptr<Driver>> driver;
  std::unique_ptr<LoopClient> loop;
  DriverStatus status;
  for (int attempt = 0; attempt < 5 && (loop == nullptr || status.xruns + status.gaps > 0); ++attempt) {
    driver = open_alsa_driver(request);
    ASSERT_TRUE(driver) << to_string(driver.error());
    EXPECT_EQ((*driver)->format().sample_rate_hz, 48000.0);
    loop = std::make_unique<LoopClient>((*driver)->format(), voice,
                                        LoopClient::kLeadFrames + voice.size() + 9'600);
    ASSERT_TRUE((*driver)->start(*loop));
    const bool all = eventually([&] { return loop->frames() >= loop->heard().size(); }, 30.0);
    (*driver)->stop();
    ASSERT_TRUE(all);
    status = (*driver)->status();
  }
  ASSERT_EQ(status.xruns + status.gaps, 0U) << "the machine stalled in five runs of two seconds";
  const LoopClient& client = *loop;
  // 16-bit samples are exact in float32, the format of JACK. The first one that is not 0 gives the delay.
  const auto is_sound = [](double sample) { return sample != 0.0; };
  const auto first_played = std::find_if(voice.begin(), voice.end(), is_sound) - voice.begin();
  const auto first_heard =
      std::find_if(client.heard().begin(), client.heard().end(), is_sound) - client.heard().begin();
  ASSERT_LE(first_heard + static_cast<std::ptrdiff_t>(voice.size()) - first_played,
            static_cast<std::ptrdiff_t>(client.heard().size()));
  std::size_t wrong = 0;
  for (std::size_t n = static_cast<std::size_t>(first_played); n < voice.size(); ++n) {
    wrong +=
        client.heard()[static_cast<std::size_t>(first_heard) + n - static_cast<std::size_t>(first_played)] !=
        voice[n];
  }
  EXPECT_EQ(wrong, 0U) << "of " << voice.size() << " samples";
  // What the driver tells, and JACK's own way: a period from the plug-in to the cable, one in the cable, and
  // the cycle in which the two clients of the plug-in started apart.
  const std::int64_t delay = first_heard - first_played - static_cast<std::int64_t>(LoopClient::kLeadFrames);
  const std::int64_t told =
      (*driver)->format().input_latency_frames + (*driver)->format().output_latency_frames;
  RecordProperty("delay_frames", static_cast<int>(delay));
  RecordProperty("told_frames", static_cast<int>(told));
  EXPECT_EQ(delay % 1024, 0);
  EXPECT_GE(delay, told);
  EXPECT_LE(delay, told + 3 * 1024);
}

INSTANTIATE_TEST_SUITE_P(EveryWay, AlsaVoice,
                         ::testing::Values(std::pair{"cable", "mmap"}, std::pair{"cable", "rw"},
                                           std::pair{"cable_end", "mmap"}, std::pair{"cable_end", "rw"}),
                         [](const auto& instance) {
                           return std::string(instance.param.first) + "_" + instance.param.second;
                         });

TEST_F(AlsaThroughJack, ContinuesAfterTheServerWasKilledAndMarksTheGap) {
  DeviceRequest request = duplex("cable");
  auto driver = open_alsa_driver(request);
  ASSERT_TRUE(driver) << to_string(driver.error());
  LoopClient client((*driver)->format(), {}, 0);
  ASSERT_TRUE((*driver)->start(client));
  ASSERT_TRUE(eventually([&] { return client.count() >= 50; }));
  server_.kill();  // the plug-in goes on saying RUNNING, and nothing moves
  ASSERT_TRUE(eventually([&] { return (*driver)->status().state == DriverState::lost; }));
  const std::size_t before = client.count();
  cable_.reset();
  ASSERT_TRUE(server_.start({})) << server_.log();
  cable_ = std::make_unique<Cable>(server_.name());
  ASSERT_TRUE(cable_->ready());
  ASSERT_TRUE(eventually(
      [&] { return (*driver)->status().state == DriverState::running && client.count() > before + 50; }));
  (*driver)->stop();
  const DriverStatus status = (*driver)->status();
  EXPECT_EQ(status.reopened, 1U);
  EXPECT_GE(status.gaps, 1U);
  std::int64_t jumped = 0;
  for (std::size_t n = 1; n < client.count(); ++n) {
    const TickInfo& last = client.info(n - 1);
    const TickInfo& info = client.info(n);
    const std::int64_t jump = info.position - last.position - last.frame_count;
    ASSERT_GE(jump, 0);
    jumped += jump;
    // Time and position agree, across the gap too: to a period, the plug-in's step.
    EXPECT_NEAR(static_cast<double>(info.timestamp_us - last.timestamp_us) * 0.048,
                static_cast<double>(info.position - last.position), 1024.0);
  }
  EXPECT_EQ(static_cast<std::uint64_t>(jumped), status.lost_frames);
  EXPECT_GE(client.info(before).position - client.info(before - 1).position, 24'000)
      << "half a second goes by before silence is believed";
}

TEST_F(AlsaThroughJack, StopsThoughTheServerIsGone) {
  auto driver = open_alsa_driver(duplex("cable"));
  ASSERT_TRUE(driver) << to_string(driver.error());
  LoopClient client((*driver)->format(), {}, 0);
  ASSERT_TRUE((*driver)->start(client));
  ASSERT_TRUE(eventually([&] { return client.count() >= 20; }));
  server_.kill();
  (*driver)->stop();
  const std::size_t ticks = client.count();
  EXPECT_EQ((*driver)->status().state, DriverState::idle);
  driver->reset();
  EXPECT_EQ(client.count(), ticks);
}

TEST_F(AlsaThroughJack, RefusesAnotherRateThanTheServers) {
  DeviceRequest request = duplex("cable");
  request.sample_rate_hz = 44100;
  const auto driver = open_alsa_driver(request);
  ASSERT_FALSE(driver);
  EXPECT_EQ(driver.error().what, "44100 Hz is not possible");
  EXPECT_EQ(driver.error().expected, "48000 Hz");
}

TEST_F(AlsaThroughJack, SaysThatThereIsNoServer) {
  cable_.reset();
  server_.kill();
  const auto driver = open_alsa_driver(duplex("cable"));
  ASSERT_FALSE(driver);
  EXPECT_EQ(driver.error().code, ErrorCode::failed);
  EXPECT_EQ(driver.error().where, "alsa:cable");
}

}  // namespace
}  // namespace streamlab::test
