// SPDX-License-Identifier: Apache-2.0
// Every file that is read of a cgroup, in every state that a file can be in: what it holds is absent then, what the
// others hold is not, and the problem names the file. And links, which lead nowhere.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>

#include "kernel/controller.hpp"
#include "kernel/tree.hpp"
#include "support/fake_cgroups.hpp"

namespace cgmm::kernel {
namespace {

namespace fs = std::filesystem;
using core::Counter;
using core::Gauge;
using test::FakeCgroups;

constexpr std::uint64_t kMiB = 1 << 20;
constexpr ::uid_t kNobody = 65534;

struct File {
  Version version;
  const char* name;
  const char* malformed;
  std::function<bool(const core::MemorySample&, const core::Limits&)> is_absent;
};

const File kFiles[] = {
    {Version::v1, "memory.usage_in_bytes", "much\n", [](auto& s, auto&) { return !s.gauges.has(Gauge::usage); }},
    {Version::v1, "memory.kmem.usage_in_bytes", "-1\n", [](auto& s, auto&) { return !s.gauges.has(Gauge::kernel); }},
    {Version::v1, "memory.failcnt", "99999999999999999999\n",
     [](auto& s, auto&) { return !s.counters.has(Counter::limit_hits); }},
    {Version::v1, "memory.oom_control", "oom_kill many\n",
     [](auto& s, auto&) { return !s.counters.has(Counter::oom_kills); }},
    {Version::v1, "memory.limit_in_bytes", "none\n", [](auto&, auto& limits) { return !limits.limit_bytes; }},
    {Version::v2, "memory.current", "\n", [](auto& s, auto&) { return !s.gauges.has(Gauge::usage); }},
    {Version::v2, "memory.swap.current", "1 2\n", [](auto& s, auto&) { return !s.gauges.has(Gauge::swap); }},
    {Version::v2, "memory.events", "max\n", [](auto& s, auto&) { return !s.counters.has(Counter::limit_hits); }},
    {Version::v2, "memory.pressure", "some total=long\n",
     [](auto& s, auto&) { return !s.counters.has(Counter::psi_some_us); }},
    {Version::v2, "memory.max", "min\n", [](auto&, auto& limits) { return !limits.limit_bytes; }},
    {Version::v2, "memory.high", "low\n", [](auto&, auto& limits) { return !limits.high_bytes; }},
};

/// A state to put a file in, what is said of it, and how to get out of it.
struct State {
  const char* name;
  const char* said;
  std::function<void(const std::string& path, const File& file)> enter;
  std::function<void(const std::string& path)> leave = [](const std::string&) {};
};

void write(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::trunc) << text; }

void make_socket(const std::string& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ASSERT_LT(path.size(), sizeof address.sun_path);
  std::strcpy(address.sun_path, path.c_str());
  ASSERT_EQ(::bind(fd, reinterpret_cast<const struct sockaddr*>(&address), sizeof address), 0);
  ::close(fd);
}

const State kStates[] = {
    {"empty", "is empty", [](const std::string& path, const File&) { write(path, ""); }},
    {"malformed", "", [](const std::string& path, const File& file) { write(path, file.malformed); }},
    {"cut off", "",
     [](const std::string& path, const File& file) {
       write(path, std::string(file.malformed, std::strlen(file.malformed) - 1));
     }},
    {"huge", "File too large",
     [](const std::string& path, const File&) { write(path, std::string(kMaxFileBytes + 1, '1')); }},
    {"a directory", "Is a directory",
     [](const std::string& path, const File&) { fs::remove(path), fs::create_directory(path); }},
    {"a socket", "No such device or address",
     [](const std::string& path, const File&) { fs::remove(path), make_socket(path); }},
    {"a link", "Too many levels of symbolic links",
     [](const std::string& path, const File&) {
       fs::rename(path, path + ".real");
       fs::create_symlink(path + ".real", path);
     }},
    {"forbidden", "Permission denied",
     [](const std::string& path, const File&) {
       ::chmod(path.c_str(), 0);
       const bool is_root = ::geteuid() == 0;
       ASSERT_TRUE(!is_root || ::seteuid(kNobody) == 0);
     },
     [](const std::string&) {
       const bool was_root = ::getuid() == 0;
       ASSERT_TRUE(!was_root || ::seteuid(0) == 0);
     }},
    // /proc/self/mem has nothing at address 0: EIO. A mount takes the place of the file.
    {"broken", "Input/output error",
     [](const std::string& path, const File&) {
       ASSERT_EQ(::mount("/proc/self/mem", path.c_str(), nullptr, MS_BIND, nullptr), 0) << std::strerror(errno);
     },
     [](const std::string& path) { ::umount2(path.c_str(), MNT_DETACH); }},
};

bool may_mount() {
  static const bool may =
      ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  return may;
}

class EveryFile : public testing::TestWithParam<State> {};
std::string name_of_state(const testing::TestParamInfo<State>& state) {
  std::string name = state.param.name;
  for (char& c : name) c = c == ' ' ? '_' : c;
  return name;
}
INSTANTIATE_TEST_SUITE_P(, EveryFile, testing::ValuesIn(kStates), name_of_state);

TEST_P(EveryFile, IsAbsentAloneAndNamed) {
  const State& state = GetParam();
  if (std::string(state.name) == "broken" && !may_mount()) {
    GTEST_SKIP() << "\n*** SKIPPED, NOTHING WAS TESTED: a mount namespace can't be had here ***";
  }
  for (const File& file : kFiles) {
    SCOPED_TRACE(file.name);
    FakeCgroups tree;
    const test::FakeMemory memory{.file_bytes = 50 * kMiB, .anon_bytes = 9 * kMiB};
    test::Files files = file.version == Version::v1 ? test::v1_files(memory) : test::v2_files(memory);
    if (file.version == Version::v2) files["memory.high"] = "1048576\n";
    tree.put("/web", files);
    const auto controller = make_controller(open_hierarchy(tree.root()));
    auto web = controller->open({"/web", tree.inode("/web")});
    ASSERT_TRUE(web);
    std::string healthy;
    const auto before = controller->read(*web);
    ASSERT_TRUE(before);
    ASSERT_FALSE(file.is_absent(before->sample, controller->read_limits(*web, *before, healthy)));
    ASSERT_EQ(before->problem + healthy, "");

    const std::string path = tree.root() + "/web/" + file.name;
    state.enter(path, file);
    const auto reading = controller->read(*web);
    std::string problem;
    const core::Limits limits = reading ? controller->read_limits(*web, *reading, problem) : core::Limits{};
    state.leave(path);
    ASSERT_TRUE(reading);
    EXPECT_TRUE(file.is_absent(reading->sample, limits));
    problem = reading->problem + problem;
    if (problem.empty() && !reading->no_numbers.empty()) problem = "/web/" + reading->no_numbers[0].file + ":";
    EXPECT_EQ(problem.substr(0, 6 + std::strlen(file.name)), "/web/" + std::string(file.name) + ":") << problem;
    EXPECT_NE(problem.find(state.said), std::string::npos) << problem;
    EXPECT_EQ(reading->sample.gauges[Gauge::file], 50 * kMiB) << "of another file";

    std::error_code ignored;
    fs::remove_all(path, ignored);
    tree.put("/web", files);
    std::string well_again;
    EXPECT_EQ(controller->read(*web)->problem, "");
    EXPECT_FALSE(file.is_absent(controller->read(*web)->sample, controller->read_limits(*web, *reading, well_again)));
    EXPECT_EQ(well_again, "");
  }
}

TEST_P(EveryFile, MemoryStatMakesTheCgroupUnreadable) {
  const State& state = GetParam();
  if (std::string(state.name) == "broken" && !may_mount()) {
    GTEST_SKIP() << "\n*** SKIPPED, NOTHING WAS TESTED: a mount namespace can't be had here ***";
  }
  for (const Version version : {Version::v1, Version::v2}) {
    FakeCgroups tree;
    tree.put("/web", version == Version::v1 ? test::v1_files({}) : test::v2_files({}));
    const auto controller = make_controller(open_hierarchy(tree.root()));
    auto web = controller->open({"/web", tree.inode("/web")});
    const File stat{version, "memory.stat", "anonymous 5\n", {}};
    const std::string path = tree.root() + "/web/memory.stat";
    state.enter(path, stat);
    std::string said;
    try {
      controller->read(*web);
    } catch (const std::exception& error) {
      said = error.what();
    }
    state.leave(path);
    EXPECT_EQ(said.substr(0, 17), "/web/memory.stat:") << said;
    EXPECT_NE(said.find(state.said), std::string::npos) << said;
  }
}

/// A parent with links to a cgroup outside of it, wherever a link may be.
class Links : public testing::TestWithParam<Version> {
 protected:
  Links() {
    const auto files = [](std::uint64_t file_bytes) {
      return GetParam() == Version::v1 ? test::v1_files({.file_bytes = file_bytes})
                                       : test::v2_files({.file_bytes = file_bytes});
    };
    outside_.put("/secret", files(77 * kMiB));
    tree_.put("/web", files(kMiB));
    fs::create_directory_symlink(outside_.root() + "/secret", tree_.root() + "/link");
    fs::create_directory_symlink(outside_.root(), tree_.root() + "/above");
  }
  std::string lever() const { return GetParam() == Version::v1 ? "memory.force_empty" : "memory.reclaim"; }
  void link_file(const std::string& name) {
    fs::remove(tree_.root() + "/web/" + name);
    fs::create_symlink(outside_.root() + "/secret/" + name, tree_.root() + "/web/" + name);
  }

