// SPDX-License-Identifier: Apache-2.0
// A copied history may have anything in its archive. Whoever reads it gets an answer or a sentence, within the time and
// the memory that a command may take.
#include <zstd.h>

#include "archive/chunk.hpp"
#include "archive/varint.hpp"
#include "cli/cli_test.hpp"
#include "store/history.hpp"
#include "support/tracked.hpp"

namespace cgmm::test {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kNoon = 1'795'608'000 * kSecond;  // 2026-11-25T12:00:00Z
constexpr int kScans = 3000;

class HostileArchive : public CliTest {
 protected:
  HostileArchive() {
    store::History history(database());
    history.set_retention({.samples_us = 1000 * 3600 * kSecond, .archive = true, .archive_after_us = 60 * kSecond});
    history.begin_run(kNoon, "");
    for (int i = 0; i < kScans; ++i) {
      core::Scan scan{.started_at_us = kNoon + i * 10 * kSecond, .interval_us = 10 * kSecond};
      for (core::CgroupKey key = 1; key <= 3; ++key) {
        core::ScanRow row{.cgroup = tracked(key, {"/pods/" + std::to_string(key), key})};
        row.gauges.set(core::Gauge::usage, static_cast<std::uint64_t>(i % 7) * kMiB);
        scan.rows.push_back(row);
      }
      history.transact([&] { history.record(scan); });
    }
    while (history.maintain_slice(kNoon + kScans * 10 * kSecond)) {
    }
  }

  void change(const std::string& sql) const { SQLite::Database(database(), SQLite::OPEN_READWRITE).exec(sql); }
  void put(std::string_view data, const std::string& where) const {
    SQLite::Database db(database(), SQLite::OPEN_READWRITE);
    SQLite::Statement update(db, "UPDATE archive_chunk SET data = ? WHERE " + where);
    update.bind(1, data.data(), static_cast<int>(data.size()));
    ASSERT_GT(update.exec(), 0);
  }

  /// All that reads samples. An answer, or a sentence that says why there is none.
  void expect_answers() const {
    for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
             {"query", "SELECT count(*), sum(usage_kib), sum(held_kib), sum(shmem_unknown) FROM sample"},
             {"query", "SELECT count(*), max(usage_bytes) FROM v_sample WHERE at_us > 0 AND cgroup_id = 2"},
             {"report", "--since", "2026-11-25", "--until", "2026-11-26"},
             {"history", "/pods/*", "--since", "2026-11-25", "--until", "2026-11-26"},
             {"archive", "export", "--since", "2026-11-25", "--until", "2026-11-26"}}) {
      std::vector<std::string> bounded = command;
      bounded.insert(bounded.end(), {"--max-memory", "64Mi", "--max-time", "60s"});
      if (command.front() != "archive") bounded.insert(bounded.end(), {"--format", "csv"});
      const Answer answer = ask(bounded);
      EXPECT_LE(answer.exit_code, 1) << command.at(1) << answer.err;
      EXPECT_TRUE(answer.exit_code == 0 || !answer.err.empty()) << command.at(1);
      EXPECT_EQ(answer.err.find("this takes longer than"), std::string::npos) << command.at(1) << answer.err;
    }
  }
};

