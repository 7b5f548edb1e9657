// SPDX-License-Identifier: Apache-2.0
#include "report/format/fit.hpp"

#include <algorithm>
#include <numeric>

#include "report/format/escape.hpp"
#include "report/format/wrap.hpp"

namespace cgmm::report {
namespace {

constexpr std::size_t kNarrowestText = 16;  // a name that is shorter tells nothing
constexpr std::size_t kMostPadded = 200;    // one endless name does not stretch the lines of all others

/// What one column may take.
struct Room {
  std::size_t least = 0;
  std::size_t cells = 0;  // nothing in it is cut or wrapped
  std::size_t full = 0;   // and its heading takes one line
};

std::size_t width_of(const std::vector<std::string>& lines) {
  std::size_t width = 0;
  for (const std::string& line : lines) width = std::max(width, display_width(line));
  return width;
}

std::size_t widest_cell(const HumanTable& table, std::size_t column) {
  std::size_t width = 0;
  for (const auto& row : table.rows) width = std::max(width, display_width(row[column]));
  return table.right_aligned[column] ? width : std::min(width, kMostPadded);
}

Room room_of(const HumanTable& table, std::size_t column) {
  const std::size_t heading = table.is_upright ? 0 : display_width(table.headings[column]);
  const std::size_t two_lines = table.is_upright ? 0 : width_of(heading_lines(table.headings[column], 1));
  const std::size_t cells = std::max(widest_cell(table, column), std::min(two_lines, kNarrowestText));
  const bool shrinks = table.kinds[column] != ColumnKind::number;
  return {.least = shrinks ? std::min(cells, kNarrowestText) : cells, .cells = cells, .full = std::max(cells, heading)};
}

std::vector<Room> rooms_of(const HumanTable& table) {
  std::vector<Room> rooms;
  for (std::size_t i = 0; i < table.headings.size(); ++i) rooms.push_back(room_of(table, i));
  return rooms;
}

std::size_t sum(const std::vector<std::size_t>& widths) {
  const std::size_t gaps = widths.empty() ? 0 : (widths.size() - 1) * kGapWidth;
  return std::accumulate(widths.begin(), widths.end(), gaps);
}

std::vector<std::size_t> widths_of(const std::vector<std::size_t>& columns, const std::vector<Room>& rooms,
                                   std::size_t Room::* which) {
  std::vector<std::size_t> widths;
  for (const std::size_t column : columns) widths.push_back(rooms[column].*which);
  return widths;
}

/// Gives the room that is left to the narrowest columns first; then to headings, from the left.
void widen(Fit& fit, const std::vector<Room>& rooms, std::size_t room) {
  for (; room > 0; --room) {
    std::size_t* narrowest = nullptr;
    for (std::size_t i = 0; i < fit.columns.size(); ++i) {
      const bool wants_more = fit.widths[i] < rooms[fit.columns[i]].cells;
      if (wants_more && (narrowest == nullptr || fit.widths[i] < *narrowest)) narrowest = &fit.widths[i];
    }
    if (narrowest == nullptr) break;
    ++*narrowest;
  }
  for (std::size_t i = 0; i < fit.columns.size(); ++i) {
    const std::size_t more = rooms[fit.columns[i]].full - fit.widths[i];
    if (fit.widths[i] < rooms[fit.columns[i]].cells || more > room) continue;
    fit.widths[i] += more;
    room -= more;
  }
}

}  // namespace

std::vector<std::string> heading_lines(const std::string& heading, std::size_t width) {
  if (display_width(heading) <= width) return {heading};
  std::vector<std::string> best{heading};
  for (std::size_t space = heading.find(' '); space != std::string::npos; space = heading.find(' ', space + 1)) {
    std::vector<std::string> lines{heading.substr(0, space), heading.substr(space + 1)};
    if (width_of(lines) < width_of(best)) best = std::move(lines);
  }
  return best;
}

std::size_t full_width(const HumanTable& table) {
  std::vector<std::size_t> all(table.headings.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  return sum(widths_of(all, rooms_of(table), &Room::full));
}

Fit fit(const HumanTable& table, const Style& style) {
  const std::vector<Room> rooms = rooms_of(table);
  Fit fit;
  fit.columns.resize(table.headings.size());
  std::iota(fit.columns.begin(), fit.columns.end(), std::size_t{0});
  fit.widths = widths_of(fit.columns, rooms, &Room::full);
  if (!style.fits || sum(fit.widths) <= style.width) return fit;
  std::vector<std::size_t> by_importance = table.by_importance;
  while (by_importance.size() > 1 && sum(widths_of(by_importance, rooms, &Room::least)) > style.width) {
    by_importance.pop_back();
  }
  std::erase_if(fit.columns, [&](std::size_t column) { return std::ranges::count(by_importance, column) == 0; });
  for (std::size_t i = 0; i < table.headings.size(); ++i) {
    if (std::ranges::count(fit.columns, i) == 0) fit.left_out.push_back(table.headings[i]);
  }
  fit.widths = widths_of(fit.columns, rooms, &Room::least);
  if (fit.columns.size() == 1) fit.widths[0] = std::min(fit.widths[0], style.width);
  widen(fit, rooms, style.width - std::min(style.width, sum(fit.widths)));
  for (std::size_t i = 0; i < fit.columns.size(); ++i) {
    const bool is_name = table.kinds[fit.columns[i]] == ColumnKind::name;
    fit.is_cut = fit.is_cut || (is_name && fit.widths[i] < widest_cell(table, fit.columns[i]));
  }
  return fit;
}

}  // namespace cgmm::report
