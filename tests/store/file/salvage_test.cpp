// SPDX-License-Identifier: Apache-2.0
// The archive of a history that is damaged, or is carried over.
#include "store/file/salvage.hpp"

#include <SQLiteCpp/Database.h>

#include "store/file/open.hpp"
#include "store/read/archive_check.hpp"
#include "store/retention_fixture.hpp"

namespace cgmm::store {
namespace {

TEST(PutAside, IsKnownByTheEndOfItsName) {
  for (const char* const name : {"/d/history.db.corrupt-20261124T190543Z", "/d/h.corrupt-20261124T190543Z-2"})
    EXPECT_TRUE(was_put_aside(name, Aside::corrupt)) << name;
  for (const char* const name : {"/d/history.db", "/d/my.corrupt-ideas.db", "/d/history.db.newer-20261124T190543Z",
                                 "/d/h.corrupt-20261124T190543Z/history.db", "/d/h.corrupt-20261124T190543Z.db"})
    EXPECT_FALSE(was_put_aside(name, Aside::corrupt)) << name;
}

class SalvageTest : public RetentionTest {
 protected:
  /// Nine hours of a scan every 10 s: two blocks are archived, the third is not.
  void record_and_archive(core::CgroupKey cgroups = 2) {
    for (std::int64_t i = 0; i < 3300; ++i, at_us_ += 10 * kSecond) {
      core::Scan scan{.started_at_us = at_us_, .interval_us = 10 * kSecond};
      for (core::CgroupKey key = 1; key <= cgroups; ++key)
        scan.rows.push_back(row_of(key, (static_cast<std::uint64_t>(i * i) * key % 99'991) << 12));
      store(history_, scan);
    }
    history_.set_retention({.samples_us = 100 * kDay, .archive = true, .archive_after_us = kHour});
    maintain_all(at_us_);
    ASSERT_EQ(query("SELECT scan_id FROM archived"), "2879\n");
    ASSERT_EQ(query("SELECT count(*) FROM archive_chunk"), std::to_string(2 * cgroups) + "\n");
  }

  std::string carry_over_all() {
    SQLite::Database from = open_for_reading(file(), *stamp_of(file()));
    return carry_over(from, to());
  }
  std::filesystem::path to() const { return directory() / "saved.db"; }
  static std::string asked(const std::filesystem::path& file, const std::string& sql) {
    return shown(Reader(file).run(sql));
  }
  void change(const std::string& sql) const { SQLite::Database(file().string(), SQLite::OPEN_READWRITE).exec(sql); }

  /// Overwrites the page of the file that has the middle of this chunk's bytes.
  void overwrite_page_of(const std::string& chunk) {
    history_.end_run(at_us_, "");  // moves the WAL into the file
    std::string data;
    {
      SQLite::Database database(file().string(), SQLite::OPEN_READONLY);
      SQLite::Statement row(database, "SELECT data FROM archive_chunk WHERE " + chunk);
      ASSERT_TRUE(row.executeStep());
      data = row.getColumn(0).getString();
    }
    const std::size_t at = bytes_of(file()).find(data.substr(0, 32));
    ASSERT_NE(at, std::string::npos);
    const std::int64_t page = static_cast<std::int64_t>(at) / page_bytes();
    overwrite_bytes(file(), page * page_bytes(), std::string(static_cast<std::size_t>(page_bytes()), '\xa5'));
  }

  static constexpr const char* kAll = "SELECT * FROM sample ORDER BY scan_id, cgroup_id";
  std::int64_t at_us_ = kNoon;
};

TEST_F(SalvageTest, OfASoundHistoryAllSamplesAreCarriedOver) {
  record_and_archive();
  const std::string words = carry_over_all();
  EXPECT_NE(words.find("of archive_chunk"), std::string::npos) << words;
  EXPECT_NE(words.find("; of samples all"), std::string::npos) << words;
  EXPECT_EQ(asked(to(), kAll), query(kAll));
  EXPECT_EQ(asked(to(), "SELECT count(*) FROM sample JOIN scan USING (scan_id)"), query("SELECT count(*) FROM sample"));
  EXPECT_EQ(asked(to(), "PRAGMA integrity_check"), "ok\n");
  const ArchiveState state = look_at_archive(to());
  EXPECT_EQ(state.damaged_chunks + state.chunks_without_times, 0);
  EXPECT_EQ(state.samples, 2 * 2879);
  EXPECT_EQ(state.since_at_us, kNoon);
}

TEST_F(SalvageTest, ADamagedChunkStaysBehindAndIsTold) {
  record_and_archive();
  const std::string others = query("SELECT * FROM sample WHERE NOT (cgroup_id = 2 AND scan_id < 1440) ORDER BY 1, 2");
  change(
      "UPDATE archive_chunk SET data = substr(data, 1, 30) || x'00' || substr(data, 32) WHERE cgroup_id = 2 AND block "
      "= 0");
  const ArchiveState state = look_at_archive(file());
  EXPECT_EQ(state.damaged_chunks, 1);
  EXPECT_TRUE(state.first_damage.starts_with("cgroup_id 2, block 0: ")) << state.first_damage;
  const std::string words = carry_over_all();
  EXPECT_NE(words.find("; 1 chunk of the archive is damaged"), std::string::npos) << words;
  EXPECT_EQ(asked(to(), kAll), others);
  EXPECT_EQ(look_at_archive(to()).damaged_chunks, 0);
}

TEST_F(SalvageTest, ADamagedPageOfTheArchiveCostsWhatIsOnIt) {
  record_and_archive(9);
  const std::string newest = query("SELECT * FROM sample WHERE scan_id >= 2880 ORDER BY 1, 2");
  overwrite_page_of("block = 1 AND cgroup_id = 1");
  const std::string words = carry_over_all();
  EXPECT_NE(words.find("not complete: archive_chunk"), std::string::npos) << words;
  EXPECT_EQ(asked(to(), "SELECT * FROM sample WHERE scan_id >= 2880 ORDER BY 1, 2"), newest);
  EXPECT_EQ(asked(to(), "SELECT count(*) FROM sample WHERE cgroup_id = 1 AND scan_id BETWEEN 1440 AND 2879"), "0\n");
  // From both ends up to it.
  EXPECT_EQ(asked(to(), "SELECT count(*) FROM sample WHERE cgroup_id = 9 AND scan_id BETWEEN 1440 AND 2879"), "1440\n");
  EXPECT_EQ(asked(to(), "SELECT count(*) FROM sample WHERE cgroup_id = 1 AND scan_id < 1440"), "1439\n");
  EXPECT_GE(look_at_archive(to()).chunks, 12);
  EXPECT_EQ(look_at_archive(to()).damaged_chunks, 0);
}

TEST_F(SalvageTest, OfAFileThatWasCutShortWhatIsLeftIsCarriedOver) {
  record_and_archive(9);
  for (core::CgroupKey key = 1; key <= 9; ++key) {
    const core::CgroupId id = row_of(key, 0).cgroup->id;
    store(history_, core::CgroupCooldown{id, {.last_reclaim_at_us = kNoon, .until_us = at_us_ + kHour}});
  }
  const std::string cooldowns = query("SELECT * FROM cooldown");
  history_.end_run(at_us_, "");  // moves the WAL into the file
  const auto bytes = std::filesystem::file_size(file());
  for (const std::uintmax_t left_pct : {98U, 75U}) {
    std::filesystem::resize_file(file(), bytes * left_pct / 100);
    const std::string words = carry_over_all();
    EXPECT_EQ(asked(to(), "SELECT * FROM cooldown"), cooldowns) << words;
    EXPECT_EQ(asked(to(), "SELECT count(*) FROM archive_chunk WHERE block = 1"), "8\n") << words;
    EXPECT_EQ(look_at_archive(to()).damaged_chunks, 0);
    EXPECT_EQ(asked(to(), "SELECT count(*) FROM sample WHERE cgroup_id = 9 AND scan_id BETWEEN 1440 AND 2500"),
              "1061\n");
    EXPECT_EQ(asked(to(), "PRAGMA integrity_check"), "ok\n");
  }
}

TEST_F(SalvageTest, ChunksOfABlockThatIsNotCompleteAreLeftBehindAndItsSamplesAreNot) {
  record_and_archive();
  change(
      "INSERT INTO archive_chunk (block, cgroup_id, first_scan_id, last_scan_id, sample_count, data) SELECT 2, 1, "
      "2880, "
      "2880, sample_count, data FROM archive_chunk LIMIT 1");
  const std::string all = query(kAll);
  carry_over_all();
  EXPECT_EQ(asked(to(), kAll), all);
  EXPECT_EQ(asked(to(), "SELECT max(block) FROM archive_chunk"), "1\n");
}

TEST_F(SalvageTest, ScansThatAreLostAreTold) {
  record_and_archive();
  change("DELETE FROM scan WHERE scan_id BETWEEN 1440 AND 2879");
  EXPECT_EQ(look_at_archive(file()).chunks_without_times, 2);
  carry_over_all();
  EXPECT_EQ(asked(to(), "SELECT count(*) FROM archive_chunk WHERE block = 1"), "0\n");
  EXPECT_EQ(asked(to(), kAll), query(kAll));
}

}  // namespace
}  // namespace cgmm::store
