// SPDX-License-Identifier: Apache-2.0
// What docs/numbers.md defines, on histories made at random: the sentence, the page, JSON and the tables say the same,
// and so does a plain count over the rows of the tables.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <regex>
#include <set>

#include "base/units.hpp"
#include "report/catalog.hpp"
#include "report/format/render.hpp"
#include "report/format/row.hpp"
#include "report/weekly/summary.hpp"
#include "report/weekly/summary_page.hpp"
#include "support/html.hpp"
#include "support/made_history.hpp"

namespace cgmm::report {
namespace {

using core::Cell;
using core::Table;

constexpr std::int64_t kSecondUs = 1'000'000;
constexpr std::int64_t kHourUs = 3600 * kSecondUs;
constexpr std::int64_t kBeginUs = 490'000 * kHourUs;
constexpr std::int64_t kEndUs = kBeginUs + 72 * kHourUs;
constexpr std::int64_t kSamplesFromUs = kBeginUs + 24 * kHourUs;  // older ones are gone

class MadeAtRandom {
 public:
  explicit MadeAtRandom(unsigned seed) : random_(seed) {
    for (int id = 1; id <= 8; ++id) add_cgroup(id);
    for (std::int64_t at_us = kBeginUs; at_us < kEndUs; at_us += 600 * kSecondUs) {
      if (one_in(10)) at_us += below(5) * kHourUs;  // a gap
      add_scan(at_us);
    }
    for (std::int64_t hour_us = kBeginUs; hour_us < kEndUs; hour_us += kHourUs) {
      for (int id = 1; id <= 8; ++id) add_hour(hour_us, id);
    }
    const std::string scans =
        "FROM scan WHERE started_at_us / 3600000000 = hour_at_us / 3600000000 AND is_partial IS NOT 1 "
        "AND EXISTS (SELECT 1 FROM sample WHERE sample.scan_id = scan.scan_id)";
    const std::string with_samples = " WHERE hour_at_us >= " + std::to_string(kSamplesFromUs);
    history.exec("DELETE FROM sample_hour" + with_samples + " AND NOT EXISTS (SELECT 1 " + scans + ")");
    history.exec("UPDATE sample_hour SET sample_count = (SELECT count(*) " + scans + ")" + with_samples);
    for (std::int64_t id = 1 + below(90); id > 0; --id) add_reclaim(id);
  }

  test::MadeHistory history;
  std::int64_t below(std::int64_t end) { return std::uniform_int_distribution<std::int64_t>(0, end - 1)(random_); }
  bool one_in(std::int64_t count) { return below(count) == 0; }

 private:
  std::string number_or_null(std::int64_t end) { return one_in(4) ? "NULL" : std::to_string(below(end)); }

  /// The second four have the paths of the first: restarted. Some are pods, and containers below them whose names are
  /// not known, such as sandboxes.
  void add_cgroup(int id) {
    static constexpr std::array kKinds = {
        "kind = NULL",  "kind = 'leaf'", "kind = 'inner'",     "kind = 'container', container = 'app'",
        "kind = 'pod'", "kind = 'pod'",  "kind = 'container'", "kind = 'container'"};
    const auto kind = static_cast<std::size_t>(below(kKinds.size()));
    history.add_cgroup(id, "/c" + std::to_string((id - 1) % 4), "shop/web/app", std::int64_t{1} << 40);
    from_us_[id] = kBeginUs + (one_in(2) ? 0 : below(60) * kHourUs);
    history.exec("UPDATE cgroup SET first_seen_at_us = " + std::to_string(from_us_[id]) + ", " + kKinds.at(kind) +
                 (kind < 3 ? "" : ", pod_uid = 'pod" + std::to_string(id / 7) + "'") +
                 " WHERE cgroup_id = " + std::to_string(id));
  }

  void add_scan(std::int64_t at_us) {
    history.add_scan(at_us, one_in(5));
    for (int id = 1; id <= 8 && at_us >= kSamplesFromUs; ++id) {
      if (at_us >= from_us_[id] && !one_in(6)) history.add_sample(at_us, id, below(1'000'000));
    }
  }

