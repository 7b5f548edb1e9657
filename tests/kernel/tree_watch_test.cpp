// SPDX-License-Identifier: Apache-2.0
// That a tree which lists only what the kernel says has changed finds what one finds that lists everything.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "core/records.hpp"
#include "kernel/tree.hpp"
#include "support/child_process.hpp"
#include "support/fake_cgroups.hpp"
#include "support/real_cgroup.hpp"

namespace cgmm::kernel {
namespace {

namespace fs = std::filesystem;
using test::FakeCgroups;

using Paths = std::vector<std::string>;

/// Without those that are above others.
Paths paths(Tree& tree) {
  Paths result;
  for (const FoundCgroup& one : tree.walk().cgroups) {
    if (one.kind == core::CgroupKind::container || one.kind == core::CgroupKind::leaf)
      result.push_back(one.path.string());
  }
  std::sort(result.begin(), result.end());
  return result;
}

std::string container(int i) {
  const std::string number = std::to_string(i);
  return std::string(64 - number.size(), 'a') + number;
}

std::string pod(int i) { return "/kubepods/burstable/pod0f5b1c2d-1111-2222-3333-4444555566" + std::to_string(10 + i); }

/// Directories that this process watches by inotify.
std::size_t watched_directories() {
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator("/proc/self/fdinfo")) {
    std::ifstream info(entry.path());
    for (std::string line; std::getline(info, line);) count += line.starts_with("inotify wd:") ? 1U : 0U;
  }
  return count;
}

class TreeWatch : public testing::Test {
 protected:
  TreeWatch() { cgroups_.put("", test::v1_files({})); }

  void make(const std::string& path) { fs::create_directories(cgroups_.root() + path); }
  void rename(const std::string& from, const std::string& to) {
    fs::rename(cgroups_.root() + from, cgroups_.root() + to);
  }
  Tree tree() { return Tree(open_hierarchy(cgroups_.root())); }

