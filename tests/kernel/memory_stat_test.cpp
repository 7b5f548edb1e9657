// SPDX-License-Identifier: Apache-2.0
#include "kernel/memory_stat.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "support/temp_dir.hpp"

namespace cgmm::kernel {
namespace {

std::optional<std::uint64_t> held_bytes_of(const std::string& meminfo) {
  const test::TempDir directory;
  const std::string file = directory.path() / "meminfo";
  std::ofstream(file) << meminfo;
  return node_held_bytes(file.c_str());
}

TEST(NodeOomKills, AreCountedInVmstat) {
  const test::TempDir directory;
  const std::string file = directory.path() / "vmstat";
  std::ofstream(file) << "nr_free_pages 100\noom_kill_wrong 3\noom_kill 7\nnuma_hit 1\n";
  EXPECT_EQ(node_oom_kills(file.c_str()), 7U);
  std::ofstream(file) << "nr_free_pages 100\n";
  EXPECT_EQ(node_oom_kills(file.c_str()), std::nullopt);
  EXPECT_TRUE(node_oom_kills()) << "this machine's";
}

TEST(NodeMemory, IsWhatCantSimplyBeDropped) {
  EXPECT_EQ(held_bytes_of("MemTotal:       16000 kB\nMemFree: 9000 kB\nCached: 5000 kB\nAnonPages:   100 kB\n"
                          "Shmem:  20 kB\nSUnreclaim:  3 kB\nKernelStack: 1 kB\nPageTables: 1 kB\nPercpu: 5 kB\n"
                          "HugePages_Total:       7\n"),
            130U * 1024);
}

TEST(NodeMemory, CountsWhatIsSwappedOut) {
  EXPECT_EQ(held_bytes_of("SwapTotal: 1000 kB\nSwapFree: 400 kB\nAnonPages: 100 kB\n"), 700U * 1024);
}

TEST(NodeMemory, IsNotKnownWithoutAnonPages) {
  for (const char* text : {"", "garbage", "Shmem: 20 kB\n", "AnonPages:\n", "AnonPages: kB\n", "AnonPages",
                           "AnonPages: 99999999999999999999999 kB\n"}) {
    EXPECT_EQ(held_bytes_of(text), std::nullopt) << text;
  }
  EXPECT_EQ(node_held_bytes("/nowhere"), std::nullopt);
  EXPECT_TRUE(node_held_bytes()) << "this machine's";
}

}  // namespace
}  // namespace cgmm::kernel
