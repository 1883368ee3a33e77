// tests/hal/alsa/alsa_busy_test.cpp
//
// Who holds a card, read from a made-up /proc with the layout of the kernel's.
#include "hal/alsa/alsa_busy.hpp"

#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

namespace streamlab {
namespace {

namespace fs = std::filesystem;

class AlsaBusy : public ::testing::Test {
 protected:
  AlsaBusy() {
    fs::remove_all(proc_);
    process(812, "pipewire");
    process(4711, "sox");
    write("asound/card0/pcm0c/sub0/status", "closed\n");
    write("asound/card0/pcm0p/sub0/status", "closed\n");
  }
  ~AlsaBusy() override { fs::remove_all(proc_); }
  void write(const std::string& path, const std::string& text) {
    fs::create_directories((proc_ / path).parent_path());
    std::ofstream(proc_ / path) << text;
  }
  void process(int id, const std::string& program) {
    write(std::to_string(id) + "/comm", program + "\n");
    fs::create_directories(proc_ / std::to_string(id) / "fd");
  }
  void opens(int id, const std::string& file) {
    fs::create_symlink(file, proc_ / std::to_string(id) / "fd" / std::to_string(++descriptor_));
  }
  const fs::path proc_ = fs::temp_directory_path() / ("streamlab_proc_" + std::to_string(getpid()));
  int descriptor_ = 3;
};

TEST_F(AlsaBusy, ReadsTheOwnerFromTheSubstreamsStatus) {
  write("asound/card1/pcm0c/sub0/status", "state: RUNNING\nowner_pid   : 812\ntrigger_time: 1.0\n");
  EXPECT_EQ(alsa_holder("hw:1,0", true, proc_), "\"pipewire\" (process 812)");
  EXPECT_EQ(alsa_holder("plughw:CARD=1,DEV=0", true, proc_), "\"pipewire\" (process 812)");
  EXPECT_EQ(alsa_holder("hw:1", false, proc_), "") << "the other direction is free";
  EXPECT_EQ(alsa_holder("hw:0,0", true, proc_), "") << "the other card is free";
  EXPECT_EQ(alsa_holder("hw:1,3", true, proc_), "") << "the other device is free";
}

TEST_F(AlsaBusy, FindsWhoHasTheDeviceFileOpen) {
  opens(4711, "/dev/snd/pcmC0D0p");
  opens(812, "/dev/snd/controlC0");
  EXPECT_EQ(alsa_holder("hw:0,0", false, proc_), "\"sox\" (process 4711)");
  EXPECT_EQ(alsa_holder("hw:0,0", true, proc_), "");
}

TEST_F(AlsaBusy, LooksAtEveryCardForANameThatNamesNone) {
  opens(4711, "/dev/snd/pcmC2D1c");
  opens(812, "/dev/snd/pcmC0D0c");
  EXPECT_EQ(alsa_holder("microphone", true, proc_), "\"sox\" (process 4711), \"pipewire\" (process 812)");
}

TEST_F(AlsaBusy, SaysNothingWithoutProc) { EXPECT_EQ(alsa_holder("hw:0", true, proc_ / "nowhere"), ""); }

}  // namespace
}  // namespace streamlab