  FakeCgroups cgroups_;
};

TEST_F(TreeWatch, LooksAtNothingWhileNothingChanges) {
  make(pod(1) + "/" + container(1));
  make("/system.slice/a.service");
  Tree one = tree();
  const Paths first = paths(one);
  paths(one);
  const std::uint32_t walks = one.walk().number;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(paths(one), first);
  EXPECT_EQ(one.walk().number, walks);
  EXPECT_EQ(one.walk().unwatched_count, 0);
  one.list_all_anew();
  EXPECT_EQ(one.walk().number, walks + 1);
}

/// "/path: made_after_us" of those that are known to be young.
Paths young(Tree& tree, std::int64_t previous_at_us) {
  Paths result;
  for (const FoundCgroup& one : tree.walk(previous_at_us).cgroups) {
    if (one.made_after_us != 0 && one.kind != core::CgroupKind::inner)
      result.push_back(one.path.string() + ": " + std::to_string(one.made_after_us));
  }
  std::sort(result.begin(), result.end());
  return result;
}

TEST_F(TreeWatch, KnowsWhatWasMadeSinceTheWalkBefore) {
  make("/old");
  Tree one = tree();
  EXPECT_EQ(young(one, 0), Paths{});
  make("/new");
  make("/pods/deep/new");
  EXPECT_EQ(young(one, 1000), (Paths{"/new: 1000", "/pods/deep/new: 1000"}));
  rename("/old", "/renamed");
  EXPECT_EQ(young(one, 2000), (Paths{"/new: 1000", "/pods/deep/new: 1000"}));
}

TEST_F(TreeWatch, KnowsItAlsoWhereAnotherDirectoryCantBeRead) {
  std::string deep;
  for (int i = 0; i < 70; ++i) deep += "/" + std::to_string(i);
  make(deep);
  make("/pods/old");
  Tree one = tree();
  EXPECT_EQ(young(one, 0), Paths{});
  EXPECT_EQ(one.walk().error_count, 1);
  make("/pods/new");
  EXPECT_EQ(young(one, 1000), Paths{"/pods/new: 1000"});
}

TEST_F(TreeWatch, KnowsItAlsoWhereThereAreMoreThanMaxCgroups) {
  for (const char* const name : {"/a", "/b", "/c"}) make(std::string("/pods/") + name);
  Tree one(open_hierarchy(cgroups_.root()), 2);
  EXPECT_EQ(young(one, 0), Paths{});
  EXPECT_EQ(one.walk().left_out_count, 2) << "one of them, and /pods";
  one.set_max_cgroups(6);
  make("/pods/d");
  EXPECT_EQ(young(one, 1000), Paths{"/pods/d: 1000"}) << "the one that was left out is old";
}

TEST_F(TreeWatch, NoticesWhatComesAndGoesDeepBelow) {
  make(pod(1) + "/" + container(1));
  Tree one = tree();
  paths(one);
  make(pod(1) + "/" + container(2));
  EXPECT_EQ(paths(one), (Paths{pod(1) + "/" + container(1), pod(1) + "/" + container(2)}));
  make(pod(2));
  EXPECT_EQ(paths(one).size(), 2U);
  make(pod(2) + "/" + container(3));
  EXPECT_EQ(paths(one).size(), 3U);
  cgroups_.remove(pod(1));
  EXPECT_EQ(paths(one), Paths{pod(2) + "/" + container(3)});
  rename(pod(2), pod(3));
  EXPECT_EQ(paths(one), Paths{pod(3) + "/" + container(3)});
  rename(pod(3), pod(4));
  make(pod(4) + "/" + container(4));
  EXPECT_EQ(paths(one), (Paths{pod(4) + "/" + container(3), pod(4) + "/" + container(4)}));
}

TEST_F(TreeWatch, NoticesThatALeafHasChildrenNow) {
  make("/a.slice/b.service");
  Tree one = tree();
  EXPECT_EQ(paths(one), Paths{"/a.slice/b.service"});
  make("/a.slice/b.service/payload");
  EXPECT_EQ(paths(one), Paths{"/a.slice/b.service/payload"});
  cgroups_.remove("/a.slice/b.service/payload");
  EXPECT_EQ(paths(one), Paths{"/a.slice/b.service"});
}

TEST_F(TreeWatch, KeepsNoWatchOfWhatIsGone) {
  const std::size_t before = watched_directories();
  Tree one = tree();
  paths(one);
  for (int i = 0; i < 50; ++i) make(pod(i) + "/" + container(i));
  EXPECT_EQ(paths(one).size(), 50U);
  EXPECT_EQ(watched_directories(), before + 1 + 2 + 50) << "the parent, kubepods, burstable, the pods; no container";
  cgroups_.remove("/kubepods");
  paths(one);
  EXPECT_EQ(watched_directories(), before + 1);
}

TEST_F(TreeWatch, ListsEverythingAfterMoreChangesThanTheKernelKeeps) {
  make(pod(1) + "/" + container(1));
  Tree one = tree();
  paths(one);
  for (int i = 0; i < 10'000; ++i) {
    const std::string path = cgroups_.root() + "/" + std::to_string(i);
    ::mkdir(path.c_str(), 0755);
    ::rmdir(path.c_str());
  }
  make(pod(2) + "/" + container(2));  // of which nothing is told
  EXPECT_EQ(paths(one), (Paths{pod(1) + "/" + container(1), pod(2) + "/" + container(2)}));
}

TEST_F(TreeWatch, ListsInEveryWalkWhatCantBeWatched) {
  auto child = test::ChildProcess::fork_off([&] {
    if (::unshare(CLONE_NEWUSER) != 0) return 77;
    const int limit = ::open("/proc/sys/user/max_inotify_watches", O_WRONLY);
    if (limit < 0 || ::write(limit, "3", 1) != 1) return 77;
    for (int i = 0; i < 5; ++i) make(pod(i) + "/" + container(i));
    Tree one = tree();
    if (paths(one).size() != 5) return 1;
    if (one.walk().unwatched_count != 5) return 2;  // of eight, without the containers
    make(pod(3) + "/" + container(7));
    cgroups_.remove(pod(0));
    if (paths(one).size() != 5) return 3;
    if (one.walk().unwatched_count != 4) return 4;
    for (int i = 1; i < 5; ++i) cgroups_.remove(pod(i));
    if (paths(one) != Paths{"/kubepods/burstable"} || one.walk().unwatched_count != 0) return 5;
    make(pod(9));
    paths(one);  // it was told to end: its place is free
    paths(one);
    const std::uint32_t walks = one.walk().number;
    paths(one);
    return one.walk().unwatched_count == 1 && one.walk().number != walks ? 0 : 6;
  });
  const auto status = child.wait_for_exit(std::chrono::seconds(20));
  ASSERT_TRUE(status);
  if (*status == 77) GTEST_SKIP() << "no user namespaces here";
  EXPECT_EQ(*status, 0);
}

TEST_F(TreeWatch, FindsTheParentMadeAnew) {
  cgroups_.put("/p/a", test::v1_files({}));
  Tree one(open_hierarchy(cgroups_.root() + "/p"));
  EXPECT_EQ(paths(one), Paths{"/a"});
  rename("/p", "/q");
  cgroups_.put("/p/b", test::v1_files({}));
  EXPECT_EQ(paths(one), Paths{"/b"});
  make("/p/c");
  EXPECT_EQ(paths(one), (Paths{"/b", "/c"}));
}

/// All, with their kinds.
Paths all(Tree& tree) {
  Paths result;
  for (const FoundCgroup& one : tree.walk().cgroups) {
    result.push_back(one.path.string() + " " + std::string(core::to_string(one.kind)) + " " +
                     std::to_string(one.depth));
  }
  std::sort(result.begin(), result.end());
  return result;
}

/// Makes, removes and renames at random, and compares with a tree that has seen nothing before.
void compare_at_random(const std::string& root, unsigned seed) {
  std::mt19937 random(seed);
  Tree one(open_hierarchy(root));
  Paths made;
  const auto any = [&] { return made.empty() ? std::string() : made[random() % made.size()]; };
  for (int step = 0; step < 400; ++step) {
    switch (random() % 5) {
      case 0:
      case 1: {
        const std::string name =
            random() % 2 == 0 ? container(static_cast<int>(random() % 20)) : "d" + std::to_string(random() % 20);
        const std::string path = (random() % 3 == 0 ? "" : any()) + "/" + name;
        if (std::count(path.begin(), path.end(), '/') < 6 && ::mkdir((root + path).c_str(), 0755) == 0)
          made.push_back(path);
        break;
      }
      case 2:
      case 3: {
        const std::string path = any();
        if (!path.empty() && ::rmdir((root + path).c_str()) == 0) std::erase(made, path);
        break;
      }
      default: {
        const std::string from = any();
        if (from.empty()) break;
        std::string to = from.substr(0, from.rfind('/')) + "/r" + std::to_string(random() % 9);
        if (std::find(made.begin(), made.end(), to) != made.end() ||
            std::rename((root + from).c_str(), (root + to).c_str()) != 0)
          break;
        for (std::string& path : made) {
          if (path == from || path.starts_with(from + "/")) path = to + path.substr(from.size());
        }
      }
    }
    if (random() % 4 != 0) continue;
    Tree fresh(open_hierarchy(root));
    const Paths expected = all(fresh);
    paths(one);  // what was met under two names is settled in the next one
    ASSERT_EQ(all(one), expected) << "seed " << seed << ", step " << step;
  }
  for (std::size_t left = made.size() + 1; !made.empty() && left > 0; --left) {
    std::erase_if(made, [&](const std::string& path) { return ::rmdir((root + path).c_str()) == 0; });
  }
}

TEST_F(TreeWatch, FindsWhatAFreshTreeFinds) {
  for (unsigned seed = 1; seed <= 10; ++seed) {
    ASSERT_NO_FATAL_FAILURE(compare_at_random(cgroups_.root(), seed));
  }
}

TEST(RealTreeWatch, FindsWhatAFreshTreeFinds) {
  if (const auto missing = test::RealCgroupTree::missing()) GTEST_SKIP() << *missing;
  test::RealCgroupTree cgroups;
  const std::size_t before = watched_directories();
  for (unsigned seed = 1; seed <= 3; ++seed) {
    ASSERT_NO_FATAL_FAILURE(compare_at_random(cgroups.dir().string(), seed));
  }
  EXPECT_EQ(watched_directories(), before);
}

TEST(RealTreeWatch, IsNotDeceivedByAListingThatASignalCutsShort) {
  if (const auto missing = test::RealCgroupTree::missing()) GTEST_SKIP() << *missing;
  const test::RealCgroupTree cgroups;
  for (int i = 0; i < 60; ++i) cgroups.make("d" + std::to_string(i));
  auto child = test::ChildProcess::fork_off([&] {
    for (int i = 0; i < 300; ++i) {
      Tree one(open_hierarchy(cgroups.dir().string()));
      if (paths(one).size() != 60) return 1;
    }
    return 0;
  });
  for (int i = 0; i < 20'000 && child.running(); ++i) {
    child.signal(SIGSTOP);
    child.signal(SIGCONT);
    ::usleep(100);
  }
  EXPECT_EQ(child.wait_for_exit(), 0);
}

}  // namespace
}  // namespace cgmm::kernel
