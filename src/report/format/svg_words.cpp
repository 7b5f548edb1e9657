// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <utility>

#include "base/units.hpp"
#include "base/words.hpp"
#include "report/format/svg_parts.hpp"

namespace cgmm::report {
namespace {

constexpr std::size_t kMostColumns = 120;  // with a tooltip
constexpr std::size_t kMostNamed = 8;      // marks in one tooltip, bands in the legend
constexpr std::size_t kColours = 6;

std::string percent(double share) { return number(share * 100) + "%"; }

std::string size(double bytes) { return base::format_bytes(static_cast<std::uint64_t>(std::clamp(bytes, 0.0, 9e18))); }

/// The limit, if it did not change.
bool is_constant(const Series& series, const Frame& frame) {
  if (series.kind != Series::Kind::limit) return false;
  const auto points = holding_points(series, frame);
  return std::ranges::all_of(points, [&](const ChartPoint& one) { return one.value == points.front().value; });
}

std::string key(std::string_view html) {
  return "<svg class=\"key\" viewBox=\"0 0 28 12\" aria-hidden=\"true\">" + std::string(html) + "</svg>";
}

std::string key_of(const Series& series, std::size_t colour) {
  const std::string at = std::to_string(colour);
  if (series.kind == Series::Kind::limit) return key("<line class=\"limit\" x1=\"0\" y1=\"6\" x2=\"28\" y2=\"6\"/>");
  if (series.kind == Series::Kind::bars) return key("<rect class=\"f" + at + "\" x=\"8\" width=\"12\" height=\"12\"/>");
  const std::string area =
      series.kind == Series::Kind::area ? "<rect class=\"fill f" + at + "\" y=\"3\" width=\"28\" height=\"9\"/>" : "";
  const std::string y = series.kind == Series::Kind::area ? "3" : "6";
  return key(area + "<line class=\"l c" + at + "\" x1=\"0\" y1=\"" + y + "\" x2=\"28\" y2=\"" + y + "\"/>");
}

std::string item(const std::string& key_html, std::string_view text, std::string_view remark) {
  const std::string more = remark.empty() ? "" : " <span>" + escape_html(remark) + "</span>";
  return "<li>" + key_html + escape_html(text) + more + "</li>\n";
}

std::string_view name_of(Mark::Kind kind) {
  switch (kind) {
    case Mark::Kind::kill:
      return "OOM kill";
    case Mark::Kind::reclaim:
      return "reclaim";
    case Mark::Kind::limit:
      return "limit change";
    case Mark::Kind::other:
      break;
  }
  return "other event";
}

/// The times that have a tooltip: the bars if there are some, else columns of equal width.
std::vector<std::pair<double, double>> columns_of(const SvgChart& chart, const Frame& frame) {
  std::vector<std::pair<double, double>> columns;
  for (const Series& series : chart.series) {
    if (series.kind != Series::Kind::bars || series.bar_us <= 0) continue;
    for (const ChartPoint& one : series.points) {
      const auto begin_us = static_cast<double>(one.at_us);
      columns.emplace_back(begin_us, begin_us + static_cast<double>(series.bar_us));
    }
    return columns;
  }
  const double width_us = (frame.to_us - frame.from_us) / static_cast<double>(kMostColumns);
  for (std::size_t i = 0; i < kMostColumns; ++i) {
    const double begin_us = frame.from_us + width_us * static_cast<double>(i);
    columns.emplace_back(begin_us, begin_us + width_us);
  }
  return columns;
}

/// The largest value in each column.
std::vector<std::optional<double>> column_values(const Series& series,
                                                 const std::vector<std::pair<double, double>>& columns) {
  std::vector<std::optional<double>> values(columns.size());
  for (const ChartPoint& one : series.points) {
    const auto at_us = static_cast<double>(one.at_us);
    const auto after = std::ranges::upper_bound(columns, at_us, {}, &std::pair<double, double>::first);
    if (after == columns.begin()) continue;
    const auto column = static_cast<std::size_t>(after - columns.begin()) - 1;
    const std::optional<double> value = drawable(one);
    if (value && at_us <= columns[column].second) values[column] = std::max(values[column].value_or(0), *value);
  }
  return values;
}

}  // namespace

std::vector<std::size_t> colours_of(const SvgChart& chart) {
  std::vector<std::size_t> colours;
  std::size_t next = 0;
  for (const Series& series : chart.series) {
    colours.push_back(next % kColours);
    if (series.kind != Series::Kind::limit) ++next;
  }
  return colours;
}

std::string legend(const SvgChart& chart, const Frame& frame, double rest) {
  const std::vector<std::size_t> colours = colours_of(chart);
  std::string out = "<ul class=\"legend\">\n";
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    const Series& series = chart.series[i];
    const std::optional<double> most = largest(series, frame);
    std::string remark = "none";
    if (most) remark = (is_constant(series, frame) ? "" : "up to ") + size(*most);
    if (series.kind == Series::Kind::limit && most && is_far_above(*most, rest)) remark += ", far above";
    out += item(key_of(series, colours[i]), series.label, remark);
  }
  for (const Mark::Kind kind : kMarkKinds) {
    const std::int64_t count = count_of(chart, frame, kind);
    if (count == 0) continue;
    const std::string line = "<line class=\"mark " + std::string(css_class(kind)) +
                             (are_short(chart, frame, kind) ? " short" : "") +
                             "\" x1=\"14\" y1=\"0\" x2=\"14\" y2=\"12\"/>";
    out += item(key(line), base::counted(count, name_of(kind)), "");
  }
  std::map<std::string, std::size_t> bands;
  for (const Band& band : chart.bands) {
    if (!drawn(band, frame).empty()) ++bands[band.label];
  }
  std::size_t shown = 0;
  for (const auto& [label, count] : bands) {
    if (shown++ == kMostNamed) break;
    out += item(key("<rect class=\"band\" x=\"4\" width=\"20\" height=\"12\"/>"), label,
                count > 1 ? std::to_string(count) + " times" : "");
  }
  return out + "</ul>\n";
}

