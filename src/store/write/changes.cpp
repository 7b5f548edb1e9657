// SPDX-License-Identifier: Apache-2.0
#include "store/write/changes.hpp"

#include <SQLiteCpp/Exception.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

namespace cgmm::store {
namespace {

/// Of these, the oldest are forgotten: there may be a kill a second, and they are of use only until they are sent.
constexpr std::int64_t kCountedKillsKept = 10'000;
/// What a lost part of a damaged file may have used.
constexpr std::int64_t kLeap = 1'000'000;
/// A damaged file may say anything.
constexpr std::int64_t kMostBelievable = std::int64_t{1} << 62;

using Kind = Changes::Kind;
/// The tables whose rows have changed with a row of another one count as that.
constexpr std::array<std::pair<std::string_view, Kind>, 8> kTables = {{{"cgroup", Kind::cgroup},
                                                                       {"reclaim", Kind::reclaim},
                                                                       {"reclaim_effect", Kind::reclaim},
                                                                       {"oom_kill", Kind::oom_kill},
                                                                       {"oom_node", Kind::oom_kill},
                                                                       {"stuck", Kind::stuck},
                                                                       {"cooldown", Kind::cooldown},
                                                                       {"service_event", Kind::service_event}}};

std::int64_t number_of(Kind kind) { return static_cast<std::int64_t>(kind); }

}  // namespace

Changes::Changes(Statements& sql) : sql_(sql) {
  sqlite3_update_hook(sql_.database().getHandle(), &Changes::note, this);
}

Changes::~Changes() { sqlite3_update_hook(sql_.database().getHandle(), nullptr, nullptr); }

/// SQLite calls it, also for the tables that nobody asks about.
void Changes::note(void* self, int operation, const char* /*schema*/, const char* table, long long row_id) noexcept {
  const auto found = std::ranges::find(kTables, std::string_view(table), &decltype(kTables)::value_type::first);
  if (found == kTables.end()) return;
  auto& changes = *static_cast<Changes*>(self);
  const bool is_part = found->first == "reclaim_effect" || found->first == "oom_node";
  const bool is_deleted = operation == SQLITE_DELETE;
  if (is_part && is_deleted) return;  // with its row, or that row changes, too
  const bool is_counted = found->second == Kind::oom_kill && !changes.is_by_age_;
  const Now now = !is_deleted ? Now::is_there : is_counted ? Now::is_counted : Now::is_gone;
  try {
    changes.rows_.push_back({found->second, row_id, now});
  } catch (...) {
    changes.has_missed_ = true;
  }
}

void Changes::write() {
  if (has_missed_) throw SQLite::Exception("there was no memory to note what has changed", SQLITE_NOMEM);
  if (rows_.empty()) return;
  std::ranges::stable_sort(rows_, {}, [](const Row& row) { return std::tuple(row.kind, row.row_id); });
  const auto upsert = [&](Kind kind, std::int64_t row_id) {
    sql_.execute("INSERT OR REPLACE INTO change (kind, row_id) VALUES (?, ?)", number_of(kind), row_id);
  };
  const auto remove = [&](Kind kind, std::int64_t row_id) {
    sql_.execute("DELETE FROM change WHERE kind = ? AND row_id = ?", number_of(kind), row_id);
  };
  bool is_kill_counted = false;
  for (auto row = rows_.begin(); row != rows_.end(); ++row) {
    const auto next = row + 1;
    if (next != rows_.end() && next->kind == row->kind && next->row_id == row->row_id) continue;
    row->now == Now::is_there ? upsert(row->kind, row->row_id) : remove(row->kind, row->row_id);
    if (row->kind != Kind::oom_kill) continue;
    // Its number may be used again.
    row->now == Now::is_counted ? upsert(Kind::counted_kill, row->row_id) : remove(Kind::counted_kill, row->row_id);
    is_kill_counted = is_kill_counted || row->now == Now::is_counted;
  }
  if (is_kill_counted) {
    sql_.execute(
        "DELETE FROM change WHERE kind = ?1 AND row_id <= "
        "(SELECT row_id FROM change WHERE kind = ?1 ORDER BY row_id DESC LIMIT 1 OFFSET ?2)",
        number_of(Kind::counted_kill), kCountedKillsKept);
  }
  forget_rows();
}

void renew_changes(SQLite::Database& from, SQLite::Database& salvaged) {
  // Where it can't be read: counting never comes near the number of milliseconds since 1970.
  std::string used = "CAST(strftime('%s', 'now') AS INTEGER) * 1000";
  try {
    Statements sql(from);
    const auto last = sql.number("SELECT seq FROM sqlite_sequence WHERE name = 'change'");
    if (last && *last < kMostBelievable) used = std::to_string(*last);
  } catch (const SQLite::Exception&) {
  }
  salvaged.exec("BEGIN IMMEDIATE; DELETE FROM change; INSERT INTO change VALUES (" + used + " + " +
                std::to_string(kLeap) +
                ", 0, 0); DELETE FROM change;"
                "INSERT INTO change (kind, row_id) SELECT 1, cgroup_id FROM cgroup;"
                "INSERT INTO change (kind, row_id) SELECT 6, service_event_id FROM service_event;"
                "INSERT INTO change (kind, row_id) SELECT 5, cgroup_id FROM cooldown;"
                "INSERT INTO change (kind, row_id) SELECT 2, reclaim_id FROM reclaim;"
                "INSERT INTO change (kind, row_id) SELECT 4, stuck_id FROM stuck;"
                "INSERT INTO change (kind, row_id) SELECT 3, oom_kill_id FROM oom_kill; COMMIT");
}

}  // namespace cgmm::store