  void add_hour(std::int64_t hour_us, int id) {
    if (hour_us + kHourUs <= from_us_[id]) return;
    history.exec("INSERT INTO sample_hour (hour_at_us, cgroup_id, sample_count, usage_avg_kib) VALUES (" +
                 std::to_string(hour_us) + ", " + std::to_string(id) + ", 6, " + number_or_null(1'000'000) + ")");
  }

  void add_reclaim(std::int64_t id) {
    static constexpr std::array kOutcomes = {"done", "done", "partial", "failed", "interrupted", "dry_run"};
    static constexpr std::array kVerdicts = {"effective", "churn", "futile", "failed", "unknown"};
    static constexpr std::array kJudgedBy = {"NULL", "'refaults'", "'regrowth'", "'amount'"};
    const std::int64_t freed_end = one_in(5) ? 1 : std::int64_t{1} << 32;
    history.exec(
        "INSERT INTO reclaim (reclaim_id, cgroup_id, started_at_us, method, threshold_bytes, freed_bytes, outcome) "
        "VALUES "
        "(" +
        std::to_string(id) + ", " + std::to_string(1 + below(8)) + ", " +
        std::to_string(kBeginUs + below(kEndUs - kBeginUs)) + ", 'reclaim', 1, " + number_or_null(freed_end) + ", '" +
        kOutcomes.at(static_cast<std::size_t>(below(6))) + "')");
    if (one_in(5)) return;  // not observed
    history.exec(
        "INSERT INTO reclaim_effect (reclaim_id, observed_for_us, refaulted_bytes, regrown_bytes, held_byte_seconds, "
        "verdict, judged_by) VALUES (" +
        std::to_string(id) + ", 300000000, " + number_or_null(std::int64_t{1} << 32) + ", " +
        number_or_null(std::int64_t{1} << 32) + ", " + number_or_null(std::int64_t{1} << 40) + ", '" +
        kVerdicts.at(static_cast<std::size_t>(below(5))) + "', " + kJudgedBy.at(static_cast<std::size_t>(below(4))) +
        ")");
  }

  std::mt19937 random_;
  std::map<int, std::int64_t> from_us_;
};

struct Sums {
  std::int64_t reclaims = 0, freed = 0;
  std::optional<std::int64_t> read_back, stayed_free;

  friend bool operator==(const Sums&, const Sums&) = default;
  friend void PrintTo(const Sums& sums, std::ostream* out) {
    const auto text = [](const std::optional<std::int64_t>& sum) { return sum ? std::to_string(*sum) : "not known"; };
    *out << sums.reclaims << " reclaims freed " << sums.freed << ", read back " << text(sums.read_back)
         << ", stayed free " << text(sums.stayed_free);
  }
};

void add(std::optional<std::int64_t>& sum, std::int64_t value) { sum = sum.value_or(0) + value; }

/// As docs/numbers.md says it, row by row.
void count(Sums& sums, const Row& row) {
  ++sums.reclaims;
  const auto freed = row.known("freed_bytes"), refaulted = row.known("refaulted_bytes");
  const auto regrown = row.known("regrown_bytes");
  const std::string verdict = row.text("verdict");
  sums.freed += freed.value_or(0);
  if (freed && refaulted && (verdict == "effective" || verdict == "churn"))
    add(sums.read_back, std::min(*refaulted, *freed));
  if (freed && regrown) add(sums.stayed_free, *freed > *regrown ? *freed - *regrown : 0);
}

Sums sums_of(const Row& row) {
  return {row.integer("reclaims"), row.integer("freed_bytes"), row.known("refaulted_bytes"),
          row.known("stayed_free_bytes")};
}

Sums sums_of(const nlohmann::json& rows) {
  Sums sums;
  for (const auto& row : rows) {
    sums.reclaims += row["reclaims"].get<std::int64_t>();
    if (!row["freed_bytes"].is_null()) sums.freed += row["freed_bytes"].get<std::int64_t>();
    if (!row["refaulted_bytes"].is_null()) add(sums.read_back, row["refaulted_bytes"].get<std::int64_t>());
    if (!row["stayed_free_bytes"].is_null()) add(sums.stayed_free, row["stayed_free_bytes"].get<std::int64_t>());
  }
  return sums;
}

/// The amount that the sentence says `of_what` of: the last one before it that is a part; "": it says none.
std::string said(const std::string& sentence, const std::string& of_what) {
  const std::size_t end = sentence.find(of_what);
  if (end == std::string::npos) return "";
  const std::size_t before = sentence.rfind(". ", end);
  const std::size_t begin = before == std::string::npos ? 0 : before + 2;
  const std::string clause = sentence.substr(begin, end - begin);
  std::smatch found;
  static const std::regex kPart(
      R"(([nN]othing|[0-9.]+ [KMGT]?i?B)( of (it|that|the [0-9.]+ [KMGT]?i?B))?( \([^)]*\))?$)");
  if (!std::regex_search(clause, found, kPart)) return "no amount in:" + clause;
  return found[1] == "Nothing" ? "nothing" : found[1].str();
}

std::string in_words(std::int64_t bytes) {
  return bytes == 0 ? "nothing" : base::format_bytes(static_cast<std::uint64_t>(bytes));
}

class Numbers : public testing::TestWithParam<unsigned> {
 protected:
  Table run(const std::string& name) { return made.history.run(built_in(name).sql, window); }

