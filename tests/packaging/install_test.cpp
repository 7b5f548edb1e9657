// SPDX-License-Identifier: Apache-2.0
// What `cmake --install` puts where.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "support/temp_dir.hpp"

namespace cgmm::test {
namespace {

namespace fs = std::filesystem;

const fs::path kSource = CGMM_SOURCE_DIR;

std::string contents(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

class Install : public ::testing::Test {
 protected:
  fs::path under_root(const fs::path& path) const { return root_.path() / path.relative_path(); }
  fs::path config() const { return under_root("/etc/cgroup-memory-manager/config.toml"); }
  fs::path new_config() const { return under_root("/etc/cgroup-memory-manager/config.toml.new"); }

  /// Installs into a root of our own, as a package's build does.
  bool install(const std::string& prefix) const {
    const std::string log = root_.path() / "install.log";
    const std::string command = "DESTDIR='" + root_.path().string() +
                                "' cmake --install '" CGMM_BINARY_DIR "' --prefix " + prefix + " >'" + log + "' 2>&1";
    const bool done = std::system(command.c_str()) == 0;
    EXPECT_TRUE(done) << contents(log);
    return done;
  }

 private:
  TempDir root_;
};

TEST_F(Install, PutsTheProgramsTheShortNameTheUnitsTheManualTheCompletionsAndTheConfigurationInPlace) {
  ASSERT_TRUE(install("/usr"));
  EXPECT_TRUE(fs::is_regular_file(under_root("/usr/bin/cgroup-memory-manager")));
  EXPECT_TRUE(fs::is_regular_file(under_root("/usr/bin/cgroup-memory-manager-fleet")));
  EXPECT_EQ(fs::read_symlink(under_root("/usr/bin/cgmm")), "cgroup-memory-manager");
  EXPECT_TRUE(fs::is_regular_file(under_root("/usr/lib/cgroup-memory-manager/cgmm_archive.so")));
  EXPECT_EQ(contents(under_root("/usr/lib/systemd/system/cgroup-memory-manager.service")),
            contents(kSource / "packaging/cgroup-memory-manager.service"));
  EXPECT_EQ(contents(under_root("/usr/lib/systemd/system/cgroup-memory-manager-ship.service")),
            contents(kSource / "packaging/cgroup-memory-manager-ship.service"));
  EXPECT_EQ(contents(under_root("/usr/lib/systemd/system/cgroup-memory-manager-serve.service")),
            contents(kSource / "packaging/cgroup-memory-manager-serve.service"));
  EXPECT_TRUE(fs::exists(under_root("/usr/share/man/man8/cgroup-memory-manager.8")));
  EXPECT_TRUE(fs::exists(under_root("/usr/share/man/man8/cgmm.8")));
  EXPECT_TRUE(fs::exists(under_root("/usr/share/man/man8/cgroup-memory-manager-fleet.8")));
  for (const char* file : {"bash-completion/completions/cgroup-memory-manager", "bash-completion/completions/cgmm",
                           "fish/vendor_completions.d/cgroup-memory-manager.fish",
                           "fish/vendor_completions.d/cgmm.fish", "zsh/site-functions/_cgmm"}) {
    EXPECT_TRUE(fs::is_regular_file(under_root("/usr/share") / file)) << file;
  }
  EXPECT_EQ(contents(config()), contents(kSource / "config.toml"));
}

TEST_F(Install, WhoWritesSqlFindsTheSchemaTheQueriesAndTheReports) {
  ASSERT_TRUE(install("/usr"));
  const fs::path documents = under_root("/usr/share/doc/cgroup-memory-manager");
  for (const char* file : {"queries.md", "fleet.md"})
    EXPECT_EQ(contents(documents / file), contents(kSource / "docs" / file));
  for (const char* directory : {"schema", "reports", "fleet", "fleet/schema"}) {
    for (const auto& file : fs::directory_iterator(kSource / directory)) {
      if (file.path().extension() != ".sql") continue;
      const fs::path installed = documents / directory / file.path().filename();
      EXPECT_EQ(contents(installed), contents(file.path())) << installed;
    }
  }
  EXPECT_EQ(contents(documents / "grafana/fleet-clickhouse.json"),
            contents(kSource / "packaging/grafana/fleet-clickhouse.json"));
  EXPECT_FALSE(fs::exists(documents / "fleet/ship")) << "is built in, and asks the local history";
}

TEST_F(Install, TheUnitStartsTheProgramOfItsOwnPrefixAndTheConfigurationStaysInEtc) {
  ASSERT_TRUE(install("/usr/local"));
  EXPECT_NE(contents(under_root("/usr/local/lib/systemd/system/cgroup-memory-manager.service"))
                .find("\nExecStart=/usr/local/bin/cgroup-memory-manager run\n"),
            std::string::npos);
  EXPECT_NE(contents(under_root("/usr/local/lib/systemd/system/cgroup-memory-manager.service"))
                .find("\nExecReload=/usr/local/bin/cgroup-memory-manager check --config-only --max-time 30s\n"),
            std::string::npos);
  EXPECT_TRUE(fs::exists(config()));
}

TEST_F(Install, AConfigurationThatIsThereIsKeptAndTheShippedOneGoesBesideIt) {
  ASSERT_TRUE(install("/usr"));
  ASSERT_TRUE(install("/usr"));
  EXPECT_FALSE(fs::exists(new_config())) << "it is the same";

  const std::string edited = "threshold = \"40%\"\n";
  std::ofstream(config()) << edited;
  ASSERT_TRUE(install("/usr"));
  EXPECT_EQ(contents(config()), edited);
  EXPECT_EQ(contents(new_config()), contents(kSource / "config.toml"));
}

}  // namespace
}  // namespace cgmm::test