TEST_F(HostileArchive, ChunksMayBeAnyBytes) {
  ASSERT_GT(number("SELECT count(*) FROM archive_chunk"), 2);
  const std::string one = "chunk_id = (SELECT max(chunk_id) FROM archive_chunk)";
  std::string bomb(std::size_t{256} << 20, '\0'), packed(ZSTD_compressBound(bomb.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), bomb.data(), bomb.size(), 3));
  ASSERT_LT(packed.size(), std::size_t{100'000});
  for (const std::string& data : {std::string(), std::string("\x01"), std::string(100'000, '\x01'),
                                  std::string(10'000'000, 'x'), "\x01" + packed}) {
    put(data, one);
    expect_answers();
    const Answer answer = ask({"query", "SELECT count(*) FROM sample"});
    EXPECT_NE(answer.err.find("of the archive can't be read"), std::string::npos) << answer.err;
  }
  change("UPDATE archive_chunk SET data = 'text' WHERE " + one);
  expect_answers();
}

TEST_F(HostileArchive, CheckCallsDamageAProblem) {
  cgroups().put("/web", v1_files(kBelow));
  const std::vector<std::string> check{"check", "--parent", cgroups().root(), "--format", "csv"};
  const Answer before = ask(check);
  EXPECT_EQ(before.exit_code, 0) << before.out;
  EXPECT_NE(before.out.find("ok,archive,"), std::string::npos) << before.out;
  put("x", "chunk_id = (SELECT max(chunk_id) FROM archive_chunk)");
  const Answer after = ask(check);
  EXPECT_EQ(after.exit_code, 1);
  EXPECT_NE(after.out.find("problem,archive,\"1 chunk can't be read"), std::string::npos) << after.out;
}

TEST_F(HostileArchive, RowsMayHaveAnyNumbers) {
  for (const char* const sql :
       {"UPDATE archived SET scan_id = 9223372036854775807", "UPDATE archived SET scan_id = -9223372036854775808",
        "INSERT OR REPLACE INTO archived SELECT value FROM json_each('[1, 5, 4611686018427387904]')",
        "UPDATE archive_chunk SET block = block + 9223372036854775000",
        "UPDATE archive_chunk SET block = -9223372036854775807 WHERE block = (SELECT max(block) FROM archive_chunk)",
        "UPDATE archive_chunk SET block = -6405119470038039 WHERE block = (SELECT min(block) FROM archive_chunk WHERE "
        "block > -1000)",
        "UPDATE archive_chunk SET cgroup_id = -cgroup_id", "UPDATE scan SET started_at_us = scan_id % 3 * 9e18",
        "DELETE FROM scan"}) {
    SCOPED_TRACE(sql);
    change(sql);
    expect_answers();
  }
}

/// What a block of cgroups beyond all ids would have: each place, and no column.
std::string packed_instant(std::int64_t scan_id, std::int64_t cgroup_block) {
  std::string payload;
  archive::put_varint(payload, archive::zigzag(scan_id));
  archive::put_varint(payload, archive::zigzag(cgroup_block));
  archive::put_varint(payload, archive::kBlockScans);
  payload += std::string(archive::kBlockScans / 8, '\xff');
  archive::put_varint(payload, 0);
  std::string data(1 + ZSTD_compressBound(payload.size()), '\x01');
  data.resize(1 + ZSTD_compress(data.data() + 1, data.size() - 1, payload.data(), payload.size(), 1));
  return data;
}

TEST_F(HostileArchive, InstantsMayBeOfAnyBlock) {
  const std::int64_t scan = number("SELECT max(scan_id) FROM archive_instant");
  const std::string samples = "SELECT count(*), sum(usage_kib) FROM sample WHERE scan_id = " + std::to_string(scan);
  const std::string before = ask({"query", samples, "--format", "csv"}).out;
  // The last one ends at INT64_MAX, computed modulo 2^64.
  for (const std::int64_t block : {archive::block_of(INT64_MAX), archive::block_of(INT64_MIN), INT64_MAX, INT64_MIN,
                                   std::int64_t{8935141660703064063}}) {
    SQLite::Database db(database(), SQLite::OPEN_READWRITE);
    SQLite::Statement insert(db, "INSERT INTO archive_instant (scan_id, cgroup_block, data) VALUES (?, ?, ?)");
    const std::string data = packed_instant(scan, block);
    insert.bind(1, scan);
    insert.bind(2, block);
    insert.bind(3, data.data(), static_cast<int>(data.size()));
    insert.exec();
    EXPECT_EQ(ask({"query", samples, "--format", "csv", "--max-time", "20s", "--max-memory", "64Mi"}).out, before)
        << block;
    db.exec("DELETE FROM archive_instant WHERE cgroup_block = " + std::to_string(block));
  }
}

TEST_F(HostileArchive, TablesMayBeViewsOfTheSamplesThemselves) {
  for (const char* const table : {"all_samples", "sample_archive"}) {
    change("DROP " + std::string(table == std::string("all_samples") ? "TABLE" : "VIEW") +
           " archive_chunk; CREATE VIEW archive_chunk AS SELECT scan_id AS chunk_id, 0 AS block, cgroup_id, scan_id AS "
           "first_scan_id, scan_id AS last_scan_id, 1 AS sample_count, x'00' AS data FROM " +
           table);
    const Answer answer = ask({"query", "SELECT count(*) FROM sample"});
    EXPECT_EQ(answer.exit_code, 1);
    EXPECT_NE(answer.err.find("a table of the history is a view or a virtual table"), std::string::npos) << answer.err;
    expect_answers();
  }
}

TEST_F(HostileArchive, TablesMayBeVirtual) {
  change(
      "DROP TABLE archive_chunk; CREATE VIRTUAL TABLE archive_chunk USING fts5(block, cgroup_id, first_scan_id, "
      "last_scan_id, sample_count, data)");
  const Answer answer = ask({"query", "SELECT count(*) FROM sample"});
  EXPECT_EQ(answer.exit_code, 1);
  EXPECT_NE(answer.err.find("a table of the history is a view or a virtual table"), std::string::npos) << answer.err;
  expect_answers();
}

/// Each of them is as big as a chunk can be, but takes next to nothing in the file.
TEST_F(HostileArchive, ManyBigChunksTakeNoMoreMemoryThanIsAllowed) {
  archive::Encoder encoder;
  archive::Row rows[2];
  for (std::size_t i = 0; i < archive::kColumnCount; ++i) {
    rows[0][i] = INT64_MIN;
    rows[1][i] = INT64_MAX / 3;
  }
  {
    SQLite::Database db(database(), SQLite::OPEN_READWRITE);
    db.exec("BEGIN");
    SQLite::Statement insert(db,
                             "INSERT INTO archive_chunk (block, cgroup_id, first_scan_id, last_scan_id, sample_count, "
                             "data) VALUES (0, ?, 1, ?, ?, ?)");
    for (std::int64_t cgroup = 1000; cgroup < 1600; ++cgroup) {
      archive::Builder builder(cgroup, 0);
      const std::int64_t last = archive::kBlockScans - 1;
      for (std::int64_t scan = 1; scan <= last; ++scan) builder.add(scan, rows[scan % 2]);
      const std::string data = encoder.encode(builder);
      insert.bind(1, cgroup);
      insert.bind(2, last);
      insert.bind(3, last);
      insert.bind(4, data.data(), static_cast<int>(data.size()));
      insert.exec();
      insert.reset();
    }
    db.exec("COMMIT");
  }
  expect_answers();
}

}  // namespace
}  // namespace cgmm::test
