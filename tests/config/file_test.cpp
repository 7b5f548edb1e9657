// SPDX-License-Identifier: Apache-2.0
// load(), and the config.toml that is shipped.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>

#include "config.hpp"

namespace cgmm::config {
namespace {

namespace fs = std::filesystem;

const fs::path kShipped = fs::path(CGMM_SOURCE_DIR) / "config.toml";

class LoadConfig : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "cgmm-config-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { fs::remove_all(directory_); }

  fs::path write(std::string_view text) const {
    const fs::path file = directory_ / "config.toml";
    std::ofstream(file, std::ios::binary) << text;
    fs::permissions(file, fs::perms(0644));  // whatever the umask is
    return file;
  }

  static std::string error_of(const fs::path& file) {
    try {
      load(file);
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "";
  }

  fs::path directory_;
};

TEST_F(LoadConfig, ReadsTheFileAndPutsTheOptionsOverIt) {
  Overrides overrides;
  overrides.interval = "20s";
  const Config config = load(write("interval = 5\ncooldown = 7\n"), overrides);
  EXPECT_EQ(config.interval_us, 20'000'000);
  EXPECT_EQ(config.policy.defaults.cooldown_us, 7'000'000);
}

TEST_F(LoadConfig, NamesTheFileAndTheLineOfAMistake) {
  const fs::path file = write("\nwatch = 1\n");
  EXPECT_EQ(error_of(file), file.string() + R"(:2: watch = 1: expected "auto", "containers" or "leaves")");
}

TEST_F(LoadConfig, FailsWhenTheNamedFileIsMissing) {
  const fs::path file = directory_ / "missing.toml";
  EXPECT_EQ(error_of(file), file.string() + ": can't be read: No such file or directory");
}

TEST_F(LoadConfig, FailsWhenTheFileIsADirectory) {
  EXPECT_EQ(error_of(directory_), directory_.string() + ": can't be read: Is a directory");
}

TEST_F(LoadConfig, FailsWhenTheFileMayNotBeRead) {
  if (geteuid() == 0) GTEST_SKIP() << "root may read every file";
  const fs::path file = write("interval = 5");
  fs::permissions(file, fs::perms::none);
  EXPECT_EQ(error_of(file), file.string() + ": can't be read: Permission denied");
}

TEST_F(LoadConfig, FailsWhenReadingBreaksOff) {
  EXPECT_EQ(error_of("/proc/self/mem"), "/proc/self/mem: can't be read: Input/output error");
}

TEST_F(LoadConfig, ReadsAMebibyteAndNoMore) {
  EXPECT_EQ(error_of(write("#" + std::string((1 << 20) - 1, 'x'))), "");
  const fs::path file = write("#" + std::string(1 << 20, 'x'));
  EXPECT_EQ(error_of(file), file.string() + ": can't be read: larger than 1 MiB");
}

TEST_F(LoadConfig, WithoutAFileIsTheDefaults) {
  if (fs::exists(kDefaultFile)) GTEST_SKIP() << kDefaultFile << " exists on this machine";
  EXPECT_EQ(load(std::nullopt), Config{});
}

TEST_F(LoadConfig, TakesNoFileThatOthersThanItsOwnerMayWrite) {
  const fs::path file = write("interval = 5");
  for (const unsigned mode : {0664u, 0646u, 0666u, 0620u, 0602u, 01666u}) {
    fs::permissions(file, fs::perms(mode));
    char shown[8];
    std::snprintf(shown, sizeof shown, "%04o", mode);
    EXPECT_EQ(error_of(file), file.string() + ": not to be trusted: its mode is " + shown +
                                  ", so that others than its owner may write it: take that away (chmod go-w)");
  }
  for (const unsigned mode : {0644u, 0640u, 0600u, 0755u, 0444u}) {
    fs::permissions(file, fs::perms(mode));
    EXPECT_EQ(error_of(file), "") << mode;
  }
}

TEST_F(LoadConfig, OfASymbolicLinkTheTargetCounts) {
  const fs::path file = write("interval = 5");
  fs::create_symlink(file, directory_ / "link");
  EXPECT_EQ(error_of(directory_ / "link"), "") << "a link's own mode is 0777";
  fs::permissions(file, fs::perms(0666));
  const std::string link = (directory_ / "link").string();
  EXPECT_TRUE(error_of(link).starts_with(link + ": not to be trusted: its mode is 0666,"));
}

// A volume with a ConfigMap of Kubernetes: the directory is everybody's, the file is reached by two links.
TEST_F(LoadConfig, TakesAFileAsKubernetesMountsIt) {
  fs::permissions(directory_, fs::perms(0777) | fs::perms::sticky_bit);
  fs::create_directory(directory_ / "..2026_11_23_03_12_00.1");
  fs::rename(write("interval = 5"), directory_ / "..2026_11_23_03_12_00.1" / "config.toml");
  fs::create_directory_symlink("..2026_11_23_03_12_00.1", directory_ / "..data");
  fs::create_symlink("..data/config.toml", directory_ / "config.toml");
  EXPECT_EQ(error_of(directory_ / "config.toml"), "");
}

TEST_F(LoadConfig, TakesNoFileThatBelongsToAnotherUser) {
  if (geteuid() != 0) GTEST_SKIP() << "*** SKIPPED, NOTHING WAS TESTED: only root can give a file away ***";
  constexpr uid_t kNobody = 65534;
  const fs::path file = write("interval = 5");
  ASSERT_EQ(::chown(file.c_str(), kNobody, 0), 0);
  EXPECT_EQ(error_of(file), file.string() +
                                ": not to be trusted: it belongs to uid 65534, who is neither root nor the user "
                                "that runs this: give it to root (chown root)");
  fs::permissions(directory_, fs::perms(0755));
  ASSERT_EQ(::seteuid(kNobody), 0);
  const std::string of_ones_own = error_of(file);
  ASSERT_EQ(::seteuid(0), 0);
  EXPECT_EQ(of_ones_own, "");
  ASSERT_EQ(::chown(file.c_str(), 0, 0), 0);
  ASSERT_EQ(::seteuid(kNobody), 0);
  const std::string of_root = error_of(file);
  ASSERT_EQ(::seteuid(0), 0);
  EXPECT_EQ(of_root, "");
}

TEST_F(LoadConfig, TellsWhoOnlyReadsAndTakesTheFileAllTheSame) {
  const fs::path file = write("interval = 5");
  fs::permissions(file, fs::perms(0666));
  std::string told;
  EXPECT_EQ(load(file, {}, [&](const std::string& sentence) { told += sentence; }).interval_us, 5'000'000);
  EXPECT_TRUE(told.starts_with(file.string() + ": not to be trusted: ")) << told;
}

TEST_F(LoadConfig, WaitsForNobody) {
  const fs::path fifo = directory_ / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0644), 0);
  EXPECT_EQ(error_of(fifo), fifo.string() + ": can't be read: it is no regular file");
  EXPECT_EQ(error_of("/dev/zero"), "/dev/zero: can't be read: it is no regular file");
  fs::remove(fifo);
  fs::create_symlink(fifo, fifo);
  EXPECT_EQ(error_of(fifo), fifo.string() + ": can't be read: Too many levels of symbolic links");
}

