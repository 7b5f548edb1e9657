// SPDX-License-Identifier: Apache-2.0
// The seconds before an OOM kill are on record, also between two scans, and while other cgroups are busy.
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <deque>
#include <thread>

#include "real/real_test.hpp"
#include "support/hungry.hpp"

namespace cgmm::test {
namespace {

constexpr std::size_t kBusyBytes = 16 * 4096;

/// A process that gives back and takes the same memory again and again, until it is killed.
ChildProcess busy_in(const std::filesystem::path& cgroup) {
  return ChildProcess::fork_off([cgroup] {
    write_cgroup_file(cgroup / "cgroup.procs", std::to_string(::getpid()));
    void* const memory = ::mmap(nullptr, kBusyBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 1;
    for (;;) {
      for (std::size_t at = 0; at < kBusyBytes; at += 4096) static_cast<volatile char*>(memory)[at] = 1;
      std::this_thread::sleep_for(std::chrono::milliseconds{500});
      ::madvise(memory, kBusyBytes, MADV_DONTNEED);
    }
  });
}

class RealNearLimit : public RealTest {
 protected:
  /// How many samples of it there are in the five seconds before it was killed.
  std::int64_t samples_before_kill(const std::string& cgroup) const {
    return number("SELECT count(*) FROM v_sample s JOIN v_oom_kill k USING (path)" + where_path(cgroup) +
                  " AND s.at_us BETWEEN k.killed_at_us - 5000000 AND k.killed_at_us");
  }
};

TEST_F(RealNearLimit, ThereAreThreeSamplesInTheLastSecondsHoweverFastItGrew) {
  struct Leak {
    const char* cgroup;
    std::optional<std::uint64_t> limit_bytes;
    std::uint64_t bytes_per_second;
  };
  // In the last one, the limit is that of the cgroup above.
  const std::vector<Leak> leaks{
      {"fast", 350 * kMiB, 50 * kMiB}, {"slow", 60 * kMiB, 8 * kMiB}, {"above/below", std::nullopt, 20 * kMiB}};
  std::deque<ChildProcess> busy;
  for (int i = 0; i < 60; ++i) busy.push_back(busy_in(tree().make("busy" + std::to_string(i), 256 * kMiB)));
  tree().make("above", 150 * kMiB);
  std::deque<Hungry> hungry;
  for (const Leak& leak : leaks) hungry.emplace_back(tree().make(leak.cgroup, leak.limit_bytes), leak.bytes_per_second);

  const auto service = start_service({"--interval", "10s"});
  ASSERT_TRUE(eventually([&] { return scan_count() > 0; }));
  for (const Hungry& one : hungry) one.feed();
  for (std::size_t i = 0; i < leaks.size(); ++i) {
    ASSERT_TRUE(hungry[i].was_killed()) << leaks[i].cgroup;
    EXPECT_TRUE(eventually([&] { return samples_before_kill(leaks[i].cgroup) >= 3; }))
        << leaks[i].cgroup << ": " << samples_before_kill(leaks[i].cgroup);
  }
}

}  // namespace
}  // namespace cgmm::test
