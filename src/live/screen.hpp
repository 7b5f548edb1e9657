// SPDX-License-Identifier: Apache-2.0
#pragma once

// The terminal, by ncurses. One object at a time, one thread. ncurses' headers stay in screen.cpp: they define macros
// such as `erase` and `timeout`.

#include <cstdint>

#include "live/frame.hpp"
#include "live/keys.hpp"

namespace cgmm::live {

class Screen {
 public:
  /// Throws std::runtime_error, in a sentence, where the terminal is of no known kind or can't show a screen.
  /// `is_utf8`: the terminal shows UTF-8, also where its locale is not installed here.
  Screen(bool colour, bool is_utf8);
  /// The terminal is as before.
  ~Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  Size size() const;
  /// Else only ASCII comes out well: there is no locale here with which ncurses could write more.
  bool shows_utf8() const;
  void paint(const Frame& frame);
  /// All of it anew: something else has written to the terminal.
  void repaint();
  /// The next key; key::kNone after so long without one. key::kRedraw: the size may have changed.
  Key wait_for_key(std::int64_t time_us);
};

/// Whether SIGTERM, SIGINT or SIGHUP came since there is a screen.
bool is_asked_to_end();

}  // namespace cgmm::live