TEST_F(LoadConfig, TakesADevice) {
  EXPECT_EQ(load("/dev/null"), Config{}) << "everybody may write to it, which changes nothing";
}

std::string shipped() {
  std::ifstream file(kShipped);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(ShippedConfig, IsTheDefaults) {
  ASSERT_FALSE(shipped().empty());
  EXPECT_EQ(parse(shipped(), "config.toml"), Config{});  // not load(): a checkout may be anybody's
}

/// Whether some line of the file sets the key, be it in a comment (`#key = value`).
bool mentions(std::string_view key) {
  std::ifstream file(kShipped);
  for (std::string line; std::getline(file, line);) {
    std::string_view text = line;
    if (text.starts_with('#')) text.remove_prefix(1);
    if (text.starts_with(std::string{key} + " = ")) return true;
  }
  return false;
}

TEST(ShippedConfig, HasALineForEveryKey) {
  ASSERT_FALSE(known_keys().empty());
  for (const auto key : known_keys()) EXPECT_TRUE(mentions(key)) << key;
  for (const auto key : known_rule_keys()) EXPECT_TRUE(mentions(key)) << key;
  for (const auto key : known_ship_keys()) EXPECT_TRUE(mentions(key)) << key;
  for (const auto key : known_label_keys())
    EXPECT_NE(shipped().find(std::string{key} + " = "), std::string::npos) << key;
}

TEST(ShippedConfig, HasACommentAboveEveryKey) {
  std::ifstream file(kShipped);
  std::string above;
  for (std::string line; std::getline(file, line); above = line) {
    const bool sets_a_key = !line.empty() && line.front() >= 'a' && line.front() <= 'z';
    EXPECT_TRUE(!sets_a_key || above.starts_with("# ")) << line;
  }
}

TEST(ShippedConfig, StillHoldsWithItsExamplesUncommented) {
  std::ifstream file(kShipped);
  std::ostringstream uncommented;
  for (std::string line; std::getline(file, line);) {
    const bool example = line.size() > 1 && line[0] == '#' && line[1] != ' ';
    uncommented << (example ? line.substr(1) : line) << '\n';
  }
  const Config config = parse(uncommented.str(), "config.toml");
  EXPECT_EQ(config.log_level, LogLevel::info);
  EXPECT_EQ(config.policy.rules.size(), 3u);
  EXPECT_EQ(config.ship.urls.size(), 2u);
  const Ship defaults;
  EXPECT_EQ(config.ship.samples, defaults.samples);
  EXPECT_EQ(config.ship.events_every_us, defaults.events_every_us);
  EXPECT_EQ(config.ship.samples_every_us, defaults.samples_every_us);
  EXPECT_EQ(config.ship.batch_rows, defaults.batch_rows);
  EXPECT_EQ(config.ship.batch_bytes, defaults.batch_bytes);
  EXPECT_EQ(config.ship.database, defaults.database);
  EXPECT_EQ(config.ship.state_file, defaults.state_file);
}

}  // namespace
}  // namespace cgmm::config
