// SPDX-License-Identifier: Apache-2.0
#include "store/file/page_check.hpp"

#include <SQLiteCpp/SQLiteCpp.h>

#include <algorithm>

#include "store/fixture.hpp"

namespace cgmm::store {
namespace {

class Looking : public StoreTest {
 protected:
  /// Some thousand pages of every kind: inner ones and leaves of tables and indexes, free ones, long texts.
  void make_big_history() const {
    make_history();
    SQLite::Database database(file(), SQLite::OPEN_READWRITE);
    database.exec(
        "WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) "
        "INSERT INTO scan (scan_id, started_at_us, duration_us, cgroup_count, error_count, late_us, interval_us) "
        "SELECT i, i * 1000000, 1, 1, 0, 0, 1000000 FROM n;"
        "INSERT INTO sample (scan_id, cgroup_id, usage_kib) SELECT scan_id, 1, scan_id FROM scan WHERE scan_id >= 1000;"
        "UPDATE service_event SET detail = hex(zeroblob(100000));"
        "DELETE FROM scan WHERE scan_id BETWEEN 1000 AND 5000; PRAGMA wal_checkpoint(TRUNCATE)");
  }
  std::int64_t page_count() const {
    return static_cast<std::int64_t>(std::filesystem::file_size(file())) / page_bytes();
  }
  /// What is found, in looks at so many bytes.
  std::string found(std::int64_t bytes_a_look) const {
    SQLite::Database database(file(), SQLite::OPEN_READONLY);
    try {
      database.execAndGet("SELECT count(*) FROM sqlite_schema");
    } catch (const SQLite::Exception& error) {
      return error.what();  // the schema is damaged
    }
    PageCheck check;
    for (;;) {
      const std::string wrong = check.look(database, bytes_a_look);
      if (!wrong.empty() || check.is_done()) return wrong;
    }
  }
  void put(std::int64_t page, const std::string& bytes) const {
    overwrite_bytes(file(), (page - 1) * page_bytes(), bytes);
  }
};

TEST_F(Looking, FindsNothingInASoundOneHoweverSmallTheLooksAre) {
  make_big_history();
  ASSERT_GT(page_count(), 1000) << "it has more than one map";
  for (const std::int64_t bytes : {std::int64_t{1}, page_bytes(), std::int64_t{1} << 20, std::int64_t{1} << 40})
    EXPECT_EQ(found(bytes), "") << bytes;
  SQLite::Database(file(), SQLite::OPEN_READWRITE).exec("PRAGMA incremental_vacuum; VACUUM");
  EXPECT_EQ(found(1 << 20), "");
}

TEST_F(Looking, FindsNothingWhileMuchWaitsInTheLog) {
  const Service service(file());
  SQLite::Database(file(), SQLite::OPEN_READWRITE)
      .exec("UPDATE service_event SET detail = hex(zeroblob(300000)); DELETE FROM service_event");
  EXPECT_EQ(found(1 << 20), "");
}

/// What quick_check finds is found, wherever it is; a page in which SQLite keeps nothing may be anything.
TEST_F(Looking, FindsZerosAndGarbageWhereverTheyMatter) {
  make_big_history();
  const std::string sound = bytes_of(file());
  const auto bytes = static_cast<std::size_t>(page_bytes());
  const std::string garbage(bytes, '\xa5'), zeros(bytes, '\0');
  int found_count = 0;
  const std::int64_t last_page = page_count();
  for (std::int64_t page = 2; page <= last_page; page += page < 40 ? 1 : 61) {
    for (const std::string& content : {zeros, garbage}) {
      const std::size_t at = static_cast<std::size_t>(page - 1) * bytes;
      std::string damaged = sound;
      damaged.replace(at, bytes, content);
      write_bytes(file(), damaged);
      if (!found(1 << 30).empty()) {
        ++found_count;
        continue;
      }
      const SQLite::Database database(file(), SQLite::OPEN_READONLY);
      SQLite::Statement verdict(database, "PRAGMA quick_check(1)");
      ASSERT_TRUE(verdict.executeStep());
      EXPECT_EQ(verdict.getColumn(0).getString(), "ok") << "page " << page;
    }
  }
  EXPECT_GT(found_count, 100);
}

TEST_F(Looking, FindsThatTheEndIsMissing) {
  make_big_history();
  std::filesystem::resize_file(file(), std::filesystem::file_size(file()) - 4096);
  SQLite::Database database(file(), SQLite::OPEN_READONLY);
  EXPECT_NE(PageCheck().look(database, 1 << 30), "");
}

TEST_F(Looking, EndsWhateverTheFileHolds) {
  make_history();
  const std::string sound = bytes_of(file());
  SQLite::Database database(file(), SQLite::OPEN_READONLY);
  for (const std::string& bytes : {std::string(100, '\xff'), std::string(100, '\0'), std::string("\0\1", 2)}) {
    overwrite_bytes(file(), 16, bytes);  // page size, reserved bytes, count of pages
    PageCheck check;
    EXPECT_NE(check.look(database, 1 << 30), "");
    EXPECT_TRUE(check.is_done());
    write_bytes(file(), sound);
  }
}

}  // namespace
}  // namespace cgmm::store
