// engine/base/fd.cpp
#include "engine/base/fd.hpp"

#include <unistd.h>

namespace streamlab {

void Fd::reset(int fd) noexcept {
  if (fd_ >= 0) { ::close(fd_); }
  fd_ = fd;
}

}  // namespace streamlab
