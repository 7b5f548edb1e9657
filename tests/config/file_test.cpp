// SPDX-License-Identifier: Apache-2.0
// load(), and the config.toml that is shipped.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
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
  EXPECT_EQ(error_of("/dev/zero"), "/dev/zero: can't be read: larger than 1 MiB");
}

TEST_F(LoadConfig, WithoutAFileIsTheDefaults) {
  if (fs::exists(kDefaultFile)) GTEST_SKIP() << kDefaultFile << " exists on this machine";
  EXPECT_EQ(load(std::nullopt), Config{});
}

TEST(ShippedConfig, IsTheDefaults) {
  EXPECT_EQ(load(kShipped), Config{});
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
  EXPECT_EQ(config.policy.rules.size(), 2u);
}

}  // namespace
}  // namespace cgmm::config
