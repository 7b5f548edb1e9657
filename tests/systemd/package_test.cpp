// SPDX-License-Identifier: Apache-2.0
// The Debian package: made from the tree as it is, without leaving anything there, and what it is made of. It is built
// as users build it, but faster: without link-time optimisation and debug information, and on one processor beside
// other tests.
#include <gtest/gtest.h>

#include <filesystem>
#include <iostream>
#include <set>
#include <sstream>
#include <string>

#include "packaging/help.hpp"
#include "systemd/package.hpp"

namespace cgmm::test {
namespace {

namespace fs = std::filesystem;

std::set<std::string> words_of(const std::string& text) {
  std::istringstream words(text);
  return {std::istream_iterator<std::string>(words), {}};
}

std::string joined(const std::set<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += word + "\n";
  return text;
}

/// All there is but what this build and git write.
std::string files_of_the_tree() {
  return output_of("cd '" CGMM_SOURCE_DIR
                   "' && find . \\( -path ./build -o -path ./.git \\) -prune -o -printf '%p %s\\n' | sort");
}

class Package : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (std::system(
            "command -v dpkg-buildpackage >/dev/null && command -v dh >/dev/null && command -v lintian >/dev/null") !=
        0) {
      build_.said = "there is no debhelper or lintian here (`packaging/install-build-deps package` installs them)";
      return;
    }
    fs::remove_all(package_directory());
    tree_before_ = files_of_the_tree();
    build_ = run_script("packaging/build-deb", {package_directory().string()},
                        {{"DEB_BUILD_OPTIONS", "noautodbgsym nolto parallel=1"},
                         {"DEB_CXXFLAGS_STRIP", "-g"},
                         {"DEB_CXXFLAGS_APPEND", "-O1"}});
  }
  void SetUp() override {
    if (build_.status == 77) GTEST_SKIP() << "\n*** SKIPPED, NOTHING WAS TESTED: " << last_line(build_.said) << " ***";
    ASSERT_EQ(build_.status, 0) << tail_of(build_.said);
    ASSERT_FALSE(package_file().empty()) << tail_of(build_.said);
  }
  static std::string field(const std::string& name) {
    std::string value = output_of("dpkg-deb --field '" + package_file().string() + "' " + name);
    value.erase(value.find_last_not_of('\n') + 1);
    return value;
  }

  static inline ScriptRun build_;
  static inline std::string tree_before_;
};

TEST_F(Package, IsMadeWithoutATraceInTheTree) { EXPECT_EQ(files_of_the_tree(), tree_before_); }

TEST_F(Package, HasTheVersionOfTheProgram) {
  EXPECT_EQ("cgroup-memory-manager " + field("Version") + "\n", output_of("'" CGMM_PROGRAM "' --version"))
      << "packaging/debian/changelog and CMakeLists.txt";
}

TEST_F(Package, HasWhatBelongsIntoIt) {
  const auto files =
      words_of(output_of("dpkg-deb --fsys-tarfile '" + package_file().string() + "' | tar -t | grep -v '/$'"));
  for (const char* file :
       {"./usr/bin/cgroup-memory-manager", "./usr/bin/cgroup-memory-manager-fleet", "./usr/bin/cgmm",
        "./usr/lib/cgroup-memory-manager/cgmm_archive.so", "./etc/cgroup-memory-manager/config.toml",
        "./usr/share/man/man8/cgroup-memory-manager.8.gz", "./usr/share/man/man8/cgmm.8.gz",
        "./usr/share/bash-completion/completions/cgmm", "./usr/share/zsh/vendor-completions/_cgmm",
        "./usr/share/fish/vendor_completions.d/cgmm.fish",
        "./usr/share/doc/cgroup-memory-manager/schema/0001_history.sql",
        "./usr/share/doc/cgroup-memory-manager/reports/summary.sql", "./usr/share/doc/cgroup-memory-manager/queries.md",
        "./usr/share/doc/cgroup-memory-manager/fleet.md", "./usr/share/doc/cgroup-memory-manager/fleet/summary.sql",
        "./usr/share/doc/cgroup-memory-manager/fleet/schema/0001_history.sql",
        "./usr/share/doc/cgroup-memory-manager/grafana/fleet-clickhouse.json"}) {
    EXPECT_TRUE(files.contains(file)) << file << " is not among\n" << joined(files);
  }
  EXPECT_EQ(output_of("dpkg-deb --info '" + package_file().string() + "' conffiles"),
            "/etc/cgroup-memory-manager/config.toml\n");
}

/// Every library more is one more that has to be there, in a version that fits, on every node. OpenSSL's, zlib1g and
/// ncurses are for cgroup-memory-manager-fleet, libzstd is for the archive.
TEST_F(Package, NeedsFewLibraries) {
  const auto packages = all_matches(field("Depends") + ",", "(libc6|lib[a-z+-]*[a-z+])[0-9.a-z-]*(?: \\([^)]*\\))?,");
  EXPECT_EQ(joined(packages), joined({"libc6", "libfmt", "libgcc-s", "libncursesw", "libspdlog", "libsqlite", "libssl",
                                      "libstdc++", "libtinfo", "libzstd"}))
      << field("Depends");
}

TEST_F(Package, IsBuiltFromWhatTheBuildScriptInstalls) {
  const std::string control = content_of(CGMM_SOURCE_DIR "/packaging/debian/control");
  const auto from = control.find("Build-Depends:");
  auto needed = all_matches(control.substr(from, control.find("\n\n") - from), "^ ([a-z0-9.+-]+)");
  needed.erase("debhelper-compat");
  const std::string script = content_of(CGMM_SOURCE_DIR "/packaging/install-build-deps");
  const auto list = script.find("packages='") + std::string("packages='").size();
  auto installed = words_of(script.substr(list, script.find('\'', list) - list));
  installed.erase("g++");      // every Debian package may count on that
  installed.erase("sqlite3");  // which is to look at a history with
  EXPECT_EQ(joined(needed), joined(installed));
}

TEST_F(Package, IsHardened) {
  const TempDir directory;
  const std::string program = directory.path() / "usr/bin/cgroup-memory-manager";
  ASSERT_EQ(std::system(("dpkg-deb --extract '" + package_file().string() + "' " + directory.path().string()).c_str()),
            0);
  const std::string headers = output_of("LC_ALL=C readelf --file-header --dynamic --program-headers --wide " + program);
  for (const char* mark : {"Position-Independent Executable", "GNU_RELRO", "BIND_NOW"}) {
    EXPECT_NE(headers.find(mark), std::string::npos) << mark << "\n" << headers;
  }
  const std::string symbols = output_of("LC_ALL=C readelf --dyn-syms --wide " + program);
  EXPECT_NE(symbols.find("__stack_chk_fail"), std::string::npos);
  EXPECT_NE(symbols.find("_chk@"), std::string::npos) << "no call is fortified";
}

TEST_F(Package, LintianFindsNoErrorAndNoWarning) {
  const std::string findings = output_of("lintian --allow-root --fail-on none '" + package_file().string() + "' 2>&1");
  EXPECT_EQ(findings, "");
}

}  // namespace
}  // namespace cgmm::test
