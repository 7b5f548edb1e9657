// SPDX-License-Identifier: Apache-2.0
#include "live/draw.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/text.hpp"
#include "base/time.hpp"
#include "base/units.hpp"
#include "report/format/chart.hpp"
#include "report/format/glyphs.hpp"
#include "report/format/render.hpp"

namespace cgmm::live {
namespace {

namespace glyph = report::glyph;

constexpr std::size_t kTrend = 9, kWidestName = 70;
constexpr auto kKeys = std::to_array<std::string_view>(
    {"? keys  q end", "  t T sample", "  o O kill", "  r R reclaim", "  j J jump", "  space pause", "  End now",
     "  / filter", "  Tab tree", "  Enter more", "  d below", "  , . s S sort", "  c columns"});
constexpr std::size_t kWideEnough = 100;  // for trend lines, too
// A scan is missed when there is none for so long, and for so many times the interval.
constexpr std::int64_t kLongWithout_us = 3 * base::kMinute_us, kIntervalsWithout = 3;
constexpr double kWarm_pct = 80, kHot_pct = 95;  // of the limit, held

/// Names have so much room before there is another column.
std::size_t least_name(std::size_t width) { return std::max<std::size_t>(20, width * 3 / 10); }

/// The columns for which there is room, the one that is sorted by in any case.
std::vector<Column> columns_of(const List& list, std::size_t width) {
  std::size_t left = width - std::min(width, least_name(width) + 1 + (width >= kWideEnough ? kTrend + 5 : 0));
  const Column& sorted_by = column_of(list.settings.sorted_by);
  left -= std::min(left, sorted_by.width + 1);
  std::vector<Column> columns;
  bool is_full = false;
  for (const Column& column : kColumns) {
    const bool is_sorted_by = column.measure == sorted_by.measure;
    if (!is_sorted_by && (!list.shown.contains(column.measure) || is_full)) continue;
    is_full = !is_sorted_by && left < column.width + 1;
    if (is_full) continue;
    if (!is_sorted_by) left -= column.width + 1;
    columns.push_back(column);
  }
  return columns;
}

std::size_t width_of(const std::vector<Column>& columns) {
  std::size_t width = 0;
  for (const Column& column : columns) width += column.width + 1;
  return width;
}

/// What is left for names; and whether there is room for trend lines, too.
std::pair<std::size_t, bool> name_width(const std::vector<Column>& columns, std::size_t width) {
  const std::size_t left = width - std::min(width, width_of(columns) + 1);
  const bool has_trend = width >= kWideEnough && left > least_name(width) + kTrend + 1;
  return {std::min(left - (has_trend ? kTrend + 1 : 0), kWidestName), has_trend};
}

std::string in_cell(const Column& column, const std::optional<double>& value, const Instant& instant) {
  if (!value) return "-";
  if (column.measure == Measure::last_reclaim)
    return base::format_duration_us(
        std::max<std::int64_t>(instant.position_us() - static_cast<std::int64_t>(*value), 0));
  if (column.measure == Measure::cooldown)
    return base::format_duration_us(
        std::max<std::int64_t>(static_cast<std::int64_t>(*value) - instant.position_us(), 0));
  std::string text = report::human_cell(column.name, *value);
  if (text.ends_with(" %")) text.resize(text.size() - 2);
  return text;
}

Look look_of(const Values& values) {
  const double held_pct = values[Measure::held_share].value_or(0);
  if (held_pct >= kHot_pct) return Look::hot;
  return held_pct >= kWarm_pct ? Look::warm : Look::plain;
}

const char* mode_in_words(Clock::Mode mode) {
  switch (mode) {
    case Clock::Mode::follows:
      return "follows";
    case Clock::Mode::plays:
      return "plays";
    default:
      return "paused";
  }
}

std::size_t slot_of(const Strip& strip, std::int64_t at_us, std::size_t columns) {
  const std::int64_t length_us = std::max<std::int64_t>(strip.until_us - strip.since_us, 1);
  const std::int64_t into_us = std::clamp<std::int64_t>(at_us - strip.since_us, 0, length_us);
  const auto place = static_cast<std::size_t>(static_cast<double>(into_us) / static_cast<double>(length_us) *
                                              static_cast<double>(columns));
  return std::min(place, columns - std::min<std::size_t>(columns, 1));
}

}  // namespace

Line title_line(const Clock& clock, const Instant& instant, const List& list, const std::string& faults,
                LineWriter line) {
  const std::size_t cgroups = instant.rows.size();
  line.add(" " + base::format_time(instant.at_us), Look::heading);
  line.add(std::string("  ") + mode_in_words(clock.mode),
           clock.mode == Clock::Mode::follows ? Look::plain : Look::here);
  if (clock.mode == Clock::Mode::plays) line.add(", speed " + std::to_string(clock.speed));
  line.add(instant.is_hour ? ", averages of an hour" : "");
  const std::int64_t without_us = clock.now_us - clock.point_us;
  if (clock.mode == Clock::Mode::follows &&
      without_us > std::max(kLongWithout_us, kIntervalsWithout * clock.interval_us))
    line.add(", no scan for " + base::format_duration_us(without_us), Look::hot);
  line.add("  " + base::counted(cgroups, "cgroup"));
  if (!list.settings.filter.empty())
    line.add("  only \"" + base::escape_for_terminal(base::to_valid_utf8(list.settings.filter)) + "\"", Look::here);
  if (!faults.empty()) line.add("  faults of the service: " + base::escape_for_terminal(faults), Look::hot);
  line.fill();
  return line.finish();
}

Line heading_line(const List& list, LineWriter line, std::size_t columns) {
  const std::vector<Column> shown = columns_of(list, columns);
  const auto [width, has_trend] = name_width(shown, columns);
  line.add(" ");
  line.add_left("cgroup", width, Look::heading);
  for (const Column& column : shown) {
    const bool is_sorted_by = column.measure == list.settings.sorted_by;
    std::string heading(column.heading);
    if (is_sorted_by) heading = (list.settings.is_descending ? ">" : "<") + heading;
    line.add(" ");
    line.add_right(heading, column.width, is_sorted_by ? Look::here : Look::heading);
  }
  if (has_trend) line.add(" trend", Look::heading);
  line.fill();
  return line.finish();
}

Line row_line(const ListRow& row, bool is_selected, const Instant& instant, const List& list, LineWriter line,
              std::size_t columns) {
  const std::vector<Column> shown = columns_of(list, columns);
  const auto [width, has_trend] = name_width(shown, columns);
  const Look look = look_of(row.values);
  line.add(look == Look::hot ? "!" : look == Look::warm ? "*" : " ", look);
  const char* const sign = !row.has_children ? "  " : row.is_folded ? "+ " : "- ";
  line.add_left(std::string(2 * row.depth, ' ') + (list.settings.is_tree ? sign : "") + row.label, width, look);
  for (const Column& column : shown) {
    line.add(" ");
    const std::optional<double>& value = row.values[column.measure];
    const bool is_killed = column.measure == Measure::kills && value.value_or(0) > 0;
    line.add_right(in_cell(column, value, instant), column.width, is_killed ? Look::kill : look);
  }
  if (has_trend && row.row != nullptr && !row.has_children) line.add(" " + trend_of(*row.row), look);
  line.fill();
  return line.finish(is_selected);
}

Line strip_line(const Strip& strip, std::int64_t point_us, LineWriter line, std::size_t columns) {
  std::vector<Slot> slots(columns);
  for (std::size_t i = 0; i < strip.slots.size() && columns > 0; ++i) {
    // Where the strip is wider than there are slots, a slot takes several columns.
    const std::size_t from = i * columns / strip.slots.size(), to = (i + 1) * columns / strip.slots.size();
    for (std::size_t column = from; column < std::max(to, from + 1); ++column) {
      slots[column].is_gap = slots[column].is_gap || strip.slots[i].is_gap;
      if (column > from) continue;
      slots[column].kills += strip.slots[i].kills;
      slots[column].reclaims += strip.slots[i].reclaims;
    }
  }
  const std::size_t here = slot_of(strip, point_us, columns);
  for (std::size_t i = 0; i < columns; ++i) {
    const Slot& slot = slots[i];
    if (slot.kills > 0) {
      line.add(glyph::kKill, i == here ? Look::position : Look::kill);
    } else if (slot.reclaims > 0) {
      line.add(line.is_ascii() ? "v" : glyph::kReclaim, i == here ? Look::position : Look::reclaim);
    } else if (i == here) {
      line.add(glyph::kAxis, Look::position);
    } else {
      line.add(slot.is_gap ? " " : glyph::kBase, Look::dim);
    }
  }
  return line.finish();
}

Line strip_times_line(const Strip& strip, std::int64_t point_us, LineWriter line, std::size_t columns) {
  const std::string from = base::format_time(strip.since_us), to = base::format_time(strip.until_us);
  const std::string here = base::format_time(point_us);
  const bool has_room = columns > from.size() + to.size() + here.size() + 4;
  if (strip.slots.empty()) return line.finish();
  if (columns < from.size() + to.size() + 2) {
    line.add(here, Look::here);
    return line.finish();
  }
  line.add(from, Look::dim);
  const std::size_t room = columns - std::min(columns, from.size() + to.size());
  if (has_room) {
    const std::size_t middle = slot_of(strip, point_us, columns), half = here.size() / 2;
    const std::size_t wanted = middle - std::min(middle, half + from.size());
    const std::size_t before = std::clamp<std::size_t>(wanted, 2, room - here.size() - 2);
    line.add(std::string(before, ' '));
    line.add(here, Look::here);
    line.add(std::string(room - before - here.size(), ' '));
  } else {
    line.add(std::string(room, ' '));
  }
  line.add(to, Look::dim);
  return line.finish();
}

Line keys_line(const std::string& message, const std::optional<Prompt>& prompt, LineWriter line) {
  if (prompt) {
    line.add(prompt->question(), Look::heading);
    line.add(base::escape_for_terminal(prompt->text));
    line.add("_");
  } else if (!message.empty()) {
    line.add(message, Look::here);
  } else {
    for (const std::string_view key : kKeys) {
      if (key.size() > line.left()) break;  // none by half
      line.add(key, Look::dim);
    }
  }
  line.fill();
  return line.finish();
}

std::string trend_of(const Row& row) {
  std::vector<std::optional<double>> points = row.trend;
  points.push_back(row.values[Measure::usage]);
  return report::trend_line(points, glyph::kBlocks[0]);
}

std::string help_text() {
  return R"(
 Time
   t T          next and previous sample; where samples are gone, hour
   j J          jump forward, back: by 10m or 2h, to 03:12, to 2026-11-23 03:12 (UTC)
   o O          next and previous OOM kill
   r R          next and previous reclaim
   Home End     the oldest sample; now, and follow what is new
   space        pause; go on: follow, or play from here
   + -          play faster, slower: seconds of the history in a second

 List
   up down PgUp PgDn g G    move
   Enter        the cgroup: charts, reclaims, OOM kills; after o or O the incident
   d            the same below the list, of whatever is selected
   i            the incident of the last OOM kill before this time
   Tab          tree of namespaces, pods, containers and services; or flat
   left right   fold, unfold
   , .          sort by the column to the left, to the right
   S s          largest first, smallest first
   c            choose columns
   /            only names with a text; Esc: all again
   ? q          this page; end

 Signs
   ! *          held memory is at 95 %, 80 % of the limit or more
   trend        usage of the last eight minutes (of eight hours, where samples are gone)
   strip        the whole history: OOM kills, reclaims, and nothing where no scan was made
)";
}

}  // namespace cgmm::live
