// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <map>
#include <utility>

#include "base/units.hpp"
#include "base/words.hpp"
#include "report/format/layout.hpp"
#include "report/format/svg_parts.hpp"

namespace cgmm::report {
namespace {

constexpr std::size_t kMostNamed = 8;  // marks in one tooltip, bands in the legend

std::string item(std::string_view key, std::string_view text, std::string_view remark) {
  const std::string more = remark.empty() ? "" : " <span>" + escape_html(remark) + "</span>";
  return "<li><svg class=\"key\" viewBox=\"0 0 28 12\" aria-hidden=\"true\">" + std::string(key) + "</svg>" +
         escape_html(text) + more + "</li>\n";
}

std::string key_of(const Series& series, std::size_t colour) {
  const std::string at = std::to_string(colour);
  if (series.kind == Series::Kind::limit) return R"(<line class="limit" x1="0" y1="6" x2="28" y2="6"/>)";
  if (series.kind == Series::Kind::bars) return "<rect class=\"f" + at + R"(" x="8" width="12" height="12"/>)";
  const std::string line = "<line class=\"l c" + at + R"(" x1="0" y1="6" x2="28" y2="6"/>)";
  if (series.kind == Series::Kind::line) return line;
  return "<rect class=\"fill f" + at + R"(" y="6" width="28" height="6"/>)" + line;
}

/// "up to 1.2 GiB"; a limit that did not change has no "up to".
std::string remark_of(const Series& series, double rest) {
  const std::optional<double> most = largest(series.points);
  if (!most) return "none";
  const bool is_limit = series.kind == Series::Kind::limit;
  const bool is_constant = is_limit && std::ranges::all_of(series.points, [&](const ChartPoint& one) {
                             return one.value == series.points.front().value;
                           });
  return (is_constant ? "" : "up to ") + size_text(*most) +
         (is_limit && is_far_above(*most, rest) ? ", far above" : "");
}

/// A time that has a tooltip.
struct Column {
  std::int64_t from_at_us, to_at_us;
};

/// The bars if there are some, else columns of equal width.
std::vector<Column> columns_of(const SvgChart& chart, const Frame& frame) {
  constexpr int kColumns = 120;
  std::vector<Column> columns;
  const auto bars = std::ranges::find(chart.series, Series::Kind::bars, &Series::kind);
  if (bars != chart.series.end()) {
    for (const ChartPoint& one : bars->points) columns.push_back({one.at_us, later(one.at_us, bars->bar_us)});
    return columns;
  }
  const double width_us =
      static_cast<double>(frame.to_at_us) / kColumns - static_cast<double>(frame.from_at_us) / kColumns;
  const auto edge = [&](int i) { return later(frame.from_at_us, std::llround(width_us * i)); };
  for (int i = 0; i < kColumns; ++i) columns.push_back({edge(i), edge(i + 1)});
  columns.back().to_at_us = later(frame.to_at_us, 1);
  return columns;
}

/// What was in the column, a line each.
std::string told_in(const Column& column, const SvgChart& chart) {
  const auto is_in = [&](std::int64_t at_us) { return at_us >= column.from_at_us && at_us < column.to_at_us; };
  std::string text;
  for (const Series& series : chart.series) {
    std::optional<double> most;
    for (auto one = std::ranges::lower_bound(series.points, column.from_at_us, {}, &ChartPoint::at_us);
         one != series.points.end() && is_in(one->at_us); ++one) {
      most = std::max(most, one->value);
    }
    if (most) text += "\n" + escape_html(series.label) + " " + size_text(*most);
  }
  std::size_t named = 0;
  for (const Mark& mark : chart.marks) {
    if (!is_in(mark.at_us) || named++ >= kMostNamed) continue;
    text += "\n" + base::format_utc(mark.at_us) + " " + escape_html(mark.label);
  }
  for (const Band& band : chart.bands) {
    if (band.from_at_us < column.to_at_us && band.to_at_us > column.from_at_us) text += "\n" + escape_html(band.label);
  }
  return text;
}

}  // namespace

std::string legend(const SvgChart& chart, double rest) {
  std::string out = "<ul class=\"legend\">\n";
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    out += item(key_of(chart.series[i], i), chart.series[i].label, remark_of(chart.series[i], rest));
  }
  for (const MarkKind& kind : kMarkKinds) {
    const auto count = std::ranges::count(chart.marks, kind.kind, &Mark::kind);
    const std::string line = "<line class=\"mark " + std::string(kind.css_class) +
                             (are_short(chart, kind.kind) ? " short" : "") + R"(" x1="14" y1="0" x2="14" y2="12"/>)";
    if (count > 0) out += item(line, base::counted(count, kind.name), "");
  }
  std::map<std::string, std::size_t> bands;
  for (const Band& band : chart.bands) ++bands[band.label];
  std::size_t shown = 0;
  for (const auto& [label, count] : bands) {
    if (shown++ == kMostNamed) break;
    out += item(R"(<rect class="band" x="4" width="20" height="12"/>)", label,
                count > 1 ? std::to_string(count) + " times" : "");
  }
  return out + "</ul>\n";
}

std::string tooltips(const SvgChart& chart, const Frame& frame) {
  std::string out;
  for (const Column& column : columns_of(chart, frame)) {
    const double left = frame.x(column.from_at_us), right = frame.x(column.to_at_us);
    const std::string text = right > left ? told_in(column, chart) : "";
    if (text.empty()) continue;
    out += "<rect class=\"hit\" x=\"" + decimal(left, 1) + "\" width=\"" + decimal(right - left, 1) + "\" height=\"" +
           decimal(kHeight, 1) + "\"><title>" + base::format_utc(column.from_at_us) + text + "</title></rect>\n";
  }
  return out;
}

std::string notes(const SvgChart& chart, const Frame& frame, const PageWidth& page) {
  std::vector<std::pair<double, double>> taken;
  std::string labels;
  const auto add = [&](const Mark& mark, std::string_view css_class) {
    const double share = frame.share(mark.at_us), at_px = share * page.plot_px, width_px = label_px(mark.label);
    const bool begins = at_px < width_px / 2, ends = page.plot_px - at_px < width_px / 2;
    const double left = begins ? at_px : ends ? at_px - width_px : at_px - width_px / 2, right = left + width_px;
    const bool fits = left >= 0 && right <= page.plot_px && std::ranges::none_of(taken, [&](const auto& other) {
                        return left < other.second + kApart_px && right + kApart_px > other.first;
                      });
    if (!fits) return;
    taken.emplace_back(left, right);
    labels += "<span class=\"ax at " + std::string(css_class) +
              (begins ? " begin"
               : ends ? " end"
                      : "") +
              "\" style=\"left:" + decimal(share * 100, 1) + "%\">" + escape_html(mark.label) + "</span>";
  };
  for (const MarkKind& kind : kMarkKinds) {
    if (are_short(chart, kind.kind)) continue;
    for (const Mark& mark : chart.marks) {
      if (mark.kind == kind.kind && !mark.label.empty()) add(mark, kind.css_class);
    }
  }
  return "<div class=\"notes " + std::string(labels.empty() ? "" : "some ") + std::string(page.css_class) +
         "\" aria-hidden=\"true\">" + labels + "</div>\n";
}

}  // namespace cgmm::report
