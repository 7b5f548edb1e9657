// SPDX-License-Identifier: Apache-2.0
#include "report/sorted_pages.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "base/units.hpp"
#include "report/format/chart.hpp"
#include "report/format/escape.hpp"
#include "report/format/html.hpp"
#include "report/format/layout.hpp"
#include "report/format/row.hpp"
#include "report/weekly/summary_page.hpp"

namespace cgmm::report {
namespace {

constexpr std::size_t kMostRows = 1000;

/// Whether it comes before `other`.
bool is_before(const core::Cell& one, const core::Cell& other) {
  const auto rank = [](const core::Cell& cell) {
    return std::holds_alternative<std::monostate>(cell) ? 2 : std::holds_alternative<std::string>(cell) ? 1 : 0;
  };
  if (rank(one) != rank(other)) return rank(one) < rank(other);
  if (const auto* const text = std::get_if<std::string>(&one)) return *text < std::get<std::string>(other);
  const auto number = [](const core::Cell& cell) {
    const auto* const integer = std::get_if<std::int64_t>(&cell);
    const auto* const real = std::get_if<double>(&cell);
    return integer != nullptr ? static_cast<double>(*integer) : real != nullptr ? *real : 0;
  };
  return number(one) > number(other);
}

std::string attribute(std::string_view name, std::int64_t number) {
  return " " + std::string(name) + "=\"" + std::to_string(number) + "\"";
}

/// What links and forms of the page keep of its address.
Query kept_of(const AskedOf& asked) {
  Query kept;
  for (const auto& [name, value] : {std::pair{"since", &asked.since},
                                    {"until", &asked.until},
                                    {"cgroup", &asked.cgroup},
                                    {"workload", &asked.workload}}) {
    if (!value->empty()) kept.emplace_back(name, *value);
  }
  return kept;
}

/// Only cgroups with a text in their names. Without the script the page is asked for anew; with it rows are hidden, and
/// can be a tree.
std::string filter_form(const AskedOf& asked, const std::string& sort, bool has_all) {
  std::string form = "<form class=\"filter\" role=\"search\" action=\"/now\"" +
                     std::string(has_all && asked.cgroup.empty() ? "" : " data-is-part=\"1\"") +
                     ">\n<label>Only names with <input type=\"search\" name=\"cgroup\" value=\"" +
                     escape_html(asked.cgroup) + "\"/></label>\n";
  for (const auto& [name, value] : {std::pair{"since", &asked.since}, {"until", &asked.until}, {"sort", &sort}}) {
    if (!value->empty())
      form += "<input type=\"hidden\" name=\"" + std::string(name) + "\" value=\"" + escape_html(*value) + "\"/>\n";
  }
  return form +
         "<button>Show</button>\n<label class=\"with-script\" hidden=\"hidden\"><input type=\"checkbox\"/> Tree "
         "of namespaces and pods</label>\n<span class=\"remark\" role=\"status\"></span>\n</form>\n";
}

/// As many as are shown.
void cut(core::Table& table) {
  if (table.rows.size() <= kMostRows) return;
  table.more_rows = static_cast<std::int64_t>(table.rows.size() - kMostRows);
  table.rows.resize(kMostRows);
}

/// A sign for each part of the window. A dot: it is not known.
std::map<std::string, std::string> trends_of(const core::Table& trend) {
  constexpr std::size_t kSlots = 32;
  std::map<std::string, std::array<std::optional<double>, kSlots>> all;
  for (const Row row : rows_of(trend)) {
    const auto slot = static_cast<std::size_t>(row.integer("slot"));
    if (slot < kSlots) all[row.text("workload")][slot] = static_cast<double>(row.bytes("usage_bytes"));
  }
  std::map<std::string, std::string> texts;
  for (const auto& [workload, slots] : all) texts[workload] = trend_line(slots, "\u00b7");
  return texts;
}

/// Also without the script, which says the same (ageText in serve/page.js).
std::string age_text(std::int64_t age_us, const Row& status) {
  const std::int64_t seconds = std::max<std::int64_t>(age_us, 0) / base::kSecond_us;
  const std::string age = seconds < 120    ? std::to_string(seconds) + " s"
                          : seconds < 7200 ? std::to_string(seconds / 60) + " min"
                                           : std::to_string(seconds / 3600) + " h";
  const bool is_late = age_us > 3 * status.integer("interval_us") + 10 * base::kSecond_us;
  return age + " ago" + (is_late ? ": is the service stopped?" : "");
}

}  // namespace

core::Table sorted_by(core::Table table, std::string_view column) {
  const std::size_t at = column_of(table, column);
  std::ranges::stable_sort(table.rows, is_before,
                           [&](const auto& row) -> const core::Cell& { return cell_at(row, at); });
  return table;
}

std::string now_page(NowPage page) {
  const std::string sort = page.sort.empty() ? "usage_bytes" : page.sort;
  const Row first(page.now), status(page.status);
  std::string body;
  if (page.now.rows.empty()) {
    body = html_paragraph(page.why_none.empty() ? "No cgroup was seen." : page.why_none, Weight::remark);
  } else {
    const std::int64_t at_us = first.integer("at_us");
    const std::string time = "<time>" + base::format_time(at_us) + "</time>";
    const bool is_hour = first.text("measured") == "hours";
    const std::string live = page.is_live && !is_hour ? " data-events=\"/now/events\"" : "";
    body = "<p class=\"remark\" id=\"newest\"" + attribute("data-at-us", at_us) +
           attribute("data-interval-us", status.integer("interval_us")) + live + ">" +
           (is_hour        ? "Averages of the hour from "
            : page.is_live ? "Newest scan: "
                           : "Scan: ") +
           time + " <span id=\"age\">" + (live.empty() ? "" : age_text(page.until_us - at_us, status)) +
           "</span></p>\n";
  }
  core::Table table = only(sorted_by(std::move(page.now), sort), "",
                           {"cgroup", "usage_bytes", "held_bytes", "reclaimable_cache_bytes", "anon_bytes",
                            "limit_bytes", "held_pct", "growth_bytes_per_second", "oom_kills", "psi_some_pct",
                            "psi_full_pct", "refaulted_bytes", "last_reclaim_at_us", "cooldown_until_at_us", "kind"});
  table.most_important = {"cgroup", "usage_bytes", "held_pct", "growth_bytes_per_second", "limit_bytes", "held_bytes"};
  cut(table);
  body += filter_form(page.asked, page.sort, table.more_rows == 0);
  return html_page(title_of_node(page.is_live ? "Cgroups now" : "Cgroups at one instant", page.status),
                   body + html_section("", html_table(table, sort, kept_of(page.asked))));
}

std::string workloads_page(WorkloadsPage page) {
  const std::string sort = page.sort.empty() ? "usage_bytes" : page.sort;
  core::Table table = sorted_by(std::move(page.workloads), sort);
  cut(table);
  const std::map<std::string, std::string> trends = trends_of(page.trend);
  const std::size_t at = column_of(table, "workload");
  table.columns.insert(table.columns.begin() + static_cast<std::ptrdiff_t>(at) + 1, "trend");
  for (auto& row : table.rows) {
    const auto* const name = std::get_if<std::string>(&row[at]);
    const auto trend = name != nullptr ? trends.find(*name) : trends.end();
    row.insert(row.begin() + static_cast<std::ptrdiff_t>(at) + 1,
               trend != trends.end() ? core::Cell(trend->second) : core::Cell());
  }
  table.most_important = {"workload", "usage_bytes", "fullest_pct", "trend", "running", "restarts"};
  table.report.clear();
  const std::string why = page.why_none.empty() ? "" : html_paragraph(page.why_none, Weight::remark);
  return html_page(title_of_node("Workloads", page.status),
                   html_paragraph(page.title, Weight::remark) +
                       html_section("", html_table(table, sort, kept_of(page.asked)) + why));
}

}  // namespace cgmm::report
