// SPDX-License-Identifier: Apache-2.0
#include "kernel/hierarchy.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "support/fake_cgroups.hpp"

namespace cgmm::kernel {
namespace {

using test::FakeCgroups;

std::string refusal(const std::string& parent) {
  try {
    open_hierarchy(parent);
  } catch (const HierarchyError& error) {
    return error.what();
  }
  return "";
}

TEST(OpenHierarchy, TellsTheVersionOfACopiedTreeByItsFiles) {
  FakeCgroups v1;
  v1.put("/kubepods/burstable/pod/x", test::minimal_v1({}));
  EXPECT_EQ(open_hierarchy(v1.root()).version, Version::v1);
  EXPECT_FALSE(open_hierarchy(v1.root()).real);
  FakeCgroups v2;
  v2.put("/kubepods.slice/x", test::v2_files({}));
  EXPECT_EQ(open_hierarchy(v2.root()).version, Version::v2);
}

TEST(OpenHierarchy, RefusesWhatIsNoCgroupDirectoryInAWholeSentence) {
  FakeCgroups tree;
  EXPECT_EQ(refusal(tree.root()),
            "parent \"" + tree.root() +
                "\" is not a cgroup directory: neither it nor what is below has memory control files; "
                "expected one such as /sys/fs/cgroup/memory/kubepods, or \"auto\"");
  EXPECT_EQ(refusal(tree.root() + "/none"), "parent \"" + tree.root() +
                                                "/none\" can't be opened: No such file or directory; expected a cgroup "
                                                "directory, or \"auto\"");
  tree.put_file("", "file", "x");
  EXPECT_EQ(refusal(tree.root() + "/file"),
            "parent \"" + tree.root() + "/file\" is not a directory; expected a cgroup directory, or \"auto\"");
}

TEST(MemoryHierarchyRoots, FindsV1V2AndHybridAndPrefersTheHosts) {
  FakeCgroups with_memory;
  with_memory.put("", {{"cgroup.controllers", "cpuset cpu memory pids\n"}});
  FakeCgroups without_memory;
  without_memory.put("", {{"cgroup.controllers", "hugetlb\n"}});
  const std::string v1 = "31 23 0:27 / /sys/fs/cgroup/memory rw,nosuid shared:9 - cgroup cgroup rw,memory\n";
  const std::string cpu = "32 23 0:28 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n";
  const std::string host_v1 = "90 23 0:27 / /host/sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
  const std::string v2 = "40 23 0:29 / " + with_memory.root() + " rw - cgroup2 cgroup2 rw\n";
  const std::string empty_v2 = "41 23 0:29 / " + without_memory.root() + " rw - cgroup2 cgroup2 rw\n";
  using Roots = std::vector<std::string>;
  EXPECT_EQ(memory_hierarchy_roots(cpu + v1), (Roots{"/sys/fs/cgroup/memory"}));
  EXPECT_EQ(memory_hierarchy_roots(v2), (Roots{with_memory.root()}));
  EXPECT_EQ(memory_hierarchy_roots(empty_v2 + v1 + cpu), (Roots{"/sys/fs/cgroup/memory"}));
  EXPECT_EQ(memory_hierarchy_roots(v1 + host_v1), (Roots{"/host/sys/fs/cgroup/memory", "/sys/fs/cgroup/memory"}));
  EXPECT_EQ(memory_hierarchy_roots(""), Roots{});
  EXPECT_EQ(memory_hierarchy_roots("garbage\n1 2 3\n - \n"), Roots{});
  EXPECT_EQ(memory_hierarchy_roots("31 23 0:27 / /a\\040b rw - cgroup cgroup rw,memory\n"), (Roots{"/a b"}));
}

TEST(MountOf, IsTheDeepestAndOfTheSamePointTheLast) {
  const std::string mountinfo =
      "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
      "23 20 0:25 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
      "31 23 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,cpu\n"
      "32 31 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
  EXPECT_EQ(mount_of(mountinfo, "/sys/fs/cgroup/memory/kubepods")->super_options, "rw,memory");
  EXPECT_EQ(mount_of(mountinfo, "/sys/fs/cgroup/unified")->type, "tmpfs");
  EXPECT_EQ(mount_of(mountinfo, "/tmp/copy")->type, "ext4");
}

TEST(LoggedPaths, AreBelowTheRootOfTheHierarchyAndNotBelowWhatIsMounted) {
  const std::string mountinfo =
      "36 35 0:30 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
      "37 35 0:30 /docker/0123 /mnt/memory rw,relatime shared:9 - cgroup cgroup rw,memory\n"
      "38 35 0:30 /../../.. /host/sys/fs/cgroup rw,relatime - cgroup2 cgroup rw\n";
  EXPECT_EQ(mount_of(mountinfo, "/sys/fs/cgroup/memory")->mounted, "");
  EXPECT_EQ(mount_of(mountinfo, "/mnt/memory/web")->mounted, "/docker/0123");
  EXPECT_EQ(mount_of(mountinfo, "/host/sys/fs/cgroup")->mounted, "") << "from a cgroup namespace: the real root";
  EXPECT_FALSE(mount_of(mountinfo, "/mnt/memory2"));
  const Hierarchy whole{.mounted_path = ""};
  const Hierarchy part{.mounted_path = "/docker/0123"};
  EXPECT_EQ(path_below_root(whole, "/kubepods/web"), "/kubepods/web");
  EXPECT_EQ(path_below_root(part, "/docker/0123/web"), "/web");
  EXPECT_EQ(path_below_root(part, "/docker/0123"), "");
  EXPECT_EQ(path_below_root(part, "/docker/01234/web"), "/docker/01234/web") << "another cgroup";
}

}  // namespace
}  // namespace cgmm::kernel
