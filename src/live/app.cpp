// SPDX-License-Identifier: Apache-2.0
#include "live/app.hpp"

#include <algorithm>
#include <utility>

#include "base/text.hpp"
#include "base/time.hpp"
#include "live/draw.hpp"
#include "live/moved.hpp"

namespace cgmm::live {
namespace {

constexpr std::int64_t kFollowEvery_us = base::kSecond_us, kPlayEvery_us = base::kSecond_us / 10,
                       kPausedFor_us = 60 * base::kSecond_us, kRestAfter_us = base::kSecond_us / 5;
constexpr std::size_t kLeastWithPane = 16;  // lines, for the list and the pane

}  // namespace

std::vector<std::string> lines_of_text(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  if (lines.empty()) lines.emplace_back();
  return lines;
}

App::App(Source& source, std::string node, std::optional<std::int64_t> at_us, bool ascii)
    : source_(source), node_(std::move(node)), canvas_{.ascii = ascii} {
  for (const Column& column : kColumns) {
    if (column.is_shown) list_.shown.insert(column.measure);
  }
  strip_ = source_.strip();
  const std::optional<std::int64_t> newest = newest_us();
  if (at_us) clock_.mode = Clock::Mode::paused;
  show(at_us.value_or(newest.value_or(0)));
}

std::optional<std::int64_t> App::newest_us() {
  const std::optional<NewestScan> newest = source_.newest();
  if (!newest) return std::nullopt;
  clock_.interval_us = newest->interval_us;
  return newest->at_us;
}

void App::show(std::int64_t point_us) {
  clock_.point_us = point_us;
  kill_.reset();
  instant_ = source_.at(point_us);
  make_list();
}

void App::make_list() {
  is_changed_ = true;
  list_.rows = list_of(instant_, list_.settings, node_);
  const auto found = std::ranges::find(list_.rows, list_.selected, &ListRow::key);
  if (found != list_.rows.end()) list_.place = static_cast<std::size_t>(found - list_.rows.begin());
  // A row that is not there now may be there again: it stays selected until somebody moves.
  select(list_.place);
  if (found == list_.rows.end() && !list_.selected.empty()) return;
  if (!list_.rows.empty()) list_.selected = list_.rows[list_.place].key;
}

void App::select(std::size_t place) {
  list_.place = moved(place, 0, list_.rows.size());
  const std::size_t height = std::max<std::size_t>(list_height(), 1);
  list_.top = std::min(list_.top, list_.place);
  if (list_.place >= list_.top + height) list_.top = list_.place + 1 - height;
  if (list_.top + height > list_.rows.size()) list_.top = list_.rows.size() - std::min(list_.rows.size(), height);
  is_changed_ = true;
  pane_.is_stale = true;
}

std::size_t App::pane_height() const {
  const std::size_t rows = canvas_.size.rows - std::min(canvas_.size.rows, kLinesAbove + lines_below(canvas_.size));
  return pane_.is_open && rows >= kLeastWithPane ? rows / 2 : 0;
}

std::size_t App::list_height() const {
  return canvas_.size.rows - std::min(canvas_.size.rows, kLinesAbove + lines_below(canvas_.size) + pane_height());
}

void App::resize(const Size& size) {
  canvas_.size = size;
  select(list_.place);
}

void App::rest() {
  if (!pane_.is_stale || !pane_.is_open) return;
  pane_.is_stale = false;
  pane_.lines.clear();
  pane_.key = list_.rows.empty() ? "" : list_.rows[list_.place].key;
  is_changed_ = true;
  if (list_.rows.empty() || list_.rows[list_.place].row == nullptr) return;
  pane_.lines = lines_of_text(source_.details(*list_.rows[list_.place].row, clock_.point_us, canvas_.size.columns));
}

void App::fail(const std::string& why) {
  message_ = base::escape_for_terminal(why);
  is_changed_ = true;
}

void App::pass(std::int64_t time_us, std::int64_t now_us) {
  clock_.now_us = now_us;
  if (clock_.mode == Clock::Mode::paused) return;
  const std::optional<std::int64_t> newest = newest_us();
  if (!newest) return;
  if (clock_.mode == Clock::Mode::plays) {
    const std::int64_t point_us = clock_.point_us + time_us * clock_.speed;
    if (point_us >= *newest) clock_.mode = Clock::Mode::follows;
    const std::optional<std::int64_t> after_us = source_.steps(clock_.point_us, 0).after_us;
    is_changed_ = true;
    clock_.point_us = std::min(point_us, *newest);
    if (after_us && *after_us <= clock_.point_us) show(clock_.point_us);
    return;
  }
  if (*newest == clock_.point_us) return;
  show(*newest);
  strip_ = source_.strip();
}

std::int64_t App::quiet_us() const {
  if (pane_.is_open && pane_.is_stale) return kRestAfter_us;
  if (clock_.mode == Clock::Mode::paused) return kPausedFor_us;
  return clock_.mode == Clock::Mode::plays ? kPlayEvery_us : kFollowEvery_us;
}

Frame App::page_frame() const {
  Frame frame;
  const auto writer = [&] { return LineWriter(canvas_.size.columns, canvas_.ascii); };
  const std::size_t height = std::max<std::size_t>(canvas_.size.rows, 2) - 1;
  // The chosen column is on the screen.
  const std::size_t top = !chooser_ ? page_.top : *chooser_ < height ? 0 : *chooser_ + 1 - height;
  for (std::size_t i = top; i < top + height; ++i) {
    LineWriter line = writer();
    if (chooser_ && i < kMeasures) {
      line.add(list_.shown.contains(kColumns[i].measure) ? " [x] " : " [ ] ");
      line.add(kColumns[i].heading);
      line.fill();
    }
    if (!chooser_ && i < page_.lines.size()) line.add(page_.lines[i]);
    frame.lines.push_back(line.finish(chooser_ == i));
  }
  LineWriter line = writer();
  line.add(chooser_ ? " Enter: done  arrows, space: show or hide" : " q: back to the list  arrows, page keys: scroll",
           Look::dim);
  frame.lines.push_back(line.finish());
  if (frame.lines.size() > canvas_.size.rows) frame.lines.resize(canvas_.size.rows);
  return frame;
}

void App::add_pane(Frame& frame) const {
  // What it told of the same cgroup a moment ago stays until there is something newer.
  const bool is_of_selected = !list_.rows.empty() && list_.rows[list_.place].key == pane_.key;
  for (std::size_t i = 0; i < pane_height(); ++i) {
    LineWriter line(canvas_.size.columns, canvas_.ascii);
    if (i == 0) {
      for (std::size_t column = 0; column < canvas_.size.columns; ++column) line.add("─", Look::dim);
    } else if (i <= pane_.lines.size() && is_of_selected) {
      line.add(pane_.lines[i - 1]);
    }
    frame.lines.push_back(line.finish());
  }
}

Frame App::frame() {
  is_changed_ = false;
  if (page_.is_open() || chooser_) return page_frame();
  Frame frame;
  const auto writer = [&] { return LineWriter(canvas_.size.columns, canvas_.ascii); };
  const bool follows = clock_.mode == Clock::Mode::follows;
  frame.lines.push_back(title_line(clock_, instant_, list_, follows ? source_.faults() : "", writer()));
  frame.lines.push_back(heading_line(list_, writer(), canvas_.size.columns));
  for (std::size_t i = list_.top; i < list_.top + list_height(); ++i) {
    if (i >= list_.rows.size()) {
      LineWriter line = writer();
      if (list_.rows.empty() && i == list_.top)
        line.add(instant_.rows.empty() ? " nothing was recorded then" : " no name matches the filter", Look::dim);
      frame.lines.push_back(line.finish());
      continue;
    }
    frame.lines.push_back(row_line(list_.rows[i], i == list_.place, instant_, list_, writer(), canvas_.size.columns));
  }
  add_pane(frame);
  if (has_strip(canvas_.size)) {
    frame.lines.push_back(strip_line(strip_, clock_.point_us, writer(), canvas_.size.columns));
    frame.lines.push_back(strip_times_line(strip_, clock_.point_us, writer(), canvas_.size.columns));
  }
  frame.lines.push_back(keys_line(message_, prompt_, writer()));
  while (frame.lines.size() > canvas_.size.rows) frame.lines.pop_back();
  return frame;
}

}  // namespace cgmm::live
