// SPDX-License-Identifier: Apache-2.0
// An incident as text for a terminal and as Markdown: sentences, then charts, then tables.
#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.hpp"
#include "report/format/chart.hpp"
#include "report/format/escape.hpp"
#include "report/format/layout.hpp"
#include "report/format/wrap.hpp"
#include "report/incident/words.hpp"

namespace cgmm::report {
namespace {

constexpr std::size_t kChartHeight = 8;
constexpr std::size_t kSmallChartHeight = 5;
constexpr std::size_t kLabelWidth = 7;  // longer than each

/// The victim's own cgroup at the kill.
std::optional<double> limit_of(const Incident& incident) {
  const bool is_own = incident.at_kill && has_own_numbers(incident) &&
                      (incident.limit_path.empty() || incident.limit_path == incident.path);
  std::optional<std::uint64_t> limit = is_own ? incident.at_kill->limit : std::nullopt;
  if (const MemoryPoint* const last = last_sample_before(incident); !limit && last != nullptr) limit = last->limit;
  for (const MemoryPoint& sample : incident.samples) limit = limit ? limit : sample.limit;
  return limit;
}

/// This kill and the earlier ones, of the time of the chart.
std::vector<Mark> kill_marks(const Incident& incident, std::span<const ChartPoint> drawn) {
  std::vector<Mark> marks{{incident.killed_at_us, "", Mark::Kind::kill, incident.kill().integer("kill_count")}};
  for (const Row row : rows_of(incident.tables.earlier_kills)) {
    const std::int64_t at_us = row.integer("killed_at_us");
    if (at_us >= drawn.front().at_us) marks.push_back({at_us, "", Mark::Kind::kill, row.integer("kills")});
  }
  return marks;
}

std::string charts(const Incident& incident, const Style& style) {
  const std::vector<ChartPoint> usage = chart_points(incident, &MemoryPoint::usage);
  if (usage.empty() || !one_sample(incident).empty()) return "";
  const auto limit = limit_of(incident);
  const auto top = largest(usage);
  const bool drawn = limit && *limit <= 4 * top.value_or(0) && top.value_or(0) <= *limit;
  std::string title = limit_is_above(incident) ? "usage of its cgroup alone" : "usage";
  if (limit) title += ", limit " + size_text(*limit) + (!drawn && top.value_or(0) > *limit ? " at the kill" : "");
  const ChartMarks marks{
      .top = drawn ? limit : top, .limit = drawn ? limit : std::nullopt, .marks = kill_marks(incident, usage)};
  const auto drawing = [&](const std::string& name, MemoryOf kind, std::size_t height) {
    return chart(name, chart_points(incident, kind), height, style, marks);
  };
  return drawing(title, &MemoryPoint::usage, kChartHeight) + "\n" +
         drawing("heap and stacks (anon)", &MemoryPoint::anon, kSmallChartHeight) + "\n" +
         drawing("page cache that can be dropped (cache)", &MemoryPoint::cache, kSmallChartHeight) + "\n" +
         chart_signs(marks, style);
}

std::string paragraph(const Said& said, const Style& style) {
  const std::string label = said.label + std::string(kLabelWidth - said.label.size(), ' ') + " ";
  return bold(said.label, style) + label.substr(said.label.size()) + wrapped(said.text, style, label.size());
}

}  // namespace

std::string incident_as_text(const Incident& incident, Format format, const Style& style) {
  const bool is_markdown = format == Format::markdown;
  const std::string title = incident_title(incident);
  std::string text = is_markdown ? "# " + escape_markdown(title) + "\n\n" : text_title(title, style);
  if (!is_markdown) text.pop_back();
  for (const Said& said : incident_words(incident)) {
    text += is_markdown ? "- **" + said.label + "**: " + markdown_sentence(said.text) + "\n" : paragraph(said, style);
  }
  if (const std::string one = one_sample(incident); !one.empty())
    text += "\n" + (is_markdown ? one + "\n" : wrapped(one, style));
  if (const std::string drawn = charts(incident, style); !drawn.empty()) {
    const std::string heading = markdown_title("The memory up to the kill");
    text += "\n" + (is_markdown ? heading + "```text\n" + drawn + "```\n" : drawn);
  }
  for (const core::Table& table : tables_for_people(incident)) text += "\n" + render(table, format, style);
  return text;
}

}  // namespace cgmm::report
