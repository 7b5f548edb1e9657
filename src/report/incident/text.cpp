// SPDX-License-Identifier: Apache-2.0
// An incident as text for a terminal and as Markdown: sentences, then charts, then tables.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.hpp"
#include "report/format/chart.hpp"
#include "report/format/escape.hpp"
#include "report/format/layout.hpp"
#include "report/incident/words.hpp"

namespace cgmm::report {
namespace {

constexpr std::size_t kChartHeight = 8;
constexpr std::size_t kSmallChartHeight = 5;
constexpr std::size_t kLabelWidth = 7;  // longer than each
constexpr std::size_t kWidestText = 110;

/// The victim's own cgroup at the kill.
std::optional<double> limit_of(const Incident& incident) {
  const bool is_own = incident.at_kill && has_own_numbers(incident) &&
                      (incident.limit_path.empty() || incident.limit_path == incident.path);
  std::optional<std::uint64_t> limit = is_own ? incident.at_kill->limit : std::nullopt;
  if (const MemoryPoint* const last = last_sample_before(incident); !limit && last != nullptr) limit = last->limit;
  for (const MemoryPoint& sample : incident.samples) limit = limit ? limit : sample.limit;
  return limit;
}

std::string charts(const Incident& incident, const Style& style) {
  const std::vector<ChartPoint> usage = chart_points(incident, &MemoryPoint::usage);
  if (usage.empty()) return "";
  const auto limit = limit_of(incident);
  const auto top = largest(usage);
  const bool drawn = limit && *limit <= 4 * top.value_or(0) && top.value_or(0) <= *limit;
  std::string title = "usage";
  if (limit)
    title += ", limit " + size_text(*limit) +
             (drawn                      ? " (the line at the top)"
              : top.value_or(0) > *limit ? " at the kill"
                                         : "");
  const ChartMarks marks{.top = drawn ? limit : top, .has_line = drawn, .kill_at_us = incident.killed_at_us};
  const auto drawing = [&](const std::string& name, MemoryOf kind, std::size_t height) {
    return chart(name, chart_points(incident, kind), height, style, marks);
  };
  return drawing(title, &MemoryPoint::usage, kChartHeight) + "\n" +
         drawing("heap and stacks (anon)", &MemoryPoint::anon, kSmallChartHeight) + "\n" +
         drawing("page cache that can be dropped (cache)", &MemoryPoint::cache, kSmallChartHeight);
}

/// A number and its unit are not separated: "4.8 s", "1m 26s".
std::size_t end_of_word(std::string_view text, std::size_t at) {
  constexpr std::size_t kLongestNumber = 7;
  const std::size_t end = std::min(text.find(' ', at), text.size());
  const std::size_t first = at + (text[at] == '(' ? 1 : 0);
  const bool is_number = first < end && text[first] >= '0' && text[first] <= '9' && end - first <= kLongestNumber;
  const char last = text[end - 1];
  return is_number && last != ',' && last != '.' && end < text.size() ? std::min(text.find(' ', end + 1), text.size())
                                                                      : end;
}

/// Wraps at spaces. Further lines begin below the text, not below the label. Longer words are not broken.
std::string paragraph(const Said& said, const Style& style) {
  const std::size_t width = std::min(style.width, kWidestText);
  std::string out = bold(said.label, style) + std::string(kLabelWidth - said.label.size(), ' ');
  std::size_t column = kLabelWidth;
  for (std::size_t at = 0, end = 0; at < said.text.size(); at = end + 1) {
    end = end_of_word(said.text, at);
    const std::string word = " " + said.text.substr(at, end - at);
    if (column > kLabelWidth && column + display_width(word) > width) {
      out += "\n" + std::string(kLabelWidth, ' ');
      column = kLabelWidth;
    }
    column += display_width(word);
    out += word;
  }
  return out + "\n";
}

}  // namespace

std::string incident_as_text(const Incident& incident, Format format, const Style& style) {
  const bool is_markdown = format == Format::markdown;
  const std::string title = incident_title(incident);
  std::string text = is_markdown ? "# " + escape_markdown(title) + "\n\n" : bold(title, style) + "\n";
  for (const Said& said : incident_words(incident)) {
    text += is_markdown ? "- **" + said.label + "**: " + escape_markdown(said.text) + "\n" : paragraph(said, style);
  }
  if (const std::string drawn = charts(incident, style); !drawn.empty()) {
    const std::string heading = markdown_title("The memory up to the kill");
    text += "\n" + (is_markdown ? heading + "```text\n" + drawn + "```\n" : drawn);
  }
  for (const core::Table& table : tables_for_people(incident)) text += "\n" + render(table, format, style);
  return text;
}

}  // namespace cgmm::report
