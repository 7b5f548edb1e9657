// SPDX-License-Identifier: Apache-2.0
// The seconds before an OOM kill are on record, also between two scans, and while other cgroups are busy.
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <deque>
#include <thread>

#include "real/real_test.hpp"
#include "support/hungry.hpp"
#include "support/shown.hpp"

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

/// A process that holds so much, and rests.
ChildProcess holding_in(const std::filesystem::path& cgroup, std::size_t bytes) {
  return ChildProcess::fork_off([cgroup, bytes] {
    write_cgroup_file(cgroup / "cgroup.procs", std::to_string(::getpid()));
    void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 1;
    for (std::size_t at = 0; at < bytes; at += 4096) static_cast<volatile char*>(memory)[at] = 1;
    for (;;) ::pause();
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

/// One that grows until it is killed, at a limit of its own or at that of a cgroup above, which it shares with two that
/// rest.
class Leak {
 public:
  Leak(const RealCgroupTree& tree, std::size_t number, std::uint64_t mib_per_second)
      : cgroup_(place(number)), mib_per_second_(mib_per_second) {
    const std::uint64_t own_bytes = (mib_per_second * kGrowsFor_s + 8) * kMiB;
    const bool is_shared = number % kPlaces != 2;
    const std::string above = "above" + std::to_string(number);
    // Of slow ones so much that the limit, without those beside it, would be more than a minute away.
    const std::uint64_t rest_bytes = mib_per_second < 4 ? 35 * mib_per_second * kMiB : own_bytes / 3;
    if (is_shared) tree.make(above, own_bytes + 2 * rest_bytes);
    const auto cgroup = tree.make(cgroup_, is_shared ? std::nullopt : std::optional(own_bytes));
    for (const char* const name : {"rests", "deep/rests"}) {
      if (!is_shared) break;
      const auto beside = tree.make(above + "/" + name);
      resting_.push_back(holding_in(beside, rest_bytes));
      is_ready_ = is_ready_ && eventually([&] { return usage_of(beside) >= rest_bytes; });
    }
    hungry_.emplace(cgroup, mib_per_second * kMiB);
    write_cgroup_file("/proc/" + std::to_string(hungry_->pid()) + "/oom_score_adj", "1000");  // it is the one to kill
  }

  bool is_ready() const { return is_ready_; }
  const std::string& cgroup() const { return cgroup_; }
  std::uint64_t mib_per_second() const { return mib_per_second_; }
  Hungry& hungry() { return *hungry_; }
  void end_resting() { resting_.clear(); }

 private:
  static constexpr std::uint64_t kGrowsFor_s = 8, kPlaces = 3;

  /// With a limit of its own, or one or two levels below one that has it.
  static std::string place(std::size_t number) {
    const std::string above = "above" + std::to_string(number);
    return number % kPlaces == 2   ? "own" + std::to_string(number)
           : number % kPlaces == 1 ? above + "/deep/grows"
                                   : above + "/grows";
  }
  static std::uint64_t usage_of(const std::filesystem::path& cgroup) {
    std::uint64_t bytes = 0;
    std::ifstream(cgroup / "memory.usage_in_bytes") >> bytes;
    return bytes;
  }

  std::string cgroup_;
  std::uint64_t mib_per_second_;
  bool is_ready_ = true;
  std::vector<ChildProcess> resting_;
  std::optional<Hungry> hungry_;
};

/// CGMM_NEAR_LIMIT_KILLS=30 has as many kills, with 1000 busy cgroups beside them. Takes a third of a processor: each
/// of those takes 16 pages twice a second, and six grow at a time, 150 MiB/s together.
TEST_F(RealNearLimit, EachKillHasThreeSamplesInItsLastSecondsWhicheverLimitItWas) {
  constexpr std::size_t kAtATime = 6;
  const char* const more = std::getenv("CGMM_NEAR_LIMIT_KILLS");
  const std::size_t kills = more != nullptr ? static_cast<std::size_t>(std::max(std::atoi(more), 2)) : 3;
  const std::size_t busy_count = more != nullptr ? 1000 : 100;
  std::deque<ChildProcess> busy;
  for (std::size_t i = 0; i < busy_count; ++i)
    busy.push_back(busy_in(tree().make("slice" + std::to_string(i % 10) + "/busy" + std::to_string(i), 256 * kMiB)));
  std::deque<Leak> leaks;  // speeds from 1 to 50 MiB/s, slow and fast ones in turns
  for (std::size_t i = 0; i < kills; ++i) leaks.emplace_back(tree(), i, 1 + 49 * (i * 7 % kills) / (kills - 1));
  for (const Leak& leak : leaks) ASSERT_TRUE(leak.is_ready()) << leak.cgroup();

  const auto service = start_service({"--interval", "10s"});
  ASSERT_TRUE(eventually([&] { return scan_count() > 0; }));
  std::int64_t fewest = INT64_MAX;
  std::size_t enough = 0;
  for (std::size_t begin = 0; begin < kills; begin += kAtATime) {
    const std::size_t end = std::min(begin + kAtATime, kills);
    for (std::size_t i = begin; i < end; ++i) leaks[i].hungry().feed();
    for (std::size_t i = begin; i < end; ++i) {
      ASSERT_TRUE(leaks[i].hungry().was_killed()) << leaks[i].cgroup();
      leaks[i].end_resting();
      const std::int64_t killed_at_us = leaks[i].hungry().last_bite_at_us();
      const auto samples = [&] {
        return number("SELECT count(*) FROM v_sample" + where_path(leaks[i].cgroup()) + " AND at_us BETWEEN " +
                      std::to_string(killed_at_us - 5'000'000) + " AND " + std::to_string(killed_at_us));
      };
      EXPECT_TRUE(eventually([&] { return samples() >= 3; }, std::chrono::seconds{5}))
          << leaks[i].cgroup() << " at " << leaks[i].mib_per_second() << " MiB/s: " << samples();
      fewest = std::min(fewest, samples());
      if (samples() >= 3) ++enough;
    }
  }
  show("near_limit", "three samples in the last five seconds before " + std::to_string(enough) + " of " +
                         std::to_string(kills) + " kills, among " + std::to_string(busy_count) +
                         " busy cgroups; the fewest before one: " + std::to_string(fewest));
}

}  // namespace
}  // namespace cgmm::test
