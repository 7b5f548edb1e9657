// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <utility>

#include "base/text.hpp"
#include "base/units.hpp"
#include "live/app.hpp"
#include "live/draw.hpp"
#include "live/moved.hpp"

namespace cgmm::live {
namespace {

constexpr std::array<std::int64_t, 6> kSpeeds = {1, 10, 60, 600, 3600, 36000};

}  // namespace

void App::press(Key key) {
  if (key == key::kNone) return;
  is_changed_ = true;
  message_.clear();
  if (prompt_) {
    press_in_prompt(key);
  } else if (chooser_) {
    press_in_chooser(key);
  } else if (page_.is_open()) {
    press_in_page(key);
  } else {
    press_in_list(key);
  }
}

void App::press_in_list(Key key) {
  if (press_for_time(key) || press_for_place(key) || press_for_columns(key)) return;
  switch (key) {
    case U'q':
      is_over_ = true;
      break;
    case U'?':
    case U'h':
      open_page(help_text());
      break;
    case U'/':
      prompt_ = Prompt{.what = Prompt::For::filter, .text = list_.settings.filter};
      break;
    case key::kEscape:
      list_.settings.filter.clear();
      make_list();
      break;
    case key::kEnter:
      if (kill_ && kill_->id > 0) {
        open_page(source_.incident(kill_->id, canvas_.size.columns));
      } else {
        open_details();
      }
      break;
    case U'd':
      pane_ = {.is_open = !pane_.is_open, .is_stale = true};
      select(list_.place);
      break;
    case U'i': {
      const std::optional<Event> kill = kill_ ? kill_ : source_.steps(clock_.point_us + 1, 0).kill_before;
      if (kill) open_page(source_.incident(kill->id, canvas_.size.columns));
      if (!kill) message_ = "there is no OOM kill before this time";
      break;
    }
    default:
      message_ = "? shows what the keys do";
  }
}

void App::go(std::optional<std::int64_t> point_us, Clock::Mode mode, const char* if_none) {
  if (!point_us) {
    message_ = if_none;
    return;
  }
  clock_.mode = mode;
  show(*point_us);
}

void App::go_to(const std::optional<Event>& event, bool is_kill, const char* if_none) {
  go(event ? std::optional(event->at_us) : std::nullopt, Clock::Mode::paused, if_none);
  if (!event) return;
  reveal(event->path);
  message_ = (is_kill ? "OOM kill" : "reclaim") + std::string(event->name.empty() ? "" : " of ") +
             base::escape_for_terminal(event->name);
  if (!is_kill) return;
  kill_ = event;
  message_ += ": Enter shows the incident";  // when it was is below the strip
}

/// Selects the cgroup, also where it is folded away: what it is in is unfolded then.
void App::reveal(const std::string& path) {
  const auto is_it = [&](const ListRow& row) { return row.row != nullptr && row.row->path == path; };
  ListSettings unfolded = list_.settings;
  unfolded.folded.clear();
  const std::vector<ListRow> all = list_of(instant_, unfolded, node_);
  const auto found = std::ranges::find_if(all, is_it);
  if (found == all.end()) return;
  std::erase_if(list_.settings.folded, [&](const std::string& key) { return found->key.starts_with(key + "/"); });
  list_.selected = found->key;
  make_list();
}

bool App::press_for_time(Key key) {
  const Steps steps = key == U't' || key == U'T' || key == U'o' || key == U'O' || key == U'r' || key == U'R'
                          ? source_.steps(key == U'T' && instant_.at_us > 0 ? instant_.position_us() : clock_.point_us,
                                          kill_ ? kill_->id : 0)
                          : Steps{};
  const auto paused = Clock::Mode::paused;
  const auto speed = std::ranges::find(kSpeeds, clock_.speed);
  switch (key) {
    case U't':
      go(steps.after_us, paused, "this is the newest sample");
      return true;
    case U'T':
      go(steps.before_us, paused, "this is the oldest sample");
      return true;
    case U'o':
      go_to(steps.kill_after, true, "there is no later OOM kill");
      return true;
    case U'O':
      go_to(steps.kill_before, true, "there is no earlier OOM kill");
      return true;
    case U'r':
      go_to(steps.reclaim_after, false, "there is no later reclaim");
      return true;
    case U'R':
      go_to(steps.reclaim_before, false, "there is no earlier reclaim");
      return true;
    case key::kHome:
      go(source_.steps(0, 0).after_us, paused, "the history is empty");
      return true;
    case key::kEnd:
      go(newest_us(), Clock::Mode::follows, "the history is empty");
      strip_ = source_.strip();
      return true;
    case U' ':
      if (clock_.mode != paused) {
        clock_.mode = paused;
      } else {
        clock_.mode = clock_.point_us >= newest_us().value_or(0) ? Clock::Mode::follows : Clock::Mode::plays;
      }
      return true;
    case U'+':
      if (speed + 1 != kSpeeds.end()) clock_.speed = *(speed + 1);
      return true;
    case U'-':
      if (speed != kSpeeds.begin()) clock_.speed = *(speed - 1);
      return true;
    case U'j':
    case U'J':
      prompt_ = Prompt{.what = key == U'j' ? Prompt::For::jump_forth : Prompt::For::jump_back};
      return true;
    default:
      return false;
  }
}

bool App::press_for_place(Key key) {
  const auto page = static_cast<std::ptrdiff_t>(std::max<std::size_t>(list_height(), 1));
  std::size_t place = list_.place;
  switch (key) {
    case key::kUp:
      place = moved(place, -1, list_.rows.size());
      break;
    case key::kDown:
      place = moved(place, 1, list_.rows.size());
      break;
    case key::kPageUp:
      place = moved(place, -page, list_.rows.size());
      break;
    case key::kPageDown:
      place = moved(place, page, list_.rows.size());
      break;
    case U'g':
      place = 0;
      break;
    case U'G':
      place = moved(0, static_cast<std::ptrdiff_t>(list_.rows.size()), list_.rows.size());
      break;
    case key::kLeft:
    case key::kRight:
      fold(key == key::kLeft);
      return true;
    default:
      return false;
  }
  select(place);
  kill_.reset();
  if (!list_.rows.empty()) list_.selected = list_.rows[list_.place].key;
  return true;
}

bool App::press_for_columns(Key key) {
  ListSettings& settings = list_.settings;
  const std::vector<Measure> shown(list_.shown.begin(), list_.shown.end());
  const auto found = std::ranges::find(shown, settings.sorted_by);
  const auto at = found == shown.end() ? std::size_t{0} : static_cast<std::size_t>(found - shown.begin());
  switch (key) {
    case U',':
    case U'<':
      if (!shown.empty()) settings.sorted_by = shown[moved(at, -1, shown.size())];
      break;
    case U'.':
    case U'>':
      if (!shown.empty()) settings.sorted_by = shown[moved(at, 1, shown.size())];
      break;
    case U's':
    case U'S':
      settings.is_descending = key == U'S';
      break;
    case key::kTab:
      settings.is_tree = !settings.is_tree;
      break;
    case U'c':
      chooser_ = 0;
      return true;
    default:
      return false;
  }
  make_list();
  return true;
}

void App::fold(bool is_folded) {
  if (list_.rows.empty()) return;
  const ListRow& row = list_.rows[list_.place];
  if (!row.has_children) return;
  if (is_folded) {
    list_.settings.folded.insert(row.key);
  } else {
    list_.settings.folded.erase(row.key);
  }
  make_list();
}

void App::press_in_prompt(Key key) {
  const bool is_filter = prompt_->what == Prompt::For::filter;
  if (key == key::kEscape) {
    prompt_.reset();
    if (!is_filter) return;
    list_.settings.filter.clear();
    return make_list();
  }
  if (key == key::kEnter) {
    const Prompt prompt = *std::exchange(prompt_, std::nullopt);
    if (!is_filter && !prompt.text.empty()) {
      const auto to_us = jump_to(prompt.text, prompt.what == Prompt::For::jump_forth, clock_.point_us, clock_.now_us);
      const std::optional<std::int64_t> newest = newest_us();
      const bool is_past = to_us && newest && *to_us >= *newest;
      go(is_past ? newest : to_us, is_past ? Clock::Mode::follows : Clock::Mode::paused,
         "expected 10m, 2h, 03:12 or 2026-11-23 03:12");
    }
    if (!is_filter) return;
    list_.settings.filter = prompt.text;
    return make_list();
  }
  prompt_->press(key);
  if (!is_filter) return;
  list_.settings.filter = prompt_->text;
  make_list();
}

void App::press_in_page(Key key) {
  const auto height = static_cast<std::ptrdiff_t>(std::max<std::size_t>(canvas_.size.rows, 2) - 1);
  const std::size_t most = page_.lines.size() - std::min(page_.lines.size(), static_cast<std::size_t>(height)) + 1;
  switch (key) {
    case U'q':
    case key::kEscape:
    case key::kEnter:
      page_ = {};
      break;
    case key::kUp:
      page_.top = moved(page_.top, -1, most);
      break;
    case key::kDown:
      page_.top = moved(page_.top, 1, most);
      break;
    case key::kPageUp:
      page_.top = moved(page_.top, -height, most);
      break;
    case key::kPageDown:
    case U' ':
      page_.top = moved(page_.top, height, most);
      break;
    case key::kHome:
    case U'g':
      page_.top = 0;
      break;
    case key::kEnd:
    case U'G':
      page_.top = most - 1;
      break;
    default:
      break;
  }
}

void App::press_in_chooser(Key key) {
  if (key == key::kUp || key == key::kDown) chooser_ = moved(*chooser_, key == key::kUp ? -1 : 1, kMeasures);
  const Measure measure = kColumns[*chooser_].measure;
  if (key == U' ' && list_.shown.erase(measure) == 0) list_.shown.insert(measure);
  if (key == key::kEnter || key == key::kEscape || key == U'q' || key == U'c') chooser_.reset();
}

void App::open_page(const std::string& text) { page_ = {.lines = lines_of_text(text)}; }

void App::open_details() {
  if (list_.rows.empty()) return;
  const ListRow& row = list_.rows[list_.place];
  if (row.row == nullptr) return fold(!row.is_folded);
  open_page(source_.details(*row.row, clock_.point_us, canvas_.size.columns));
}

}  // namespace cgmm::live
