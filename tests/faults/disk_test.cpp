// SPDX-License-Identifier: Apache-2.0
// A disk that takes nothing any more, or refuses: full, read-only, EIO.
#include <fcntl.h>
#include <sys/resource.h>

#include "faults/fault_test.hpp"
#include "support/pipe.hpp"

namespace cgmm::test {
namespace {

class DiskFault : public FaultTest {
 protected:
  /// So many that a scan is some pages.
  void put_many(int count = 200) {
    for (int i = 0; i < count; ++i) cgroups().put("/pod/" + std::to_string(i), minimal_v1(kBelow));
  }
};

TEST_F(DiskFault, Full) {
  Mount tmpfs(disk(), "tmpfs", "size=4m,mode=0755");
  put_many();
  start();
  const auto filler = disk() / "filler";
  survives({.row = "disk full (tmpfs of 4 MiB)",
            .name = "history",
            .begin =
                [&] {
                  std::ofstream file(filler, std::ios::binary);
                  const std::string page(4096, 'x');
                  while (file.write(page.data(), 4096).flush()) {
                  }
                },
            .end = [&] { std::filesystem::remove(filler); },
            .lasts_until = [&] { return count_in_log(" error: the history can't be written") > 0; }});
}

/// So long that the queue in memory is full.
TEST_F(DiskFault, FullForLong) {
  Mount tmpfs(disk(), "tmpfs", "size=16m,mode=0755");
  put_many(1500);
  start();
  const auto filler = disk() / "filler";
  survives({.row = "disk full for long (1500 cgroups)",
            .name = "history",
            .begin =
                [&] {
                  std::ofstream file(filler, std::ios::binary);
                  const std::string page(4096, 'x');
                  while (file.write(page.data(), 4096).flush()) {
                  }
                },
            .end = [&] { std::filesystem::remove(filler); },
            .lasts_until = [&, scans = scans_made()] { return scans_made() > scans + 45; }});
}

/// The log is a file too, and smaller than that.
TEST_F(DiskFault, LimitOfAFile) {
  put_many();
  start();
  const auto limit = [&](rlim_t bytes) {
    const rlimit limits{bytes, RLIM_INFINITY};
    ASSERT_EQ(::prlimit(service().pid(), RLIMIT_FSIZE, &limits, nullptr), 0);
  };
  survives({.row = "no file may grow beyond 64 KiB (RLIMIT_FSIZE)",
            .name = "history",
            .begin = [&] { limit(64 * 1024); },
            .end = [&] { limit(RLIM_INFINITY); },
            .lasts_until = [&] { return count_in_log("no file may grow beyond 64.0 KiB here (RLIMIT_FSIZE") > 0; }});
}

/// fiu has system calls of the running program fail.
class Eio : public DiskFault {
 protected:
  void SetUp() override {
    DiskFault::SetUp();
    if (IsSkipped()) return;
    const std::string not_here = CGMM_FIU_SKIP;
    if (!not_here.empty()) GTEST_SKIP() << "\n*** SKIPPED, NOTHING WAS TESTED: " << not_here << " ***";
    ASSERT_TRUE(std::filesystem::exists(kLibrary)) << "the Debian package fiu-utils has it";
    put_many();
  }
  void start_with_fiu() {
    sigset_t stop, before;  // else fiu's own thread, which is there before main(), is ended by it
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &stop, &before);
    start({.environment = {{"LD_PRELOAD", "/usr/lib/fiu/fiu_run_preload.so " + std::string(kLibrary)},
                           {"FIU_CTRL_FIFO", file("fiu")}}});
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  /// Of its remote control: "enable name=posix/io/rw/pwrite,failinfo=5".
  void tell_fiu(const std::string& command) {
    const std::string fifo = file("fiu-").string() + std::to_string(service().pid());
    ASSERT_TRUE(
        eventually([&] { return std::filesystem::exists(fifo + ".in") && std::filesystem::exists(fifo + ".out"); }));
    const Fd in(::open((fifo + ".in").c_str(), O_RDWR | O_CLOEXEC));
    const Fd out(::open((fifo + ".out").c_str(), O_RDWR | O_CLOEXEC));
    const std::string line = command + "\n";
    ASSERT_EQ(::write(in.get(), line.data(), line.size()), static_cast<ssize_t>(line.size()));
    char answer[64] = {};
    ASSERT_GT(::read(out.get(), answer, sizeof answer - 1), 0);
    ASSERT_EQ(answer[0], '0') << command << ": " << answer;
  }
  void survives_failing(const std::string& row, const std::string& name, const std::string& said,
                        const std::vector<std::string>& calls, int error) {
    survives({.row = row,
              .name = name,
              .begin =
                  [&] {
                    for (const auto& call : calls)
                      tell_fiu("enable name=posix/io/" + call + ",failinfo=" + std::to_string(error));
                  },
              .end =
                  [&] {
                    for (const auto& call : calls) tell_fiu("disable name=posix/io/" + call);
                  },
              .lasts_until = [&] { return count_in_log(said) > 0; }});
  }

 private:
  static constexpr const char* kLibrary = "/usr/lib/fiu/fiu_posix_preload.so";
};

TEST_F(Eio, OnWrite) {
  start_with_fiu();
  survives_failing("EIO on write", "history", " error: the history can't be written", {"rw/pwrite"}, EIO);
}

/// Only when the log is taken up into the file is anything synced; what is committed meanwhile is on record.
TEST_F(Eio, OnFsync) {
  start_with_fiu();
  survives_failing("EIO on fsync", "history_size", " warning: old records can't be deleted",
                   {"sync/fdatasync", "sync/fsync"}, EIO);
}

TEST_F(Eio, ReadOnlyFromOneMomentToTheOther) {
  start_with_fiu();
  survives_failing("EROFS on every write and truncation", "history", " error: the history can't be written",
                   {"rw/pwrite", "rw/ftruncate"}, EROFS);
}

}  // namespace
}  // namespace cgmm::test
