// SPDX-License-Identifier: Apache-2.0
// A soak, as long as CGMM_SOAK_MINUTES says: CGMM_SOAK_MINUTES=60 build/dev/tests/load_test --gtest_filter='*Soak*'.
// What the service takes of memory, descriptors, watches, threads and disk is flat: in the last third of the time it is
// what it was in the middle third. The disk is slow in every third minute, and the service's clock is set every minute.
#include <algorithm>
#include <cstdlib>
#include <iomanip>
#include <sstream>
#include <thread>

#include "load/load.hpp"
#include "support/shown.hpp"

namespace cgmm::test {
namespace {

using std::chrono::steady_clock;

/// What is measured every second.
struct Measure {
  const char* name;
  double tolerance;  // of the middle third
  std::int64_t slack;
};
constexpr Measure kMeasures[] = {{"anonymous memory, KiB", 0.10, 1024}, {"resident memory, KiB", 0.10, 2048},
                                 {"kernel memory, KiB", 0.25, 1024},    {"descriptors", 0.10, 10},
                                 {"inotify watches", 0.10, 10},         {"threads", 0, 1},
                                 {"database and WAL, KiB", 1, 1 << 20}};
constexpr std::size_t kMeasureCount = std::size(kMeasures), kFileSize = kMeasureCount - 1;
constexpr std::int64_t kMaxSize_KiB = 32 * 1024;
using Sample = std::array<std::int64_t, kMeasureCount>;

class Soak : public Load {
 protected:
  static std::int64_t minutes() {
    const char* const text = std::getenv("CGMM_SOAK_MINUTES");
    return text == nullptr ? 0 : std::atoll(text);
  }
  static std::string skip_preload() { return CGMM_SOAK_NO_PRELOAD; }

