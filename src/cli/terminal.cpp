// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal.hpp"

#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "report/format/escape.hpp"

namespace cgmm::cli {
namespace {

/// "": it is not set.
std::string_view environment(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : "";
}

bool is_dumb() {
  const std::string_view term = environment("TERM");
  return term.empty() || term == "dumb";
}

struct winsize terminal_size() {
  struct winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) size = {};
  return size;
}

bool shows_utf8() {
  if (const locale_t locale = ::newlocale(LC_CTYPE_MASK, "", nullptr); locale != nullptr) {
    const std::string_view codeset = ::nl_langinfo_l(CODESET, locale);
    const bool is_utf8 = codeset == "UTF-8";
    ::freelocale(locale);
    return is_utf8;
  }
  // It is not installed here, but is that of the terminal, as with ssh: its name tells.
  for (const char* const name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string value(environment(name));
    if (value.empty()) continue;
    return ::strcasestr(value.c_str(), "utf-8") != nullptr || ::strcasestr(value.c_str(), "utf8") != nullptr;
  }
  return false;
}

/// Lines of the terminal: a long line takes several.
std::size_t height_of(std::span<const std::string> parts, std::size_t width) {
  std::size_t height = 0, column = 0;
  for (const std::string& part : parts) {
    for (std::size_t at = 0; at < part.size();) {
      const std::size_t end = std::min(part.find('\n', at), part.size());
      column += report::display_width(std::string_view(part).substr(at, end - at));
      at = end + 1;
      if (end == part.size()) break;
      height += 1 + (column > 0 ? (column - 1) / width : 0);
      column = 0;
    }
  }
  return height;
}

/// Empty: there is none.
std::vector<std::string> pager() {
  const char* const chosen = std::getenv("PAGER");
  if (chosen == nullptr) return {"less", "-FRX"};
  if (*chosen == '\0' || std::string_view(chosen) == "cat") return {};
  return {"sh", "-c", chosen};
}

/// This process's own, with what the pager needs. For root no shell and no other file from within `less`.
std::vector<std::string> pager_environment() {
  std::vector<std::string> variables;
  for (char** one = environ; *one != nullptr; ++one) variables.emplace_back(*one);
  if (std::getenv("LESS") == nullptr) variables.emplace_back("LESS=FRX");
  if (::geteuid() != 0) return variables;
  std::erase_if(variables, [](const std::string& one) { return one.starts_with("LESSSECURE="); });
  variables.emplace_back("LESSSECURE=1");
  return variables;
}

/// As the kernel wants them. They point into `texts`.
std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& one : texts) pointers.push_back(const_cast<char*>(one.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

/// Starts it; `input` becomes its standard input. -1: it can't be started.
pid_t start(const std::vector<std::string>& command, int input) {
  end_memory_bound();
  const std::vector<std::string> variables = pager_environment();
  const std::vector<char*> arguments = pointers_to(command), passed_on = pointers_to(variables);
  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
  sigset_t as_usual{};
  ::sigemptyset(&as_usual);
  for (const int signal : {SIGINT, SIGQUIT, SIGPIPE, SIGXFSZ}) ::sigaddset(&as_usual, signal);
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setsigdefault(&attributes, &as_usual);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  pid_t pid = -1;
  if (::posix_spawnp(&pid, arguments[0], &actions, &attributes, arguments.data(), passed_on.data()) != 0) pid = -1;
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  return pid;
}

/// Until it has all, or has ended.
void feed(int fd, std::span<const std::string> parts) {
  for (std::string_view text : parts) {
    while (!text.empty()) {
      const ssize_t written = ::write(fd, text.data(), text.size());
      if (written < 0 && errno != EINTR) return;
      if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
    }
  }
}

}  // namespace

bool goes_to_terminal(const Options& options) { return options.output.empty() && ::isatty(STDOUT_FILENO) == 1; }

report::Style style_for(const Options& options) {
  report::Style style;
  if (goes_to_terminal(options)) {
    style.colour = !is_dumb() && environment("NO_COLOR").empty();
    if (const struct winsize size = terminal_size(); size.ws_col > 0)
      style.width = std::max<std::size_t>(size.ws_col, kNarrowest);
    style.fits = true;
    style.ascii = !shows_utf8();
  }
  if (options.display.width) {
    style.width = *options.display.width;
    style.fits = true;
  }
  style.fits = style.fits && !options.display.wide;
  return style;
}

bool shown_in_pager(const Options& options, std::span<const std::string> parts) {
  constexpr int kNoSuchCommand = 127, kNotExecutable = 126;  // as the shell says it
  const struct winsize size = terminal_size();
  if (options.display.no_pager || is_dumb() || size.ws_row == 0 || size.ws_col == 0) return false;
  if (height_of(parts, size.ws_col) < size.ws_row) return false;
  const std::vector<std::string> command = pager();
  int ends[2];
  if (command.empty() || ::pipe2(ends, O_CLOEXEC) != 0) return false;
  base::Fd output(ends[0]), input(ends[1]);
  // From here on these are the pager's: it may end before it has read all, and an interrupt is a key of it.
  constexpr int kPagers[] = {SIGPIPE, SIGINT, SIGQUIT};
  for (const int signal : kPagers) ::signal(signal, SIG_IGN);
  const pid_t pid = start(command, output.get());
  output.reset();
  if (pid >= 0) feed(input.get(), parts);
  input.reset();
  int status = 0;
  while (pid >= 0 && ::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  for (const int signal : kPagers) ::signal(signal, SIG_DFL);
  if (pid < 0) return false;
  return !(WIFEXITED(status) && (WEXITSTATUS(status) == kNoSuchCommand || WEXITSTATUS(status) == kNotExecutable));
}

}  // namespace cgmm::cli
