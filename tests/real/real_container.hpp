// SPDX-License-Identifier: Apache-2.0
#pragma once

// A container of a real runtime, which eats memory until it is killed once it is fed. run_container.sh says how it
// runs.

#include <sys/types.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "support/child_process.hpp"
#include "support/program.hpp"
#include "support/real_cgroup.hpp"
#include "support/temp_dir.hpp"
#include "support/workload.hpp"

namespace cgmm::test {

class RealContainer {
 public:
  /// Its runtime makes its cgroup below `tree`, as if that were the whole hierarchy.
  RealContainer(const std::string& runtime, const RealCgroupTree& tree)
      : tree_(tree), others_(tree), process_(ChildProcess::fork_off([&] {
          return become(CGMM_SOURCE_DIR "/tests/real/run_container.sh", {runtime, name_of(tree), files_.path()},
                        {log(), log()}, {});
        })) {}

  /// False: it does not; last_words() say why.
  bool has_started() {
    return eventually([&] { return find() || !process_.running(); }, std::chrono::seconds{90}) && found_;
  }
  /// Of its cgroup, as its runtime made it.
  std::string path() const { return found_->path; }

  /// False: it is gone. Else it is killed by what it eats.
  bool feed() const { return std::ofstream("/proc/" + std::to_string(found_->pid) + "/root/table/food").is_open(); }
  /// Also for its runtime's.
  bool has_ended() { return process_.wait_for_exit(std::chrono::seconds{60}).has_value(); }

  std::string output() const { return content_of(log()); }
  /// The last line that its runtime said.
  std::string last_words() const {
    std::ifstream said(log());
    std::string last;
    for (std::string line; std::getline(said, line);) {
      if (!line.empty()) last = line;
    }
    return last;
  }

 private:
  /// The directories of the other v1 hierarchies that are called like the test's own, with what runtimes leave in them.
  class OtherHierarchies {
   public:
    explicit OtherHierarchies(const RealCgroupTree& tree) {
      std::ifstream mounts("/proc/self/mounts");
      for (std::string device, mount, type, rest; mounts >> device >> mount >> type && std::getline(mounts, rest);) {
        if (type != "cgroup" || std::filesystem::exists(std::filesystem::path(mount) / name_of(tree))) continue;
        directories_.push_back(std::filesystem::path(mount) / name_of(tree));
        std::filesystem::create_directory(directories_.back());
      }
    }
    ~OtherHierarchies() {
      for (const auto& directory : directories_) RealCgroupTree::remove_below(directory);
    }
    OtherHierarchies(const OtherHierarchies&) = delete;
    OtherHierarchies& operator=(const OtherHierarchies&) = delete;

   private:
    std::vector<std::filesystem::path> directories_;
  };

  struct Found {
    std::string path;
    pid_t pid = 0;
  };

  static std::string name_of(const RealCgroupTree& tree) { return tree.dir().filename(); }
  std::filesystem::path log() const { return files_.path() / "log"; }

  /// By its process, once that is what the container is for: before, it is its runtime's.
  bool find() {
    using namespace std::string_literals;
    std::error_code error;
    std::filesystem::recursive_directory_iterator entries(tree_.dir(), error);
    for (; !error && entries != std::filesystem::recursive_directory_iterator(); entries.increment(error)) {
      if (entries->path().filename() != "cgroup.procs") continue;
      std::ifstream pids(entries->path());
      for (pid_t pid = 0; pids >> pid;) {
        std::ifstream file("/proc/" + std::to_string(pid) + "/cmdline");
        std::string words;
        std::getline(file, words);  // content_of() would throw if the process is gone
        if (words != "/bin/sh\0/bin/eat\0"s) continue;
        found_ = {"/" + entries->path().parent_path().lexically_relative(tree_.dir()).string(), pid};
        return true;
      }
    }
    return false;
  }

  const RealCgroupTree& tree_;
  TempDir files_{disk_dir()};
  OtherHierarchies others_;
  ChildProcess process_;
  std::optional<Found> found_;
};

}  // namespace cgmm::test
