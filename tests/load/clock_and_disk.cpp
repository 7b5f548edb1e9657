// SPDX-License-Identifier: Apache-2.0
// Preloaded into the service (LD_PRELOAD): a wall clock that is set, and a disk that is slow, for it alone. The file
// that CGMM_CLOCK_AND_DISK names has two numbers of 8 bytes: by how many seconds the clock is off, and how many
// milliseconds every sync takes.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>

namespace {

std::atomic<long> as_it_is[2];
std::atomic<long>* numbers = as_it_is;

__attribute__((constructor)) void begin() {
  const char* const name = std::getenv("CGMM_CLOCK_AND_DISK");
  const int fd = name == nullptr ? -1 : ::open(name, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void* const memory = ::mmap(nullptr, sizeof as_it_is, PROT_READ, MAP_SHARED, fd, 0);
  ::close(fd);
  if (memory != MAP_FAILED) numbers = static_cast<std::atomic<long>*>(memory);
}

void wait_for_disk() {
  const long ms = numbers[1];
  const timespec time{.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1'000'000};
  if (ms > 0) ::nanosleep(&time, nullptr);
}

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

// Their names here are others, so that they need not agree with the headers.
extern "C" int cgmm_clock_gettime(clockid_t, timespec*) __asm__("clock_gettime");
extern "C" int cgmm_fsync(int) __asm__("fsync");
extern "C" int cgmm_fdatasync(int) __asm__("fdatasync");

__attribute__((visibility("default"))) int cgmm_clock_gettime(clockid_t clock, timespec* now) {
  static auto* const real = next<int(clockid_t, timespec*)>("clock_gettime");
  const int result = real(clock, now);
  if (clock == CLOCK_REALTIME) now->tv_sec += numbers[0];
  return result;
}

__attribute__((visibility("default"))) int cgmm_fsync(int fd) {
  static auto* const real = next<int(int)>("fsync");
  wait_for_disk();
  return real(fd);
}

__attribute__((visibility("default"))) int cgmm_fdatasync(int fd) {
  static auto* const real = next<int(int)>("fdatasync");
  wait_for_disk();
  return real(fd);
}
