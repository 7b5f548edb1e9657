// SPDX-License-Identifier: Apache-2.0
#include "live/app.hpp"

#include <algorithm>
#include <utility>

#include "base/time.hpp"
#include "live/draw.hpp"
#include "live/moved.hpp"

namespace cgmm::live {
namespace {

constexpr std::int64_t kFollowEvery_us = base::kSecond_us, kPlayEvery_us = base::kSecond_us / 10,
                       kPausedFor_us = 60 * base::kSecond_us;

}  // namespace

App::App(Source& source, std::string node, std::optional<std::int64_t> at_us, bool ascii)
    : source_(source), node_(std::move(node)), ascii_(ascii) {
  for (const Column& column : kColumns) {
    if (column.is_shown) list_.shown.insert(column.measure);
  }
  strip_ = source_.strip();
  const std::optional<std::int64_t> newest_us = source_.newest_us();
  if (at_us) clock_.mode = Clock::Mode::paused;
  show(at_us.value_or(newest_us.value_or(0)));
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
}

std::size_t App::list_height() const { return size_.rows - std::min(size_.rows, kLinesAbove + kLinesBelow); }

void App::resize(const Size& size) {
  size_ = size;
  select(list_.place);
}

void App::pass(std::int64_t time_us, std::int64_t now_us) {
  clock_.now_us = now_us;
  if (clock_.mode == Clock::Mode::paused) return;
  const std::optional<std::int64_t> newest_us = source_.newest_us();
  if (!newest_us) return;
  if (clock_.mode == Clock::Mode::plays) {
    const std::int64_t point_us = clock_.point_us + time_us * clock_.speed;
    if (point_us >= *newest_us) clock_.mode = Clock::Mode::follows;
    const std::optional<std::int64_t> after_us = source_.steps(clock_.point_us).after_us;
    is_changed_ = true;
    clock_.point_us = std::min(point_us, *newest_us);
    if (after_us && *after_us <= clock_.point_us) show(clock_.point_us);
    return;
  }
  if (*newest_us == clock_.point_us) return;
  show(*newest_us);
  const auto slots = static_cast<std::int64_t>(std::max<std::size_t>(strip_.slots.size(), 1));
  if (*newest_us > strip_.until_us + (strip_.until_us - strip_.since_us) / slots) strip_ = source_.strip();
}

std::int64_t App::quiet_us() const {
  if (clock_.mode == Clock::Mode::paused) return kPausedFor_us;
  return clock_.mode == Clock::Mode::plays ? kPlayEvery_us : kFollowEvery_us;
}

Frame App::frame() {
  is_changed_ = false;
  Frame frame;
  const auto writer = [&] { return LineWriter(size_.columns, ascii_); };
  const auto finished = [&] {
    while (frame.lines.size() > size_.rows) frame.lines.pop_back();
    return frame;
  };
  if (page_.is_open() || chooser_) {
    for (std::size_t i = 0; i + 1 < size_.rows; ++i) {
      LineWriter line = writer();
      if (chooser_ && i < kMeasures) {
        line.add(list_.shown.contains(kColumns[i].measure) ? " [x] " : " [ ] ");
        line.add(kColumns[i].heading);
        line.fill();
      }
      if (!chooser_ && page_.top + i < page_.lines.size()) line.add(page_.lines[page_.top + i]);
      frame.lines.push_back(line.finish(chooser_ == i));
    }
    LineWriter line = writer();
    line.add(chooser_ ? " arrows, space: show or hide  Enter: done" : " arrows, page keys: scroll  q: back to the list",
             Look::dim);
    frame.lines.push_back(line.finish());
    return finished();
  }
  frame.lines.push_back(title_line(clock_, instant_, list_, writer()));
  frame.lines.push_back(heading_line(list_, writer(), size_.columns));
  for (std::size_t i = list_.top; i < list_.top + list_height(); ++i) {
    if (i >= list_.rows.size()) {
      LineWriter line = writer();
      if (list_.rows.empty() && i == list_.top)
        line.add(instant_.rows.empty() ? " nothing was recorded then" : " no name matches the filter", Look::dim);
      frame.lines.push_back(line.finish());
      continue;
    }
    frame.lines.push_back(row_line(list_.rows[i], i == list_.place, instant_, list_, writer(), size_.columns));
  }
  frame.lines.push_back(strip_line(strip_, clock_.point_us, writer(), size_.columns));
  frame.lines.push_back(strip_times_line(strip_, clock_.point_us, writer(), size_.columns));
  frame.lines.push_back(keys_line(message_, prompt_, writer()));
  return finished();
}

}  // namespace cgmm::live
