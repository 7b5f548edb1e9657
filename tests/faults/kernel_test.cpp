// SPDX-License-Identifier: Apache-2.0
// A kernel that is not what it was: the hierarchy is gone, files can't be read, a reclaim does not return, everything
// comes at once.
#include <fcntl.h>
#include <sys/stat.h>

#include <atomic>
#include <thread>

#include "faults/fault_test.hpp"
#include "support/pipe.hpp"

namespace cgmm::test {
namespace {

class KernelFault : public FaultTest {
 protected:
  std::string path_of(const std::string& cgroup, const std::string& name) {
    return cgroups().root() + cgroup + "/" + name;
  }

  std::int64_t memory_high_water_kib() {
    std::istringstream status(content_of("/proc/" + std::to_string(service().pid()) + "/status"));
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmHWM:")) return std::stoll(line.substr(6));
    }
    return 0;
  }
};

TEST_F(KernelFault, TheHierarchyIsUnmounted) {
  const auto mounted = file("mounted");
  std::optional<Mount> mount(std::in_place, mounted, trees());
  start({.parent = mounted / std::filesystem::path(cgroups().root()).filename()});
  survives({.row = "hierarchy unmounted",
            .name = "parent",
            .begin = [&] { mount->unmount(); },
            .end = [&] { mount.emplace(mounted, trees()); },
            .reclaims = false,
            .lost = "samples: there were none"});
}

/// A link in place of a file: what root can't read either, for none is followed.
TEST_F(KernelFault, FilesCantBeReadOneAfterTheOther) {
  put("/broken", kBelow);
  start();
  const auto breaks = [&](const std::string& name, bool broken) {
    if (broken) {
      cgroups().remove_file("/broken", name);
      std::filesystem::create_symlink("nowhere", path_of("/broken", name));
    } else {
      std::filesystem::remove(path_of("/broken", name));
      cgroups().put_file("/broken", name, v1_files(kBelow).at(name));
    }
  };
  const auto begins = [&] { return count_in_log("cgroups that can't be read"); };
  const auto broken_scans = [&] { return number("SELECT count(*) FROM scan WHERE error_count > 0"); };
  survives({.row = "kernel files unreadable one after the other",
            .name = "cgroups",
            .begin =
                [&] {
                  for (const std::string name : {"memory.usage_in_bytes", "memory.kmem.usage_in_bytes",
                                                 "memory.failcnt", "memory.oom_control", "memory.limit_in_bytes"}) {
                    const std::int64_t before = broken_scans();
                    breaks(name, true);
                    // A limit, and far from it memory.failcnt, are read once a minute; a limit that can't be read
                    // counts as none.
                    if (name != "memory.limit_in_bytes" && name != "memory.failcnt") {
                      EXPECT_TRUE(eventually([&] { return broken_scans() > before; })) << name;
                    }
                    breaks(name, false);
                  }
                  EXPECT_EQ(number("SELECT count(*) FROM scan WHERE cgroup_count <> 3"), 0)
                      << "it was sampled all the same";
                  breaks("memory.stat", true);
                },
            .end = [&] { breaks("memory.stat", false); },
            .lasts_until = [&, since = begins()] { return begins() > since; },
            .lost = "what they hold"});
}

/// A full FIFO blocks whoever writes to it.
class HangingLever {
 public:
  explicit HangingLever(const std::string& file) {
    std::filesystem::remove(file);
    if (::mkfifo(file.c_str(), 0600) != 0) throw std::system_error(errno, std::generic_category(), file);
    fifo_ = std::make_unique<Fd>(::open(file.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    while (::write(fifo_->get(), "x", 1) == 1) {
    }
  }
  void let_go() {
    char bytes[4096];
    while (::read(fifo_->get(), bytes, sizeof bytes) > 0) {
    }
  }

 private:
  std::unique_ptr<Fd> fifo_;
};

TEST_F(KernelFault, AReclaimDoesNotReturn) {
  start({.configuration = "reclaim_timeout = '1h'\n"});
  std::optional<HangingLever> lever;
  std::int64_t scans_to_come = 0;
  survives({.row = "a reclaim hangs (reclaim_timeout lets it)",
            .name = "",
            .begin =
                [&] {
                  put("/hangs", kBelow);
                  lever.emplace(path_of("/hangs", kLever));
                  cgroups().put_file("/hangs", "memory.stat", v1_files(kOver).at("memory.stat"));
                  EXPECT_TRUE(eventually(
                      [&] { return number("SELECT count(*) FROM reclaim WHERE outcome = 'started'") == 1; }));
                  scans_to_come = scan_count() + 20;
                },
            .end = [&] { lever->let_go(); },
            .lasts_until = [&] { return scan_count() >= scans_to_come; },
            .reclaims = false});
}

TEST_F(KernelFault, AReclaimDoesNotReturnInTime) {
  start({.configuration = "reclaim_timeout = '500ms'\n"});
  std::optional<HangingLever> lever;
  survives({.row = "a reclaim hangs (reclaim_timeout ends it)",
            .name = "",
            .begin =
                [&] {
                  put("/hangs", kBelow);
                  lever.emplace(path_of("/hangs", kLever));
                  cgroups().put_file("/hangs", "memory.stat", v1_files(kOver).at("memory.stat"));
                  EXPECT_TRUE(eventually(
                      [&] { return number("SELECT count(*) FROM reclaim WHERE outcome = 'started'") == 1; }));
                },
            .end = [&] { EXPECT_EQ(number("SELECT count(*) FROM reclaim WHERE stopped_by = 'timeout'"), 1); },
            .lasts_until = [&] { return number("SELECT count(*) FROM reclaim WHERE stopped_by = 'timeout'") == 1; }});
}

TEST_F(KernelFault, TenThousandCgroupsAtOnce) {
  constexpr int kCount = 10'000;
  const auto crowd = trees() / "crowd";
  const Files files = minimal_v1(kBelow);
  std::filesystem::create_directory(crowd);
  for (int i = 0; i < kCount; ++i) {
    const auto directory = crowd / std::to_string(i);
    std::filesystem::create_directory(directory);
    for (const auto& [name, content] : files) std::ofstream(directory / name) << content;
  }
  start({.configuration = "interval = '500ms'\n"});
  survives({.row = "10 000 cgroups at once",
            .name = "",
            .begin = [&] { std::filesystem::rename(crowd, path_of("", "crowd")); },
            .end = [&] { std::filesystem::rename(path_of("", "crowd"), crowd); },
            .lasts_until = [&] { return number("SELECT count(*) FROM scan WHERE cgroup_count > 10000") >= 3; }});
  EXPECT_LT(memory_high_water_kib(), 64 * 1024);
}

TEST_F(KernelFault, TheKernelLogIsFlooded) {
  const auto log_file = file("kmsg");
  ASSERT_EQ(::mkfifo(log_file.c_str(), 0600), 0);
  const Fd fifo(::open(log_file.c_str(), O_RDWR | O_CLOEXEC));
  start({.configuration = "kernel_log = '" + log_file.string() + "'\n"});
  std::atomic<bool> flooding{true};
  std::atomic<std::int64_t> written{0};
  std::thread flood;
  std::int64_t sequence = 0;
  const auto say = [&](const std::string& text) {
    sequence += 1 + (sequence % 1000 == 999 ? 50 : 0);  // some are overwritten before they are read
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    const std::string line = "6," + std::to_string(sequence) + "," +
                             std::to_string(now.tv_sec * 1'000'000 + now.tv_nsec / 1000) + ",-;" + text + "\n";
    written += ::write(fifo.get(), line.data(), line.size()) > 0 ? 1 : 0;
  };
  survives({.row = "kernel log flooded",
            .name = "kernel_log",
            .begin =
                [&] {
                  flood = std::thread([&] {
                    while (flooding) say("eth0: something is wrong, something is wrong");
                  });
                },
            .end =
                [&] {
                  flooding = false;
                  flood.join();
                  say("oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/below,"
                      "task_memcg=/below,task=python3,pid=4242,uid=0");
                  say("Memory cgroup out of memory: Killed process 4242 (python3) total-vm:10kB, anon-rss:10kB, "
                      "file-rss:0kB, "
                      "shmem-rss:0kB, UID:0 pgtables:1kB oom_score_adj:0");
                  EXPECT_TRUE(eventually([&] {
                    return number("SELECT count(*) FROM oom_kill WHERE victim_pid = 4242") == 1;
                  })) << "a kill after it is found";
                },
            .lasts_until =
                [&] {
                  return written > 50'000 &&
                         number("SELECT count(*) FROM service_event WHERE fault = 'kernel_log'") > 0;
                },
            .lost = "records, counted",
            .ends_within = std::chrono::seconds{90}});  // a minute without a loss
}

}  // namespace
}  // namespace cgmm::test
