// SPDX-License-Identifier: Apache-2.0
#pragma once

// `live` without a terminal and without a history: what each key does, and how time goes on. One thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "live/frame.hpp"
#include "live/keys.hpp"
#include "live/list.hpp"
#include "live/source.hpp"

namespace cgmm::live {

/// The point in time that is shown, and how it goes on.
struct Clock {
  enum class Mode : std::uint8_t { follows, paused, plays };
  std::int64_t point_us = 0;  // the instant is the newest at or before it
  Mode mode = Mode::follows;
  std::int64_t speed = 60;       // seconds of the history in a second
  std::int64_t now_us = 0;       // by the wall clock; 0: not known yet
  std::int64_t interval_us = 0;  // from the newest scan to the next; 0: not known
};

/// A text that covers the list, and is read line by line.
struct Page {
  std::vector<std::string> lines{};
  std::size_t top = 0;

  bool is_open() const { return !lines.empty(); }
};
/// At least one line.
std::vector<std::string> lines_of_text(const std::string& text);

/// What is told of the selected cgroup below the list.
struct Pane {
  bool is_open = false;
  bool is_stale = false;  // it is of another cgroup or another instant
  std::string key{};      // of the row that it tells of
  std::vector<std::string> lines{};
};

/// The terminal.
struct Canvas {
  Size size{};
  bool ascii = false;  // it shows no other characters
};

/// The list, and where in it somebody is.
struct List {
  ListSettings settings{};
  std::set<Measure> shown{};
  std::vector<ListRow> rows{};
  std::string selected{};  // a key
  std::size_t place = 0;   // of the selected row
  std::size_t top = 0;
};

class App {
 public:
  /// `at_us`: begin at this time, paused; nullopt: follow what is new. `node`: its name.
  App(Source& source, std::string node, std::optional<std::int64_t> at_us, bool ascii);

  void press(Key key);
  void resize(const Size& size);
  /// Time has gone on by so much, to `now_us` of the wall clock.
  void pass(std::int64_t time_us, std::int64_t now_us);
  /// Nobody has pressed a key for a while: there is time for what takes longer.
  void rest();
  /// Something could not be read. It may be there again later.
  void fail(const std::string& why);
  /// How long nothing changes by itself.
  std::int64_t quiet_us() const;
  bool is_over() const { return is_over_; }
  /// Whether what is shown has changed since the last frame.
  bool is_changed() const { return is_changed_; }
  Frame frame();

  const Clock& clock() const { return clock_; }
  const Instant& instant() const { return instant_; }
  const List& list() const { return list_; }

 private:
  void press_in_list(Key key);
  bool press_for_time(Key key);
  bool press_for_place(Key key);
  bool press_for_columns(Key key);
  void press_in_prompt(Key key);
  void press_in_page(Key key);
  void press_in_chooser(Key key);

  std::optional<std::int64_t> newest_us();
  void show(std::int64_t point_us);
  void go(std::optional<std::int64_t> point_us, Clock::Mode mode, const char* if_none);
  void go_to(const std::optional<Event>& event, bool is_kill, const char* if_none);
  void reveal(const std::string& path);
  void make_list();
  void select(std::size_t place);
  void fold(bool is_folded);
  void open_page(const std::string& text);
  void open_details();
  std::size_t list_height() const;
  std::size_t pane_height() const;
  void add_pane(Frame& frame) const;
  Frame page_frame() const;

  Source& source_;
  std::string node_;
  Canvas canvas_;
  Clock clock_;
  Instant instant_;
  Strip strip_;
  List list_;
  Page page_;
  Pane pane_;
  std::optional<Prompt> prompt_;
  std::optional<std::size_t> chooser_;  // the place in the list of columns, where that is open
  std::optional<Event> kill_;           // that somebody has gone to
  std::string message_;
  bool is_over_ = false;
  bool is_changed_ = true;
};

}  // namespace cgmm::live
