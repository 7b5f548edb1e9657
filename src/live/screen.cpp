// SPDX-License-Identifier: Apache-2.0
#include "live/screen.hpp"

#include <curses.h>
#include <langinfo.h>
#include <signal.h>
#include <term.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/text.hpp"

#undef columns
#undef lines

namespace cgmm::live {
namespace {

volatile sig_atomic_t asked_to_end = 0;

/// Once more: a query takes long. ncurses' own handler does the same.
void ask_to_end(int) {
  if (asked_to_end != 0) {
    ::endwin();
    ::_exit(1);
  }
  asked_to_end = 1;
}

/// Before ncurses has its own, which end the process at once.
void catch_signals() {
  struct sigaction action{};
  action.sa_handler = ask_to_end;  // without SA_RESTART: the wait for a key ends
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::sigaction(signal, &action, nullptr);
}

[[noreturn]] void refuse(const std::string& why) { throw std::runtime_error("live: " + why); }

chtype attributes_of(Look look) {
  const bool has_colours = has_colors();
  const auto pair = [&](int number) {
    return has_colours ? static_cast<chtype>(COLOR_PAIR(number)) : chtype{A_NORMAL};
  };
  switch (look) {
    case Look::dim:
      return A_DIM;
    case Look::heading:
      return A_BOLD;
    case Look::warm:
      return has_colours ? pair(1) : chtype{A_BOLD};
    case Look::hot:
    case Look::kill:
      return pair(2) | A_BOLD;
    case Look::reclaim:
      return pair(3);
    case Look::here:
      return pair(4) | A_BOLD;
    case Look::position:
      return pair(4) | A_BOLD | A_REVERSE;
    default:
      return A_NORMAL;
  }
}

Key key_of(wint_t code) {
  switch (code) {
    case KEY_UP:
      return key::kUp;
    case KEY_DOWN:
      return key::kDown;
    case KEY_LEFT:
      return key::kLeft;
    case KEY_RIGHT:
      return key::kRight;
    case KEY_PPAGE:
      return key::kPageUp;
    case KEY_NPAGE:
      return key::kPageDown;
    case KEY_HOME:
    case KEY_FIND:
      return key::kHome;
    case KEY_END:
    case KEY_SELECT:
      return key::kEnd;
    case KEY_ENTER:
      return key::kEnter;
    case KEY_BACKSPACE:
      return key::kBackspace;
    case KEY_RESIZE:
      return key::kRedraw;
    default:
      return key::kNone;
  }
}

/// Of terminals whose entry does not have all of these keys, such as vt100. What the entry has stays as it is.
void know_usual_keys() {
  struct Usual {
    const char* sent;
    int code;
  };
  constexpr Usual kUsual[] = {{"\033[1~", KEY_HOME},  {"\033[7~", KEY_HOME}, {"\033[H", KEY_HOME},
                              {"\033OH", KEY_HOME},   {"\033[4~", KEY_END},  {"\033[8~", KEY_END},
                              {"\033[F", KEY_END},    {"\033OF", KEY_END},   {"\033[5~", KEY_PPAGE},
                              {"\033[6~", KEY_NPAGE}, {"\033[A", KEY_UP},    {"\033[B", KEY_DOWN},
                              {"\033[C", KEY_RIGHT},  {"\033[D", KEY_LEFT}};
  for (const Usual& one : kUsual) {
    if (::key_defined(one.sent) == 0) ::define_key(one.sent, one.code);
  }
}

Key key_of_character(wint_t code) {
  constexpr wint_t kControlL = 12, kEscape = 27, kDelete = 127;
  switch (code) {
    case '\r':
    case '\n':
      return key::kEnter;
    case '\t':
      return key::kTab;
    case kEscape:
      return key::kEscape;
    case '\b':
    case kDelete:
      return key::kBackspace;
    case kControlL:
      return key::kRedraw;
    default:
      return code >= 0x20 ? static_cast<Key>(code) : key::kNone;
  }
}

}  // namespace

bool is_asked_to_end() { return asked_to_end != 0; }

Screen::Screen(bool colour, bool is_utf8) {
  // NOLINTBEGIN(concurrency-mt-unsafe): there is one thread.
  std::setlocale(LC_CTYPE, "");
  if (is_utf8 && !shows_utf8()) std::setlocale(LC_CTYPE, "C.UTF-8");
  const char* const term = std::getenv("TERM");
  // NOLINTEND(concurrency-mt-unsafe)
  if (term == nullptr || *term == '\0') refuse("TERM is not set, so what the terminal can do is not known");
  int error = 0;
  if (::setupterm(term, STDOUT_FILENO, &error) != OK)
    refuse("nothing is known of terminals of the kind TERM=" + base::escape_for_terminal(base::to_valid_utf8(term)) +
           "; TERM=xterm or TERM=vt100 may do");
  if (cursor_address == nullptr)
    refuse("a terminal of the kind TERM=" + base::escape_for_terminal(base::to_valid_utf8(term)) +
           " can't show a screen");
  catch_signals();
  if (::newterm(term, stdout, stdin) == nullptr) refuse("the terminal can't be used");
  ::cbreak();
  ::noecho();
  ::nonl();
  ::keypad(stdscr, TRUE);
  know_usual_keys();
  ::set_escdelay(50);
  ::curs_set(0);
  if (!colour || ::start_color() != OK) return;
  ::use_default_colors();
  ::init_pair(1, COLOR_YELLOW, -1);
  ::init_pair(2, COLOR_RED, -1);
  ::init_pair(3, COLOR_CYAN, -1);
  ::init_pair(4, COLOR_GREEN, -1);
}

bool Screen::shows_utf8() const { return std::string_view(::nl_langinfo(CODESET)) == "UTF-8"; }

Screen::~Screen() { ::endwin(); }

Size Screen::size() const {
  return {.rows = static_cast<std::size_t>(std::max(LINES, 1)), .columns = static_cast<std::size_t>(std::max(COLS, 1))};
}

void Screen::paint(const Frame& frame) {
  ::werase(stdscr);
  for (std::size_t y = 0; y < frame.lines.size(); ++y) {
    const Line& line = frame.lines[y];
    ::wmove(stdscr, static_cast<int>(y), 0);
    for (const Span& span : line.spans) {
      ::wattrset(stdscr, static_cast<int>(attributes_of(span.look) | (line.is_selected ? A_REVERSE : 0)));
      ::waddstr(stdscr, span.text.c_str());
    }
  }
  ::wattrset(stdscr, A_NORMAL);
  ::wrefresh(stdscr);
}

void Screen::repaint() { ::clearok(curscr, TRUE); }

Key Screen::wait_for_key(std::int64_t time_us) {
  ::wtimeout(stdscr, static_cast<int>(std::clamp<std::int64_t>(time_us / 1000, 0, 3'600'000)));
  wint_t code = 0;
  const int result = ::wget_wch(stdscr, &code);
  if (result == ERR) return key::kNone;
  return result == KEY_CODE_YES ? key_of(code) : key_of_character(code);
}

}  // namespace cgmm::live
