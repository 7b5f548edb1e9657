// SPDX-License-Identifier: Apache-2.0
#include "store/write/kill_counts.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "store/write/why_killed.hpp"

namespace cgmm::store {
namespace {

constexpr std::uint64_t kMaxCountedRows = 16;  // the last of them stands for the rest

/// A kill at ?1 may be one of the rise (as `r`).
const std::string kAround = " r.at_us >= ?1 - " + std::to_string(kClockSlack_us) + " AND r.since_at_us <= ?1 + " +
                            std::to_string(kClockSlack_us) + " ";

}  // namespace

void KillCounts::add(const core::CountedOomKills& counted, std::int64_t cgroup_id, std::int64_t since_us,
                     std::uint64_t named_count) {
  const std::uint64_t left = counted.count - named_count;
  const std::uint64_t unnamed_count = see_unnamed(counted, left, since_us);
  const Rise rise{counted.at_us, cgroup_id};
  // The clock may have been set back since the previous sample.
  sql_.execute(
      "INSERT INTO oom_count (at_us, cgroup_id, since_at_us, count, named_count, unnamed_count) "
      "VALUES (?1, ?2, min(?3, ?1), ?4, ?5, ?6) ON CONFLICT DO UPDATE SET since_at_us = min(since_at_us, "
      "excluded.since_at_us), count = count + excluded.count, named_count = named_count + excluded.named_count, "
      "unnamed_count = unnamed_count + excluded.unnamed_count",
      rise.at_us, rise.cgroup_id, since_us, to_sql(counted.count), to_sql(named_count), to_sql(unnamed_count));
  const std::uint64_t by_counter = left - unnamed_count;
  for (std::uint64_t i = 1; i <= std::min(by_counter, kMaxCountedRows); ++i)
    add_row(rise, counted.since_at_us, i == kMaxCountedRows ? by_counter - i + 1 : 1);
}

void KillCounts::add_row(const Rise& rise, std::optional<std::int64_t> since_us, std::uint64_t kill_count) {
  explain_kill(sql_,
               *sql_.number("INSERT INTO oom_kill (cgroup_id, killed_at_us, earliest_at_us, source, scope, cgroup_by, "
                            "kill_count, last_killed_at_us) VALUES (?1, ?2, min(?3, ?2), 'counter', 'cgroup', "
                            "'counter', ?4, CASE WHEN ?4 > 1 THEN ?2 END) RETURNING oom_kill_id",
                            rise.cgroup_id, rise.at_us, since_us, to_sql(kill_count)));
}

/// How many of the count are seen as kills whose cgroup is not known.
std::uint64_t KillCounts::see_unnamed(const core::CountedOomKills& counted, std::uint64_t left, std::int64_t since_us) {
  std::vector<std::pair<std::int64_t, std::int64_t>> seen;  // kill, how often
  std::uint64_t count = 0;
  {
    static const std::string kOpen = "SELECT oom_kill_id, counted_count - seen_count FROM oom_kill k WHERE" +
                                     std::string(kIsUnnamed) +
                                     "AND group_path IS NULL AND seen_count < counted_count "
                                     "AND killed_at_us BETWEEN ?1 AND ?2 "
                                     "AND log_boot_id = (SELECT boot_id FROM kernel_log) ORDER BY killed_at_us";
    Use open = sql_.use(kOpen, std::min(since_us, counted.at_us) - kNoSlack_us,
                        std::max(since_us, counted.at_us) + kNoSlack_us);
    while (count < left && open.step()) {
      const auto now = std::min<std::int64_t>(static_cast<std::int64_t>(left - count), open.integer(1));
      seen.emplace_back(open.integer(0), now);
      count += static_cast<std::uint64_t>(now);
    }
  }
  for (const auto& [oom_kill_id, now] : seen)
    sql_.execute("UPDATE oom_kill SET seen_count = seen_count + ?2 WHERE oom_kill_id = ?1", oom_kill_id, now);
  return count;
}

std::optional<KillCounts::Rise> KillCounts::find(std::int64_t at_us, std::optional<std::int64_t> cgroup_id,
                                                 const std::string& group_path, Left left) {
  static const std::string kFind =
      "SELECT r.at_us, r.cgroup_id FROM oom_count r JOIN cgroup c USING (cgroup_id) WHERE" + kAround +
      "AND (?4 NOT IN (1, 4) OR (r.at_us >= ?1 - " + std::to_string(kNoSlack_us) + " AND r.since_at_us <= ?1 + " +
      std::to_string(kNoSlack_us) +
      ")) "
      "AND CASE WHEN ?4 <= 1 THEN count > named_count + unnamed_count "
      "  ELSE unnamed_count > 0 AND (?4 = 2 OR count > named_count) END "
      "AND ((?2 IS NULL AND ?3 = '') OR r.cgroup_id = ?2 "
      "  OR (c.inode <> 0 AND c.inode = (SELECT inode FROM cgroup WHERE cgroup_id = ?2)) "
      "  OR (?3 <> '' AND substr(c.path || '/', 1, length(?3) + 1) = ?3 || '/')) ORDER BY NOT (?1 BETWEEN "
      "r.since_at_us AND r.at_us), r.at_us, r.cgroup_id LIMIT 1";
  Use rise = sql_.use(kFind, at_us, cgroup_id, group_path, static_cast<std::int64_t>(left));
  if (!rise.step()) return std::nullopt;
  return Rise{rise.integer(0), rise.integer(1)};
}

std::optional<std::int64_t> KillCounts::claim(const Rise& rise, bool is_named) {
  sql_.execute(
      "UPDATE oom_count SET named_count = named_count + ?3, unnamed_count = unnamed_count + 1 - ?3 "
      "WHERE at_us = ?1 AND cgroup_id = ?2",
      rise.at_us, rise.cgroup_id, std::int64_t{is_named});
  const auto row = sql_.number(
      "SELECT oom_kill_id FROM oom_kill WHERE source = 'counter' AND killed_at_us = ?1 "
      "AND cgroup_id = ?2 ORDER BY kill_count, oom_kill_id LIMIT 1",
      rise.at_us, rise.cgroup_id);
  const bool stands_for_more =
      row && sql_.execute(
                 "UPDATE oom_kill SET kill_count = kill_count - 1, last_killed_at_us = CASE WHEN "
                 "kill_count > 2 THEN last_killed_at_us END WHERE oom_kill_id = ?1 AND kill_count > 1",
                 *row) > 0;
  return stands_for_more ? std::nullopt : row;
}

void KillCounts::claim_and_drop(const Rise& rise, bool is_named) {
  if (const auto row = claim(rise, is_named)) sql_.execute("DELETE FROM oom_kill WHERE oom_kill_id = ?1", *row);
}

void KillCounts::name(std::int64_t oom_kill_id, std::int64_t cgroup_id, bool is_settled) {
  const Left taken_from = is_settled ? Left::unnamed : Left::unnamed_then;
  bool was_unnamed = false;
  std::int64_t at_us = 0, seen_count = 0, counted_count = 0;
  if (Use kill = sql_.use(
          "SELECT killed_at_us, seen_count, counted_count, cgroup_id IS NULL FROM oom_kill WHERE oom_kill_id = ?1",
          oom_kill_id);
      kill.step()) {
    at_us = kill.integer(0);
    seen_count = kill.integer(1);
    counted_count = kill.integer(2);
    was_unnamed = kill.integer(3) != 0;
  }
  for (std::int64_t i = was_unnamed ? 0 : seen_count; i < counted_count; ++i) {
    const bool is_seen = i < seen_count;  // as anybody's
    const auto own = is_seen ? find(at_us, cgroup_id, "", Left::unnamed) : std::nullopt;
    const auto free = own ? std::nullopt : find(at_us, cgroup_id, "", Left::free);
    const auto taken = own || free ? std::nullopt : find(at_us, cgroup_id, "", taken_from);
    if (own || taken) {
      sql_.execute(
          "UPDATE oom_count SET named_count = named_count + 1, unnamed_count = unnamed_count - 1 "
          "WHERE at_us = ?1 AND cgroup_id = ?2",
          (own ? own : taken)->at_us, (own ? own : taken)->cgroup_id);
    } else if (free) {
      claim_and_drop(*free, /*is_named=*/true);
    } else {
      break;
    }
    if (is_seen && free) give_back(at_us);
    if (is_seen) continue;
    if (taken) displace(*taken, oom_kill_id, is_settled ? Left::free : Left::free_then);
    sql_.execute("UPDATE oom_kill SET seen_count = seen_count + 1 WHERE oom_kill_id = ?1", oom_kill_id);
  }
}

void KillCounts::see(std::int64_t oom_kill_id, std::int64_t at_us) {
  constexpr int kMostSteps = 12;
  static constexpr const char* kLater =
      "SELECT max(killed_at_us) FROM oom_kill WHERE killed_at_us > ?1 AND killed_at_us <= ?1 + 2 * ?2 "
      "AND source = 'kernel_log' AND seen_count > 0";
  std::optional<Rise> rise = find(at_us, {}, "", Left::free);
  // Where a later kill has taken its place, that one is in the next rise.
  for (int step = 0; !rise && step < kMostSteps; ++step) {
    const auto later_us = sql_.number(kLater, at_us, kClockSlack_us);
    if (!later_us) return;
    at_us = *later_us;
    rise = find(at_us, {}, "", Left::free);
  }
  if (!rise) return;
  claim_and_drop(*rise, /*is_named=*/false);
  sql_.execute("UPDATE oom_kill SET seen_count = seen_count + 1 WHERE oom_kill_id = ?1", oom_kill_id);
}

/// Another kill had been seen in the rise: it is in another one, or has not been seen yet.
void KillCounts::displace(const Rise& rise, std::int64_t but_oom_kill_id, Left other_left) {
  static const std::string kSeen =
      "SELECT oom_kill_id, killed_at_us FROM oom_count r CROSS JOIN oom_kill k WHERE r.at_us = ?1 AND r.cgroup_id = ?2 "
      "AND k.killed_at_us BETWEEN r.since_at_us - ?4 AND r.at_us + ?4 AND k.seen_count > 0 AND k.oom_kill_id <> ?3 "
      "AND" +
      std::string(kIsUnnamed) +
      "ORDER BY k.killed_at_us NOT BETWEEN r.since_at_us AND r.at_us, k.killed_at_us DESC LIMIT 1";
  std::int64_t oom_kill_id = 0, at_us = 0;
  if (Use kill = sql_.use(kSeen, rise.at_us, rise.cgroup_id, but_oom_kill_id, kClockSlack_us); kill.step()) {
    oom_kill_id = kill.integer(0);
    at_us = kill.integer(1);
  } else {
    return;
  }
  if (const auto other = find(at_us, {}, "", other_left)) {
    claim_and_drop(*other, /*is_named=*/false);
  } else {
    sql_.execute("UPDATE oom_kill SET seen_count = seen_count - 1 WHERE oom_kill_id = ?1", oom_kill_id);
  }
}

/// A kill that was taken for anybody's at that time is somebody's.
void KillCounts::give_back(std::int64_t at_us) {
  const auto rise = find(at_us, {}, "", Left::any_unnamed);
  if (!rise) return;
  sql_.execute("UPDATE oom_count SET unnamed_count = unnamed_count - 1 WHERE at_us = ?1 AND cgroup_id = ?2",
               rise->at_us, rise->cgroup_id);
  add_row(*rise, sql_.number("SELECT since_at_us FROM oom_count WHERE at_us = ?1 AND cgroup_id = ?2", rise->at_us,
                             rise->cgroup_id));
}

}  // namespace cgmm::store