  MadeAtRandom made{GetParam()};
  std::int64_t since_us = kBeginUs + made.below(48) * kHourUs;
  std::int64_t until_us = made.one_in(2) ? kEndUs : since_us + (1 + made.below(24)) * kHourUs;
  core::Parameters window{{"since_us", since_us}, {"until_us", until_us}, {"cgroup_glob", std::string("*")}};
};

TEST_P(Numbers, OfReclaimsAreTheSameEverywhere) {
  Sums all;
  std::map<std::string, Sums> by_workload;
  std::map<std::int64_t, Sums> by_hour;
  const Table rows = made.history.run(
      "SELECT * FROM reclaim LEFT JOIN reclaim_effect USING (reclaim_id) JOIN cgroup USING (cgroup_id)");
  for (const Row row : rows_of(rows)) {
    const std::int64_t at_us = row.integer("started_at_us");
    if (at_us < since_us || at_us >= until_us || row.text("outcome") == "dry_run") continue;
    count(all, row);
    count(by_workload[row.text("workload").empty() ? row.text("path") : row.text("workload")], row);
    count(by_hour[at_us / kHourUs * kHourUs], row);
  }
  const Table summary = run("summary"), effects = run("effects"), hours = run("reclaims_by_hour");
  Sums told = sums_of(Row(summary));
  EXPECT_EQ(Row(summary).integer("watched_reclaims") > 0, all.read_back.has_value());
  EXPECT_EQ(Row(summary).integer("observed_reclaims") > 0, all.stayed_free.has_value());
  if (!all.read_back && told.read_back == 0)
    told.read_back.reset();  // in the summary the count says that it is not known
  if (!all.stayed_free && told.stayed_free == 0) told.stayed_free.reset();
  EXPECT_EQ(told, all);
  ASSERT_EQ(effects.rows.size(), by_workload.size());
  for (const Row row : rows_of(effects))
    EXPECT_EQ(sums_of(row), by_workload[row.text("workload")]) << row.text("workload");
  ASSERT_EQ(hours.rows.size(), by_hour.size());
  for (const Row row : rows_of(hours)) EXPECT_EQ(sums_of(row), by_hour[row.integer("at_us")]);
  EXPECT_EQ(sums_of(nlohmann::json::parse(render(effects, Format::json, {}))), all);
  EXPECT_EQ(sums_of(nlohmann::json::parse(render(hours, Format::json, {}))), all);

  const TimeAsked asked{since_us, until_us, false};
  const std::string sentence = summary_sentence(summary, {}, asked);
  const bool tells = all.freed > 0;
  const bool can_tell_back = tells && Row(summary).integer("watched_freed_bytes") > 0;
  const bool can_tell_free = tells && Row(summary).integer("observed_freed_bytes") > 0;
  EXPECT_EQ(said(sentence, " was read back w"), can_tell_back ? in_words(*all.read_back) : "") << sentence;
  EXPECT_EQ(said(sentence, " was still free at the end"), can_tell_free ? in_words(*all.stayed_free) : "") << sentence;
  SummaryPage page;
  page.summary = summary;
  page.reclaims_by_hour = hours;
  const auto numbers = test::Html(summary_page(page, asked)).all("strong");
  if (Row(summary).integer("reclaims") == 0) return;
  EXPECT_EQ(numbers.at(0).text, base::format_bytes(static_cast<std::uint64_t>(all.freed)));
  if (can_tell_free) EXPECT_EQ(numbers.at(2).text, base::format_bytes(static_cast<std::uint64_t>(*all.stayed_free)));
  else EXPECT_EQ(numbers.at(2).text, "not known");
}

struct Known {
  std::int64_t at_us = 0, usage_bytes = 0;
};

/// From the first sample in the window to the last one; where samples are gone, from the first hour without them.
TEST_P(Numbers, OfGrowthAreThoseOfTheSamples) {
  std::map<std::int64_t, std::vector<Known>> samples, hours;
  const auto read = [&](auto& to, const std::string& sql) {
    for (const auto& row : made.history.run(sql, window).rows)
      to[std::get<std::int64_t>(row[0])].push_back({std::get<std::int64_t>(row[1]), std::get<std::int64_t>(row[2])});
  };
  read(samples,
       "SELECT cgroup_id, at_us, usage_bytes FROM v_sample WHERE at_us >= :since_us AND at_us < :until_us ORDER BY 2");
  const std::string lost =
      "hour_at_us + 3600000000 > :since_us AND hour_at_us < min(:until_us, " + std::to_string(kSamplesFromUs) + ")";
  read(hours,
       "SELECT cgroup_id, hour_at_us, usage_avg_bytes FROM v_sample_hour WHERE usage_avg_bytes IS NOT NULL AND " +
           lost + " ORDER BY 2");
  const Table last_scan = made.history.run(
      "SELECT max(started_at_us) AS at_us FROM scan JOIN sample USING (scan_id) WHERE is_partial IS NOT 1 AND "
      "started_at_us >= :since_us AND started_at_us < :until_us",
      window);
  const std::int64_t alive_at_us = Row(last_scan).integer("at_us");
  const Table last_hour = made.history.run("SELECT max(hour_at_us) AS at_us FROM sample_hour WHERE " + lost, window);
  const std::int64_t last_hour_us = Row(last_hour).integer("at_us");
  const bool has_samples = alive_at_us > 0;
  std::multiset<std::int64_t, std::greater<>> grown;
  for (std::int64_t id = 1; id <= 8; ++id) {
    const auto& seen = has_samples ? samples[id] : hours[id];
    if (seen.empty() || seen.back().at_us < (has_samples ? alive_at_us : last_hour_us)) continue;
    Known from = seen.front();
    if (has_samples && !hours[id].empty()) from = hours[id].front();
    if (seen.back().at_us > from.at_us && seen.back().usage_bytes > from.usage_bytes)
      grown.insert(seen.back().usage_bytes - from.usage_bytes);
  }
  std::multiset<std::int64_t, std::greater<>> told;
  const Table answer = run("biggest_growth");
  for (const Row row : rows_of(answer)) {
    told.insert(row.integer("grown_bytes"));
    EXPECT_EQ(row.integer("grown_bytes"), row.integer("usage_after_bytes") - row.integer("usage_before_bytes"));
  }
  EXPECT_EQ(told, grown);
}

/// A pod and the containers below it whose names are not known are one.
std::string replica_of(const Row& row) {
  const bool is_of_pod = !row.text("pod_uid").empty() && row.text("container").empty();
  return is_of_pod ? row.text("pod_uid") : std::to_string(row.integer("cgroup_id"));
}

TEST_P(Numbers, OfRestartsAreOfWhatIsNoPodAndBeganAfterAnother) {
  made.history.exec(
      "UPDATE cgroup SET workload = 'w' || (cgroup_id % 3), first_seen_by = iif(cgroup_id % 4 < 2, 'found', 'made'), "
      "vanished_at_us = iif(cgroup_id % 5 < 3, first_seen_at_us + 600000000, NULL), vanished_by = 'removed'");
  const Table cgroups = made.history.run(
      "SELECT *, (SELECT min(started_at_us) FROM scan) AS begin_us, (SELECT min(first_seen_at_us) FROM cgroup w "
      "WHERE w.workload = cgroup.workload) AS workload_us, EXISTS (SELECT 1 FROM cgroup w WHERE w.workload = "
      "cgroup.workload AND w.vanished_at_us < cgroup.first_seen_at_us) AS is_after_another FROM cgroup");
  std::map<std::string, std::int64_t> counted, told;
  for (const Row row : rows_of(cgroups)) {
    const bool is_of_pod = replica_of(row) != std::to_string(row.integer("cgroup_id"));
    const std::int64_t at_us = row.integer("first_seen_at_us");
    if (is_of_pod || row.text("kind") == "inner" || at_us < since_us || at_us >= until_us) continue;
    if (row.text("first_seen_by") == "found" && row.integer("is_after_another") == 0) continue;
    if (at_us > row.integer("begin_us") && at_us > row.integer("workload_us")) ++counted[row.text("workload")];
  }
  const Table answer = run("restarts");
  for (const Row row : rows_of(answer)) told[row.text("workload")] = row.integer("restarts");
  EXPECT_EQ(told, counted);
}

/// A workload at one end of the window.
struct Held {
  std::int64_t replicas = 0, usage_kib = 0;

