// SPDX-License-Identifier: Apache-2.0
// The image itself: what is in it, and that it is the same when it is built twice.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>

#include "image/built_image.hpp"

namespace cgmm::test {
namespace {

namespace fs = std::filesystem;

class Image : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto reason = BuiltImage::missing())
      GTEST_SKIP() << "\n*** SKIPPED, NOTHING WAS TESTED: " << *reason << " ***";
  }
};

TEST_F(Image, IsTheSameWhenItIsBuiltAgainUnderOtherCircumstances) {
  const BuiltImage one;
  const BuiltImage again("umask 077; TZ=Asia/Tokyo LC_ALL=C HOME=/nonexistent");
  EXPECT_EQ(one.digest(), again.digest());
  const BuiltImage of_another_day("SOURCE_DATE_EPOCH=1700000001;");
  EXPECT_NE(one.digest(), of_another_day.digest());
  std::cout << one.digest() << ", twice; the archive has " << fs::file_size(one.archive()) << " bytes\n";
}

TEST_F(Image, HoldsTheTwoProgramsAndNothingElseThatRuns) {
  const BuiltImage image;
  const TempDir root;
  image.unpack(root.path());
  std::set<std::string> runnable;
  for (const auto& entry : fs::recursive_directory_iterator(root.path())) {
    const bool may_run = (fs::symlink_status(entry.path()).permissions() & fs::perms::owner_exec) != fs::perms::none;
    if (!entry.is_directory() && may_run) runnable.insert("/" + entry.path().lexically_relative(root.path()).string());
  }
  EXPECT_EQ(runnable, (std::set<std::string>{"/usr/local/bin/cgroup-memory-manager",
                                             "/usr/local/bin/cgroup-memory-manager-fleet", "/usr/local/bin/cgmm"}));
  EXPECT_EQ(fs::read_symlink(root.path() / "usr/local/bin/cgmm"), "cgroup-memory-manager");
  EXPECT_TRUE(fs::exists(root.path() / "etc/cgroup-memory-manager/config.toml"));
  // What `live` has to know of terminals.
  for (const char* const term : {"v/vt100", "l/linux", "x/xterm", "x/xterm-256color", "s/screen", "s/screen-256color",
                                 "t/tmux", "t/tmux-256color"})
    EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(root.path() / "usr/share/terminfo" / term))) << term;
  // The signs of its charts: a static program finds the locale in the image.
  EXPECT_TRUE(fs::is_regular_file(root.path() / "usr/lib/locale/C.utf8/LC_CTYPE"));
  const auto& environment = image.config().at("config").at("Env");
  EXPECT_NE(std::ranges::find(environment, "LANG=C.UTF-8"), environment.end()) << environment;

  // Found by its name, and started by no shell.
  const auto& config = image.config().at("config");
  EXPECT_EQ(config.at("Entrypoint"), nlohmann::json::array({"cgroup-memory-manager"}));
  EXPECT_FALSE(config.contains("Cmd"));
  // Alone in its root, without this machine's libraries.
  const std::string version = must_run("chroot " + root.path().string() + " /usr/local/bin/cgmm --version");
  // The first program finds the second one.
  EXPECT_NE(must_run("chroot " + root.path().string() + " /usr/local/bin/cgmm fleet init --print 2>/dev/null")
                .find("CREATE DATABASE"),
            std::string::npos);
  EXPECT_EQ(version, "cgroup-memory-manager " +
                         config.at("Labels").at("org.opencontainers.image.version").get<std::string>() + "\n");
}

}  // namespace
}  // namespace cgmm::test