  FakeCgroups outside_;
  FakeCgroups tree_;
};
std::string name_of_version(const testing::TestParamInfo<Version>& version) {
  return std::string(to_string(version.param));
}
INSTANTIATE_TEST_SUITE_P(, Links, testing::Values(Version::v1, Version::v2), name_of_version);

TEST_P(Links, ToDirectoriesAreNotWatchedAndNotOpened) {
  Tree tree(open_hierarchy(tree_.root()));
  const auto& watched = tree.walk().cgroups;
  ASSERT_EQ(watched.size(), 1U);
  EXPECT_EQ(watched[0].path.string(), "/web");
  const auto controller = make_controller(open_hierarchy(tree_.root()));
  const std::uint64_t inode = outside_.inode("/secret");
  for (const char* path : {"/link", "/above/secret"}) {
    EXPECT_THROW(controller->open({path, inode}), std::system_error) << path;
  }
}

TEST_P(Links, ToFilesAreNeitherReadNorWritten) {
  link_file("memory.stat");
  link_file(lever());
  const auto controller = make_controller(open_hierarchy(tree_.root()));
  auto web = controller->open({"/web", tree_.inode("/web")});
  ASSERT_TRUE(web);
  EXPECT_THROW(controller->read(*web), std::system_error);
  EXPECT_EQ(controller->reclaim(*web, kMiB), std::errc::too_many_symbolic_link_levels);
  EXPECT_EQ(outside_.file("/secret", lever()), "");
}

TEST_P(Links, ThatTakeTheNameOfACgroupThatIsHeldLeadNowhere) {
  const auto controller = make_controller(open_hierarchy(tree_.root()));
  auto web = controller->open({"/web", tree_.inode("/web")});
  fs::rename(tree_.root() + "/web", tree_.root() + "/moved");
  fs::create_directory_symlink(outside_.root() + "/secret", tree_.root() + "/web");
  EXPECT_TRUE(web->is_gone());
  const auto reading = controller->read(*web);
  ASSERT_TRUE(reading) << "the directory itself is held";
  EXPECT_EQ(reading->sample.gauges[Gauge::file], kMiB);
  controller->reclaim(*web, kMiB);
  EXPECT_NE(tree_.file("/moved", lever()), "");
  EXPECT_EQ(outside_.file("/secret", lever()), "");
}

}  // namespace
}  // namespace cgmm::kernel
