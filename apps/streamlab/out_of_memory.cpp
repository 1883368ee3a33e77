// apps/streamlab/out_of_memory.cpp
#include "apps/streamlab/out_of_memory.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

#include <unistd.h>

#include "apps/streamlab/exit_code.hpp"
#include "apps/streamlab/interrupt.hpp"

namespace streamlab::app {
namespace {

// More than closing files, a summary and the stacks of a few threads take. So large a block is mapped by itself, so
// that freeing it gives address space back, too.
constexpr std::size_t kReserveBytes = std::size_t{16} << 20U;

std::atomic<void*> g_reserve{nullptr};
std::atomic<bool> g_ran_out{false};

void free_reserve() noexcept {
  void* const reserve = g_reserve.exchange(nullptr);
  if (reserve == nullptr) {
    static constexpr char kText[] = "streamlab: memory ran out\n";
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, kText, sizeof kText - 1);
    _exit(static_cast<int>(ExitCode::failed));
  }
  std::free(reserve);
  g_ran_out.store(true);
  interrupt();
}

struct Reserve {
  Reserve() noexcept {
    g_reserve = std::malloc(kReserveBytes);
    std::set_new_handler(free_reserve);
  }
};
// Before the other objects outside functions, which allocate.
[[gnu::init_priority(101)]] const Reserve kReserve;

}  // namespace

bool ran_out_of_memory() noexcept { return g_ran_out.load(); }

}  // namespace streamlab::app
