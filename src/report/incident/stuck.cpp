// SPDX-License-Identifier: Apache-2.0
#include "report/incident/stuck.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "base/units.hpp"
#include "core/advice.hpp"
#include "report/format/escape.hpp"
#include "report/format/html.hpp"
#include "report/format/layout.hpp"
#include "report/format/row.hpp"
#include "report/format/wrap.hpp"

namespace cgmm::report {
namespace {

constexpr std::size_t kMostSamples = 30;
constexpr std::size_t kLabelWidth = 8;  // of the longest, "cgroup", with two spaces

using Said = std::pair<std::string, std::string>;

std::string size(const std::optional<std::uint64_t>& bytes) {
  return bytes ? base::format_bytes(*bytes) : "an unknown amount";
}

std::string lasted(const Row& row) { return base::format_duration_us(row.integer("lasted_us")); }

std::string title_of(const Row& row, const std::string& on_node) {
  const bool is_high = row.text("kind") == "memory_high";
  return "Incident s" + std::to_string(row.integer("stuck_id")) +
         (on_node.empty() ? "" : " on " + base::escape_for_terminal(on_node)) + ": " +
         (is_high ? "throttled at memory.high" : "out of memory, OOM killer disabled") + ", from " +
         base::format_time(row.integer("began_at_us")) + " on";
}

std::string throttled(const Row& row) {
  const auto limit = row.known_bytes("limit_bytes");
  std::string text = "It was over its memory.high" + (limit ? " of " + size(limit) : "") + " (usage up to " +
                     size(row.known_bytes("usage_bytes")) + "), and the kernel slowed its tasks down";
  if (const std::int64_t events = row.integer("high_events"); events > 0) text += " " + base::counted(events, "time");
  const std::uint64_t full_us = row.bytes("psi_full_us"), lasted_us = row.bytes("lasted_us");
  if (lasted_us > 0)
    text += ": for " + core::in_percent(std::min(full_us, lasted_us), lasted_us) + " of " + lasted(row) +
            " all of its tasks waited for memory";
  return text + ". Nothing was killed.";
}

std::string why(const Row& row) {
  if (row.text("kind") == "memory_high") return throttled(row);
  return "It was out of memory (usage " + size(row.known_bytes("usage_bytes")) + ", limit " +
         size(row.known_bytes("limit_bytes")) +
         ") with its OOM killer disabled (oom_kill_disable 1): nothing is killed, and every task that needs memory "
         "stands still until some is freed, the limit is raised, or the killer is enabled.";
}

std::string end(const Row& row) {
  const std::string seen =
      "last seen so at " + base::format_time(row.integer("last_seen_at_us")) + ", after " + lasted(row);
  const std::string by = row.text("ended_by");
  const std::string ended_at = base::format_time(row.integer("ended_at_us"));
  if (by == "over") return "It was over at " + ended_at + "; " + seen + ".";
  if (by == "removed") return "The cgroup was removed by " + ended_at + "; " + seen + ".";
  if (by == "unknown") return "When it ended is not known: the service did not see it; " + seen + ".";
  return "It goes on, as far as is known; " + seen + ".";
}

std::vector<Said> words_of(const Row& row) {
  const std::string name = row.text("name"), path = row.text("path");
  std::vector<Said> said{
      {"who", base::escape_for_terminal(name.empty() ? "a cgroup that is not on record any more" : name)},
      {"why", why(row)},
      {"end", end(row)}};
  if (!path.empty() && path != name) said.emplace_back("cgroup", base::escape_for_terminal(path));
  return said;
}

/// Evenly spread, if there are many.
core::Table some_of(const core::Table& samples) {
  core::Table table = samples;
  const std::size_t count = samples.rows.size();
  table.title = "Its samples";
  if (count <= kMostSamples) return table;
  table.title += ", " + std::to_string(kMostSamples) + " of " + std::to_string(count);
  table.rows.clear();
  for (std::size_t i = 0; i < kMostSamples; ++i)
    table.rows.push_back(samples.rows[i * (count - 1) / (kMostSamples - 1)]);
  return table;
}

std::string as_json(const StuckTables& tables) {
  nlohmann::ordered_json json;
  const auto& stuck = tables.stuck;
  json["stuck"] = json_row(stuck.columns, stuck.rows.empty() ? std::vector<core::Cell>() : stuck.rows.front());
  json["samples"] = nlohmann::ordered_json::array();
  for (const auto& row : tables.samples.rows) json["samples"].push_back(json_row(tables.samples.columns, row));
  json["words"] = nlohmann::ordered_json::array();
  for (const auto& [label, text] : words_of(Row(stuck))) json["words"].push_back({{"label", label}, {"text", text}});
  return json.dump(1, ' ', true) + "\n";
}

}  // namespace

std::string render_stuck(const StuckTables& tables, Format format, const Style& style) {
  if (holds_one_table(format))
    throw std::invalid_argument("one incident is more than one table: choose text, markdown, html or json");
  if (format == Format::json) return as_json(tables);
  const Row row(tables.stuck);
  const core::Table samples = some_of(tables.samples);
  const std::vector<Said> said = words_of(row);
  if (format == Format::html) {
    return html_page(title_of(row, tables.on_node),
                     html_section("", html_list(said)) + html_section(samples.title, html_table(samples)));
  }
  const bool is_markdown = format == Format::markdown;
  const std::string title = title_of(row, tables.on_node);
  std::string text = is_markdown ? "# " + escape_markdown(title) + "\n\n" : text_title(title, style);
  if (!is_markdown) text.pop_back();
  for (const auto& [label, sentence] : said)
    text += is_markdown ? "- **" + label + "**: " + markdown_sentence(sentence) + "\n"
                        : label + std::string(kLabelWidth - label.size(), ' ') + wrapped(sentence, style, kLabelWidth);
  return text + (samples.rows.empty() ? "" : "\n" + render(samples, format, style));
}

}  // namespace cgmm::report
