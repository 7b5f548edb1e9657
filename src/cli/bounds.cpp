// SPDX-License-Identifier: Apache-2.0
#include "cli/bounds.hpp"

#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <new>
#include <string>
#include <system_error>
#include <thread>

#include "base/units.hpp"

namespace cgmm::cli {
namespace {

enum class State { reading, answered, ended };
std::atomic<State> state{State::reading};
/// Made beforehand, because then it is too late.
std::string out_of_memory = "cgroup-memory-manager: there is not enough memory\n";

/// Does not wait for a pipe that nobody reads.
[[noreturn]] void end_with(const std::string& sentence) {
  pollfd standard_error{STDERR_FILENO, POLLOUT, 0};
  if (::poll(&standard_error, 1, /*timeout_ms=*/200) != 0) {
    [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, sentence.data(), sentence.size());
  }
  ::_exit(1);
}

void bound_time(std::int64_t time_us, const std::string& what_is_less) {
  const std::string sentence = "cgroup-memory-manager: this takes longer than " + base::format_duration_us(time_us) +
                               ": ask " + what_is_less + ", or raise the limit with --max-time\n";
  try {
    // A thread and not a signal: if a file system does not answer, the main thread takes none.
    std::thread([sentence, time_us] {
      std::this_thread::sleep_for(std::chrono::microseconds(time_us));
      State reading = State::reading;
      if (state.compare_exchange_strong(reading, State::ended)) end_with(sentence);
    }).detach();
  } catch (const std::system_error& error) {
    throw std::system_error(error.code(), "no thread can be started for the time limit (--max-time 0: no limit)");
  }
}

/// What the limits were, for other programs.
struct rlimit data_before{}, memory_before{};
bool is_bounded = false;

/// The limits of this process, from what it has now. A sanitizer's memory is not the program's.
void bound_memory(std::uint64_t memory_bytes, const std::string& what_is_less) {
  out_of_memory = "cgroup-memory-manager: this takes more than " + base::format_bytes(memory_bytes) +
                  " of memory: ask " + what_is_less + ", or raise the limit with --max-memory\n";
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  constexpr std::uint64_t kStackBytes = 16 << 20;
  constexpr std::uint64_t kThreadBytes = 72 << 20;  // addresses of one more: its stack, and what malloc() sets aside
  is_bounded = ::getrlimit(RLIMIT_DATA, &data_before) == 0 && ::getrlimit(RLIMIT_AS, &memory_before) == 0;
  std::uint64_t all_pages = 0, unused = 0, data_pages = 0;
  std::ifstream("/proc/self/statm") >> all_pages >> unused >> unused >> unused >> unused >> data_pages;
  const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const auto limit = [](auto resource, std::uint64_t bytes) {
    struct rlimit now{};
    if (::getrlimit(resource, &now) != 0) return;
    now.rlim_cur = std::min<rlim_t>(now.rlim_cur, bytes);
    ::setrlimit(resource, &now);
  };
  limit(RLIMIT_DATA, data_pages * page_bytes + memory_bytes);
  // Before Linux 4.7 the first one counts only a part. A stack may still grow.
  limit(RLIMIT_AS, all_pages * page_bytes + memory_bytes + kStackBytes + kThreadBytes);
#endif
}

}  // namespace

void begin_bounds(const Bounds& bounds) {
  if (bounds.time_us > 0) bound_time(bounds.time_us, bounds.what_is_less);
  if (bounds.memory_bytes > 0) bound_memory(bounds.memory_bytes, bounds.what_is_less);
  std::set_new_handler(end_out_of_memory);
}

void end_memory_bound() {
  if (!is_bounded) return;
  ::setrlimit(RLIMIT_DATA, &data_before);
  ::setrlimit(RLIMIT_AS, &memory_before);
}

void end_time_bound() {
  State reading = State::reading;
  const bool was_ended = !state.compare_exchange_strong(reading, State::answered) && reading == State::ended;
  while (was_ended) ::pause();  // the process ends this moment
}

void end_out_of_memory() { end_with(out_of_memory); }

}  // namespace cgmm::cli