  void SetUp() override {
    if (minutes() < 1) GTEST_SKIP() << "it takes as long as CGMM_SOAK_MINUTES says";
    Load::SetUp();
    if (IsSkipped()) return;
    more_config_ = "max_size = \"32MiB\"\n";
    own_cgroup_.emplace();
    const Fd fd{::open(file("clock-and-disk").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
    ASSERT_EQ(::ftruncate(fd.get(), 16), 0);
    void* const memory = ::mmap(nullptr, 16, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    ASSERT_NE(memory, MAP_FAILED);
    clock_and_disk_ = static_cast<std::atomic<long>*>(memory);
  }

  Environment environment() const {
    Environment all = with_sanitizers();
    if (!skip_preload().empty()) return all;
    all.insert(all.end(),
               {{"LD_PRELOAD", CGMM_CLOCK_AND_DISK}, {"CGMM_CLOCK_AND_DISK", file("clock-and-disk").string()}});
    return all;
  }

  /// One command after the other. Each may find fault with something, or not be done in time; none ends by a signal.
  int read_again_and_again() const {
    const std::vector<std::vector<std::string>> commands{
        {"report"},          {"history", "stays-0", "--since", "5m"}, {"incident", "list", "--since", "10m"},
        {"check"},           {"incident", "show", "latest"},          {"query", "SELECT count(*) FROM v_sample"},
        {"report", "--list"}};
    for (std::size_t i = 0;; ++i) {
      std::vector<std::string> arguments = commands[i % commands.size()];
      arguments.insert(arguments.end(), {"--database", database(), "--config", config(), "--max-time", "20s"});
      const Answer answer = run_program(arguments);
      if (answer.exit_code < 0 || answer.exit_code > 1) {
        std::ofstream(file("bad-answers"), std::ios::app)
            << arguments.front() << " ended with " << answer.exit_code << ": " << answer.err;
      }
    }
  }

  /// Every minute another time, every third minute a slow disk.
  void vary(std::int64_t second) const {
    constexpr long kOff_s[] = {0, 120, -120, 30};
    clock_and_disk_[0] = kOff_s[static_cast<std::size_t>(second / 60) % std::size(kOff_s)];
    clock_and_disk_[1] = second / 60 % 3 == 2 ? 300 : 0;
  }

  void give_back_caches() {
    std::ofstream(own_cgroup_->dir() / "memory.force_empty") << "0";
    kernel_KiB_ = std::atoll(content_of(own_cgroup_->dir() / "memory.kmem.usage_in_bytes").c_str()) / 1024;
  }

  static std::int64_t of_status(const std::string& status, const std::string& key) {
    const auto at = status.find("\n" + key + ":");
    return at == std::string::npos ? 0 : std::atoll(status.c_str() + at + key.size() + 2);
  }

  Sample measured(pid_t pid) const {
    const std::filesystem::path process = "/proc/" + std::to_string(pid);
    const std::string status = content_of(process / "status");
    std::int64_t descriptors = 0, watches = 0;
    std::error_code gone;
    for (const auto& entry : std::filesystem::directory_iterator(process / "fdinfo", gone)) {
      ++descriptors;
      std::ostringstream text;
      text << std::ifstream(entry.path()).rdbuf();  // no exception: it may have been closed since
      const std::string info = text.str();
      for (auto at = info.find("inotify wd:"); at != std::string::npos; at = info.find("inotify wd:", at + 1))
        ++watches;
    }
    std::int64_t bytes = 0;
    for (const char* const end : {"", "-wal"}) {
      const auto size = std::filesystem::file_size(database().string() + end, gone);
      if (!gone) bytes += static_cast<std::int64_t>(size);
    }
    return {of_status(status, "RssAnon"),
            of_status(status, "VmRSS"),
            kernel_KiB_,
            descriptors,
            watches,
            of_status(status, "Threads"),
            bytes / 1024};
  }

  /// Of the n-th third, the median of one measure.
  static std::int64_t median(const std::vector<Sample>& samples, std::size_t third, std::size_t measure) {
    std::vector<std::int64_t> values;
    for (std::size_t i = samples.size() * third / 3; i < samples.size() * (third + 1) / 3; ++i) {
      values.push_back(samples[i][measure]);
    }
    std::ranges::sort(values);
    return values.empty() ? 0 : values[values.size() / 2];
  }

  void expect_flat(const std::vector<Sample>& samples) const {
    std::ostringstream table;
    table << std::left << std::setw(24) << (std::to_string(minutes()) + " min, median of third") << std::right
          << std::setw(10) << "first" << std::setw(10) << "middle" << std::setw(10) << "last" << std::setw(10) << "most"
          << "\n";
    for (std::size_t i = 0; i < kMeasureCount; ++i) {
      const Measure& measure = kMeasures[i];
      const std::int64_t middle = median(samples, 1, i), last = median(samples, 2, i);
      std::int64_t most = 0;
      for (const Sample& sample : samples) most = std::max(most, sample[i]);
      table << std::left << std::setw(24) << measure.name << std::right << std::setw(10) << median(samples, 0, i)
            << std::setw(10) << middle << std::setw(10) << last << std::setw(10) << most << "\n";
      const bool is_of_sanitizer = i < 2 && !skip_preload().empty();  // they keep what was freed
      if (is_of_sanitizer) continue;
      EXPECT_LE(last,
                middle + static_cast<std::int64_t>(measure.tolerance * static_cast<double>(middle)) + measure.slack)
          << measure.name << " grows";
      if (i == kFileSize) {
        EXPECT_LE(most, kMaxSize_KiB) << "more than max_size";
      }
    }
    table << done_->passed << " containers, " << done_->killed << " kills, " << done_->reloaded << " reloads, "
          << done_->answered + done_->unanswered << " answers of status, " << scan_count() << " scans on record, "
          << number("SELECT count(*) FROM reclaim") << " reclaims";
    show("soak", table.str());
  }

  std::optional<RealCgroupTree> own_cgroup_;  // of the service, for its kernel memory
  std::int64_t kernel_KiB_ = 0;
  std::atomic<long>* clock_and_disk_ = nullptr;
};

TEST_F(Soak, WhatTheServiceTakesIsFlat) {
  ASSERT_EQ(::mkfifo(file("pipe").c_str(), 0600), 0);
  put_config(0);
  ChildProcess log_reader = ChildProcess::fork_off([&] { return read_log_slowly(); });
  ServiceProcess service(
      {"--config", config(), "--parent", tree().dir(), "--database", database(), "--interval", "100ms"}, file("pipe"),
      environment());
  write_cgroup_file(own_cgroup_->dir() / "cgroup.procs", std::to_string(service.pid()));
  ASSERT_TRUE(wait_for_scans(2));
  std::vector<Sample> samples;
  {
    std::vector<ChildProcess> drivers;
    drivers.push_back(ChildProcess::fork_off([&] { return churn(); }));
    drivers.push_back(ChildProcess::fork_off([&] { return kill_again_and_again(); }));
    drivers.push_back(ChildProcess::fork_off([&] { return reload(service); }));
    drivers.push_back(ChildProcess::fork_off([&] { return read_again_and_again(); }));
    for (int i = 0; i < 2; ++i) drivers.push_back(ChildProcess::fork_off([&] { return ask(); }));
    const auto began = steady_clock::now();
    for (std::int64_t second = 0; second < 60 * minutes() && service.running(); ++second) {
      vary(second);
      // What the kernel keeps of removed cgroups until somebody needs the memory is no growth.
      if (second % 10 == 0) give_back_caches();
      samples.push_back(measured(service.pid()));
      std::this_thread::sleep_until(began + std::chrono::seconds{second + 1});
    }
    for (ChildProcess& driver : drivers) EXPECT_TRUE(driver.running()) << "a driver has failed";
    ASSERT_TRUE(service.running()) << content_of(log());
    vary(0);
    service.signal(SIGTERM);
    EXPECT_EQ(service.wait_for_exit(std::chrono::minutes{1}), 0);
  }
  EXPECT_TRUE(log_reader.wait_for_exit().has_value());
  EXPECT_EQ(content_of(file("bad-answers")), "");
  expect_good_order();
  expect_flat(samples);
}

}  // namespace
}  // namespace cgmm::test
