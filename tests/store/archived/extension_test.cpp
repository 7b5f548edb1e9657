// SPDX-License-Identifier: Apache-2.0
// The archive in other programs: those that Debian has, with a history that is partly archived.
#include <cstdio>

#include "store/retention_fixture.hpp"

namespace cgmm::store {
namespace {

class ArchiveExtension : public RetentionTest {
 protected:
  void SetUp() override {
    if (std::string_view(CGMM_ARCHIVE_EXTENSION).empty()) GTEST_SKIP() << "with a sanitizer there is no extension";
    std::int64_t at_us = kNoon;
    for (std::uint64_t i = 1; i <= 1900; ++i, at_us += 10 * kSecond) store(history_, scan_at(at_us, 3, i * 4096));
    history_.set_retention({.samples_us = 100 * kDay, .archive = true, .archive_after_us = kHour});
    maintain_all(at_us);
    ASSERT_EQ(query("SELECT sum(sample_count) FROM archive_chunk"), "4317\n") << "a block, which begins at 0";
  }

  static std::string output_of(const std::string& command) {
    std::string output;
    FILE* const pipe = ::popen((command + " 2>&1").c_str(), "r");
    char part[256];
    while (std::fgets(part, sizeof part, pipe) != nullptr) output += part;
    ::pclose(pipe);
    return output;
  }
  static constexpr const char* kSums = "SELECT count(*), sum(anon_kib), sum(scan_id), max(at_us) FROM all_samples";
};

TEST_F(ArchiveExtension, IsLoadedBySqlite3) {
  EXPECT_EQ(output_of("sqlite3 -readonly " + file().string() + " '.load " CGMM_ARCHIVE_EXTENSION "' '" + kSums + "'"),
            query("SELECT count(*) || '|' || sum(anon_kib) || '|' || sum(scan_id) || '|' || "
                  "(SELECT max(started_at_us) FROM scan) FROM sample"));
}

TEST_F(ArchiveExtension, IsLoadedByPython) {
  const std::string script = (file().parent_path() / "ask.py").string();
  std::ofstream(script) << "import sqlite3\n"
                           "history = sqlite3.connect('file:"
                        << file().string()
                        << "?mode=ro', uri=True)\n"
                           "history.enable_load_extension(True)\n"
                           "history.load_extension('" CGMM_ARCHIVE_EXTENSION
                           "')\n"
                           "print('|'.join(str(value) for value in history.execute('"
                        << kSums << "').fetchone()))\n";
  EXPECT_EQ(output_of("/usr/bin/python3 " + script),
            query("SELECT count(*) || '|' || sum(anon_kib) || '|' || sum(scan_id) || '|' || "
                  "(SELECT max(started_at_us) FROM scan) FROM sample"));
}

}  // namespace
}  // namespace cgmm::store