std::string tooltips(const SvgChart& chart, const Frame& frame) {
  const auto columns = columns_of(chart, frame);
  std::vector<std::vector<std::optional<double>>> values;
  for (const Series& series : chart.series) values.push_back(column_values(series, columns));
  std::string out;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const auto [begin_us, end_us] = columns[i];
    std::string text;
    for (std::size_t one = 0; one < values.size(); ++one) {
      if (values[one][i]) text += "\n" + escape_html(chart.series[one].label) + " " + size(*values[one][i]);
    }
    std::size_t named = 0;
    for (const Mark& mark : chart.marks) {
      const auto at_us = static_cast<double>(mark.at_us);
      const bool is_last = i + 1 == columns.size() && at_us == end_us;
      if (at_us < begin_us || (at_us >= end_us && !is_last) || named++ >= kMostNamed) continue;
      text += "\n" + base::format_utc(mark.at_us) + " " + escape_html(mark.label);
    }
    for (const Band& band : chart.bands) {
      const bool is_in = static_cast<double>(band.from_at_us)<end_us&& static_cast<double>(band.to_at_us)> begin_us;
      if (is_in) text += "\n" + escape_html(band.label);
    }
    const double left = frame.x(begin_us), right = frame.x(end_us);
    if (text.empty() || right <= left) continue;
    out += "<rect class=\"hit\" x=\"" + number(left) + "\" width=\"" + number(right - left) + "\" height=\"" +
           number(kHeight) + "\"><title>" + base::format_utc(instant(begin_us)) + text + "</title></rect>\n";
  }
  return out;
}

std::string notes(const SvgChart& chart, const Frame& frame, const Layout& layout) {
  const double length_px = layout.plot_px;
  std::vector<std::pair<double, double>> taken;
  std::string labels;
  for (const Mark::Kind kind : kMarkKinds) {
    if (are_short(chart, frame, kind)) continue;
    for (const Mark& mark : chart.marks) {
      if (mark.kind != kind || mark.label.empty() || !frame.holds(static_cast<double>(mark.at_us))) continue;
      const double share = frame.share(static_cast<double>(mark.at_us));
      const double at_px = share * length_px, width_px = label_px(mark.label);
      const bool begins = at_px<width_px / 2, ends = at_px> length_px - width_px / 2;
      const double left = begins ? at_px : ends ? at_px - width_px : at_px - width_px / 2;
      const bool fits = width_px < length_px && left >= 0 && left + width_px <= length_px &&
                        std::ranges::none_of(
                            taken,
                            [&](const auto& other) {
                              return left < other.second + kApart_px && left + width_px + kApart_px > other.first;
                            });
      if (!fits) continue;
      taken.emplace_back(left, left + width_px);
      labels += "<span class=\"ax at " + std::string(css_class(kind)) +
                (begins ? " begin"
                 : ends ? " end"
                        : "") +
                "\" style=\"left:" + percent(share) + "\">" + escape_html(mark.label) + "</span>";
    }
  }
  return "<div class=\"notes " + std::string(labels.empty() ? "" : "some ") + std::string(layout.css_class) +
         "\" aria-hidden=\"true\">" + labels + "</div>\n";
}

std::string byte_axis(const std::vector<AxisTick>& ticks) {
  std::string widest, labels;
  for (const AxisTick& tick : ticks) {
    if (tick.label.size() > widest.size()) widest = tick.label;
    labels += "<span class=\"ax at\" style=\"bottom:" + percent(tick.share) + "\">" + tick.label + "</span>";
  }
  return "<div class=\"y\" aria-hidden=\"true\"><span class=\"wide\">" + widest + "</span>" + labels + "</div>\n";
}

std::string time_axis(const Frame& frame, const Layout& layout) {
  std::string labels;
  for (const AxisTick& tick : time_ticks(instant(frame.from_us), instant(frame.to_us), layout.plot_px)) {
    if (tick.label.empty()) continue;
    labels += "<span class=\"ax at\" style=\"left:" + percent(tick.share) + "\">" + tick.label +
              (tick.below.empty() ? "" : "<small>" + tick.below + "</small>") + "</span>";
  }
  return "<div class=\"x " + std::string(layout.css_class) + "\" aria-hidden=\"true\">" + labels + "</div>\n";
}

std::string in_words(const SvgChart& chart, const Frame& frame) {
  std::string text = (chart.title.empty() ? "Chart" : chart.title) + ", " + base::format_utc(instant(frame.from_us)) +
                     " to " + base::format_utc(instant(frame.to_us));
  for (const Series& series : chart.series) {
    if (const auto most = largest(series, frame)) text += "; " + series.label + " up to " + size(*most);
  }
  for (const Mark::Kind kind : kMarkKinds) {
    if (const std::int64_t count = count_of(chart, frame, kind); count > 0)
      text += "; " + base::counted(count, name_of(kind));
  }
  return text;
}

}  // namespace cgmm::report
