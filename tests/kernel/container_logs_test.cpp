// SPDX-License-Identifier: Apache-2.0
#include "kernel/container_logs.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "support/hostile.hpp"
#include "support/temp_dir.hpp"

namespace cgmm::kernel {
namespace {

namespace fs = std::filesystem;
using core::ContainerIdentity;
using core::ContainerNames;

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kNow = 1'700'000'000 * kSecond;
const std::string kUid = "0f5b1c2d-1111-2222-3333-444455556666";
const std::string kOtherUid = "0f5b1c2d-1111-2222-3333-444455557777";

/// A container id that ends in the number.
std::string id(std::uint64_t number) {
  const std::string digits = std::to_string(number);
  return std::string(64 - digits.size(), 'a') + digits;
}

/// A node's log directory, as the kubelet fills it.
class Logs {
 public:
  explicit Logs(fs::path path) : path_(std::move(path)) {
    fs::create_directories(containers());
    fs::create_directories(pods());
  }

  std::string path() const { return path_; }
  fs::path containers() const { return path_ / "containers"; }
  fs::path pods() const { return path_ / "pods"; }

  /// Its target is on the node, not here.
  void add_container(const std::string& name, const std::string& container_id) const {
    fs::create_symlink("/var/log/pods/not/here/0.log", containers() / (name + "-" + container_id + ".log"));
  }
  void remove_container(const std::string& name, const std::string& container_id) const {
    fs::remove(containers() / (name + "-" + container_id + ".log"));
  }
  void add_pod(const std::string& name) const { fs::create_directory(pods() / name); }

 private:
  fs::path path_;
};

TEST(ContainerLogs, TellsNamesByContainerElseByPod) {
  const test::TempDir dir;
  const Logs logs(dir.path());
  logs.add_container("web-7d9c5b8f6d-x2x4z_shop_nginx", id(1));
  logs.add_pod("shop_web-7d9c5b8f6d-x2x4z_" + kUid);
  ContainerLogs names(logs.path());
  EXPECT_EQ(names.names_of({"", id(1), kUid, ""}, kNow), (ContainerNames{"shop", "web-7d9c5b8f6d-x2x4z", "nginx"}));
  EXPECT_EQ(names.names_of({"", id(1), "", ""}, kNow), (ContainerNames{"shop", "web-7d9c5b8f6d-x2x4z", "nginx"}));
  EXPECT_EQ(names.names_of({"", id(2), kUid, ""}, kNow), (ContainerNames{"shop", "web-7d9c5b8f6d-x2x4z", ""}));
  EXPECT_EQ(names.names_of({"", "", kUid, ""}, kNow), (ContainerNames{"shop", "web-7d9c5b8f6d-x2x4z", ""}));
  EXPECT_FALSE(names.names_of({"", id(2), kOtherUid, ""}, kNow));
  EXPECT_FALSE(names.names_of({}, kNow));
  EXPECT_EQ(names.problem(), "");
  EXPECT_EQ(names.directory(), logs.path());
}

/// A pod whose name is so long that so many digits of a container's id are left, and its containers.
class CutNames : public testing::Test {
 protected:
  void use(std::size_t digits_left) {
    names_ = ContainerLogs(dir_.path());
    pod_ = std::string(251 - digits_left - std::string("_shop_nginx-").size(), 'p');
    logs_.add_pod("shop_" + pod_ + "_" + kUid);
  }
  /// As the kubelet does it.
  void add(const std::string& container, const std::string& container_id, const std::string& pod = "") {
    const std::string name = (pod.empty() ? pod_ : pod) + "_shop_" + container + "-" + container_id;
    fs::create_symlink("/var/log/pods/not/here/0.log", logs_.containers() / (name.substr(0, 251) + ".log"));
  }
  std::string name_of(const std::string& container_id, const std::string& uid = kUid) {
    const auto found = names_.names_of({"", container_id, uid, ""}, now_us_ += kSecond);
    return found ? found->container : "no pod";
  }

