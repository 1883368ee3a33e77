// tests/process/descriptor_test.cpp
#include "engine/process/descriptor.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace streamlab {
namespace {

using testing::HasSubstr;

Pipe pipe_of(std::size_t wanted = kDefaultPipeBytes) {
  auto pipe = make_pipe(wanted);
  if (!pipe) { throw std::runtime_error(to_string(pipe.error())); }
  return std::move(*pipe);
}

bool is_closed_on_exec(int fd) { return (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0; }
bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST(Fd, ClosesWhatItOwnsOnce) {
  int number = -1;
  {
    Fd fd(::open("/dev/null", O_RDONLY));
    number = fd.get();
    Fd other = std::move(fd);
    EXPECT_FALSE(fd);
    EXPECT_EQ(other.get(), number);
  }
  EXPECT_FALSE(is_open(number));
}

TEST(Pipe, IsClosedOnExecAndOutOfTheWayOfAChildsDescriptors) {
  const Pipe pipe = pipe_of();
  for (const int fd : {pipe.read_end.get(), pipe.write_end.get()}) {
    EXPECT_TRUE(is_closed_on_exec(fd));
    EXPECT_GE(fd, 10);
  }
}

TEST(Pipe, SaysWhatWasGranted) {
  const Pipe pipe = pipe_of(100000);  // the kernel rounds up to a power of two
  EXPECT_EQ(pipe.bytes, 131072U);
  set_blocking(pipe.write_end.get(), false);
  const std::vector<char> much(1U << 20U);
  EXPECT_EQ(::write(pipe.write_end.get(), much.data(), much.size()), 131072);
}

TEST(Pipe, BeyondTheLimitGetsWhatIsGranted) {
  std::size_t most = 0;
  std::ifstream("/proc/sys/fs/pipe-max-size") >> most;
  const Pipe pipe = pipe_of(most * 4);
  const bool is_privileged = pipe.bytes == most * 4;  // CAP_SYS_RESOURCE
  EXPECT_TRUE(is_privileged || pipe.bytes <= most) << pipe.bytes;
  EXPECT_GE(pipe.bytes, 4096U);
}

TEST(Pipe, WithoutDescriptorsIsAnError) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP()
      << "the sanitizer looks at objects through a pipe of its own, and takes its failure for theirs";
#endif
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{4, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  std::vector<Fd> taken;
  for (int fd = ::open("/dev/null", O_RDONLY); fd >= 0; fd = ::open("/dev/null", O_RDONLY)) {
    taken.emplace_back(fd);
  }
  const std::string said = [] {
    const auto pipe = make_pipe();
    return pipe ? std::string() : to_string(pipe.error());
  }();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_THAT(said, HasSubstr("cannot create a pipe: "));
  EXPECT_THAT(said, HasSubstr("\"ulimit -n\" is the limit of open files"));
}

TEST(Descriptors, AreCountedAgainstTheLimit) {
  const std::size_t before = descriptors_left();
  const Pipe pipe = pipe_of();
  EXPECT_EQ(descriptors_left(), before - 2);
}

TEST(WakeFd, WakesWhoPollsUntilItIsCleared) {
  WakeFd wake;
  pollfd wait{wake.fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&wait, 1, 0), 0);
  wake.wake();
  wake.wake();
  EXPECT_EQ(::poll(&wait, 1, 0), 1);
  wake.clear();
  EXPECT_EQ(::poll(&wait, 1, 0), 0);
}

TEST(NoSigpipe, MakesABrokenPipeAnError) {
  Pipe pipe = pipe_of();
  pipe.read_end.reset();
  struct sigaction before {};
  struct sigaction deadly {};
  deadly.sa_handler = SIG_DFL;
  ASSERT_EQ(::sigaction(SIGPIPE, &deadly, &before), 0);
  {
    const NoSigpipe guard;
    EXPECT_EQ(::write(pipe.write_end.get(), "x", 1), -1);
    EXPECT_EQ(errno, EPIPE);
  }  // nothing pending is let through: we live on
  ASSERT_EQ(::sigaction(SIGPIPE, &before, nullptr), 0);
}

}  // namespace
}  // namespace streamlab
