// SPDX-License-Identifier: Apache-2.0
#pragma once

// A directory that looks like a memory hierarchy: plain files with what a kernel would have written.

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <string>

#include "support/temp_dir.hpp"

namespace cgmm::test {

/// File name -> content.
using Files = std::map<std::string, std::string>;

struct FakeMemory {
  std::uint64_t file_bytes = 0;
  std::uint64_t shmem_bytes = 0;
  std::uint64_t anon_bytes = 0;
  std::uint64_t limit_bytes = 100 << 20;
  std::uint64_t oom_kills = 0;
  std::optional<std::uint64_t> inactive_bytes = {};  // nullopt: all page cache is idle
  std::uint64_t active_bytes = 12;

  std::uint64_t inactive() const { return inactive_bytes.value_or(file_bytes + (16 << 10)); }  // some of it is dirty
};

/// What the Rust program needs, and no more.
inline Files minimal_v1(const FakeMemory& memory) {
  return {{"memory.stat",
           "cache " + std::to_string(memory.file_bytes) + "\nrss " + std::to_string(memory.anon_bytes) + "\n"},
          {"memory.limit_in_bytes", std::to_string(memory.limit_bytes) + "\n"},
          {"memory.force_empty", ""}};
}

inline Files v1_files(const FakeMemory& memory) {
  const auto n = [](std::uint64_t value) { return std::to_string(value); };
  const std::uint64_t usage = memory.file_bytes + memory.anon_bytes;
  std::string stat = "cache 1\nrss 1\nshmem 1\nhierarchical_memory_limit " + n(memory.limit_bytes) + "\n";
  stat += "total_cache " + n(memory.file_bytes) + "\ntotal_rss " + n(memory.anon_bytes) + "\ntotal_rss_huge 0\n";
  stat += "total_shmem " + n(memory.shmem_bytes) + "\ntotal_mapped_file 0\ntotal_dirty 4096\ntotal_writeback 8192\n";
  stat += "total_workingset_refault_file 7\ntotal_workingset_refault_anon 3\ntotal_swap 0\n";
  stat += "total_pgfault 100\ntotal_pgmajfault 5\ntotal_inactive_file " + n(memory.inactive()) +
          "\ntotal_active_file " + n(memory.active_bytes) + "\n";
  return {{"memory.stat", stat},
          {"memory.usage_in_bytes", n(usage) + "\n"},
          {"memory.limit_in_bytes", n(memory.limit_bytes) + "\n"},
          {"memory.kmem.usage_in_bytes", "65536\n"},
          {"memory.failcnt", "2\n"},
          {"memory.max_usage_in_bytes", n(usage) + "\n"},
          {"memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill " + n(memory.oom_kills) + "\n"},
          {"memory.force_empty", ""}};
}

inline Files v2_files(const FakeMemory& memory) {
  const auto n = [](std::uint64_t value) { return std::to_string(value); };
  std::string stat = "anon " + n(memory.anon_bytes) + "\nfile " + n(memory.file_bytes) + "\nkernel 65536\n";
  stat += "kernel_stack 1\nfile_mapped 99\nfile_dirty 4096\nfile_writeback 8192\nshmem " + n(memory.shmem_bytes) + "\n";
  stat += "inactive_file " + n(memory.inactive()) + "\n";
  stat += "active_file " + n(memory.active_bytes) +
          "\nslab_reclaimable 13\nslab_unreclaimable 14\npgfault 100\npgmajfault "
          "5\nworkingset_refault_anon 3\n";
  stat += "workingset_refault_file 7\npgscan 21\npgsteal 20\n";
  return {{"memory.stat", stat},
          {"memory.current", n(memory.file_bytes + memory.anon_bytes) + "\n"},
          {"memory.peak", n(memory.file_bytes + memory.anon_bytes) + "\n"},
          {"memory.max", n(memory.limit_bytes) + "\n"},
          {"memory.high", "max\n"},
          {"memory.swap.current", "0\n"},
          {"memory.events", "low 0\nhigh 0\nmax 2\noom 0\noom_kill " + n(memory.oom_kills) + "\noom_group_kill 0\n"},
          {"memory.pressure",
           "some avg10=0.00 avg60=0.00 avg300=0.00 total=1234\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1000\n"},
          {"memory.reclaim", ""}};
}

class FakeCgroups {
 public:
  explicit FakeCgroups(const std::filesystem::path& base = std::filesystem::temp_directory_path()) : directory_(base) {}

  std::string root() const { return directory_.path().string(); }

  /// `path` begins with '/'. Directories above are made without files. A new one appears with all its files at once: a
  /// running service may read it at any moment.
  void put(const std::string& path, const Files& files) {
    const std::filesystem::path directory = root() + path;
    const bool is_new = !std::filesystem::exists(directory);
    const std::string place = is_new ? root() + ".new" : directory.string();
    std::filesystem::create_directories(place);
    for (const auto& [name, content] : files) write(place + "/" + name, content);
    if (!is_new) return;
    std::filesystem::create_directories(directory.parent_path());
    std::filesystem::rename(place, directory);
  }
  void put_file(const std::string& path, const std::string& name, const std::string& content) {
    write(root() + path + "/" + name, content);
  }
  std::string file(const std::string& path, const std::string& name) const {
    std::ifstream file(root() + path + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void remove_file(const std::string& path, const std::string& name) {
    std::filesystem::remove(root() + path + "/" + name);
  }
  void remove(const std::string& path) { std::filesystem::remove_all(root() + path); }
  std::uint64_t inode(const std::string& path) const {
    struct stat status{};
    ::stat((root() + path).c_str(), &status);
    return status.st_ino;
  }

 private:
  static void write(const std::string& file, const std::string& content) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << content;
  }

  TempDir directory_;
};

}  // namespace cgmm::test
