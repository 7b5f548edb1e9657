// SPDX-License-Identifier: Apache-2.0
#include "caches.hpp"

#include <sched.h>
#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <system_error>
#include <thread>
#include <vector>

#include "daemon/clock.hpp"

namespace cgmm::bench {
namespace {

constexpr std::size_t kBufferBytes = 192 << 20;
constexpr std::size_t kWordsALine = 64 / sizeof(std::uint64_t);

void thrash_on(int processor, std::span<std::uint64_t> buffer) {
  cpu_set_t here;
  CPU_ZERO(&here);
  CPU_SET(static_cast<std::size_t>(processor), &here);
  ::sched_setaffinity(0, sizeof here, &here);
  for (std::size_t i = 0; i < buffer.size(); i += kWordsALine) {
    std::atomic_ref(buffer[i]).fetch_add(1, std::memory_order_relaxed);  // the others write there too
  }
}

}  // namespace

Caches::Caches() {
  void* const memory =
      ::mmap(nullptr, kBufferBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) throw std::system_error(errno, std::system_category(), "mmap");
  ::madvise(memory, kBufferBytes, MADV_DONTFORK);  // else it would be copied page by page after every fork
  buffer_ = {static_cast<std::uint64_t*>(memory), kBufferBytes / sizeof(std::uint64_t)};
  thrash();
}

Caches::~Caches() { ::munmap(buffer_.data(), kBufferBytes); }

void Caches::thrash() {
  const std::int64_t began_us = daemon::steady_now_us();
  cpu_set_t all;
  CPU_ZERO(&all);
  ::sched_getaffinity(0, sizeof all, &all);
  std::vector<std::jthread> threads;
  for (int processor = 0; processor < CPU_SETSIZE; ++processor) {
    if (CPU_ISSET(static_cast<std::size_t>(processor), &all)) threads.emplace_back(thrash_on, processor, buffer_);
  }
  threads.clear();
  thrash_us_ = daemon::steady_now_us() - began_us;
}

}  // namespace cgmm::bench
