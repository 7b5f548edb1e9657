// SPDX-License-Identifier: Apache-2.0
// The memory loads that the scenarios put into cgroups: workload [--cgroup DIR] [--own BYTES] COMMAND, with
//
//   serve FILE FIFOS                reads FILE to its end at each line on FIFOS/ask, then answers one on
//   FIFOS/answer reread FILE READERS PAUSE_MS    that many processes read FILE over and over, pausing between
//   fill FILE BYTES                 writes FILE, then stays
//   anon BYTES                      keeps touching that much memory
//   allocate                        keeps getting memory and giving it back
//   eat MIB_PER_SECOND COMPANIONS   takes so much memory a second, beside so many processes that take none
//   kill-below PID FILE BYTES       ends process PID with SIGKILL as soon as the number in FILE is below
//   BYTES, prints it
//
// It joins the cgroup first, so that everything it touches is charged there; then it takes the memory of its
// own.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using Arguments = std::vector<std::string>;
constexpr std::size_t kBlockBytes = 256 * 1024;

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what + ": " + std::strerror(errno)); }

int open_or_fail(const std::string& file, int flags) {
  const int fd = ::open(file.c_str(), flags | O_CLOEXEC, 0600);
  if (fd < 0) fail(file);
  return fd;
}

void read_once(const std::string& file) {
  static std::vector<char> block(kBlockBytes);
  const int fd = open_or_fail(file, O_RDONLY);
  ssize_t count = 0;
  while ((count = ::read(fd, block.data(), block.size())) > 0) {
  }
  if (count < 0) fail(file);
  ::close(fd);
}

int serve(const std::string& file, const std::string& fifos) {
  // Both ends of both: a shell opens and closes its ends with every line.
  const int ask = open_or_fail(fifos + "/ask", O_RDWR);
  const int answer = open_or_fail(fifos + "/answer", O_RDWR);
  char byte = 0;
  while (::read(ask, &byte, 1) == 1) {
    if (byte != '\n') continue;
    read_once(file);
    if (::write(answer, "done\n", 5) != 5) fail(fifos);
  }
  return 0;
}

int reread(const std::string& file, int readers, unsigned pause_ms) {
  for (int other = 1; other < readers; ++other) {
    if (::fork() == 0) break;
  }
  for (;;) {
    read_once(file);
    ::usleep(pause_ms * 1000);
  }
}

int fill(const std::string& file, std::size_t bytes) {
  const std::vector<char> block(kBlockBytes, 'x');
  const int fd = open_or_fail(file, O_WRONLY | O_CREAT | O_TRUNC);
  for (std::size_t written = 0; written < bytes; written += block.size()) {
    if (::write(fd, block.data(), block.size()) != static_cast<ssize_t>(block.size())) fail(file);
  }
  for (;;) ::pause();
}

int anon(std::size_t bytes) {
  std::vector<char> memory(bytes, 1);
  for (volatile char* const begin = memory.data();;) {
    for (std::size_t at = 0; at < bytes; at += 4096) begin[at] = 2;
    ::usleep(100'000);
  }
}

int allocate() {
  constexpr std::size_t kBytes = 1024 * 1024;
  for (;;) {
    void* const memory = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) fail("mmap");
    std::memset(memory, 1, kBytes);
    ::munmap(memory, kBytes);
  }
}

int eat(std::size_t mib_per_second, int companions) {
  for (; companions > 0; --companions) {
    if (::fork() == 0) {
      for (;;) ::pause();
    }
  }
  const std::size_t bite = mib_per_second * 1024 * 1024 / 20;
  timespec next{};
  ::clock_gettime(CLOCK_MONOTONIC, &next);
  for (;;) {
    void* const memory = ::mmap(nullptr, bite, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) fail("mmap");
    for (std::size_t at = 0; at < bite; at += 4096) static_cast<volatile char*>(memory)[at] = 1;
    next.tv_nsec += 50'000'000;
    if (next.tv_nsec >= 1'000'000'000) {
      next.tv_nsec -= 1'000'000'000;
      ++next.tv_sec;
    }
    ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, nullptr);
  }
}

int kill_below(pid_t pid, const std::string& file, long long bytes) {
  const int fd = open_or_fail(file, O_RDONLY);
  for (;;) {
    char text[32] = {};
    if (::pread(fd, text, sizeof text - 1, 0) <= 0) fail(file);
    if (std::atoll(text) >= bytes) continue;
    if (::kill(pid, SIGKILL) != 0) fail("kill");
    std::printf("%lld\n", std::atoll(text));
    return 0;
  }
}

int run(Arguments arguments) {
  if (arguments.size() > 2 && arguments[0] == "--cgroup") {
    const int fd = open_or_fail(arguments[1] + "/cgroup.procs", O_WRONLY);
    if (::write(fd, "0\n", 2) != 2) fail(arguments[1]);
    ::close(fd);
    arguments.erase(arguments.begin(), arguments.begin() + 2);
  }
  std::vector<char> own;
  if (arguments.size() > 2 && arguments[0] == "--own") {
    own.resize(std::stoul(arguments[1]), 1);
    arguments.erase(arguments.begin(), arguments.begin() + 2);
  }
  const std::string command = arguments.empty() ? "" : arguments[0];
  if (command == "serve" && arguments.size() == 3) return serve(arguments[1], arguments[2]);
  if (command == "reread" && arguments.size() == 4) {
    return reread(arguments[1], std::stoi(arguments[2]), static_cast<unsigned>(std::stoul(arguments[3])));
  }
  if (command == "fill" && arguments.size() == 3) return fill(arguments[1], std::stoul(arguments[2]));
  if (command == "anon" && arguments.size() == 2) return anon(std::stoul(arguments[1]));
  if (command == "allocate" && arguments.size() == 1) return allocate();
  if (command == "eat" && arguments.size() == 3) return eat(std::stoul(arguments[1]), std::stoi(arguments[2]));
  if (command == "kill-below" && arguments.size() == 4) {
    return kill_below(std::stoi(arguments[1]), arguments[2], std::stoll(arguments[3]));
  }
  throw std::runtime_error("usage: see the top of workload.cpp");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(Arguments(argv + 1, argv + argc));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "workload: %s\n", error.what());
    return 1;
  }
}
