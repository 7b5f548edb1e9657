// SPDX-License-Identifier: Apache-2.0
#include "report/now_page.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "base/units.hpp"
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
           time + " <span id=\"age\"></span></p>\n";
  }
  core::Table table = only(sorted_by(std::move(page.now), sort), "",
                           {"cgroup", "usage_bytes", "held_bytes", "reclaimable_cache_bytes", "anon_bytes",
                            "limit_bytes", "held_pct", "growth_bytes_per_second", "psi_some_pct", "psi_full_pct",
                            "refaulted_bytes", "last_reclaim_at_us", "cooldown_until_at_us", "kind"});
  if (table.rows.size() > kMostRows) {
    table.more_rows = static_cast<std::int64_t>(table.rows.size() - kMostRows);
    table.rows.resize(kMostRows);
  }
  return html_page(title_of_node(page.is_live ? "Cgroups now" : "Cgroups at one instant", page.status),
                   body + html_section("", html_table(table, sort)));
}

}  // namespace cgmm::report