  friend bool operator==(const Held&, const Held&) = default;
  friend void PrintTo(const Held& held, std::ostream* out) { *out << held.replicas << " with " << held.usage_kib; }
};
using ByWorkload = std::map<std::string, Held>;

std::int64_t median_of(std::vector<std::int64_t> values) {
  std::ranges::sort(values);
  const std::size_t count = values.size();
  return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

ByWorkload medians_of(const std::vector<ByWorkload>& scans) {
  std::set<std::string> names;
  for (const ByWorkload& scan : scans)
    for (const auto& [name, held] : scan) names.insert(name);
  ByWorkload result;
  for (const std::string& name : names) {
    std::vector<std::int64_t> replicas, usage;
    for (const ByWorkload& scan : scans) {
      const auto found = scan.find(name);
      replicas.push_back(found == scan.end() ? 0 : found->second.replicas);
      usage.push_back(found == scan.end() ? 0 : found->second.usage_kib);
    }
    result[name] = {median_of(replicas), median_of(usage)};
  }
  return result;
}

/// As docs/numbers.md says it: medians of the first and the last five full scans, or an hour where these are gone.
TEST_P(Numbers, OfWorkloadsThatGrewAreMediansOfScansOrAnHour) {
  made.history.exec("UPDATE cgroup SET workload = 'w' || (cgroup_id % 3)");
  made.history.exec("UPDATE sample_hour SET usage_avg_kib = 7 WHERE usage_avg_kib IS NULL");
  made.history.exec(
      "UPDATE sample_hour SET sample_count = 1 + (hour_at_us / 3600000000 + cgroup_id) % 6 WHERE hour_at_us < " +
      std::to_string(kSamplesFromUs));
  std::map<std::int64_t, ByWorkload> scans, hours;  // full ones, by instant; the hours whose samples are gone
  std::set<std::string> counted;                    // replicas
  std::optional<std::int64_t> first_us, last_us;    // samples
  const Table samples = made.history.run(
      "SELECT * FROM scan LEFT JOIN sample USING (scan_id) LEFT JOIN cgroup USING (cgroup_id) WHERE started_at_us >= "
      ":since_us AND started_at_us < :until_us ORDER BY started_at_us",
      window);
  for (const Row row : rows_of(samples)) {
    const std::int64_t at_us = row.integer("started_at_us");
    if (row.integer("is_partial") != 1) scans[at_us];
    if (!row.known("usage_kib")) continue;
    if (!first_us) first_us = at_us;
    last_us = at_us;
    if (row.integer("is_partial") == 1) continue;
    Held& held = scans[at_us][row.text("workload")];
    if (counted.insert(std::to_string(at_us) + row.text("workload") + " " + replica_of(row)).second) ++held.replicas;
    held.usage_kib += row.integer("usage_kib");
  }
  std::map<std::int64_t, std::int64_t> scans_of_hour;
  std::map<std::string, std::int64_t> longest;  // of a replica in an hour
  const Table of_hours = made.history.run(
      "SELECT * FROM sample_hour JOIN cgroup USING (cgroup_id) WHERE hour_at_us + 3600000000 > :since_us AND "
      "hour_at_us < min(:until_us, " +
          std::to_string(kSamplesFromUs) + ")",
      window);
  for (const Row row : rows_of(of_hours)) {
    const std::int64_t at_us = row.integer("hour_at_us"), count = row.integer("sample_count");
    scans_of_hour[at_us] = std::max(scans_of_hour[at_us], count);
    Held& held = hours[at_us][row.text("workload")];
    std::int64_t& so_far = longest[std::to_string(at_us) + row.text("workload") + " " + replica_of(row)];
    held.replicas += std::max<std::int64_t>(count - so_far, 0);
    so_far = std::max(so_far, count);
    held.usage_kib += count * row.integer("usage_avg_kib");
  }
  for (auto& [at_us, workloads] : hours) {
    const std::int64_t count = scans_of_hour[at_us];
    for (auto& [name, held] : workloads) held = {(2 * held.replicas + count) / (2 * count), held.usage_kib / count};
  }
  const bool by_first_hour = !hours.empty() && (!first_us || hours.begin()->first < *first_us);
  const bool by_last_hour = !hours.empty() && (!last_us || hours.rbegin()->first > *last_us);
  std::vector<ByWorkload> sampled;
  for (const auto& [at_us, workloads] : scans)
    if (first_us && at_us >= *first_us && at_us <= *last_us) sampled.push_back(workloads);
  const std::size_t most = by_first_hour || by_last_hour ? 5U : std::min<std::size_t>(sampled.size(), 10U) / 2;
  const auto count = static_cast<std::ptrdiff_t>(std::min(most, sampled.size()));
  const auto with_samples = [](std::vector<ByWorkload> ends) {
    std::erase_if(ends, [](const ByWorkload& scan) { return scan.empty(); });
    return ends;
  };
  const auto firsts = with_samples({sampled.begin(), sampled.begin() + count});
  const auto lasts = with_samples({sampled.end() - count, sampled.end()});
  const bool is_known = (by_first_hour || !firsts.empty()) && (by_last_hour || !lasts.empty()) &&
                        !(by_first_hour && by_last_hour && hours.size() == 1);
  std::map<std::string, std::pair<Held, Held>> expected, told;
  if (is_known) {
    const ByWorkload before = by_first_hour ? hours.begin()->second : medians_of(firsts);
    const ByWorkload after = by_last_hour ? hours.rbegin()->second : medians_of(lasts);
    for (const auto& [name, held] : before) expected[name].first = held;
    for (const auto& [name, held] : after) expected[name].second = held;
    std::erase_if(expected,
                  [](const auto& one) { return one.second.first.replicas + one.second.second.replicas == 0; });
  }
  const Table answer = run("growth");
  for (const Row row : rows_of(answer)) {
    const Held before{row.integer("replicas_before"), row.integer("usage_before_bytes") / 1024};
    const Held after{row.integer("replicas_after"), row.integer("usage_after_bytes") / 1024};
    EXPECT_EQ(row.integer("growth_bytes"), (after.usage_kib - before.usage_kib) * 1024);
    if (before.replicas + after.replicas == 0) {
      EXPECT_EQ(row.text("change"), "at neither end");
      continue;
    }
    told[row.text("workload")] = {before, after};
    const std::int64_t growth = after.usage_kib - before.usage_kib;
    const bool is_same = std::abs(growth) < 1024 || 100 * std::abs(growth) < before.usage_kib;
    if (row.text("change") == "no trend") {
      EXPECT_TRUE(!is_same && before.replicas > 0 && after.replicas > 0);
      continue;
    }
    EXPECT_EQ(row.text("change"), before.replicas == 0  ? "new"
                                  : after.replicas == 0 ? "gone"
                                  : is_same             ? "same"
                                  : growth > 0          ? "grew"
                                                        : "shrank");
  }
  EXPECT_EQ(told, expected);
}

INSTANTIATE_TEST_SUITE_P(Histories, Numbers, testing::Range(1U, 21U));

}  // namespace
}  // namespace cgmm::report