  const std::string kThis = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
  const std::string kOther = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd00";
  test::TempDir dir_;
  Logs logs_{dir_.path()};
  ContainerLogs names_{""};
  std::string pod_;
  std::int64_t now_us_ = kNow;
};

TEST_F(CutNames, AreTheContainersThatTheDigitsFit) {
  for (const std::size_t left : {61U, 40U, 39U}) {
    use(left);
    add("nginx", kThis);
    names_.see({"", kThis, kUid, ""});
    names_.see({"", id(7), kUid, ""});
    EXPECT_EQ(name_of(kThis), "nginx") << left;
    EXPECT_EQ(name_of(id(7)), "") << "the pod's sandbox has no log";
    EXPECT_EQ(name_of(kThis, kOtherUid), "no pod");
    fs::remove_all(logs_.containers());
    fs::remove_all(logs_.pods());
    fs::create_directory(logs_.containers());
    fs::create_directory(logs_.pods());
  }
}

TEST_F(CutNames, OfAnotherPodFitNone) {
  use(61);
  logs_.add_pod("shop_web_" + kOtherUid);
  add("nginx", kThis);
  EXPECT_EQ(name_of(kThis, kOtherUid), "");
}

TEST_F(CutNames, ThatFitTwoContainersOfThePodAreNeithers) {
  use(61);
  add("nginx", kThis);
  names_.see({"", kThis, kUid, ""});
  names_.see({"", kOther, kUid, ""});
  EXPECT_EQ(name_of(kThis), "");
  EXPECT_EQ(name_of(kOther), "");
}

TEST_F(CutNames, OfTwoThatFitAContainerNoneIsTaken) {
  use(61);
  add("nginx", kThis);
  add("proxy", kOther);
  EXPECT_EQ(name_of(kThis), "");
}

TEST_F(CutNames, OfWholeIdsAreNotConcerned) {
  use(61);
  names_.see({"", kThis, kUid, ""});
  names_.see({"", kOther, kUid, ""});
  logs_.add_container("web_shop_nginx", kThis);
  EXPECT_EQ(name_of(kThis), "nginx");
}

TEST(ContainerLogs, SeesLogsComeAndGo) {
  const test::TempDir dir;
  const Logs logs(dir.path());
  ContainerLogs names(logs.path());
  std::int64_t now_us = kNow;
  for (std::uint64_t i = 0; i < 100; ++i) {
    const ContainerIdentity identity{"", id(i), "", ""};
    EXPECT_FALSE(names.names_of(identity, now_us += kSecond)) << i;
    logs.add_container("web_shop_nginx", id(i));
    EXPECT_TRUE(names.names_of(identity, now_us += kSecond)) << i;
    logs.remove_container("web_shop_nginx", id(i));
    EXPECT_TRUE(names.names_of(identity, now_us)) << "known until the directory is read again";
    EXPECT_FALSE(names.names_of({"", id(1000), "", ""}, now_us += kSecond));
    EXPECT_FALSE(names.names_of(identity, now_us)) << i;
  }
}

TEST(ContainerLogs, TellsTheContainerOnceItsLogIsThere) {
  const test::TempDir dir;
  const Logs logs(dir.path());
  logs.add_pod("shop_web-x2x4z_" + kUid);
  ContainerLogs names(logs.path());
  const ContainerIdentity identity{"", id(1), kUid, ""};
  EXPECT_EQ(names.names_of(identity, kNow), (ContainerNames{"shop", "web-x2x4z", ""}));
  logs.add_container("web-x2x4z_shop_nginx", id(1));
  EXPECT_EQ(names.names_of(identity, kNow), (ContainerNames{"shop", "web-x2x4z", "nginx"}));
}

TEST(ContainerLogs, FindsTheDirectoryThatHasLogsAndLooksAgainWhileThereIsNone) {
  const test::TempDir dir;
  const std::string host = dir.path() / "host";
  const std::string own = dir.path() / "own";
  fs::create_directories(own);
  const ContainerIdentity identity{"", id(1), "", ""};
  ContainerLogs names("auto", {host, own});
  EXPECT_FALSE(names.names_of(identity, kNow));
  EXPECT_EQ(names.directory(), "");
  EXPECT_EQ(names.problem(), "neither containers nor pods in " + host + " or " + own);

  const Logs own_logs(own);
  own_logs.add_container("web_own_nginx", id(1));
  EXPECT_EQ(names.names_of(identity, kNow), (ContainerNames{"own", "web", "nginx"}));
  EXPECT_EQ(names.directory(), own);
  EXPECT_EQ(names.problem(), "");

  const Logs host_logs(host);
  host_logs.add_container("web_host_nginx", id(2));
  EXPECT_FALSE(names.names_of({"", id(2), "", ""}, kNow)) << "stays with the one it has found";
  fs::remove_all(own);
  EXPECT_EQ(names.names_of({"", id(2), "", ""}, kNow), (ContainerNames{"host", "web", "nginx"}));
  EXPECT_EQ(names.directory(), host);
  EXPECT_FALSE(names.names_of(identity, kNow)) << "of the directory that is gone";

  ContainerLogs first("auto", {host, own});
  EXPECT_TRUE(first.names_of({"", id(2), "", ""}, kNow));
  EXPECT_EQ(first.directory(), host);
}

TEST(ContainerLogs, AbsentDirectoriesAreNoError) {
  const test::TempDir dir;
  const fs::path path = dir.path() / "log";
  const std::string containers = path / "containers";
  const ContainerIdentity identity{"", id(1), kUid, ""};
  ContainerLogs names(path.string());
  EXPECT_EQ(names.problem(), "");
  EXPECT_FALSE(names.names_of(identity, kNow));
  EXPECT_EQ(names.problem(), containers + ": No such file or directory");

  const Logs logs(path);
  logs.add_container("web_shop_nginx", id(1));
  logs.add_pod("shop_web_" + kUid);
  EXPECT_EQ(names.names_of(identity, kNow), (ContainerNames{"shop", "web", "nginx"}));
  EXPECT_EQ(names.problem(), path.string() + "/pods: No such file or directory") << "not looked at since";
  EXPECT_EQ(names.names_of({"", id(2), kUid, ""}, kNow), (ContainerNames{"shop", "web", ""}));
  EXPECT_EQ(names.problem(), "");

  fs::remove_all(path);
  EXPECT_FALSE(names.names_of({"", id(3), kOtherUid, ""}, kNow + kSecond));
  EXPECT_FALSE(names.names_of(identity, kNow + kSecond)) << "forgotten with the directories";
}

TEST(ContainerLogs, SaysWhatCannotBeRead) {
  const test::TempDir dir;
  const std::string containers = dir.path() / "containers";
  ContainerLogs names(dir.path().string());
  std::ofstream(containers) << "no directory";
  EXPECT_FALSE(names.names_of({"", id(1), "", ""}, kNow));
  EXPECT_EQ(names.problem(), containers + ": Not a directory");
  fs::remove(containers);
  fs::create_symlink("containers", containers);
  EXPECT_FALSE(names.names_of({"", id(1), "", ""}, kNow));
  EXPECT_EQ(names.problem(), containers + ": Too many levels of symbolic links");
  fs::remove(containers);
  ASSERT_EQ(::mkfifo(containers.c_str(), 0600), 0);
  EXPECT_FALSE(names.names_of({"", id(1), "", ""}, kNow)) << "does not wait for a writer";
}

TEST(ContainerLogs, LooksNowhereWhenOff) {
  const test::TempDir dir;
  const Logs logs(dir.path());
  logs.add_container("web_shop_nginx", id(1));
  for (const std::string setting : {"", "off"}) {
    ContainerLogs names(setting, {logs.path()});
    EXPECT_FALSE(names.names_of({"", id(1), kUid, ""}, kNow));
    EXPECT_EQ(names.problem(), "");
    EXPECT_EQ(names.directory(), "");
  }
}

TEST(ContainerLogs, PassesOverGarbage) {
  const test::TempDir dir;
  const Logs logs(dir.path());
  for (auto [label, text] : test::hostile_texts()) {
    std::replace(text.begin(), text.end(), '/', '_');
    std::erase(text, '\0');
    if (text.empty()) continue;
    std::ofstream(logs.containers() / text);
    std::ofstream(logs.pods() / text);
    if (text.size() > 200) continue;
    fs::create_symlink("/dev/null", logs.containers() / ("a_b_c-" + text + ".log"));
    fs::create_directory(logs.pods() / (text + "_b_" + kOtherUid));
  }
  fs::create_directory(logs.containers() / ("web_shop_dir-" + id(2) + ".log"));
  logs.add_container("web_shop_nginx", id(1));
  logs.add_pod("shop_web_" + kUid);
  ContainerLogs names(logs.path());
  EXPECT_EQ(names.names_of({"", id(1), "", ""}, kNow), (ContainerNames{"shop", "web", "nginx"}));
  EXPECT_EQ(names.names_of({"", "", kUid, ""}, kNow), (ContainerNames{"shop", "web", ""}));
  for (const auto& [label, text] : test::hostile_texts()) {
    EXPECT_FALSE(names.names_of({"", text, text, ""}, kNow)) << label;
  }
  EXPECT_FALSE(names.names_of({"", "", kOtherUid, ""}, kNow));
  EXPECT_EQ(names.problem(), "");
}

TEST(ContainerLogs, LooksAtABoundedNumberOfEntries) {
  const test::TempDir dir;
  const Logs logs(dir.path());
  const auto known = [&](ContainerLogs& names, std::int64_t now_us) {
    int count = 0;
    for (std::uint64_t i = 0; i < 5; ++i) count += names.names_of({"", id(i), "", ""}, now_us) ? 1 : 0;
    return count;
  };
  for (std::uint64_t i = 0; i < 3; ++i) logs.add_container("web_shop_nginx", id(i));
  ContainerLogs names(logs.path(), {}, 3);
  EXPECT_EQ(known(names, kNow), 3);
  EXPECT_EQ(names.problem(), "");
  for (std::uint64_t i = 3; i < 5; ++i) logs.add_container("web_shop_nginx", id(i));
  known(names, kNow + kSecond);
  EXPECT_EQ(names.problem(), logs.containers().string() + ": only the first 3 entries are read");
}

TEST(ContainerLogs, DoesNotReadThousandsOfEntriesForEveryUnknownContainer) {
  const test::TempDir dir;
  const Logs logs(dir.path());
  for (std::uint64_t i = 0; i < 2000; ++i) logs.add_container("web_shop_nginx", id(i));
  ContainerLogs names(logs.path());
  EXPECT_TRUE(names.names_of({"", id(1999), "", ""}, kNow));
  logs.add_container("web_shop_nginx", id(2000));
  const ContainerIdentity added{"", id(2000), "", ""};
  EXPECT_FALSE(names.names_of(added, kNow + 199'999));
  EXPECT_TRUE(names.names_of(added, kNow + 200'000));
  logs.add_container("web_shop_nginx", id(2001));
  EXPECT_TRUE(names.names_of({"", id(2001), "", ""}, kNow)) << "a clock that was set back";
}

}  // namespace
}  // namespace cgmm::kernel
